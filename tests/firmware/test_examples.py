"""Every example runs on the reference, takes the predicted cycles and ends as it says."""

from pathlib import Path

import numpy as np
import pytest

from takt.asm import assemble, disassemble
from takt.runtime import ReferenceDevice

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.takt"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_example_ends_as_expected(path):
    program = assemble(path.read_text(), path.name).program
    device = ReferenceDevice(program.config)
    device.load(program)
    for entry in program.entries:
        assert entry.expected
        assert device.run(entry.name).cycles == program.cycles[entry.name]
        assert device.differences(entry.name) == []
    assert assemble(disassemble(program)).program == program


def test_the_two_examples_are_there():
    assert {"add.takt", "matvec.takt"} <= {path.name for path in EXAMPLES}


def test_add_with_other_inputs():
    program = assemble(next(p for p in EXAMPLES if p.name == "add.takt").read_text()).program
    device = ReferenceDevice(program.config)
    device.load(program)
    a, b = np.random.default_rng(1).integers(-128, 128, (2, 16))
    device.write_tensor("a", a)
    device.write_tensor("b", b)
    device.run()
    assert device.read_tensor("sum").tolist() == np.clip(a + b, -128, 127).tolist()


@pytest.mark.parametrize("seed", range(5))
def test_matvec_with_other_inputs(seed):
    program = assemble(next(p for p in EXAMPLES if p.name == "matvec.takt").read_text()).program
    device = ReferenceDevice(program.config)
    device.load(program)
    random = np.random.default_rng(seed)
    weights, x = random.integers(-20, 21, (16, 16)), random.integers(-20, 21, 16)
    device.write_tensor("w_transposed", weights.T)
    device.write_tensor("x", x)
    device.run()
    # rint rounds half to even, and float64 holds sum * 205 / 1024 exactly.
    assert device.read_tensor("y").tolist() == np.clip(np.rint(x @ weights * 205 / 1024), -128, 127).tolist()
