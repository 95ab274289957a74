"""Chains: instructions of one chip that follow from one another by the timing law."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from takt_hw import isa
from takt_hw.config import ChipConfig
from takt_hw.isa import Alu, Direction, DType, Op, Stream, TypedStream

from ..schedule import flight
from .vectors import Vectors


@dataclass(frozen=True)
class Item:
    """One dispatch of a chain."""

    cycle: int
    """Counted from the chain's begin."""
    queue: str
    op: Op
    operands: dict[str, Any] = field(default_factory=dict)


Chain = list[Item]


@cache
def _links(config: ChipConfig) -> dict[tuple[str, int], str]:
    """Queues of links, by the name of their unit and the link."""
    return {(q.unit.name, q.link): q.name for q in isa.queues(config) if q.unit.per_link}


@dataclass(frozen=True)
class Parts:
    """What makes chains for a build."""

    config: ChipConfig

    def send(self, vectors: Vectors, links: Sequence[int], stream: int) -> Chain:
        """Read one element vector, plane after plane, and send each over all ``links``."""
        queues = [self.link("send", link) for link in links]
        towards = self._direction(f"{vectors.slices[0]}.read", queues)
        chain: Chain = []
        for plane, name in enumerate(vectors.slices):
            read, at = f"{name}.read", plane * self.config.packet_cycles
            moved = Stream(stream, towards)
            reaches = max(flight(self.config, f"{s}.read", isa.READ, queues[0], isa.SEND) for s in vectors.slices)
            begin = at + reaches - flight(self.config, read, isa.READ, queues[0], isa.SEND)
            chain.append(Item(begin, read, isa.READ, {"dst": moved, "address": vectors.address}))
            chain += [
                Item(begin + flight(self.config, read, isa.READ, queue, isa.SEND), queue, isa.SEND, {"src": moved})
                for queue in queues
            ]
        return chain

    def receive(self, link: int, into: Vectors | None, planes: int, onward: Sequence[int], stream: int) -> Chain:
        """Receive one element vector, plane after plane; write it and send it on over the links ``onward``."""
        queue = self.link("receive", link)
        sends = [self.link("send", other) for other in onward]
        writes = [f"{name}.write" for name in into.slices] if into is not None else []
        moved = Stream(stream, self._direction(queue, [*sends, *writes]))
        chain: Chain = []
        for plane in range(planes):
            at = plane * self.config.packet_cycles
            chain.append(Item(at, queue, isa.RECEIVE, {"dst": moved}))
            for send in sends:
                chain.append(
                    Item(at + self._flight(queue, isa.RECEIVE, send, isa.SEND), send, isa.SEND, {"src": moved})
                )
            if into is not None:
                written = at + self._flight(queue, isa.RECEIVE, writes[plane], isa.WRITE)
                chain.append(Item(written, writes[plane], isa.WRITE, {"src": moved, "address": into.address}))
        return chain

    def term(
        self, term: Vectors, into: Vectors | None, op: Op, dtype: DType, alu: int, streams: tuple[int, int]
    ) -> Chain:
        """Read one element vector and take it into an ALU: by COPY, or by ADD or FADD to what the ALU holds.

        ``into``: where the result is written; else the ALU only holds it. ``streams``: first of the four that the term
        travels on, and of the four for the result.
        """
        queue = f"VXM.alu{alu}"
        reads = [f"{name}.read" for name in term.slices]
        group = Stream(streams[0], self._direction(reads[0], [queue]))
        at = max(self._flight(read, isa.READ, queue, op) for read in reads)
        chain: Chain = []
        for read, stream in zip(reads, group.group(dtype.streams), strict=True):
            begin = at - self._flight(read, isa.READ, queue, op)
            chain.append(Item(begin, read, isa.READ, {"dst": stream, "address": term.address}))
        operands: dict[str, Any] = {"dst": None, "a": Alu(alu), "b": TypedStream(group, dtype)}
        if op is isa.COPY:
            operands = {"dst": None, "a": TypedStream(group, DType.I32)}
        elif op is isa.FADD:
            operands["to"] = dtype.text
        if into is not None:
            writes = [f"{name}.write" for name in into.slices]
            result = Stream(streams[1], self._direction(queue, writes))
            operands["dst"] = TypedStream(result, dtype)
            for write, stream in zip(writes, result.group(dtype.streams), strict=True):
                written = at + self._flight(queue, op, write, isa.WRITE)
                chain.append(Item(written, write, isa.WRITE, {"src": stream, "address": into.address}))
        return [*chain, Item(at, queue, op, operands)]

    def link(self, unit: str, link: int) -> str:
        """The queue of a link's end."""
        return _links(self.config)[unit, link]

    def _flight(self, producer: str, produces: Op, consumer: str, consumes: Op) -> int:
        return flight(self.config, producer, produces, consumer, consumes)

    def _direction(self, producer: str, consumers: Sequence[str]) -> Direction:
        """The way from a producer to all its consumers. ValueError if they lie on both sides of it."""
        known = isa.queue_by_name(self.config)
        here = known[producer].position
        east = [name for name in consumers if known[name].position > here]
        west = [name for name in consumers if known[name].position < here]
        if east and west:
            raise ValueError(f"{producer} must have what takes its value on one side, not {west[0]} and {east[0]}")
        return Direction.WEST if west else Direction.EAST
