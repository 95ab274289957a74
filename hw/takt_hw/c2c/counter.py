"""The chip's aligned counter: runs with the parent's, and so with the root's."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..isa import EPOCH_CYCLES
from .bearings import BEARING, TOLERANCE
from .word import TIME_BITS

COUNTER_BITS = 32

SETTLE_CYCLES = 2 * EPOCH_CYCLES
"""Cycles after which the other end has seen the time it was told and what it makes of it is on its way back: a link is
shorter than an epoch."""

TELLINGS = 2
"""Times that the other end must have been told before what it says of the link is news: it believes the second."""

STEADY_ADJUSTMENTS = 2
"""Adjustments without much to adjust that make a counter an aligned one."""


WORKING_OUT = 2


class AlignedCounter(wiring.Component):
    """Counts clocks, and turns itself back by half the difference between both ends' lengths of the parent's link.

    An adjustment waits until both lengths are measured after the one before, however long wires and packets take, so
    none is made twice. It is made in the middle of an epoch: a small one never skips or repeats an epoch's beginning.

    Chips agree on the low TIME_BITS of their counters. The first adjustment may be of any size. It takes from both
    lengths more than their difference: by that alone half an overflow could not be told from none.

    Parameters
    ----------
    pipelined : bool
        Whether the build is pipelined: then what an adjustment comes to is worked out in WORKING_OUT cycles, and it is
        made a cycle later.

    Members
    -------
    restart : In(1)
        Begin to align. Before the first one the counter is not aligned and nothing is adjusted.
    root : In(1)
        From ``restart`` on: the chip has no parent. It never adjusts.
    parent : In(BEARING)
        Of the link to the parent.
    count : Out(COUNTER_BITS)
        The counter.
    aligned : Out(1)
        In the root: since ``restart``. Else: the parent is, and since then two adjustments found the lengths within
        TOLERANCE of each other.
    """

    restart: In(1)
    root: In(1)
    parent: In(BEARING)
    count: Out(COUNTER_BITS)
    aligned: Out(1)

    def __init__(self, pipelined: bool = False):
        self.pipelined = pipelined
        super().__init__()

    def elaborate(self, platform) -> Module:
        m = Module()
        begun = Signal()
        both, excess = Signal(TIME_BITS), Signal(signed(TIME_BITS + 1))
        ahead = Signal(signed(TIME_BITS + 1))
        # There and back: what the counters show does not matter, and it is short.
        worked_out = "sync" if self.pipelined else "comb"
        m.d[worked_out] += both.eq(self.parent.length + self.parent.theirs)
        m.d[worked_out] += excess.eq((self.parent.length << 1) - both)  # twice what the counter is ahead by
        m.d.comb += ahead.eq((excess + excess[-1]) >> 1)

        told, settled = Signal(range(TELLINGS + 1)), Signal(range(SETTLE_CYCLES + 1))
        measured, sighted, adjusting = Signal(), Signal(), Signal()
        in_the_middle = self.count[: EPOCH_CYCLES.bit_length() - 1] == EPOCH_CYCLES // 2
        known = measured & sighted
        if self.pipelined:
            known_for = Signal(WORKING_OUT)
            m.d.sync += known_for.eq(Mux(known, Cat(known, known_for), 0))
            known = known & known_for.all()
        m.d.comb += adjusting.eq(known & in_the_middle)
        with m.If(~begun | self.root | self.restart | ~self.parent.up | adjusting):
            m.d.sync += [told.eq(0), settled.eq(0), measured.eq(0), sighted.eq(0)]
        with m.Elif(told != TELLINGS):
            m.d.sync += told.eq(told + self.parent.told)
        with m.Elif(settled != SETTLE_CYCLES):
            m.d.sync += settled.eq(settled + 1)
        with m.Else():
            m.d.sync += [measured.eq(measured | self.parent.measured), sighted.eq(sighted | self.parent.sighted)]
        if self.pipelined:
            step = Signal(signed(TIME_BITS + 1), init=1)
            m.d.sync += [step.eq(Mux(adjusting, 1 - ahead, 1)), self.count.eq(self.count + step)]
        else:
            m.d.sync += self.count.eq(self.count + 1 - Mux(adjusting, ahead, 0))

        steady = Signal(range(STEADY_ADJUSTMENTS + 1))
        with m.If(self.restart):
            m.d.sync += begun.eq(1)
        with m.If(self.restart | ~self.parent.up | ~self.parent.aligned):
            m.d.sync += steady.eq(0)
        with m.Elif(adjusting & (steady != STEADY_ADJUSTMENTS)):
            small = (excess >= -TOLERANCE) & (excess <= TOLERANCE)
            m.d.sync += steady.eq(Mux(small, steady + 1, 0))
        m.d.comb += self.aligned.eq(begun & (self.root | (steady == STEADY_ADJUSTMENTS)))
        return m
