"""Bytes on a serial line: start bit, eight data bits, lowest first, stop bit; no parity, no flow control."""

from fractions import Fraction

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import enum, stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

DATA_BITS = 8
FRAME_BITS = 1 + DATA_BITS + 1
"""Bits of a byte on the line."""

FRACTION_BITS = 6
"""Bits behind the point of a length of time in cycles. With 33 cycles per bit that is 0.03 % of a bit."""

ONE = 1 << FRACTION_BITS
"""One cycle, as times are counted here."""

LEAST_CLOCKS_PER_BIT = 4
"""Of a line that is sampled in the middle of its bits: with fewer, what the start bit's edge is off by costs too
much."""


def in_fractions(clocks_per_bit: Fraction) -> int:
    """A bit's length as times are counted here. ValueError if it is too short."""
    if clocks_per_bit < LEAST_CLOCKS_PER_BIT:
        raise ValueError(f"clocks_per_bit must be at least {LEAST_CLOCKS_PER_BIT}, not {clocks_per_bit}")
    return round(clocks_per_bit * ONE)


class State(enum.Enum):
    """What a receiver does in this cycle."""

    IDLE = 0
    BITS = 1
    BREAK = 2
    """No stop bit was there: wait for the line to be high again."""


class UartReceiver(wiring.Component):
    """Bytes from a line, each bit sampled once, in its middle as far as the start bit's edge tells.

    The line may be 4 % faster or slower than ``clocks_per_bit`` says, if that is 16 or more.

    Parameters
    ----------
    clocks_per_bit : Fraction
        Length of a bit in cycles, at least 4; need not be whole.

    Members
    -------
    rx : In(1)
        The line; of no clock.
    data, valid : Out(8), Out(1)
        A byte. ``valid`` is high for one cycle, in the middle of the byte's stop bit.
    bad : Out(1)
        With ``valid``: there was no stop bit, so ``data`` means nothing. A line that stays low says so once.

    Raises
    ------
    ValueError
        If ``clocks_per_bit`` is less than 4.
    """

    rx: In(1, init=1)
    data: Out(DATA_BITS)
    valid: Out(1)
    bad: Out(1)

    def __init__(self, clocks_per_bit: Fraction):
        self._bit = in_fractions(clocks_per_bit)
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        line = Signal(init=1)
        m.submodules.synchronizer = FFSynchronizer(self.rx, line, init=1)
        state = Signal(State)
        left = Signal(range(self._bit + 1))
        to_come = Signal(range(FRAME_BITS))
        due = Signal()
        bits = Signal(DATA_BITS)
        m.d.comb += due.eq(left[FRACTION_BITS:] == 0)
        m.d.sync += [left.eq(left - ONE), self.valid.eq(0)]
        with m.If(due):
            m.d.sync += left.eq(left + self._bit - ONE)
        with m.Switch(state):
            with m.Case(State.IDLE):
                # The edge was half a cycle ago, on average.
                m.d.sync += [left.eq(self._bit // 2 - ONE // 2), to_come.eq(FRAME_BITS - 1)]
                with m.If(~line):
                    m.d.sync += state.eq(State.BITS)
            with m.Case(State.BITS):
                with m.If(due):
                    m.d.sync += [bits.eq(Cat(bits[1:], line)), to_come.eq(to_come - 1)]
                    with m.If((to_come == FRAME_BITS - 1) & line):
                        m.d.sync += state.eq(State.IDLE)  # no start bit: a spike
                    with m.Elif(to_come == 0):
                        m.d.sync += [self.data.eq(bits), self.valid.eq(1), self.bad.eq(~line)]
                        m.d.sync += state.eq(State.IDLE)
                        with m.If(~line):
                            m.d.sync += state.eq(State.BREAK)
            with m.Case(State.BREAK):
                with m.If(line):
                    m.d.sync += state.eq(State.IDLE)
        return m


class UartTransmitter(wiring.Component):
    """Bytes to a line. A byte takes ten bits and a cycle; the line is high between bytes.

    Parameters
    ----------
    clocks_per_bit : Fraction
        Length of a bit in cycles, at least 4; need not be whole.

    Members
    -------
    i : In(stream.Signature(8))
        Bytes.
    tx : Out(1)
        The line.

    Raises
    ------
    ValueError
        If ``clocks_per_bit`` is less than 4.
    """

    i: In(stream.Signature(DATA_BITS))
    tx: Out(1, init=1)

    def __init__(self, clocks_per_bit: Fraction):
        self._bit = in_fractions(clocks_per_bit)
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        left = Signal(range(self._bit + 1))
        to_go = Signal(range(FRAME_BITS + 1))
        bits = Signal(FRAME_BITS - 1)  # those behind the one that is on the line
        m.d.comb += self.i.ready.eq(to_go == 0)
        with m.If(to_go == 0):
            m.d.sync += left.eq(self._bit - ONE)
            with m.If(self.i.valid):
                m.d.sync += [self.tx.eq(0), bits.eq(Cat(self.i.payload, 1)), to_go.eq(FRAME_BITS)]
        with m.Elif(left[FRACTION_BITS:] == 0):
            m.d.sync += [
                left.eq(left + self._bit - ONE),
                self.tx.eq(bits[0]),
                bits.eq(Cat(bits[1:], 1)),
                to_go.eq(to_go - 1),
            ]
        with m.Else():
            m.d.sync += left.eq(left - ONE)
        return m
