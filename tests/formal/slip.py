"""The serial line's de-framer: a beat is 16 bytes of one frame, or it is the beat that stands for a broken one."""

from __future__ import annotations

from amaranth.asserts import AnySeq
from amaranth.hdl import Assert, Assume, Cat, Cover, Module, Mux, Signal

from takt_hw.host.slip import SlipReceiver
from takt_hw.isa.host import BEAT_BYTES
from takt_hw.isa.slip import END, ESCAPE, ESCAPED_END, ESCAPED_ESCAPE

from .inside import named, nameless
from .proof import Mutant, Proof

GAP = 4
"""Cycles from one byte to the next, at least."""


def bytes_in(m: Module) -> None:
    """Free bytes, stop bits and stalls, against a reader that keeps the bytes since the last END or beat."""
    dut = SlipReceiver()
    inside = dut.elaborate(None)
    m.submodules.dut = inside
    m.d.comb += [dut.data.eq(AnySeq(8)), dut.valid.eq(AnySeq(1)), dut.bad.eq(AnySeq(1)), dut.o.ready.eq(AnySeq(1))]
    recent = Signal(GAP - 1)
    m.d.sync += recent.eq(Cat(dut.valid, recent))
    m.d.comb += Assume(~(dut.valid & recent.any()))

    # The reader. While a beat or an END has not been dealt with, bytes are lost, and with them the rest of their frame.
    held = Signal(8 * BEAT_BYTES)
    count = Signal(range(BEAT_BYTES))  # bytes since the last END or beat
    escape, trusted = Signal(), Signal(init=1)
    closing, broken = Signal(), Signal()  # an END has not been told; before it is, a spoilt beat comes
    due = Signal()  # ``held`` is a whole beat that has not been taken
    plain, byte, ready = Signal(), Signal(8), Signal()
    m.d.comb += [
        byte.eq(Mux(escape, Mux(dut.data == ESCAPED_END, END, ESCAPE), dut.data)),
        plain.eq(Mux(escape, (dut.data == ESCAPED_END) | (dut.data == ESCAPED_ESCAPE), dut.data != ESCAPE)),
        ready.eq(~dut.o.valid & ~closing),
    ]
    spoilt = (dut.o.payload[:8] == 0xFF) & (dut.o.payload[-8:] == 0xFF)  # neither a header nor a trailer
    with m.If(closing & ~dut.o.valid):
        m.d.sync += [closing.eq(broken), broken.eq(0)]
    with m.If(dut.o.valid & dut.o.ready):
        m.d.sync += due.eq(0)
    with m.If(dut.valid):
        m.d.sync += escape.eq(0)
        with m.If(dut.bad):
            m.d.sync += trusted.eq(0)
        with m.Elif(dut.data == END):
            m.d.sync += [count.eq(0), trusted.eq(1), closing.eq(1)]
            with m.If(~trusted | escape | (count != 0)):
                m.d.sync += broken.eq(1)
        with m.Elif(trusted & ready & plain):
            m.d.sync += [held.eq(Cat(held[8:], byte)), count.eq(count + 1), due.eq(count == BEAT_BYTES - 1)]
        with m.Elif(trusted & ready & ~escape):
            m.d.sync += escape.eq(1)
        with m.Else():
            m.d.sync += trusted.eq(0)
    m.d.comb += [
        Assert(~dut.o.valid | Mux(due, dut.o.payload == held, spoilt)),
        Assert(~due | dut.o.valid),
        Assert(~dut.abandon | ~due),
        Cover(dut.o.valid & due & (held[:8] == END)),
        Cover(dut.o.valid & ~due),
        Cover(dut.abandon),
    ]
    # Invariants, for the induction.
    its_closing, its_escaped = nameless(inside, 2)
    its_beat = named(inside, "beat")
    m.d.comb += [
        Assert(its_closing == closing),
        Assert(named(inside, "broken") == broken),
        Assert(its_escaped == escape),
        Assert(named(inside, "spoiled") == ~trusted),
        Assert(named(inside, "number") == count),
        Assert(named(inside, "full") == dut.o.valid),
        Assert(~dut.o.valid | (named(inside, "spoilt") == ~due)),
        Assert(~due | (its_beat == held)),
        Assert(~due | (count == 0)),
        *(Assert((count < n) | (its_beat[-8 * n :] == held[-8 * n :])) for n in range(1, BEAT_BYTES)),
        Assert(~broken | closing),
        Assert(~dut.abandon | ~dut.o.valid),
    ]


PROOFS = [
    Proof(
        name="slip",
        what="Every beat is the last 16 bytes of one frame, in their order, and taken before the next byte is kept, or "
        "it is spoilt and can be neither header nor trailer; bytes behind a bad one are in none",
        build=bytes_in,
        depth=12,
        induction=4,
        cover=70,
        assumed=f"a byte in every {GAP}th cycle at most",
        mutants=(
            Mutant(
                "END leaves the bytes before it",
                "host/slip.py",
                "m.d.sync += [closing.eq(1), spoiled.eq(0), number.eq(0)]",
                "m.d.sync += [closing.eq(1), spoiled.eq(0)]",
            ),
        ),
    )
]
