"""Frames of the host port on a line of bytes that may lose some: SLIP in, beats out, and the other way.

Whatever comes in, the chip answers each frame that is not good once, and is ready for the next after the next END.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import enum, stream, wiring
from amaranth.lib.wiring import In, Out

from ..isa import host
from ..isa.slip import END, ESCAPE, ESCAPED_END, ESCAPED_ESCAPE
from .frame import BEAT_BITS, Header

BYTE_BITS = 8

SPOILT = 0xFF
"""First and last byte of a beat that stands for what cannot be made out: no header, as the magic is another, and no
trailer, as all beyond the CRC must be zero."""


class SlipReceiver(wiring.Component):
    """Beats from bytes.

    A frame that holds an illegal escape, a byte without stop bit or an odd number of bytes ends in a beat that is
    neither header nor trailer, in place of what is missing or cannot be trusted. What follows an illegal escape is
    dropped until END. So is, after a beat that was not taken before the next byte came, the rest of its frame.

    Members
    -------
    data, valid, bad : In(8), In(1), In(1)
        Bytes as a UartReceiver gives them, not more often than every fourth cycle.
    o : Out(stream.Signature(128))
        Beats.
    abandon : Out(1)
        High for one cycle when an END has come and the beats before it have been taken.
    """

    data: In(BYTE_BITS)
    valid: In(1)
    bad: In(1)
    o: Out(stream.Signature(BEAT_BITS))
    abandon: Out(1)

    def elaborate(self, platform):
        m = Module()
        beat = Signal(BEAT_BITS)
        full = Signal()
        number = Signal(range(host.BEAT_BYTES))
        escaped, spoiled = Signal(), Signal()
        closing, broken = Signal(), Signal()  # an END has come; a spoilt beat is to be sent before it counts
        spoilt = Signal()
        mark = Mux(spoilt, SPOILT, 0)
        m.d.comb += [self.o.payload.eq(beat | mark | mark << BEAT_BITS - BYTE_BITS), self.o.valid.eq(full)]
        with m.If(self.o.ready):
            m.d.sync += full.eq(0)
        m.d.sync += self.abandon.eq(0)
        with m.If(closing & ~full):
            m.d.sync += [closing.eq(broken), broken.eq(0), self.abandon.eq(~broken)]
            with m.If(broken):
                m.d.sync += [spoilt.eq(1), full.eq(1)]

        byte = Signal(BYTE_BITS)
        is_end, is_escape, is_plain = Signal(), Signal(), Signal()
        m.d.comb += [
            byte.eq(Mux(escaped, Mux(self.data == ESCAPED_END, END, ESCAPE), self.data)),
            is_end.eq(self.data == END),
            is_escape.eq((self.data == ESCAPE) & ~escaped),
            is_plain.eq(~escaped | (self.data == ESCAPED_END) | (self.data == ESCAPED_ESCAPE)),
        ]
        with m.If(self.valid):
            m.d.sync += escaped.eq(0)
            with m.If(self.bad):
                m.d.sync += spoiled.eq(1)
            with m.Elif(is_end):
                m.d.sync += [closing.eq(1), spoiled.eq(0), number.eq(0)]
                with m.If(spoiled | escaped | (number != 0)):
                    m.d.sync += broken.eq(1)
            with m.Elif(spoiled):
                pass
            with m.Elif(full | closing | ~is_plain):
                m.d.sync += spoiled.eq(1)
            with m.Elif(is_escape):
                m.d.sync += escaped.eq(1)
            with m.Else():
                m.d.sync += [beat.eq(Cat(beat[BYTE_BITS:], byte)), number.eq(number + 1)]
                m.d.sync += [full.eq(number == host.BEAT_BYTES - 1), spoilt.eq(0)]
        return m


class State(enum.Enum):
    """What a transmitter does in this cycle: take a beat, or offer a byte."""

    TAKE = 0
    BEGIN = 1
    """END before a frame."""
    BYTES = 2
    ESCAPED = 3
    """The second byte of an escape."""
    CLOSE = 4
    """END behind a frame."""


class SlipTransmitter(wiring.Component):
    """Bytes from the beats of response frames, an END before each frame and one behind it.

    Members
    -------
    i : In(stream.Signature(128))
        Beats; a header's ``count`` says how many follow.
    o : Out(stream.Signature(8))
        Bytes.
    """

    i: In(stream.Signature(BEAT_BITS))
    o: Out(stream.Signature(BYTE_BITS))

    def elaborate(self, platform):
        m = Module()
        state = Signal(State)
        beat = Signal(BEAT_BITS)
        inside = Signal()
        to_come = Signal(range(host.MAX_BEATS + 2))  # beats of the frame behind this one
        number = Signal(range(host.BEAT_BYTES))
        byte = beat[:BYTE_BITS]
        special = Signal()
        header = Signal(Header)
        m.d.comb += [
            header.eq(self.i.payload),
            special.eq((byte == END) | (byte == ESCAPE)),
            self.i.ready.eq(state == State.TAKE),
            self.o.valid.eq(state != State.TAKE),
        ]
        with m.Switch(state):
            with m.Case(State.BEGIN, State.CLOSE):
                m.d.comb += self.o.payload.eq(END)
            with m.Case(State.BYTES):
                m.d.comb += self.o.payload.eq(Mux(special, ESCAPE, byte))
            with m.Case(State.ESCAPED):
                m.d.comb += self.o.payload.eq(Mux(byte == END, ESCAPED_END, ESCAPED_ESCAPE))

        shift = Signal()
        m.d.comb += shift.eq(
            self.o.ready & (((state == State.BYTES) & ~special) | (state == State.ESCAPED)),
        )
        with m.If((state == State.TAKE) | shift):
            m.d.sync += beat.eq(Mux(state == State.TAKE, self.i.payload, beat >> BYTE_BITS))
        with m.If((state == State.TAKE) & self.i.valid):
            m.d.sync += [number.eq(0), inside.eq(1)]
            m.d.sync += to_come.eq(Mux(inside, to_come - 1, header.count + 1))
            m.d.sync += state.eq(Mux(inside, State.BYTES, State.BEGIN))
        with m.If(self.o.valid & self.o.ready):
            with m.Switch(state):
                with m.Case(State.BEGIN):
                    m.d.sync += state.eq(State.BYTES)
                with m.Case(State.CLOSE):
                    m.d.sync += [state.eq(State.TAKE), inside.eq(0)]
            with m.If((state == State.BYTES) & special):
                m.d.sync += state.eq(State.ESCAPED)
            with m.Elif(shift):
                m.d.sync += [number.eq(number + 1), state.eq(State.BYTES)]
                with m.If(number == host.BEAT_BYTES - 1):
                    m.d.sync += state.eq(Mux(to_come == 0, State.CLOSE, State.TAKE))
        return m
