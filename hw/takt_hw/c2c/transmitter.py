"""The sending end of a link: packets, and beacons between them."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..config import ChipConfig
from ..streams import BITS, pick
from .codes import CRC_START, crc_of, crc_part, encode
from .word import (
    BEACON_GAP,
    BEACONS,
    NOTIFY_BITS,
    NUMBER_BITS,
    STATE,
    TIME_BITS,
    WordType,
    crc_words,
    vector_words,
    wire_bits,
    word_code,
    word_layout,
)


class Transmitter(wiring.Component):
    """Makes one word of a link per cycle.

    Superlane k's part of a vector is looked at k cycles after superlane 0's, or later.

    Parameters
    ----------
    config : ChipConfig
        The build.

    Attributes
    ----------
    latency : int
        Cycles from what a word tells (``send``, ``time``, …) to ``wire``: 2.

    Members
    -------
    send : In(1)
        A packet begins.
    vector{k} : In(BITS)
        Superlane k's part of its vector, from k cycles after ``send`` on until k cycles after the next.
    clear : In(1)
        The next packet is number 0.
    time, length : In(TIME_BITS)
        Aligned counter, and how long the link looks from here.
    notified : In(NOTIFY_BITS)
        NOTIFY_LINKS sent so far.
    hears, aligned : In(1)
        Whether ``length`` has been measured lately; whether the counter is aligned.
    wire : Out(wire_bits)
        The word.
    told : Out(1)
        ``time`` is made a word in this cycle.
    conflict : Out(1)
        A ``send`` less than `packet_cycles` after the one before. It has a number and no packet, and the packet that is
        on its way is made to arrive as a bad one, since its vector may be gone.
    """

    latency = 2

    def __init__(self, config: ChipConfig):
        self.superlanes = config.superlanes
        self.link_bits = config.link_bits
        self.vector_words = vector_words(config.lanes, config.link_bits)
        self.packet_words = config.packet_words
        super().__init__(
            {
                "send": In(1),
                **{f"vector{k}": In(BITS) for k in range(config.superlanes)},
                "clear": In(1),
                "time": In(TIME_BITS),
                "length": In(TIME_BITS),
                "notified": In(NOTIFY_BITS),
                "hears": In(1),
                "aligned": In(1),
                "wire": Out(wire_bits(config)),
                "told": Out(1),
                "conflict": Out(1),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        # First cycle: which word.
        number = Signal(NUMBER_BITS)
        position = Signal(range(self.packet_words + 1))  # of the next word in its packet; the last stands for a pause
        word = Signal(word_layout(self.link_bits))
        summed = Signal()
        crc_word = Signal(crc_words(self.link_bits))
        spoilt = Signal()
        beacon = self._beacon(m, (position == 0) & ~self.send | (position == self.packet_words))
        vector = Cat(getattr(self, f"vector{k}") for k in range(self.superlanes))
        in_vector = (position != 0) & (position <= self.vector_words)
        parts = {n + 1: vector.word_select(n, self.link_bits) for n in range(self.vector_words)}
        m.d.comb += self.conflict.eq(self.send & (position != 0))
        m.d.sync += [
            summed.eq(0),
            crc_word.eq(Cat(position == self.vector_words + 1 + n for n in range(len(crc_word)))),
            word.eq(beacon),
        ]
        with m.If(position == 0):
            with m.If(self.send):
                m.d.sync += [
                    word.type.eq(WordType.START),
                    word.payload.eq(number),
                    summed.eq(1),
                    position.eq(1),
                    spoilt.eq(0),
                ]
        with m.Elif(position == self.packet_words):
            m.d.sync += position.eq(0)
        with m.Else():
            m.d.sync += [
                word.type.eq(WordType.BODY),
                word.payload.eq(pick(position, parts)),
                summed.eq(in_vector),
                position.eq(position + 1),
            ]
            with m.If(self.send):
                m.d.sync += spoilt.eq(1)
        with m.If(self.clear):
            m.d.sync += number.eq(0)
        with m.Elif(self.send):
            m.d.sync += number.eq(number + 1)

        # Second cycle: the CRC of the words before takes its place, and the check bits are made.
        crc, crc_before, finished = Signal(32), Signal(32), Signal.like(word)
        m.d.comb += [
            crc_before.eq(Mux(word.type == WordType.START, CRC_START, crc)),
            finished.type.eq(word.type),
            finished.payload.eq(word.payload),
        ]
        with m.If(summed):
            m.d.sync += crc.eq(crc_of(crc_before, word.payload))
        for n in range(len(crc_word)):
            with m.If(crc_word[n]):
                m.d.comb += finished.payload.eq(crc_part(Mux(spoilt, ~crc, crc), n, self.link_bits))
        m.d.sync += self.wire.eq(encode(word_code(self.link_bits), finished.as_value()))
        return m

    def _beacon(self, m: Module, free) -> Signal:
        """What to send if no packet wants the word: a beacon if enough words have passed since the last."""
        beacon = Signal(word_layout(self.link_bits))
        turn = Signal(range(len(BEACONS)))
        words_since = Signal(range(BEACON_GAP + 1))
        state = Signal(STATE)
        m.d.comb += [state.notified.eq(self.notified), state.hears.eq(self.hears), state.aligned.eq(self.aligned)]
        with m.If(words_since != BEACON_GAP):
            m.d.sync += words_since.eq(words_since + 1)
        with m.Elif(free):
            m.d.sync += [words_since.eq(0), turn.eq(Mux(turn == len(BEACONS) - 1, 0, turn + 1))]
            with m.Switch(turn):
                with m.Case(BEACONS.index(WordType.TIME)):
                    m.d.comb += [beacon.type.eq(WordType.TIME), beacon.payload.eq(self.time), self.told.eq(1)]
                with m.Case(BEACONS.index(WordType.SIGHT)):
                    # What has not been measured is not told: the other end would turn its counter by it.
                    with m.If(self.hears):
                        m.d.comb += [beacon.type.eq(WordType.SIGHT), beacon.payload.eq(self.length)]
                with m.Case(BEACONS.index(WordType.STATE)):
                    m.d.comb += [beacon.type.eq(WordType.STATE), beacon.payload.eq(state)]
        return beacon
