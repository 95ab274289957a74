"""The device interface, on the RTL of `nano`."""

from pathlib import Path

import numpy as np
import pytest

from takt.asm import assemble
from takt.runtime import Job, RunResult
from takt.runtime.rtl import RtlDevice
from takt_hw.config import NANO
from takt_sim.tb.build import Variant
from takt_sim.tb.session import SimulationError
from tests.firmware.runtime.test_device import out_of_range_is_reported_by_the_run_that_met_it

ROOT = Path(__file__).parents[3] / "build" / "rtl"

DOUBLE = """
.chip nano
.input x: i8[3, 16] = MEM_W0[0 : 3]
.output y: i8[3, 16] = MEM_E0[0 : 3]
.queue MEM_W0.read
    READ s0e, 0
    REPEAT 2, 1, 1
.queue VXM.alu0
    @3 ADD s0e:i8, s0e:i8, s0e:i8
    REPEAT 2, 1, 0
.queue MEM_E0.write
    @7 WRITE s0e, 0
    REPEAT 2, 1, 1
"""


def test_out_of_range_is_reported_by_the_run_that_met_it(tmp_path):
    device = RtlDevice(NANO, Variant.CHECKED, directory=tmp_path, root=ROOT)
    out_of_range_is_reported_by_the_run_that_met_it(device)
    device.close()


def test_the_rtl_does_what_the_program_says(tmp_path):
    device = RtlDevice(NANO, Variant.CHECKED, directory=tmp_path, root=ROOT)
    program = assemble(DOUBLE).program
    device.load(program)
    arrays = [np.arange(48, dtype=np.int8).reshape(3, 16) + n for n in range(3)]
    results = device.run_jobs([Job({"x": array}) for array in arrays])
    assert [result.outputs["y"].tolist() for result in results] == [(2 * array).tolist() for array in arrays]
    assert {result.run for result in results} == {RunResult(program.cycles["main"])}
    assert device.simulated_cycles > 3 * program.cycles["main"]
    assert device.seconds > 0
    device.close()
    with pytest.raises(SimulationError, match="^simulation must be open$"):
        device.run()
