"""What the align queue waits for: epochs, aligned time, the chips at the other ends of links."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, enum, wiring
from amaranth.lib.wiring import In, Out

from .. import isa
from ..config import ChipConfig
from ..icu.clockwork import LOOK_AHEAD
from ..streams import dispatch_layout
from .counter import COUNTER_BITS
from .word import NOTIFY_BITS

EPOCH_BITS = (isa.EPOCH_CYCLES - 1).bit_length()

UNSTEADY = 4
"""Clocks by which an aligned counter may have come nearer to the root's, or farther from it, since the program last
went by it. They are no drift."""

SETTLED = 2
"""Clocks for which a link must be up before what it shows counts: what came before is of an earlier time."""


class Wait(enum.Enum):
    """What the align queue waits for."""

    NOTHING = 0
    EPOCH = 1
    TIME = 2
    LINK = 3


class Aligner(wiring.Component):
    """Executes the instructions of the align queue, and compares program time with aligned time.

    Parameters
    ----------
    config : ChipConfig
        The build, with links.

    Members
    -------
    control : In(dispatch_layout)
        The align queue's instruction, in the clock of its dispatch.
    elapsed : In(64)
        From the clockwork: one more than the cycle that is being dispatched.
    time : In(32)
        The aligned counter.
    clear : In(1)
        A program begins.
    restart : In(1)
        Forget the NOTIFY_LINKS that have come.
    up, notifies : In(links), In(8 bits for each link)
        Of each link: it is up; the NOTIFY_LINKS that its other end has sent, modulo 256.
    resume : Out(1)
        The align queue goes on: its next instruction is dispatched two clocks later.
    cycle : Out(64)
        With ``resume``: the cycle of that dispatch.
    notify : Out(links)
        A NOTIFY_LINKS for these is being dispatched.
    drift : Out(1)
        Program time is more than ``link_drift`` and UNSTEADY from aligned time, or a RUNTIME_DESKEW should be over when
        it begins.
    """

    def __init__(self, config: ChipConfig):
        self.config = config
        super().__init__(
            {
                "control": In(dispatch_layout(isa.C2C_ALIGN.word_bits)),
                "elapsed": In(64),
                "time": In(COUNTER_BITS),
                "clear": In(1),
                "restart": In(1),
                "up": In(config.links),
                "notifies": In(data.ArrayLayout(NOTIFY_BITS, config.links)),
                "resume": Out(1),
                "cycle": Out(64),
                "notify": Out(config.links),
                "drift": Out(1),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        wait = Signal(Wait)
        link = Signal(isa.LINK.width)
        now = Signal(64)
        overdue = Signal()
        base = Signal(COUNTER_BITS)  # aligned time of cycle 0
        aligned = Signal()  # a DESKEW has set it
        m.d.comb += now.eq(self.elapsed - 1)

        # Aligned time of the next dispatch, if the queue went on now; and the epoch of that, a clock earlier.
        ahead = Signal(COUNTER_BITS)
        epoch = Signal(COUNTER_BITS - EPOCH_BITS)
        m.d.comb += ahead.eq(self.time + LOOK_AHEAD)
        m.d.sync += epoch.eq(ahead[EPOCH_BITS:])
        late = Signal(COUNTER_BITS)
        m.d.comb += late.eq(ahead - base - self.cycle[:COUNTER_BITS])
        pending = self._pending(m, self.resume & (wait == Wait.LINK), link)
        with m.Switch(wait):
            with m.Case(Wait.EPOCH):
                m.d.comb += self.resume.eq(ahead[EPOCH_BITS:] != epoch)
                with m.If(self.resume):
                    boundary = ahead[EPOCH_BITS:] << EPOCH_BITS
                    m.d.sync += [base.eq(boundary - self.cycle[:COUNTER_BITS]), aligned.eq(1)]
            with m.Case(Wait.TIME):
                m.d.comb += self.resume.eq(~late[-1])
            with m.Case(Wait.LINK):
                m.d.comb += self.resume.eq(pending.bit_select(link, 1))
        with m.If(self.resume):
            m.d.sync += wait.eq(Wait.NOTHING)

        first = Signal()  # first clock of a wait
        word = self.control.word
        m.d.sync += first.eq(self.control.valid)
        m.d.comb += overdue.eq(first & (wait == Wait.TIME) & ~late[-1] & (late != 0))
        with m.If(self.control.valid):
            m.d.sync += link.eq(word[isa.LINK.bits])
            with m.Switch(word[: isa.OPCODE_BITS]):
                with m.Case(isa.DESKEW.pattern):
                    m.d.sync += [wait.eq(Wait.EPOCH), self.cycle.eq(now + isa.DESKEW.d_func(self.config))]
                with m.Case(isa.RUNTIME_DESKEW.pattern):
                    m.d.sync += [wait.eq(Wait.TIME), self.cycle.eq(now + word[isa.DESKEW_CYCLES.bits])]
                with m.Case(isa.SYNC_LINK.pattern):
                    m.d.sync += [wait.eq(Wait.LINK), self.cycle.eq(now + isa.SYNC_LINK.d_func(self.config))]
                with m.Case(isa.NOTIFY_LINKS.pattern):
                    m.d.comb += self.notify.eq(word[isa.LINK_SET.bits])
        with m.If(self.clear):
            m.d.sync += [wait.eq(Wait.NOTHING), aligned.eq(0)]

        drift = Signal(COUNTER_BITS)
        distance = Signal(COUNTER_BITS)
        m.d.comb += [
            drift.eq(self.time - base - now[:COUNTER_BITS]),
            distance.eq(Mux(drift[-1], -drift, drift)),
            self.drift.eq((aligned & (distance > self.config.link_drift + UNSTEADY)) | overdue),
        ]
        return m

    def _pending(self, m: Module, taken: Signal, link: Signal) -> Signal:
        """Links over which a NOTIFY_LINKS has come that no SYNC_LINK has waited for; one may be ``taken`` now."""
        pending = Signal(self.config.links)
        for n in range(self.config.links):
            waited_for = Signal(NOTIFY_BITS, name=f"waited_for{n}")
            up_since = Signal(SETTLED, name=f"up{n}_since")
            settled = up_since.all() & self.up[n]
            m.d.sync += up_since.eq(Cat(self.up[n], up_since))
            m.d.comb += pending[n].eq(settled & (self.notifies[n] != waited_for))
            with m.If(~settled | self.restart):
                m.d.sync += waited_for.eq(self.notifies[n])
            with m.Elif(taken & (link == n)):
                m.d.sync += waited_for.eq(waited_for + 1)
        return pending
