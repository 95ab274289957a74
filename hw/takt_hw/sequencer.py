"""The chip's instruction queues, the ways of text into them, and what reaches them from the host."""

from __future__ import annotations

from functools import partial
from typing import Any

from amaranth.hdl import Cat, Module, Signal, Value

from . import isa
from .config import ChipConfig
from .icu.clockwork import Clockwork
from .icu.fetch import FetchPort
from .icu.pipelined import START_CYCLES, PipelinedQueue
from .icu.queue import InstructionQueue
from .icu.text import TextPort
from .streams import BITS
from .superlane import CONTROL_LATENCY, fetch_bits, queue_ports
from .tiles import TileLibrary

HOST_REGISTERS = 1
"""Registers between the host's bus and the queues of a pipelined build. Text has more, in its `TextPort`."""


def late(config: ChipConfig) -> int:
    """Cycles by which a pipelined build's programs begin later."""
    return HOST_REGISTERS + START_CYCLES if config.pipelined else 0


def place_queues(m: Module, tiles: TileLibrary, config: ChipConfig, bus, clockwork: Clockwork) -> dict[str, Any]:
    """Add all queues to the chip; returns them by the name of their ports. Without their text in a pipelined build."""
    kind = PipelinedQueue if config.pipelined else InstructionQueue
    queues: dict[str, Any] = {}
    if config.pipelined:
        entry = {name: Signal.like(getattr(bus, name)) for name in ("entry_write", "entry_start", "entry_clear")}
        m.d.sync += [register.eq(getattr(bus, name)) for name, register in entry.items()]
        entry["entry_end"] = Signal.like(bus.entry_count)
        start = Signal.like(bus.start)
        m.d.sync += [entry["entry_end"].eq(bus.entry_start + bus.entry_count), start.eq(bus.start)]
    else:
        entry = {name: getattr(bus, name) for name in ("entry_write", "entry_start", "entry_count", "entry_clear")}
        start = bus.start
    release = clockwork.release
    for queue, name in queue_ports(config):
        build = partial(kind, queue.unit, config.queue_words)
        icu = tiles.place(m, f"queue_{name}", f"queue_{queue.unit.name}", build)
        addressed = _addressed(m, config, bus, queue.index)
        m.d.comb += [
            icu.entry_write.eq(entry["entry_write"] & addressed),
            *(getattr(icu, port).eq(value) for port, value in entry.items() if port != "entry_write"),
            icu.start.eq(start),
            icu.release.eq(tiles.relay(m, f"release_{name}", release) if config.pipelined else release),
            clockwork.notify[queue.index].eq(icu.notify),
            clockwork.ended[queue.index].eq(icu.ended),
        ]
        if not config.pipelined:
            m.d.comb += [
                icu.text_write.eq(bus.text_write & addressed),
                icu.text_address.eq(bus.address),
                icu.text_data.eq(bus.write_data),
            ]
        queues[name] = icu
    return queues


def place_fetch_ports(
    m: Module, tiles: TileLibrary, config: ChipConfig, bus, clear: Value, queues: dict[str, Any], superlanes: list
) -> list:
    """Add the way of text into the queues of each position; returns whether IFETCHes meet there."""
    conflicts = []
    kind = TextPort if config.pipelined else FetchPort
    host = _HostText(m, bus) if config.pipelined else None
    for position, what in enumerate(config.row):
        here = [(queue, name, queues[name]) for queue, name in queue_ports(config) if queue.position == position]
        take = CONTROL_LATENCY + config.mending_cycles
        build = partial(kind, config.superlanes, len(here), fetch_bits(config, position), take)
        fetch = tiles.place(m, f"fetch{position}", f"fetch_{what.value}", build)
        m.d.comb += [fetch.clear.eq(clear), getattr(superlanes[0], f"i_fetch{position}").eq(fetch.take)]
        if host is not None:
            m.d.comb += [fetch.host_write.eq(host.write), fetch.host_word.eq(host.word)]
        for n, (queue, name, icu) in enumerate(here):
            m.d.comb += getattr(fetch, f"ask{n}").eq(icu.fetch)
            if host is None:
                m.d.comb += [icu.arrives.eq(fetch.arrives[n]), icu.fetched.eq(fetch.word)]
            else:
                # to each queue with a register of its own, in which nothing of an earlier program stays
                arrives = fetch.arrives[n] & ~clear
                writes = host.late_write & _addressed(m, config, bus, queue.index)
                word, address = fetch.word[: len(icu.text_data)], host.late_address[: len(icu.text_address)]
                text = Cat(word, fetch.marks, address, writes, arrives)
                ports = Cat(icu.text_data, icu.text_marks, icu.text_address, icu.text_write, icu.arrives)
                m.d.comb += ports.eq(tiles.relay(m, f"text_{name}", text))
        for k, ports in enumerate(superlanes):
            m.d.comb += getattr(fetch, f"fetched{k}").eq(getattr(ports, f"fetched{position}"))
        for below, above in zip(superlanes, superlanes[1:], strict=False):
            m.d.comb += getattr(above, f"i_fetch{position}").eq(getattr(below, f"o_fetch{position}"))
        conflicts.append(fetch.conflict)
    return conflicts


class _HostText:
    """A word of text on its way to its queue: in ``word`` with ``write``; ``late`` is as late as its `TextPort`."""

    def __init__(self, m: Module, bus):
        self.write = Signal()
        self.word = Signal(BITS, reset_less=True)
        address = Signal.like(bus.address, reset_less=True)
        m.d.sync += [self.write.eq(bus.text_write), self.word.eq(bus.write_data), address.eq(bus.address)]
        self.late_write, self.late_address = self.write, address
        for _ in range(TextPort.host_latency):
            write, address = self.late_write, self.late_address
            self.late_write, self.late_address = Signal(), Signal.like(address, reset_less=True)
            m.d.sync += [self.late_write.eq(write), self.late_address.eq(address)]


def _addressed(m: Module, config: ChipConfig, bus, index: int) -> Value:
    """Whether the host means a queue. In a pipelined build a cycle later, and still so when what it wants arrives."""
    if not config.pipelined:
        return bus.queue == index
    addressed = Signal(name=f"queue{index}_addressed", reset_less=True)
    number = bus.queue[: (len(isa.queues(config)) - 1).bit_length()]  # others are refused
    m.d.sync += addressed.eq(number == index)
    return addressed
