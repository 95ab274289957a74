"""The device interface, on the reference backend."""

import numpy as np
import pytest

from takt.asm import assemble
from takt.program import Entry, Program, ProgramError
from takt.runtime import DeviceError, Job, ReferenceDevice, judge
from takt_hw.config import ECP5, NANO
from takt_sim.timeline import IllegalProgram

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

STAGES = """
.chip nano
.data MEM_W0, 0: 5 times 16
.entry fetch
.expect MEM_E0, 1: 5 times 16
.queue MEM_W0.read
    READ s0e, 0
.queue MEM_E0.write
    @4 WRITE s0e, 1
.entry move
.queue MEM_E0.read
    READ s0e, 1
.queue MEM_E1.write
    @2 WRITE s0e, 7
"""


def device(text: str) -> ReferenceDevice:
    made = ReferenceDevice(NANO)
    made.load(assemble(text).program)
    return made


GATHER = """
.chip nano
.data MEM_E0, 3: 7 times 16
.input at: i8[16] = MEM_W0[0]
.output y: i8[16] = MEM_E1[0]
.queue MEM_W0.read
    READ s0e, 0
.queue MEM_E0.read
    @4 GATHER s0w, s0e
.queue MEM_E1.write
    @6 WRITE s0w, 0
"""
"""Reads word at[0] + 256 at[1] of MEM_E0, which holds sevens in word 3."""


def out_of_range_is_reported_by_the_run_that_met_it(device):
    """Also on the RTL, in its own test."""
    device.load(assemble(GATHER).program)
    found = []
    for high in (0, 2, 0):
        device.write_tensor("at", np.array([3, high, *[-1] * 14], np.int8))
        found.append((device.run().faults, device.read_tensor("y").tolist()))
    good = ((), [7] * 16)
    assert found == [good, (("ADDRESS_RANGE",), [0] * 16), good]


def test_out_of_range_is_reported_by_the_run_that_met_it():
    out_of_range_is_reported_by_the_run_that_met_it(ReferenceDevice(NANO))


def test_write_run_read():
    x = np.arange(48, dtype=np.int8).reshape(3, 16)
    chip = device(DOUBLE)
    chip.write_tensor("x", x)
    result = chip.run()
    assert (result.cycles, result.faults) == (chip.program.cycles["main"], ())
    assert chip.read_tensor("y").tolist() == (2 * x).tolist()


def test_jobs_have_inputs_and_outputs_of_their_own():
    arrays = [np.full((3, 16), n, np.int8) for n in range(4)]
    results = device(DOUBLE).run_jobs([Job({"x": array}) for array in arrays])
    assert [result.outputs["y"].tolist() for result in results] == [(2 * array).tolist() for array in arrays]
    assert {result.run.cycles for result in results} == {11}
    assert device(DOUBLE).run_jobs([Job({"x": arrays[0]}, outputs=())])[0].outputs == {}


def test_a_run_before_its_input_is_refused():
    with pytest.raises(IllegalProgram, match="undefined-memory: MEM_W0.read, cycle 0, READ s0e, 0x0"):
        device(DOUBLE).run()


def test_memory_stays_from_entry_to_entry_and_order_matters():
    chip = device(STAGES)
    with pytest.raises(IllegalProgram, match="undefined-memory: MEM_E0.read"):
        chip.run("move")
    chip.run("fetch")
    chip.run("move")
    assert chip.read_words("MEM_E1", 7).tolist() == [[5] * 16]


def test_differences_from_what_is_expected():
    chip = device(STAGES.replace("1: 5 times 16", "1: 5 times 15, 6"))
    chip.run("fetch")
    shown = [5] * 15
    assert [str(d) for d in chip.differences("fetch")] == [f"MEM_E0 0x1 must be {[*shown, 6]}, not {[*shown, 5]}"]
    assert chip.differences("move") == []


def test_an_illegal_program_is_not_loaded():
    chip = device(STAGES)
    late = assemble(STAGES.replace("@4 WRITE", "@5 WRITE")).program
    with pytest.raises(IllegalProgram, match="undefined-stream: MEM_E0.write, cycle 5, WRITE s0e, 0x1"):
        chip.load(late)
    verdicts = judge(late)
    assert [len(verdict.violations) for verdict in verdicts] == [1, 1]
    chip.run("fetch")


REFUSED = [
    (lambda: ReferenceDevice(NANO).run(), DeviceError, "program must be loaded first"),
    (
        lambda: ReferenceDevice(NANO).load(Program(config=ECP5, entries=(Entry("main"),))),
        DeviceError,
        "program must be for nano, not ecp5",
    ),
    (lambda: device(DOUBLE).run("no"), ProgramError, r"entry must be one of the program's \(main\), not 'no'"),
    (lambda: device(DOUBLE).read_tensor("z"), ProgramError, r"tensor must be one of the program's \(x, y\), not 'z'"),
    (lambda: device(DOUBLE).write_tensor("y", 0), DeviceError, "tensor y must be an input, not an output"),
    (
        lambda: device(DOUBLE).write_tensor("x", np.zeros(3, np.int8)),
        DeviceError,
        r"tensor x must have shape \[3, 16\], not \[3\]",
    ),
]


@pytest.mark.parametrize(("call", "kind", "rule"), REFUSED)
def test_refusals(call, kind, rule):
    with pytest.raises(kind, match=f"^{rule}$"):
        call()
