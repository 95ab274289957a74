"""Dispatches that repeat every period, as few words: loops for what is steady, realignments where it takes too long."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

from takt_hw.isa import Op

from ..asm.builder import Loop
from ..system import SystemBuilder

STEADY = 2
"""Periods that a LOOP is worth its words for."""

MAX_LOOP = 65535


@dataclass(frozen=True)
class Repeated:
    """A dispatch in ``count`` periods, the first time in ``cycle``, its word one further each time."""

    cycle: int
    op: Op
    operands: Mapping[str, Any]
    count: int

    def last(self, period: int) -> int:
        """Cycle of the last."""
        return self.cycle + (self.count - 1) * period

    def at(self, number: int) -> dict[str, Any]:
        """Operands of the ``number``-th, from 0."""
        step = {"address": self.operands["address"] + number} if "address" in self.operands else {}
        return {**self.operands, **step}

    def skip(self, count: int) -> Repeated:
        """Without the first ``count``, the next in the cycle of the first."""
        return replace(self, operands=self.at(count), count=self.count - count)


Work = Mapping[tuple[int, str], Sequence[Repeated]]
"""By chip and queue."""


@dataclass(frozen=True)
class Place:
    """Where dispatches of one queue go: a builder, or a loop of it."""

    at: Callable[..., Any]
    """cycle, op, operands"""
    loop: Callable[..., AbstractContextManager[Loop]]
    """cycle, count, stride, period"""


def emit(system: SystemBuilder, work: Work, period: int, cycle: int) -> int:
    """Dispatch all work from a cycle on, realigned as often as it must be; the cycle after the last dispatch."""
    while (segmented := _segments(system, work, period, cycle)) is not None:
        cycle, work = segmented
    length = _length(work, period)
    if not length:
        return cycle
    if not system.lasts(cycle + length):
        cycle = system.realign(cycle)
    for (chip, name), repeated in work.items():
        _unroll(_builder(system, chip, name), repeated, period, cycle, length)
    return cycle + length


def _segments(system: SystemBuilder, work: Work, period: int, cycle: int) -> tuple[int, Work] | None:
    """Whole segments of what is too long for one; the cycle after them, and what is left. None if it is not."""
    begin = system.deskew
    counts = [r.count for repeated in work.values() for r in repeated]
    if system.budget is None or not counts or _length(work, period) + 3 * begin <= system.budget:
        return None
    span = 1 + max(r.cycle for repeated in work.values() for r in repeated)
    most = 1 + (system.budget - 1 - begin - span) // period  # 1: LOOPs of the next segments
    if most < 1:
        raise ValueError(f"realignments must be at least {begin + span} cycles apart, not {system.budget}")
    size = _size(min(counts), most)
    segments = min(counts) // size
    length = begin + span + (size - 1) * period
    cycle += 1  # of the LOOPs
    group = system.segments(cycle, segments, length)
    for (chip, name), repeated in work.items():
        strided = any("address" in r.operands for r in repeated)
        loop = system.segment(group, chip, name, size if strided else 0)
        _unroll(Place(loop.at, loop.loop), [replace(r, count=size) for r in repeated], period, begin, length - begin)
    left = {
        key: [r.skip(size * segments) for r in repeated if r.count > size * segments] for key, repeated in work.items()
    }
    return cycle + segments * length, {key: repeated for key, repeated in left.items() if repeated}


def _size(count: int, most: int) -> int:
    """Periods of a segment: as many as can be, or a few less if that leaves nothing over."""
    most = min(most, count)
    even = [size for size in range(most, most // 2, -1) if count % size == 0]
    return even[0] if even else most


def _length(work: Work, period: int) -> int:
    return 1 + max((r.last(period) for repeated in work.values() for r in repeated), default=-1)


def _builder(system: SystemBuilder, chip: int, name: str) -> Place:
    builder = system.chips[chip]
    return Place(
        lambda cycle, op, **operands: builder.at(cycle, name, op, **operands),
        lambda cycle, count, stride, period: builder.loop(cycle, name, count, stride, period),
    )


def _unroll(place: Place, repeated: Sequence[Repeated], period: int, base: int, length: int) -> None:
    """One queue's dispatches, over within ``length``: those of the steady state in a loop, the others one by one."""
    steady = _steady(repeated, period, length)
    for r in repeated:
        for number in range(r.count):
            at = r.cycle + number * period
            if steady is None or not steady[0] <= at < steady[0] + steady[1] * period:
                place.at(base + at, r.op, **r.at(number))
    if steady is None:
        return
    begin, count = steady
    strided = any("address" in r.operands for r in repeated)
    with place.loop(base + begin - 1, count, int(strided), period) as body:
        for r in repeated:
            first = -(-(begin - r.cycle) // period)
            body.at(r.cycle + first * period - begin, r.op, **r.at(first))


def _steady(repeated: Sequence[Repeated], period: int, length: int) -> tuple[int, int] | None:
    """Begin and number of the periods in which every one is dispatched; the cycle before the begin is free.

    The periods end within ``length``. None if there are not enough of them, or none can have such a cycle.
    """
    if not repeated:
        return None
    phases = {r.cycle % period for r in repeated}
    least = max(r.cycle for r in repeated) - period + 1
    best: tuple[int, int] | None = None
    for begin in range(max(least, 1), max(least, 1) + period):
        if (begin - 1) % period in phases:
            continue
        count = min((length - begin) // period, *((r.last(period) - begin) // period + 1 for r in repeated))
        if count >= STEADY and (best is None or count > best[1]):
            best = begin, min(count, MAX_LOOP)
    return best
