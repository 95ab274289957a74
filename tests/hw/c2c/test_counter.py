"""The aligned counter against a parent that is plain arithmetic: clocks that differ, wires, beacons in turns."""

from collections import deque
from itertools import pairwise

import pytest
from amaranth.sim import Simulator

from takt_hw.c2c.counter import AlignedCounter
from takt_hw.isa import EPOCH_CYCLES

TURN = 12
"""Clocks from one TIME to the next."""


class Parent:
    """The other end of the child's link, in the child's clocks.

    Its counter began ``offset`` clocks before the child's and runs ``ppm`` faster; words take ``down`` clocks to the
    child and ``up`` clocks back. What is told crosses, and is believed when it has come twice.
    """

    def __init__(self, offset, *, ppm=0.0, down=10.0, up=10.0, turn=TURN):
        self.offset, self.ppm, self.down, self.up, self.turn = offset, ppm, down, up, turn
        self.theirs = self.before = None
        self.to_parent, self.to_child = deque(), deque()
        self.aligned = True
        self.jumps = {}

    def count(self, clock):
        return int(self.offset + clock * (1 + self.ppm * 1e-6))

    def step(self, clock, count):
        """Inputs of the child in one clock, in which it counts ``count``."""
        self.offset += self.jumps.pop(clock, 0)
        told = clock % self.turn == 0
        if told:
            self.to_parent.append((clock + self.up, count))
        while self.to_parent and self.to_parent[0][0] <= clock:
            sight = self.count(clock) - self.to_parent.popleft()[1] & 0xFFFF
            if self.before is not None and (sight - self.before + 2) & 0xFFFF <= 4:
                self.theirs = sight
            self.before = sight
        if clock % self.turn == 4 and self.theirs is not None:
            self.to_child.append((clock + self.down, self.theirs))
        sighted = bool(self.to_child) and self.to_child[0][0] <= clock
        if sighted:
            self.told = self.to_child.popleft()[1]
        measured = clock % self.turn == 8 and clock > 50
        return {
            "up": clock > 60,
            "aligned": self.aligned,
            "told": told,
            "measured": measured,
            "sighted": sighted,
            "length": count - self.count(clock - self.down) & 0xFFFF,
            "theirs": getattr(self, "told", 0),
        }


pipelined = False
"""Set for each run of all tests."""


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "pipelined"], autouse=True)
def _each_build(request):
    global pipelined
    pipelined = request.param


def follow(parent, clocks, *, root=False, restarts=(2,)):
    """(how far the child is ahead, whether it says that it is aligned, its counter) in every clock."""
    dut = AlignedCounter(pipelined)
    seen = []

    async def bench(ctx):
        ctx.set(dut.root, root)
        for clock in range(clocks):
            count = ctx.get(dut.count)
            ahead = (count - parent.count(clock) + 0x8000 & 0xFFFF) - 0x8000
            seen.append((ahead, ctx.get(dut.aligned), count))
            ctx.set(dut.parent, parent.step(clock, count))
            ctx.set(dut.restart, clock in restarts)
            await ctx.tick()

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return seen


def adjustments(seen):
    """Clock and size of each."""
    return [(n, b[2] - a[2] - 1) for n, (a, b) in enumerate(pairwise(seen)) if b[2] != a[2] + 1]


@pytest.mark.parametrize("offset", [0, 1, 2, 500, 0x3FFF, 0x4001, 0x7FFF, 0x8000, 0x8001, 0xFFFF])
def test_any_offset_is_taken_back_at_once(offset):
    seen = follow(Parent(offset), 4000)
    assert len(adjustments(seen)) == (offset not in (0,))
    assert seen[-1][:2] == (0, 1)


@pytest.mark.parametrize("length", [1, 100, 240])
@pytest.mark.parametrize("turn", [TURN, 504])
def test_no_overshoot_however_long_wires_and_packets_are(length, turn):
    seen = follow(Parent(30000, down=length, up=length, turn=turn), 9000)
    assert [size for _, size in adjustments(seen)] == [30000]
    assert seen[-1][:2] == (0, 1)


@pytest.mark.parametrize("ppm", [-400, -150, 400])
def test_stays_within_two_clocks(ppm):
    seen = follow(Parent(12345, ppm=ppm, down=17.3, up=17.9), 15000)
    first = next(n for n, row in enumerate(seen) if row[1])
    assert first < 4000
    assert all(row[1] for row in seen[first:])
    assert {abs(row[0]) for row in seen[first:]} <= {0, 1, 2}
    # An epoch's beginning is met once, so each adjustment stands in the middle of one.
    later = [(clock, size) for clock, size in adjustments(seen) if clock >= first]
    assert len(later) >= 1
    assert {abs(size) for _, size in later} == {1}
    assert {seen[clock][2] % EPOCH_CYCLES for clock, _ in later} == {EPOCH_CYCLES // 2 + pipelined}


def test_unequal_wires_look_equal():
    seen = follow(Parent(1000, down=30, up=10), 4000)
    assert seen[-1][:2] == (-10, 1)


@pytest.mark.parametrize(("down", "up"), [(10, 11), (11, 10)])
def test_half_a_clock_is_rounded_towards_none(down, up):
    seen = follow(Parent(0, down=down, up=up), 3000)
    assert not adjustments(seen)
    assert seen[-1][:2] == (0, 1)


def test_is_aligned_only_when_its_parent_is_and_proves_itself_anew():
    parent = Parent(77)
    parent.aligned = False
    assert not any(row[1] for row in follow(parent, 4000))
    parent = Parent(77)
    parent.jumps = {4000: 5000}
    seen = follow(parent, 9000, restarts=(2, 3900))
    assert seen[3899][1]
    aligned = [n for n, row in enumerate(seen) if row[1] and n > 3901]
    assert all(abs(seen[n][0]) <= 2 for n in aligned)
    assert seen[-1][:2] == (0, 1)


def test_the_root_is_aligned_at_once_and_never_adjusts():
    seen = follow(Parent(5000), 3000, root=True)
    assert not adjustments(seen)
    assert [row[1] for row in seen] == [0] * 3 + [1] * 2997


def test_nothing_happens_before_the_first_restart():
    seen = follow(Parent(5000), 3000, restarts=())
    assert not adjustments(seen)
    assert not any(row[1] for row in seen)
