"""Which dispatch hands its result to which: values along the streams, products and held results."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from takt_hw import isa
from takt_hw.config import ChipConfig
from takt_hw.isa import Alu, Role, Stream

from ..latency import chain
from .observe import Dispatched


@dataclass(frozen=True)
class Link:
    """A result on its way. docs/manual/timing.md has the law that both ends obey."""

    source: Dispatched
    leaves: int
    """Cycle in which the result is there, at the source's position."""

    target: Dispatched
    arrives: int
    """Cycle in which the target takes it."""

    streams: tuple[Stream, ...] = ()
    """Streams that it travels on; none for what stays within a slice."""

    def __str__(self) -> str:
        if not self.streams:
            return ""
        first, last = self.streams[0], self.streams[-1]
        return str(first) if first == last else f"{first}–{last}"


def find_links(config: ChipConfig, dispatches: Sequence[Dispatched]) -> list[Link]:
    """Every result with its takers, by the cycle in which it is taken. Words that are no instruction are left out."""
    known = [d for d in dispatches if d.instruction is not None]
    links = [*_on_streams(config, known), *_products(config, known), *_held_results(config, known)]
    return sorted(links, key=lambda link: (link.arrives, link.target.queue.index, link.source.queue.index))


def _on_streams(config: ChipConfig, dispatches: Sequence[Dispatched]) -> list[Link]:
    producers: dict[tuple[Stream, int], list[Dispatched]] = defaultdict(list)
    for d in dispatches:
        for stream in _streams(d, Role.DEST, config):
            producers[stream, _diagonal(d, stream, _leaves(d, config))].append(d)
    carried: dict[tuple[Dispatched, Dispatched], list[Stream]] = defaultdict(list)
    for d in dispatches:
        for stream in dict.fromkeys(_streams(d, Role.SOURCE, config)):
            step = stream.direction.step
            before = [
                p
                for p in producers[stream, _diagonal(d, stream, _arrives(d, config))]
                if step * (d.queue.position - p.queue.position) >= 0
            ]
            if before:
                nearest = max(before, key=lambda p: step * p.queue.position)
                carried[nearest, d].append(stream)
    return [
        Link(source, _leaves(source, config), target, _arrives(target, config), tuple(sorted(streams)))
        for (source, target), streams in carried.items()
    ]


def _products(config: ChipConfig, dispatches: Sequence[Dispatched]) -> list[Link]:
    """From each ABC or ABC_FP16 to the ACC that takes its product."""
    made = {(d.queue.slice, _leaves(d, config)): d for d in dispatches if _op(d) in (isa.ABC, isa.ABC_FP16)}
    taken = [(d, _arrives(d, config)) for d in dispatches if _op(d) is isa.ACC]
    return [Link(made[d.queue.slice, cycle], cycle, d, cycle) for d, cycle in taken if (d.queue.slice, cycle) in made]


def _held_results(config: ChipConfig, dispatches: Sequence[Dispatched]) -> list[Link]:
    """From each ALU operation to the operations that take its held result."""
    operations = [d for d in dispatches if d.queue.unit is isa.VXM_ALU]
    by_alu: dict[int, list[tuple[int, Dispatched]]] = defaultdict(list)
    for d in operations:
        by_alu[d.queue.alu].append((d.cycle + chain(_op(d), config), d))
    for results in by_alu.values():
        results.sort(key=lambda result: result[0])
    links = []
    for d in operations:
        for alu in {v.index for v in d.instruction.values.values() if isinstance(v, Alu)}:  # type: ignore[union-attr]
            n = bisect_right(by_alu[alu], d.cycle, key=lambda result: result[0])
            if n:
                lands, source = by_alu[alu][n - 1]
                links.append(Link(source, lands, d, d.cycle))
    return links


def _op(d: Dispatched) -> isa.Op:
    assert d.instruction is not None
    return d.instruction.op


def _streams(d: Dispatched, role: Role, config: ChipConfig) -> tuple[Stream, ...]:
    assert d.instruction is not None
    return d.instruction.streams(role, config)


def _leaves(d: Dispatched, config: ChipConfig) -> int:
    d_func = _op(d).d_func
    return d.cycle + (d_func(config) if d_func is not None else 0)


def _arrives(d: Dispatched, config: ChipConfig) -> int:
    d_skew = _op(d).d_skew
    return d.cycle + (d_skew(config) if d_skew is not None else 0)


def _diagonal(d: Dispatched, stream: Stream, cycle: int) -> int:
    return cycle - stream.direction.step * d.queue.position
