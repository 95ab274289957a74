"""The `Aligner` of a pipelined build: a register behind each sum."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal

from .. import isa
from ..icu.clockwork import LOOK_AHEAD
from .aligner import EPOCH_BITS, UNSTEADY, Aligner, Wait
from .counter import COUNTER_BITS

COMPARED = 4
"""Clocks from a RUNTIME_DESKEW's dispatch until its end is compared with the time; it takes more than these."""

DRIFT_STAGES = 4
"""Clocks that it takes to see drift. It is not looked for while these span a program cycle that was set anew."""


class PipelinedAligner(Aligner):
    """As `Aligner`, to the clock; only what it shows of a drift is later, and so are the end of a SYNC_LINK, by two
    clocks, and a RUNTIME_DESKEW that is overdue.

    The aligned counter is looked at some clocks before it counts, as if it went on evenly. An adjustment of it
    counts so much later.
    """

    def elaborate(self, platform) -> Module:
        m = Module()
        wait = Signal(Wait)
        link = Signal(isa.LINK.width)
        now, was = Signal(64), Signal(64)  # cycle of what is dispatched, and of the clock before
        base = Signal(COUNTER_BITS)  # aligned time of cycle 0
        aligned = Signal()  # a DESKEW has set it
        resumes = Signal()  # the queue goes on in the next clock: it is far away
        m.d.sync += [now.eq(self.elapsed), was.eq(now), self.resume.eq(resumes)]

        # Aligned time of the next dispatch if the queue went on in the clock after the next, and if in the next.
        coming, ahead, boundary = Signal(COUNTER_BITS), Signal(COUNTER_BITS), Signal()
        m.d.sync += [
            coming.eq(self.time + (LOOK_AHEAD + 3)),
            ahead.eq(coming),
            boundary.eq(coming[EPOCH_BITS:] != ahead[EPOCH_BITS:]),
        ]
        target, late = Signal(COUNTER_BITS), Signal(COUNTER_BITS)
        since = Signal(COMPARED)  # clocks since a wait began, one bit each
        m.d.sync += [target.eq(base + self.cycle[:COUNTER_BITS]), late.eq(coming - target)]
        # Both take until the clock after the one in which they are known, so that no sum ends in what chooses it.
        starts, started = Signal(), Signal()
        start = Signal(COUNTER_BITS - EPOCH_BITS)
        m.d.sync += [started.eq(starts), start.eq(ahead[EPOCH_BITS:])]
        with m.If(started):
            m.d.sync += [base.eq((start << EPOCH_BITS) - self.cycle[:COUNTER_BITS]), aligned.eq(1)]
        pending = self._pending(m, resumes & (wait == Wait.LINK), link)
        awaited = Signal()  # the link that is waited for had its NOTIFY_LINKS in the clock before
        m.d.sync += awaited.eq(pending.bit_select(Mux(self.control.valid, self.control.word[isa.LINK.bits], link), 1))
        with m.Switch(wait):
            with m.Case(Wait.EPOCH):
                m.d.comb += [resumes.eq(boundary), starts.eq(boundary)]
            with m.Case(Wait.TIME):
                m.d.comb += resumes.eq(since[-1] & ~late[-1])
            with m.Case(Wait.LINK):
                m.d.comb += resumes.eq(awaited)

        word = self.control.word
        code = word[: isa.OPCODE_BITS]
        waits = {isa.DESKEW: Wait.EPOCH, isa.RUNTIME_DESKEW: Wait.TIME, isa.SYNC_LINK: Wait.LINK}
        length, lasting, begun = Signal(isa.DESKEW_CYCLES.width), Signal(isa.DESKEW_CYCLES.width), Signal()
        m.d.sync += [lasting.eq(length), begun.eq(0)]
        with m.If(begun):
            m.d.sync += self.cycle.eq(was + lasting)
        with m.Switch(code):
            with m.Case(isa.RUNTIME_DESKEW.pattern):
                m.d.comb += length.eq(word[isa.DESKEW_CYCLES.bits])
            for op in (isa.DESKEW, isa.SYNC_LINK):
                with m.Case(op.pattern):
                    m.d.comb += length.eq(op.d_func(self.config))
        overdue, compared = Signal(), Signal()
        m.d.sync += compared.eq(since[-1])
        m.d.comb += overdue.eq((wait == Wait.TIME) & since[-1] & ~compared & ~late[-1] & (late != 0))
        with m.If(resumes):
            m.d.sync += [wait.eq(Wait.NOTHING), since.eq(0)]
        with m.Elif(wait != Wait.NOTHING):
            m.d.sync += since.eq(Cat(1, since))
        with m.If(self.control.valid):
            m.d.sync += link.eq(word[isa.LINK.bits])
            for op, kind in waits.items():
                with m.If(code == op.code):
                    m.d.sync += [wait.eq(kind), since.eq(1), begun.eq(1)]
            m.d.comb += self.notify.eq(Mux(code == isa.NOTIFY_LINKS.code, word[isa.LINK_SET.bits], 0))
        with m.If(self.clear):
            m.d.sync += [wait.eq(Wait.NOTHING), aligned.eq(0), started.eq(0), self.resume.eq(0)]
        self._drift(m, base, aligned, overdue)
        return m

    def _drift(self, m: Module, base: Signal, aligned: Signal, overdue: Signal) -> None:
        """Aligned time less base and program cycle is 0 if all is well."""
        most = self.config.link_drift + UNSTEADY
        apart, drift, raised = (Signal(COUNTER_BITS, name=name) for name in ("apart", "drift", "raised"))
        far, steady = Signal(), Signal(DRIFT_STAGES)
        m.d.sync += [
            apart.eq(self.time - self.elapsed[:COUNTER_BITS]),
            drift.eq(apart - base),
            raised.eq(drift + (1 + most)),  # ``elapsed`` is one more than the cycle
            far.eq(raised > 2 * most),
            steady.eq(Cat(aligned, steady)),
        ]
        with m.If(self.resume | ~aligned):
            m.d.sync += steady.eq(0)
        m.d.comb += self.drift.eq((far & steady[-1]) | overdue)
