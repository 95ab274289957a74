"""What the picture shows of each queue: rows, and runs of like dispatches with their labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from takt_hw import isa
from takt_hw.isa import Queue

from ..timeline import Control
from .observe import Dispatched

MAX_INTERVAL = 8
"""Cycles between dispatches up to which they are seen as one group."""


@dataclass(frozen=True)
class Group:
    """Dispatches of one queue that a REPEAT makes, or could have made: the same but for a steady stride."""

    first: Dispatched
    count: int = 1
    interval: int = 1
    stride: int = 0

    @property
    def cycles(self) -> range:
        """Dispatch cycles."""
        return range(self.first.cycle, self.first.cycle + self.count * self.interval, self.interval)

    @property
    def end(self) -> int:
        """Cycle after the last dispatch."""
        return self.cycles[-1] + 1

    def labels(self) -> Iterator[str]:
        """What could stand on the group, longest first."""
        name, _, operands = str(self.first).partition(" ")
        times = f" ×{self.count}" if self.count > 1 else ""
        step = f" {self.stride:+d}" if self.stride else ""
        if operands:
            yield f"{name} {operands}{step}{times}"
            yield f"{name} {operands.partition(',')[0]}{times}"
        yield f"{name}{times}"
        yield name


def queues_shown(dispatches: Sequence[Dispatched], control: Sequence[Control]) -> list[Queue]:
    """Queues that dispatch, park or notify, from west to east."""
    waits = (isa.SYNC, isa.NOTIFY)
    used = {d.queue for d in dispatches} | {c.queue for c in control if c.instruction.op in waits}
    return sorted(used, key=lambda queue: queue.index)


def group(dispatches: Sequence[Dispatched]) -> list[Group]:
    """The dispatches of one queue, in cycle order, put together."""
    groups: list[Group] = []
    n = 0
    while n < len(dispatches):
        groups.append(_longest(dispatches, n))
        n += groups[-1].count
    return groups


def _longest(dispatches: Sequence[Dispatched], n: int) -> Group:
    """The longest group that begins with dispatch ``n``."""
    run = Group(dispatches[n])
    for d in dispatches[n + 1 :]:
        count = run.count
        interval, rest = divmod(d.cycle - run.first.cycle, count)
        stride = _difference(run.first, d)
        if rest or stride is None or stride % count or interval > MAX_INTERVAL:
            break
        if count > 1 and (interval, stride // count) != (run.interval, run.stride):
            break
        run = Group(run.first, count + 1, interval, stride // count)
    if run.count == 2 and (run.interval > 1 or abs(run.stride) > 1):
        return Group(run.first)  # only chance made them alike
    return run


def _difference(first: Dispatched, d: Dispatched) -> int | None:
    """How far the stride field has advanced; None if anything else differs."""
    if first.word == d.word:
        return 0
    stride = d.queue.unit.stride
    if stride is None or first.instruction is None or d.instruction is None:
        return None
    mask = ((1 << stride.width) - 1) << stride.lsb
    if (first.word ^ d.word) & ~mask:
        return None
    return stride.extract(d.word) - stride.extract(first.word)
