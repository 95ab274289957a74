"""All-reduce on four chips' RTL, each with a clock of its own: NumPy's sums, in the cycles foretold."""

from pathlib import Path

import numpy as np
import pytest

from takt.collectives import Vectors, all_reduce, scratch_count
from takt.system import RtlSystemDevice, SystemBuilder, SystemDevice
from takt_hw.config import NANO_C2C
from takt_hw.isa import DType
from takt_sim.system.topology import full
from tests.firmware.collectives.machine import EAST, WEST, planes, values
from tests.firmware.collectives.test_sums import floats, integers

ROOT = Path(__file__).parents[3] / "build" / "rtl"
COUNT = 9


def reduced(device, terms):
    """What is on each chip after a run, uint8[chips, 4, COUNT, lanes], and the cycles of the run."""
    for chip, content in enumerate(planes(terms)):
        device.write_words(chip, {name: {n: word.tobytes() for n, word in enumerate(plane)}
                                  for name, plane in zip(EAST, content, strict=True)})  # fmt: skip
    results = device.run()
    assert not any(result.faults for result in results)
    after = [[device.read_words(chip, name, 0, COUNT) for name in EAST] for chip in range(len(terms))]
    device.close()
    return np.array(after), max(result.cycles for result in results)


@pytest.mark.parametrize(("dtype", "make"), [(DType.I32, integers), (DType.F32, floats)])
def test_every_chip_has_the_same_sums(tmp_path, dtype, make):
    topology = full(4)
    builder = SystemBuilder(NANO_C2C, topology)
    vectors = Vectors(EAST, 0, COUNT)
    scratch = Vectors(WEST, 0, scratch_count(topology, COUNT))
    terms = make(topology, COUNT)
    for chip in builder.chips:
        for name in EAST:
            chip.data(name, 0, np.zeros((COUNT, NANO_C2C.lanes), np.uint8))
    all_reduce(builder, builder.start, vectors, scratch, dtype)
    system = builder.build()
    wanted, foretold = reduced(SystemDevice(system), terms)
    found, cycles = reduced(RtlSystemDevice(system, seed=3, directory=tmp_path, root=ROOT), terms)
    assert np.array_equal(found, wanted)
    assert cycles == foretold == system.cycles
    if dtype is DType.I32:
        assert (values(found, np.int32) == terms.sum(axis=0, dtype=np.int32)).all()
    else:
        assert len({sums.tobytes() for sums in found}) == 1
