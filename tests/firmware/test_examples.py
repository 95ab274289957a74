"""Every example runs on the reference, takes the predicted cycles and ends as it says."""

import importlib.util
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from takt.asm import assemble, disassemble
from takt.runtime import ReferenceDevice, RtlDevice, judge
from takt_hw.config import BUILDS
from takt_sim.tb.build import Variant

ROOT = Path(__file__).parents[2] / "build" / "rtl"
KERNELS = ("softmax", "rmsnorm", "conv2d")
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


def test_the_examples_are_there():
    assert {"add.takt", "loop.takt", "matvec.takt"} <= {path.name for path in EXAMPLES}


def example(name):
    """The module of an example that is a Python file."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES[0].parent / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def assert_is_numpy(name, device):
    """Twice, the second time with the memory that the first left: NumPy's result within the bound, on time."""
    kernel, run = example(name), example("run")
    program = kernel.program(device.config)
    assert judge(program)[0].violations == ()
    for _ in range(2):
        cycles, outputs = run.run(device, program, kernel.operand(device.config))
        assert cycles == program.cycles["main"]
        for output, wanted in kernel.expected(device.config).items():
            assert run.error(outputs[output], wanted) <= kernel.BOUND


def test_every_kernel_is_tried():
    python_examples = {path.stem for path in EXAMPLES[0].parent.glob("*.py")}
    assert python_examples - {"run", "fetch"} == set(KERNELS) == set(example("run").NAMES)


@pytest.mark.parametrize("chip", ["nano", "quad", "peer32", "tsp"])
@pytest.mark.parametrize("name", KERNELS)
def test_kernel_is_numpy(name, chip):
    assert_is_numpy(name, ReferenceDevice(BUILDS[chip]))


@pytest.mark.parametrize("chip", ["nano", "tsp"])
@pytest.mark.parametrize("name", KERNELS)
def test_kernel_as_text_is_the_same_program(name, chip):
    program = example(name).program(BUILDS[chip])
    assert assemble(disassemble(program)).program == program


@pytest.mark.parametrize("chip", ["nano", "quad"])
def test_kernels_are_numpy_on_the_rtl(chip, tmp_path):
    device = RtlDevice(BUILDS[chip], Variant.CHECKED, directory=tmp_path, root=ROOT)
    for name in KERNELS:
        assert_is_numpy(name, device)
    device.close()


def test_a_kernel_that_is_off_is_noticed():
    run, wanted = example("run"), np.array([1.0, -2.0])
    assert run.error(np.array([1.0, -2.5], np.float32), wanted) == 0.25
    assert run.error(np.array([1, -4], np.int8), np.array([1, -2], np.int8)) == 2
    assert not run.error(np.array([np.nan, -2.0], np.float32), wanted) <= 1


def long_program():
    """The program of examples/fetch.py."""
    return example("fetch").program()


def test_text_longer_than_the_queue():
    program = long_program()
    dispatched = Counter(d.queue.name for d in judge(program)[0].timeline.dispatches)
    assert dispatched["VXM.alu1"] > program.config.queue_words >= len(program.text["VXM.alu1"])
    device = ReferenceDevice(program.config)
    device.load(program)
    assert device.run().cycles == program.cycles["main"]
    assert device.differences() == []
    x = np.arange(16) * 3 - 20
    device.write_tensor("x", x)
    device.run()
    y = device.read_tensor("y")
    assert (y[:, 0] ^ -20).tolist() == (y[:, 15] ^ 25).tolist()
    assert len(set(y[:, 0].tolist())) > 100
    assert assemble(disassemble(program)).program == program


def test_text_longer_than_the_queue_on_the_rtl(tmp_path):
    """Twice: the second run finds the host's words again where fetched ones were."""
    program = long_program()
    device = RtlDevice(program.config, Variant.CHECKED, directory=tmp_path, root=ROOT)
    device.load(program)
    for _ in range(2):
        device.write_words({"MEM_E0": {0: bytes(16), 319: bytes(16)}})
        done = device.run()
        assert (done.cycles, done.faults) == (program.cycles["main"], ())
        assert device.differences() == []
    device.close()


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
