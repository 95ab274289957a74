"""One link of a chip, both directions of it."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import ChipConfig
from ..isa.host import LINK_COUNT_FIELDS, LINK_STATE_FIELDS
from ..streams import BITS
from .bearings import BEARING, Bearings
from .buffer import DeskewBuffer
from .receiver import Receiver
from .transmitter import Transmitter
from .word import NOTIFY_BITS, TIME_BITS, wire_bits

LINK_STATE = data.StructLayout({name: 8 * size for name, size in LINK_STATE_FIELDS})
"""Payload beat of a LINK response with address 0."""

LINK_COUNTS = data.StructLayout({name: 8 * size for name, size in LINK_COUNT_FIELDS})
"""Payload beat of a LINK response with address 1."""


class Link(wiring.Component):
    """Sends and receives vectors, tells and hears the time, and counts what happens.

    Parameters
    ----------
    config : ChipConfig
        The build.

    Attributes
    ----------
    latency : int
        Cycles from ``receive`` to ``part0``: 1, in a pipelined build 2.

    Members
    -------
    wire_clk, i_wire : In(1), In(wire_bits)
        From the other end: its clock, and a word that is stable about each rising edge of it.
    o_wire : Out(wire_bits)
        To the other end, which also gets this chip's clock.
    send : In(1)
        A vector is to be sent.
    vector{k} : In(BITS)
        Superlane k's part of it, from k cycles after ``send`` on until k cycles after the next.
    receive : In(1)
        The next vector is wanted.
    part{k} : Out(BITS)
        Superlane k's part of it, k + ``latency`` cycles after ``receive``; zeros if it is not there.
    clear : In(1)
        A program starts: vectors are forgotten, and numbered from 0 on.
    restart : In(1)
        ALIGN: forget what was measured, counted and notified.
    time, aligned : In(TIME_BITS), In(1)
        The chip's aligned counter, and whether it is aligned.
    notify : In(1)
        One more NOTIFY_LINKS for the other end.
    notifies : Out(NOTIFY_BITS)
        NOTIFY_LINKS that have come since ``restart``, modulo 256. A START does not change it.
    bearing : Out(BEARING)
        What the `AlignedCounter` needs if this is the parent's link; ``up``, ``length`` and more.
    lost : Out(1)
        With ``receive``, in a pipelined build after it: the vector is not there.
    conflict : Out(1)
        A ``send`` too soon, or a vector that came when `link_buffer` were waiting.
    state, counts : Out(LINK_STATE), Out(LINK_COUNTS)
        For the host.
    """

    def __init__(self, config: ChipConfig):
        self.config = config
        self.latency = 1 + config.receive_cycles
        super().__init__(
            {
                "wire_clk": In(1),
                "i_wire": In(wire_bits(config)),
                "o_wire": Out(wire_bits(config)),
                "send": In(1),
                **{f"vector{k}": In(BITS) for k in range(config.superlanes)},
                "receive": In(1),
                **{f"part{k}": Out(BITS) for k in range(config.superlanes)},
                "clear": In(1),
                "restart": In(1),
                "time": In(TIME_BITS),
                "aligned": In(1),
                "notify": In(1),
                "notifies": Out(NOTIFY_BITS),
                "bearing": Out(BEARING),
                "lost": Out(1),
                "conflict": Out(1),
                "state": Out(LINK_STATE),
                "counts": Out(LINK_COUNTS),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.transmitter = transmitter = Transmitter(self.config)
        m.submodules.receiver = receiver = Receiver(self.config)
        m.submodules.buffer = buffer = DeskewBuffer(self.config)
        m.submodules.bearings = bearings = Bearings(self.config.pipelined)
        # Never set back: the other end counts from where it began to listen.
        notified = Signal(NOTIFY_BITS)
        clear, notify, reports = self.clear, self.notify, m.d.comb
        if self.config.pipelined:  # what comes from far away, and goes there
            clear, notify, reports = Signal(name="clear_here"), Signal(name="notify_here"), m.d.sync
            m.d.sync += [clear.eq(self.clear), notify.eq(self.notify)]
        m.d.sync += notified.eq(notified + notify)
        reports += [
            self.lost.eq(buffer.lost),
            self.conflict.eq(transmitter.conflict | buffer.conflict),
            self.bearing.told.eq(transmitter.told),
        ]
        m.d.comb += [
            transmitter.send.eq(self.send),
            transmitter.clear.eq(clear),
            transmitter.time.eq(self.time),
            transmitter.length.eq(bearings.bearing.length),
            transmitter.notified.eq(notified),
            transmitter.hears.eq(bearings.hears),
            transmitter.aligned.eq(self.aligned),
            self.o_wire.eq(transmitter.wire),
            receiver.wire_clk.eq(self.wire_clk),
            receiver.i_wire.eq(self.i_wire),
            buffer.arrived.eq(receiver.arrived),
            buffer.packet.eq(receiver.packet),
            buffer.clear.eq(clear),
            buffer.receive.eq(self.receive),
            bearings.heard.eq(receiver.heard),
            bearings.beacon.eq(receiver.beacon),
            bearings.time.eq(self.time),
            bearings.aligned.eq(self.aligned),
            bearings.restart.eq(self.restart),
            self.notifies.eq(bearings.notifies),
            *(self.bearing[name].eq(bearings.bearing[name]) for name in BEARING.members if name != "told"),
            self.state.up.eq(bearings.bearing.up),
            self.state.aligned.eq(self.aligned),
            self.state.length.eq(bearings.bearing.length),
            self.state.shortest.eq(bearings.shortest),
            self.state.longest.eq(bearings.longest),
            self.state.theirs.eq(bearings.bearing.theirs),
        ]
        for k in range(self.config.superlanes):
            m.d.comb += [
                getattr(transmitter, f"vector{k}").eq(getattr(self, f"vector{k}")),
                getattr(self, f"part{k}").eq(getattr(buffer, f"part{k}")),
            ]
        good = receiver.arrived & receiver.packet.good
        late, conflicts = Signal.like(self.state.late), Signal.like(self.state.conflicts)
        m.d.comb += [self.state.late.eq(late), self.state.conflicts.eq(conflicts)]
        for counter, more in (
            (self.counts.vectors, good),
            (self.counts.corrected, good & receiver.packet.corrected),
            (self.counts.uncorrectable, receiver.arrived & ~receiver.packet.good),
            (self.counts.lost, self.lost),
            (late, buffer.late),
            (conflicts, self.conflict),
        ):
            if self.config.pipelined:  # counts wait: nobody reads them so soon
                counted, more = more, Signal(name="counts_more")
                m.d.sync += more.eq(counted)
            with m.If(self.restart):
                m.d.sync += counter.eq(0)
            with m.Elif(~counter.all()):
                m.d.sync += counter.eq(counter + more)
        return m
