"""What a chip knows of the other end of a link: its time, how it sees the link, whether it listens."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .word import BEACON, NOTIFY_BITS, STATE, TIME_BITS, WordType

SILENCE_CYCLES = 1 << 10
"""Cycles without a beacon after which the other end is not heard any more: a power of two. The longest packet takes a
sixth of them."""

TOLERANCE = 2
"""Clocks by which the time seen over a link differs from one beacon to the next, at most, if all is well."""

BEARING = data.StructLayout(
    {"up": 1, "aligned": 1, "told": 1, "measured": 1, "sighted": 1, "length": TIME_BITS, "theirs": TIME_BITS}
)
"""What a child needs to know of its parent's link. ``up``: both ends hear each other. ``aligned``: the other end's
counter is aligned. ``length``, ``theirs``: how long the link looks from here and from there. In this cycle, or the one
before, ``told``: our time is sent; ``measured``: ``length`` is new; ``sighted``: ``theirs`` is new."""


class Bearings(wiring.Component):
    """Makes sense of the beacons of a link.

    A flipped bit that passed as mended must not be believed: a beacon counts if it says the same as the one of its type
    before, up to TOLERANCE for those that carry times.

    Parameters
    ----------
    pipelined : bool
        Whether the build is pipelined.

    Attributes
    ----------
    latency : int
        Cycles from ``heard`` to what it says: 1, and 2 in a pipelined build.

    Members
    -------
    heard, beacon : In(1), In(BEACON)
        From the `Receiver`.
    time : In(TIME_BITS)
        The chip's aligned counter.
    aligned : In(1)
        It is aligned.
    restart : In(1)
        Forget what is known. Nothing is heard until the other end has been heard anew.
    bearing : Out(BEARING)
        Without ``told``.
    hears : Out(1)
        ``length`` is measured, the other end's state is known, and a beacon counted in the last SILENCE_CYCLES cycles;
        a pipelined build sees two cycles later that none did.
    shortest, longest : Out(TIME_BITS)
        Of ``length`` since both ends' counters were first aligned.
    notifies : Out(NOTIFY_BITS)
        NOTIFY_LINKS of the other end since the restart, modulo 256.
    """

    heard: In(1)
    beacon: In(BEACON)
    time: In(TIME_BITS)
    aligned: In(1)
    restart: In(1)
    bearing: Out(BEARING)
    hears: Out(1)
    shortest: Out(TIME_BITS)
    longest: Out(TIME_BITS)
    notifies: Out(NOTIFY_BITS)

    def __init__(self, pipelined: bool = False):
        self.pipelined = pipelined
        self.latency = 2 if pipelined else 1
        super().__init__()

    def elaborate(self, platform) -> Module:
        m = Module()
        length, beacon, heard = Signal(TIME_BITS), Signal(BEACON), Signal()
        m.d["sync" if self.pipelined else "comb"] += [
            length.eq(self.time - self.beacon.payload),
            beacon.eq(self.beacon),
            heard.eq(self.heard),
        ]
        comes = {kind: heard & (beacon.type == kind) for kind in (WordType.TIME, WordType.SIGHT, WordType.STATE)}
        measured = self._believed(m, WordType.TIME, comes, length, TOLERANCE)
        sighted = self._believed(m, WordType.SIGHT, comes, beacon.payload, TOLERANCE)
        stated = self._believed(m, WordType.STATE, comes, beacon.payload, 0)
        state, told = Signal(STATE), Signal(STATE)
        m.d.comb += told.eq(beacon.payload)
        known = Signal(BEARING)
        m.d.sync += [known.measured.eq(measured), known.sighted.eq(sighted)]
        with m.If(measured):
            m.d.sync += known.length.eq(length)
        with m.If(sighted):
            m.d.sync += known.theirs.eq(beacon.payload)

        knows_length, knows_state = Signal(), Signal()
        silent = Signal(range(SILENCE_CYCLES + 1), init=SILENCE_CYCLES)
        counted, silence = Signal(), Signal(init=1)
        m.d["sync" if self.pipelined else "comb"] += [
            counted.eq(measured | sighted | stated),
            silence.eq(silent[-1]),
        ]
        with m.If(counted):
            m.d.sync += silent.eq(0)
        with m.Elif(~silence):
            m.d.sync += silent.eq(silent + 1)
        with m.If(measured):
            m.d.sync += knows_length.eq(1)
        # NOTIFY_LINKS are counted from what the other end says first, so that it need not restart at the same time.
        first = Signal(NOTIFY_BITS)
        with m.If(stated):
            m.d.sync += [state.eq(told), knows_state.eq(1)]
            with m.If(~knows_state):
                m.d.sync += first.eq(told.notified)
        with m.If(self.restart):
            m.d.sync += [knows_length.eq(0), knows_state.eq(0)]
        m.d.comb += [
            self.hears.eq(knows_length & knows_state & ~silence),
            self.bearing.eq(known),
            self.bearing.up.eq(self.hears & state.hears),
            self.bearing.aligned.eq(self.bearing.up & state.aligned),
            self.notifies.eq(Mux(knows_state, state.notified - first, 0)),
        ]
        self._extremes(m)
        return m

    def _believed(self, m: Module, kind: WordType, comes: dict, value: Value, tolerance: int) -> Value:
        """Whether a beacon of one type comes and agrees with the one before."""
        before = Signal(TIME_BITS, name=f"{kind.name.lower()}_before")
        apart = Signal(TIME_BITS, name=f"{kind.name.lower()}_apart")
        m.d.comb += apart.eq(value - before + tolerance)
        with m.If(comes[kind]):
            m.d.sync += before.eq(value)
        return comes[kind] & (apart <= 2 * tolerance)

    def _extremes(self, m: Module) -> None:
        keeps = Signal()
        length = self.bearing.length
        with m.If(self.restart):
            m.d.sync += keeps.eq(0)
        with m.Elif(self.aligned & self.bearing.aligned & self.bearing.measured):
            m.d.sync += keeps.eq(1)
        with m.If(self.bearing.measured):
            with m.If(~keeps | (length < self.shortest)):
                m.d.sync += self.shortest.eq(length)
            with m.If(~keeps | (length > self.longest)):
                m.d.sync += self.longest.eq(length)
