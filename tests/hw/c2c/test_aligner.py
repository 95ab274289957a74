"""The align queue: waits end in their clock, and program time is what the text says, whatever the clocks did."""

from itertools import accumulate

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from takt_hw import isa
from takt_hw.c2c.aligner import UNSTEADY, Aligner
from takt_hw.c2c.pipelined_aligner import DRIFT_STAGES, PipelinedAligner
from takt_hw.config import NANO_C2C
from takt_hw.icu.pipelined import START_CYCLES, PipelinedQueue
from takt_hw.icu.queue import InstructionQueue
from takt_hw.icu.text import MARKS, mark
from tests.hw.simulation import run

EPOCH = isa.EPOCH_CYCLES
DESKEW, PARENT = isa.DESKEW.make(), isa.SYNC_LINK.make(link=2)
TAKES = isa.DESKEW.d_func(NANO_C2C)


class Design:
    """What is tested, and how it differs from the outside."""

    def __init__(self, pipelined):
        self.pipelined = pipelined
        self.start_cycles = START_CYCLES if pipelined else 0
        self.resume_clocks = int(pipelined)
        """Clocks by which a SYNC_LINK ends later."""
        self.link_clocks = self.resume_clocks + int(pipelined)
        """Clocks by which it ends later if it waits for its NOTIFY_LINKS."""
        self.drift_clocks = DRIFT_STAGES if pipelined else 0
        """Clocks by which drift is seen later."""


design = Design(False)
"""Set for each run of all tests."""


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "pipelined"], autouse=True)
def _each_design(request):
    global design
    design = Design(request.param)


class AlignQueue(wiring.Component):
    """An align queue with its aligner, and the clockwork's count of cycles."""

    text_write: In(1)
    text_address: In(8)
    text_data: In(64)
    entry_write: In(1)
    entry_count: In(9)
    start: In(1)
    restart: In(1)
    time: In(32)
    up: In(7)
    notifies: In(56)
    cycle: Out(64)
    dispatch: Out(1)
    opcode: Out(8)
    ended: Out(1)
    illegal: Out(1)
    notify: Out(7)
    drift: Out(1)

    def elaborate(self, platform):
        m = Module()
        kind = PipelinedQueue if design.pipelined else InstructionQueue
        m.submodules.queue = queue = kind(isa.C2C_ALIGN, words=256)
        m.submodules.aligner = aligner = (PipelinedAligner if design.pipelined else Aligner)(NANO_C2C)
        elapsed = Signal(64)
        begins = self.start
        for _ in range(design.start_cycles):
            before, begins = begins, Signal()
            m.d.sync += begins.eq(before)
        if design.pipelined:
            marks = Signal(MARKS)
            mark(m, self.text_data, marks)
            m.d.comb += [queue.text_marks.eq(marks), queue.entry_end.eq(self.entry_count)]
        else:
            m.d.comb += queue.entry_count.eq(self.entry_count)
        m.d.sync += elapsed.eq(elapsed + 1)
        with m.If(begins):
            m.d.sync += elapsed.eq(0)
        with m.If(aligner.resume):
            m.d.sync += elapsed.eq(aligner.cycle)
        m.d.comb += [
            queue.text_write.eq(self.text_write),
            queue.text_address.eq(self.text_address),
            queue.text_data.eq(self.text_data),
            queue.entry_write.eq(self.entry_write),
            queue.start.eq(self.start),
            queue.resume.eq(aligner.resume),
            aligner.control.eq(queue.dispatch),
            aligner.elapsed.eq(elapsed),
            aligner.time.eq(self.time),
            aligner.clear.eq(self.start),
            aligner.restart.eq(self.restart),
            aligner.up.eq(self.up),
            aligner.notifies.eq(self.notifies),
            self.cycle.eq(elapsed - 1),
            self.dispatch.eq(queue.dispatch.valid),
            self.opcode.eq(queue.dispatch.word[:8]),
            self.ended.eq(queue.ended),
            self.illegal.eq(queue.illegal),
            self.notify.eq(aligner.notify),
            self.drift.eq(aligner.drift),
        ]
        return m


def align(
    instructions, clocks, *, start_time=1000, step=lambda clock: 1, notifies=lambda clock: 0, up=lambda clock: 127
):
    """What happens in each clock from the start on, with the aligned time of it."""
    load = [{"text_write": 1, "text_address": n, "text_data": i.word} for n, i in enumerate(instructions)]
    load += [{"entry_write": 1, "entry_count": len(instructions)}]
    times = accumulate((step(clock) for clock in range(clocks)), initial=start_time)
    steps = [
        {"start": int(clock == 0), "time": time, "notifies": notifies(clock) << 16, "up": up(clock)}
        for clock, time in zip(range(clocks), times, strict=False)
    ]
    names = ("cycle", "dispatch", "opcode", "ended", "illegal", "notify", "drift", "time")
    seen = run(AlignQueue(), [*load, *steps], lambda d: {name: getattr(d, name) for name in names})
    return seen[len(load) :]


