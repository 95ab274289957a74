"""Chains of all chips, repeated once per period without getting in one another's way.

All that a kernel does to one element vector is a set of chains. The next vector follows ``period`` cycles later, so
whatever is used once per period is free in all periods or in none: two chains never meet if they do not within one
period. That is a table of cycles modulo the period, filled chain by chain, each at its earliest.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from takt_hw import isa
from takt_hw.config import Kind
from takt_hw.isa import Direction, Stream, TypedStream

from ..system import SystemBuilder
from .chains import Chain, Item
from .emit import Repeated, emit


class NoRoom(ValueError):
    """A kernel that does not fit a build or a period: one line that names the rule."""


@dataclass(frozen=True)
class Placed:
    """A chain in time."""

    begin: int
    chain: Chain

    def first(self, queue: str) -> int:
        """Cycle in which a queue first dispatches something of it."""
        return self.begin + min(item.cycle for item in self.chain if item.queue == queue)

    @property
    def last(self) -> int:
        """Cycle of its last dispatch."""
        return self.begin + max(item.cycle for item in self.chain)


class Pipeline:
    """Chains of all chips that begin again every ``period`` cycles, each with its next word.

    Parameters
    ----------
    system : SystemBuilder
        Where `emit` puts the dispatches.
    period : int
        Cycles from one element vector to the next.
    packed : bool
        Whether chains of a kind rather begin a number of packets apart than as early as they can. Their planes then use
        the same cycles modulo ``packet_cycles``, and leave the others to what needs all planes at once.
    """

    def __init__(self, system: SystemBuilder, period: int, packed: bool = False):
        self.system, self.period, self.packed = system, period, packed
        self._queues = isa.queue_by_name(system.config)
        self._taken: dict[Hashable, int] = {}
        """By queue, slice or stream, cycles of the period as a set of bits."""
        self._packed: dict[tuple[int, str], set[int]] = {}
        """By chip and kind, begins of chains modulo ``packet_cycles``."""
        self._repeated: dict[tuple[int, str], list[Repeated]] = {}

    def place(
        self,
        chip: int,
        make: Callable[[Any], Chain],
        streams: Iterable[Any],
        count: int,
        earliest: int = 0,
        kind: str = "",
    ) -> Placed:
        """Begin a chain of a chip as early as anything lets it, on the first of ``streams`` that is free then.

        Parameters
        ----------
        make : callable
            The chain on one of ``streams``; its dispatches are at the same cycles on all.
        count : int
            Periods in which it begins; its words are one further each time.
        earliest : int
            Least cycle of its begin.
        kind : str
            What it is, if it takes planes one after the other.

        Raises
        ------
        NoRoom
            If the period has no room for it.
        """
        options = [(chain, uses) for chain in map(make, streams) if (uses := self._uses(chip, chain)) is not None]
        packet = self.system.config.packet_cycles
        used = self._packed.setdefault((chip, kind), set()) if self.packed and kind else set()
        for begin in sorted(range(earliest, earliest + self.period), key=lambda begin: begin % packet not in used):
            turn = begin % self.period
            for chain, uses in options:
                turned = {place: self._turned(cycles, turn) for place, cycles in uses.items()}
                if not any(cycles & self._taken.get(place, 0) for place, cycles in turned.items()):
                    for place, cycles in turned.items():
                        self._taken[place] = self._taken.get(place, 0) | cycles
                    used.add(begin % packet)
                    self._keep(chip, chain, begin, count)
                    return Placed(begin, chain)
        raise NoRoom(f"period must be longer than {self.period} cycles for all that chip {chip} does in it")

    def emit(self, cycle: int) -> int:
        """Dispatch everything, from a cycle on. The cycle after the last dispatch."""
        return emit(self.system, self._repeated, self.period, cycle)

    @property
    def length(self) -> int:
        """Cycles from the first to the last dispatch, realignments not counted."""
        return 1 + max((r.last(self.period) for rs in self._repeated.values() for r in rs), default=-1)

    def _keep(self, chip: int, chain: Chain, begin: int, count: int) -> None:
        if not count:
            return
        for item in chain:
            entry = Repeated(begin + item.cycle, item.op, item.operands, count)
            self._repeated.setdefault((chip, item.queue), []).append(entry)

    def _turned(self, cycles: int, by: int) -> int:
        """A set of cycles of the period, all later by some."""
        return (cycles << by | cycles >> self.period - by) & (1 << self.period) - 1

    def _uses(self, chip: int, chain: Chain) -> dict[Hashable, int] | None:
        """What a chain takes once per period, each with a set of its cycles; None if it takes something twice."""
        uses: dict[Hashable, int] = {}
        for place, cycle in self._places(chip, chain):
            bit = 1 << cycle % self.period
            if uses.get(place, 0) & bit:
                return None
            uses[place] = uses.get(place, 0) | bit
        return uses

    def _places(self, chip: int, chain: Chain) -> Iterator[tuple[Hashable, int]]:
        """Queues, memory slices and diagonals that a chain takes, with the cycle."""
        for item in chain:
            queue = self._queues[item.queue]
            yield (chip, item.queue), item.cycle
            if queue.unit.kind is Kind.MEM:
                yield (chip, queue.slice), item.cycle  # one access at a time: no bank is asked twice
            for stream in _produced(item):
                towards = -queue.position if stream.direction is Direction.EAST else queue.position
                assert item.op.d_func is not None
                yield (
                    (chip, int(stream.direction), stream.index),
                    item.cycle + item.op.d_func(self.system.config) + towards,
                )


def _produced(item: Item) -> Sequence[Stream]:
    """Streams that a dispatch puts a value on."""
    to = item.operands.get("dst")
    if isinstance(to, TypedStream):
        return to.stream.group(to.dtype.streams)
    return (to,) if isinstance(to, Stream) else ()
