"""The deskew buffer: the n-th RECEIVE gets the n-th vector, whatever the order and the gaps in which vectors come."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from amaranth.asserts import AnyConst, AnySeq
from amaranth.hdl import Assert, Assume, Cat, Cover, Module, Mux, Signal, Value

from takt_hw.c2c.buffer import DeskewBuffer
from takt_hw.c2c.word import NUMBER_BITS
from takt_hw.config import ECP5, NANO_C2C
from takt_hw.streams import BITS

from .inside import register, word
from .proof import Mutant, Proof

SLOTS = 4


def buffer(superlanes: int, pipelined: bool, m: Module) -> None:
    """Free arrivals, RECEIVEs and clears against a window of the next vectors, and the content of one slot."""
    config = replace(ECP5 if pipelined else NANO_C2C, link_buffer=SLOTS, superlanes=superlanes)
    dut = DeskewBuffer(config)
    inside = dut.elaborate(None)
    slot = Signal(range(SLOTS))  # what becomes of one slot's vectors is what becomes of all
    m.d.comb += slot.eq(AnyConst(len(slot)))
    held = [word(inside, f"slots{k}", slot) for k in range(superlanes)]
    expected, full = register(inside, NUMBER_BITS), register(inside, SLOTS)
    m.submodules.dut = inside
    m.d.comb += [
        Value.cast(dut.packet).eq(AnySeq(len(Value.cast(dut.packet)))),
        *(Value.cast(port).eq(AnySeq(1)) for port in (dut.arrived, dut.receive, dut.clear)),
    ]
    before = dut.arrived
    for _ in range(superlanes - 1):
        again = Signal()
        m.d.sync += again.eq(before)
        m.d.comb += Assume(~(again & dut.arrived))
        before = again

    # The model: which of the next SLOTS vectors are there, the next RECEIVE's first.
    following = Signal(NUMBER_BITS)
    there = Signal(SLOTS)
    left = Signal(SLOTS)
    ahead = Signal(NUMBER_BITS)
    comes, over, fits = Signal(), Signal(), Signal()
    now = Signal(NUMBER_BITS)
    m.d.comb += [
        now.eq(following + dut.receive),
        left.eq(Mux(dut.receive, there >> 1, there)),
        ahead.eq(dut.packet.number - now),
        comes.eq(dut.arrived & dut.packet.good),
        over.eq(ahead >= 1 << NUMBER_BITS - 1),
        fits.eq(comes & (ahead < SLOTS) & ~left.bit_select(ahead[: len(slot)], 1)),
    ]
    m.d.sync += [following.eq(now), there.eq(left | (fits << ahead[: len(slot)]))]
    with m.If(dut.clear):
        m.d.sync += [following.eq(0), there.eq(0)]
    vector = Signal(superlanes * BITS)  # the last that was kept in the slot
    with m.If(fits & (dut.packet.number[: len(slot)] == slot)):
        m.d.sync += vector.eq(dut.packet.vector)

    m.d.comb += [
        Assert(dut.lost == (dut.receive & ~there[0])),
        Assert(dut.late == (comes & over)),
        Assert(dut.conflict == (comes & ~over & ~fits)),
        # Invariants, for the induction.
        Assert(expected == following),
        *(Assert(full.bit_select((following + n)[: len(slot)], 1) == there[n]) for n in range(SLOTS)),
    ]
    begun = Signal()
    m.d.sync += begun.eq(1)
    asked, due = dut.receive & (following[: len(slot)] == slot), Mux(there[0], vector, 0)
    kept = vector
    for n in range(dut.latency - 1):
        asked_before, due_before = Signal(name=f"asked_before{n}"), Signal.like(vector, name=f"due_before{n}")
        kept_before = Signal.like(vector, name=f"kept_before{n}")
        m.d.sync += [asked_before.eq(asked), due_before.eq(due), kept_before.eq(kept)]
        asked, due, kept = asked_before, due_before, kept_before
    for k in range(superlanes):
        part = slice(k * BITS, (k + 1) * BITS)
        m.d.comb += Assert(held[k] == kept[part])
        asked_before, due_before = Signal(name=f"asked{k}"), Signal.like(vector, name=f"due{k}")
        m.d.sync += [asked_before.eq(asked), due_before.eq(due)]
        with m.If(asked_before):
            m.d.comb += Assert(getattr(dut, f"part{k}") == due_before[part])
        asked, due = asked_before, due_before
        kept_before = Signal.like(vector, name=f"kept{k}")
        m.d.sync += kept_before.eq(kept)
        kept = kept_before
    m.d.comb += [
        Cover(there.all()),
        Cover(asked & (due != 0)),
        Cover(dut.receive & fits & (ahead == SLOTS - 1)),
        Cover(dut.conflict),
        Cover(dut.late & Cat(there).any()),
    ]


MUTANTS = {
    1: (
        Mutant(
            "a vector one slot too far ahead is let in",
            "c2c/buffer.py",
            "(ahead >= self.slots)",
            "(ahead > self.slots)",
        ),
        Mutant(
            "a RECEIVE leaves its slot full",
            "c2c/buffer.py",
            "left.eq(full & ~(self.receive << read_slot))",
            "left.eq(full)",
        ),
        Mutant(
            "a lost vector brings what was in its place before",
            "c2c/buffer.py",
            "Mux(shown, read_port.data, 0)",
            "read_port.data",
        ),
    ),
    2: (
        Mutant(
            "the second superlane takes a vector a cycle late",
            "c2c/buffer.py",
            "vector = held if k + late else self.packet.vector",
            "vector = self.packet.vector",
        ),
    ),
}

PROOFS = [
    Proof(
        name=f"deskew{superlanes}{'_pipelined' if pipelined else ''}",
        what="The n-th RECEIVE gets the n-th vector or, if that is not there, zeros and `lost`; a vector is dropped "
        "only with `late` (its RECEIVE is over) or `conflict` (it is more than the slots ahead, or came twice): so "
        f"none is within the budget; superlanes: {superlanes}{', of a pipelined build' if pipelined else ''}",
        build=partial(buffer, superlanes, pipelined),
        depth=8,
        induction=superlanes + 1 + pipelined,
        assumed="vectors arrive at least `superlanes` cycles apart",
        note=f"{SLOTS} slots, the fewest that a build can have",
        mutants=mutants,
    )
    for superlanes, mutants in MUTANTS.items()
    for pipelined in (False, True)
]
