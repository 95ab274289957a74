"""The receiving end of a link: words in the sender's clock become packets and beacons in the chip's."""

from __future__ import annotations

from amaranth.hdl import Cat, ClockDomain, ClockSignal, Const, Module, Mux, ResetSignal, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.cdc import ResetSynchronizer
from amaranth.lib.fifo import AsyncFIFO
from amaranth.lib.wiring import In, Out

from ..config import ChipConfig
from .codes import CRC_START, Corrector, crc_of, crc_part
from .word import BEACON, BEACONS, WordType, crc_words, packet_layout, vector_words, wire_bits, word_code, word_layout

DEPTH = 4
"""Packets, and beacons, that can be on their way to the other clock. The next packet, and the next beacon, comes four
words after one, or later, and each is taken as soon as it has crossed."""


class Receiver(wiring.Component):
    """Mends words, brings together packets and takes what is whole to the chip's clock.

    What is wrong with a packet is never guessed: one with a word that cannot be mended, with a word too few or too
    many, or with the wrong CRC, is reported as a bad one, and so are words that belong to none.

    The sender's clock may stop, or never have run: then nothing arrives. Resetting the chip resets both sides; the
    sender's clock is needed to leave reset, not to enter it.

    In a pipelined build packets and beacons cross a clock later, so a link is longer by it: nothing but registers is in
    front of the memories.

    Parameters
    ----------
    config : ChipConfig
        The build.

    Members
    -------
    wire_clk : In(1)
        The sender's clock.
    i_wire : In(wire_bits)
        A word, stable about each rising edge of ``wire_clk``.
    arrived, packet : Out(1), Out(packet_layout(lanes))
        A packet has crossed. Of bad ones that come within three words only one is reported.
    heard, beacon : Out(1), Out(BEACON)
        A beacon has crossed.
    """

    def __init__(self, config: ChipConfig):
        self.link_bits = config.link_bits
        self.lanes = config.lanes
        self.packet_words = config.packet_words
        self.pipelined = config.pipelined
        super().__init__(
            {
                "wire_clk": In(1),
                "i_wire": In(wire_bits(config)),
                "arrived": Out(1),
                "packet": Out(packet_layout(config.lanes)),
                "heard": Out(1),
                "beacon": Out(BEACON),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        # Asynchronous, because a clock that stands still must not keep its flip-flops from being reset.
        m.domains.wire = ClockDomain(async_reset=True, local=True)
        m.d.comb += ClockSignal("wire").eq(self.wire_clk)
        m.submodules.reset = ResetSynchronizer(ResetSignal("sync", allow_reset_less=True), domain="wire")
        word, single, wrong = self._words(m)

        beacon, is_beacon = Signal(BEACON), Signal()
        m.d.comb += [
            beacon.type.eq(word.type),
            beacon.payload.eq(word.payload),
            is_beacon.eq(~wrong & Cat(word.type == kind for kind in BEACONS).any()),
        ]
        if self.pipelined:
            is_beacon, beacon = _later(m, is_beacon, "was_beacon"), _later(m, beacon, "beacon_before")
        self._cross(m, "beacons", is_beacon, beacon, self.heard, self.beacon)

        packet, ended = self._packets(m, word, single, wrong)
        self._cross(m, "packets", ended, packet, self.arrived, self.packet)
        return m

    def _words(self, m: Module) -> tuple:
        """The mended word, whether a bit of it was flipped, and whether more were: two cycles after the wire."""
        m.submodules.corrector = corrector = Corrector(word_code(self.link_bits))
        raw = Signal.like(self.i_wire)
        word, single, wrong = Signal(word_layout(self.link_bits)), Signal(), Signal()
        m.d.wire += [raw.eq(self.i_wire), word.eq(corrector.o), single.eq(corrector.mended), wrong.eq(corrector.wrong)]
        m.d.comb += corrector.i.eq(raw)
        return word, single, wrong

    def _cross(self, m: Module, name: str, write, item, arrives, arrived) -> None:
        """To the chip's clock, where whatever comes is taken at once."""
        layout = item.shape()
        m.submodules[name] = fifo = AsyncFIFO(width=layout.size, depth=DEPTH, w_domain="wire", r_domain="sync")
        m.d.comb += [
            fifo.w_en.eq(write),
            fifo.w_data.eq(item),
            fifo.r_en.eq(1),
            arrives.eq(fifo.r_rdy),
            arrived.eq(fifo.r_data),
        ]

    def _packets(self, m: Module, word, single: Signal, wrong: Signal) -> tuple:
        """What a packet has come to, and whether one ends in this cycle, well or not; in a pipelined build the cycle
        after it.
        """
        in_vector = vector_words(self.lanes, self.link_bits)
        starts, goes_on, inside, last = Signal(), Signal(), Signal(), Signal()
        position = Signal(range(self.packet_words))  # of the word that comes next; 0 outside packets
        broken, mended = Signal(), Signal()  # what is known of the words before
        crc = Signal(32)
        stray = Signal()  # these words belong to no packet, and that has been said
        differs, good, failed, ends = Signal(), Signal(), Signal(), Signal()
        takes, payload = Signal(), word.payload  # a word of the vector
        quiet = Signal(range(DEPTH))
        packet = Signal(packet_layout(self.lanes))
        number, vector = Signal.like(packet.number), Signal.like(packet.vector, reset_less=True)
        m.d.comb += [
            starts.eq(~wrong & (word.type == WordType.START)),
            goes_on.eq(~wrong & (word.type == WordType.BODY)),
            inside.eq(position != 0),
            last.eq(position == self.packet_words - 1),
        ]
        for n in range(crc_words(self.link_bits)):
            with m.If(position == in_vector + 1 + n):
                m.d.comb += differs.eq(word.payload != crc_part(crc, n, self.link_bits))

        with m.If(starts):
            m.d.comb += failed.eq(inside)
            m.d.wire += [
                position.eq(1),
                broken.eq(0),
                mended.eq(single),
                number.eq(word.payload),
                crc.eq(crc_of(Const(CRC_START, 32), word.payload)),
                stray.eq(0),
            ]
        with m.Elif(inside & (goes_on | wrong)):
            m.d.wire += [
                position.eq(Mux(last, 0, position + 1)),
                broken.eq(broken | wrong | differs),
                mended.eq(mended | single),
            ]
            with m.If(position <= in_vector):
                m.d.comb += takes.eq(1)
                m.d.wire += crc.eq(crc_of(crc, word.payload))
            m.d.comb += [good.eq(last & ~broken & ~wrong & ~differs), failed.eq(last & ~good)]
        with m.Elif(inside):
            # What follows may be the rest of the packet: it has been reported with it.
            m.d.comb += failed.eq(1)
            m.d.wire += [position.eq(0), stray.eq(1)]
        with m.Elif(goes_on):
            m.d.comb += failed.eq(~stray)
            m.d.wire += stray.eq(1)
        with m.Elif(~wrong):
            m.d.wire += stray.eq(0)

        # Reports of bad packets never take a good one's place.
        with m.If(ends & failed):
            m.d.wire += quiet.eq(DEPTH - 1)
        with m.Elif(quiet != 0):
            m.d.wire += quiet.eq(quiet - 1)
        m.d.comb += ends.eq(good | (failed & (quiet == 0)))
        corrected = mended | single
        if self.pipelined:
            number, corrected, good, ends = (
                _later(m, value, name)
                for name, value in {
                    "its_number": number,
                    "corrected": corrected,
                    "was_good": good,
                    "ended": ends,
                }.items()
            )
            # The CRC comes behind the vector, so that is whole by then.
            takes, payload = _later(m, takes, "took"), _later(m, payload, "payload_before")
        with m.If(takes):
            m.d.wire += vector.eq(Cat(vector, payload)[self.link_bits :])
        m.d.comb += [
            packet.number.eq(number),
            packet.good.eq(good),
            packet.corrected.eq(corrected),
            packet.vector.eq(vector),
        ]
        return packet, ends


def _later(m: Module, value: Value, name: str):
    """A value one clock of the sender later."""
    later = Signal(value.shape(), name=name)
    m.d.wire += later.eq(value)
    return later
