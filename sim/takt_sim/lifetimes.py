"""Which stream registers hold a value that somebody is still going to take."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from takt_hw.config import ChipConfig
from takt_hw.isa import Role, Stream

from .latency import d_func, d_skew
from .timeline import Dispatch


@dataclass
class Lifetime:
    """One value on its way to its last consumer, in superlane-0 time."""

    stream: Stream
    dispatch: Dispatch
    """What produced it."""

    cycle: int
    """In which it is in the register of its producer's position; one position and one cycle later in the next."""

    hops: int = -1
    """Positions to the last consumer."""

    def position(self, hops: int) -> int:
        """Where it is after some hops."""
        return self.dispatch.queue.position + self.stream.direction.step * hops


def lifetimes(config: ChipConfig, dispatches: Sequence[Dispatch]) -> list[Lifetime]:
    """Of all values that a legal program's slice instructions take; what only an IFETCH takes is left out."""
    diagonals: dict[tuple[Stream, int], list[Lifetime]] = defaultdict(list)
    for d in dispatches:
        for stream in d.instruction.streams(Role.DEST, config):
            cycle = d.cycle + d_func(d.instruction.op, config)
            diagonals[stream, cycle - stream.direction.step * d.queue.position].append(Lifetime(stream, d, cycle))
    for d in dispatches:
        for stream in d.instruction.streams(Role.SOURCE, config):
            taken = d.cycle + d_skew(d.instruction.op, config)
            step = stream.direction.step
            passing = diagonals[stream, taken - step * d.queue.position]
            # the nearest producer at the consumer's place or before it
            value = min((v for v in passing if v.cycle <= taken), key=lambda v: taken - v.cycle)
            value.hops = max(value.hops, taken - value.cycle)
    return [value for values in diagonals.values() for value in values if value.hops >= 0]
