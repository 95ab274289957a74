"""The table of one period: nothing twice, earliest first, packed if asked; and loops that dispatch what was placed."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from takt.collectives.chains import Item, Parts
from takt.collectives.emit import Repeated, emit
from takt.collectives.pipeline import NoRoom, Pipeline
from takt.collectives.vectors import Vectors
from takt.system import SystemBuilder
from takt_hw import isa
from takt_hw.config import NANO_C2C
from takt_hw.isa import Direction, Stream
from takt_sim.system.topology import full
from takt_sim.timeline import expand

READ, WRITE = "MEM_W0.read", "MEM_W0.write"


def read(stream, cycle=0):
    return [Item(cycle, READ, isa.READ, {"dst": Stream(stream, Direction.EAST), "address": 0})]


def pipeline(period, packed=False):
    return Pipeline(SystemBuilder(NANO_C2C, full(2)), period, packed)


def test_a_queue_is_taken_once_per_cycle_of_the_period():
    table = pipeline(3)
    assert [table.place(0, read, [0, 1], 5).begin for _ in range(3)] == [0, 1, 2]
    with pytest.raises(NoRoom, match="^period must be longer than 3 cycles for all that chip 0 does in it$"):
        table.place(0, read, [0, 1], 5)
    assert table.place(1, read, [0, 1], 5).begin == 0
    assert table.length == 3 + 4 * 3


def test_read_and_write_of_a_slice_are_never_in_one_cycle():
    table = pipeline(4)
    table.place(0, read, [0], 1)
    write = [Item(0, WRITE, isa.WRITE, {"src": Stream(0, Direction.EAST), "address": 9})]
    assert table.place(0, lambda _: write, [0], 1).begin == 1


def test_a_diagonal_has_one_value():
    """MEM_E0 is two hops east of MEM_W0: what MEM_W0 reads two cycles earlier passes it."""
    table = pipeline(16)
    table.place(0, read, [2], 1)
    other = [Item(0, "MEM_E0.read", isa.READ, {"dst": Stream(2, Direction.EAST), "address": 0})]
    assert table.place(0, lambda _: other, [2], 1, 2).begin == 3
    again = pipeline(16)
    again.place(0, read, [2], 1)
    assert again.place(0, lambda _: other, [2], 1, 1).begin == 1


def test_packed_chains_share_cycles_modulo_a_packet():
    parts, x = Parts(NANO_C2C), Vectors(("MEM_E0", "MEM_E1"), 0, 4)
    for packed, begins in ((False, [0, 1, 2]), (True, [0, 12, 1])):
        table = pipeline(24, packed)
        chain = [parts.send(x, [0], 0), parts.send(x, [1], 1), parts.send(x, [2], 2)]
        found = [table.place(0, lambda _: c, [0], 1, kind="send").begin for c in chain]  # noqa: B023
        assert found == begins


@settings(max_examples=60, deadline=None)
@example(period=15, phases=[0, 0, 59], counts=[25, 1, 46, 1], budget=451)
@example(period=10, phases=[0, 1], counts=[1, 32, 1, 1], budget=300)
@given(
    period=st.integers(6, 20),
    phases=st.lists(st.integers(0, 59), min_size=1, max_size=4),
    counts=st.lists(st.integers(1, 60), min_size=4, max_size=4),
    budget=st.sampled_from([None, 300, 451]),
)
def test_every_dispatch_comes_once_in_its_cycle(period, phases, counts, budget):
    """Any phases and counts, with realignments in between or without."""
    system = SystemBuilder(NANO_C2C, full(2))
    system.budget = budget
    taken: set[int] = set()
    work = []
    for phase, count in zip(phases, counts, strict=False):
        if phase % period not in taken:
            taken.add(phase % period)
            operands = {"dst": Stream(0, Direction.EAST), "address": 100 * len(work)}
            work.append(Repeated(phase, isa.READ, operands, count))
    end = emit(system, {(0, READ): work}, period, system.start)
    built = system.build()
    timeline = expand(NANO_C2C, built.texts[0])
    found = [d for d in timeline.dispatches if d.queue.name == READ]
    wanted = Counter(r.operands["address"] + n for r in work for n in range(r.count))
    assert Counter(d.instruction["address"] for d in found) == wanted
    assert max(d.cycle for d in found) < end
    for r in work:
        cycles = [
            d.cycle for d in found if r.operands["address"] <= d.instruction["address"] < r.operands["address"] + 100
        ]
        steps = np.diff(cycles)
        assert (steps > 0).all()
        if budget is None:
            assert (steps == period).all()
    waits = [c for c in timeline.control if c.instruction.op is isa.RUNTIME_DESKEW]
    ends = [13, *(c.cycle + c.cycles for c in waits), end]
    assert budget is None or max(np.diff(ends)) <= budget