def dispatches(seen):
    """Opcode, cycle and aligned time of each."""
    return [(row["opcode"], row["cycle"], row["time"]) for row in seen if row["dispatch"]]


LINKS = isa.NOTIFY_LINKS.make(links=0b101)


@pytest.mark.parametrize("start_time", [1000, 1 * EPOCH - 7, 4 * EPOCH - 6, 4 * EPOCH - 5, 2**32 - 20])
def test_deskew_ends_with_an_epoch_and_sets_program_time(start_time):
    seen = align([isa.NOP.make(count=3), DESKEW, LINKS], 2 * EPOCH, start_time=start_time)
    (opcode, cycle, _), (following, later, time) = dispatches(seen)
    assert (opcode, following) == (isa.DESKEW.code, isa.NOTIFY_LINKS.code)
    assert (cycle, later, time % EPOCH) == (3, 3 + TAKES, 0)
    assert [row["notify"] for row in seen if row["notify"]] == [0b101]
    assert not any(row["illegal"] or row["drift"] for row in seen)


def test_each_deskew_waits_for_another_epoch():
    seen = align([DESKEW, DESKEW, DESKEW, LINKS], 4 * EPOCH)
    assert [time for _, _, time in dispatches(seen)][1:] == [1024, 1280, 1536]
    assert [cycle for _, cycle, _ in dispatches(seen)] == [0, TAKES, 2 * TAKES, 3 * TAKES]


@pytest.mark.parametrize("change", [-3, -1, 0, 1, 3])
def test_runtime_deskew_takes_the_drift_back(change):
    """The counter is turned by ``change`` long after the DESKEW: program time follows in the RUNTIME_DESKEW."""
    program = [DESKEW, isa.NOP.make(count=500), isa.RUNTIME_DESKEW.make(cycles=100), LINKS]
    seen = align(program, 2 * EPOCH + 700, step=lambda clock: 1 + change * (clock == 400))
    (_, _, _), (_, begun, before), (_, cycle, time) = dispatches(seen)
    assert (begun, cycle) == (TAKES + 500, TAKES + 600)
    assert (before, time) == (1024 + 500 + change, 1024 + 600)
    assert not any(row["drift"] for row in seen)


@pytest.mark.parametrize("change", [-NANO_C2C.link_drift - UNSTEADY - 1, NANO_C2C.link_drift + UNSTEADY + 1])
def test_drift_beyond_the_budget_is_noticed_when_it_happens(change):
    program = [DESKEW, isa.NOP.make(count=900), LINKS]
    seen = align(program, 900, step=lambda clock: 1 + change * (clock == 400))
    assert [clock for clock, row in enumerate(seen) if row["drift"]][0] == 401 + design.drift_clocks
    within = align(program, 900, step=lambda clock: 1 + (change - (1 if change > 0 else -1)) * (clock == 400))
    assert not any(row["drift"] for row in within)


def test_a_runtime_deskew_that_is_over_when_it_begins_says_so():
    program = [DESKEW, isa.NOP.make(count=400), isa.RUNTIME_DESKEW.make(cycles=20), LINKS]
    seen = align(program, 900, step=lambda clock: 1 + 300 * (clock == 300))
    assert dispatches(seen)[-1][1] == TAKES + 420
    assert seen[-1]["ended"]
    assert seen[-1]["drift"]


def test_sync_link_waits_for_one_notification_each_time():
    program = [PARENT, PARENT, LINKS]
    seen = align(program, 300, notifies=lambda clock: (clock >= 100) + (clock >= 200))
    assert [row["cycle"] for row in seen if row["dispatch"]] == [0, TAKES, 2 * TAKES]
    clocks = [clock for clock, row in enumerate(seen) if row["dispatch"]]
    assert clocks[1:] == [102 + design.link_clocks, 202 + design.link_clocks]


def test_a_notification_may_come_first_and_what_came_before_the_link_was_up_does_not_count():
    early = align([isa.NOP.make(count=90), PARENT, LINKS], 200, notifies=lambda clock: int(clock >= 20))
    assert [clock for clock, row in enumerate(early) if row["dispatch"]] == [
        92 + design.start_cycles,
        95 + design.start_cycles + design.resume_clocks,
    ]
    old = align([PARENT, LINKS], 400, notifies=lambda clock: 5 + (clock >= 300), up=lambda clock: 127 * (clock >= 100))
    assert [clock for clock, row in enumerate(old) if row["dispatch"]][1] == 302 + design.link_clocks


def test_repeat_has_nothing_to_repeat_after_a_wait():
    seen = align([DESKEW, isa.REPEAT.make(count=1, interval=1, stride=0), LINKS], 2 * EPOCH)
    assert any(row["illegal"] for row in seen)
