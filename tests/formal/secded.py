"""The codes that mend words: every single flip is mended, every double flip is told and mends nothing.

Parities of a hundred bits are hard for a solver that knows no linear algebra, so the long words' proof has two parts
that are not. *Linear*: whatever a word x is, flipping its bit p adds the column of p to its syndrome, and flipping bit
p of the data flips bit p and the check bits in its column; words of zeros have syndrome and check bits of zero. Flip by
flip from zero that gives the syndrome of a code word, 0, and that of a word with flips, the sum of their columns.
*Look-up*: whatever the word, what comes out is right for its syndrome if that is 0, a column, or two columns' sum.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from amaranth.asserts import AnySeq
from amaranth.hdl import Array, Assert, Assume, Const, Cover, Module, Mux, Signal, Value
from amaranth.lib import wiring

from takt_hw.c2c import codes
from takt_hw.c2c.word import word_code
from takt_hw.isa.secded import WORD, Code
from takt_hw.mem import secded

from .inside import named
from .proof import Mutant, Proof

Make = Callable[[], wiring.Component]
Encode = Callable[[Value], Value]


def _flags(dut: wiring.Component) -> tuple[Value, Value]:
    """What a corrector says of one flip, and of more."""
    return (dut.single, dut.double) if hasattr(dut, "single") else (dut.mended, dut.wrong)


def _places(m: Module, code: Code) -> list[Signal]:
    """Two different free places of a word."""
    places = [Signal(range(code.bits), name=f"place{n}") for n in range(2)]
    m.d.comb += [place.eq(AnySeq(len(place))) for place in places]
    m.d.comb += [*(Assume(place < code.bits) for place in places), Assume(places[0] != places[1])]
    return places


def whole(code: Code, make: Make, encode: Encode, m: Module) -> None:
    """All data, no, one or two flips at all places, at once."""
    m.submodules.dut = dut = make()
    data = Signal(code.data_bits)
    flips = Signal(2)
    places = _places(m, code)
    m.d.comb += [data.eq(AnySeq(len(data))), flips.eq(AnySeq(2)), Assume(flips < 3)]
    one, two = (Const(1, code.bits) << place for place in places)
    m.d.comb += [
        dut.i.eq(encode(data) ^ Mux(flips >= 1, one, 0) ^ Mux(flips == 2, two, 0)),
        *(Cover(flips == n) for n in range(3)),
        Cover((flips == 2) & (places[0] < code.data_bits) & (places[1] >= code.data_bits)),
    ]
    mended, wrong = _flags(dut)
    m.d.comb += [Assert(mended == (flips == 1)), Assert(wrong == (flips == 2))]
    with m.If(flips == 2):
        m.d.comb += Assert(dut.o == dut.i[: code.data_bits])
    with m.Else():
        m.d.comb += Assert(dut.o == data)


def in_parts(code: Code, make: Make, encode: Encode, m: Module) -> None:
    """*Linear* and *look-up*, for one code's encoder and corrector."""

    def syndrome(name: str, word: Value) -> Signal:
        """Of a word, by a corrector of its own."""
        dut = make()
        inside = dut.elaborate(None)
        inside._named_submodules.clear()  # the look-up is not part of this
        m.submodules[name] = inside
        m.d.comb += dut.i.eq(word)
        return named(inside, "syndrome")

    x = Signal(code.bits)
    m.d.comb += x.eq(AnySeq(code.bits))
    of_x = syndrome("of_x", x)
    m.d.comb += [Assert(syndrome("of_zero", Const(0, code.bits)) == 0), Assert(encode(Const(0, code.data_bits)) == 0)]
    made = encode(x[: code.data_bits])
    # With p a constant both sides are the same chain of exclusive ors, one input of one of them inverted.
    for p, column in enumerate(code.columns):
        m.d.comb += Assert(syndrome(f"flipped{p}", x ^ (1 << p)) == of_x ^ column)
        if p < code.data_bits:
            m.d.comb += Assert(encode(x[: code.data_bits] ^ (1 << p)) == made ^ (1 << p | column << code.data_bits))

    places = _places(m, code)
    first, second = (Array(code.columns)[place] for place in places)
    one = Const(1, code.bits) << places[0]
    dut = make()
    inside = dut.elaborate(None)
    m.submodules.dut = inside
    seen = named(inside, "syndrome")
    mended, wrong = _flags(dut)
    data = x[: code.data_bits]
    m.d.comb += dut.i.eq(x)
    with m.If(seen == 0):
        m.d.comb += Assert((dut.o == data) & ~mended & ~wrong)
    with m.If(seen == first):
        m.d.comb += Assert((dut.o == (x ^ one)[: code.data_bits]) & mended & ~wrong)
    with m.If(seen == first ^ second):
        m.d.comb += Assert((dut.o == data) & ~mended & wrong)
    m.d.comb += [Cover(seen == 0), Cover(seen == first), Cover(seen == first ^ second)]


def _proof(name: str, code: Code, make: Make, encode: Encode, harness: Callable, mutants: tuple[Mutant, ...]) -> Proof:
    return Proof(
        name=f"secded-{name}",
        what=f"{code.data_bits} data bits, {code.check_bits} check bits: for all data, a word as it was made is left "
        "alone, every single flip is mended, every double flip is told and nothing mended",
        build=partial(harness, code, make, encode),
        depth=1,
        note="combinational: one cycle is all",
        mutants=mutants,
    )


def _link(link_bits: int, harness: Callable, *mutants: Mutant) -> Proof:
    code = word_code(link_bits)
    return _proof(
        f"link{link_bits}", code, partial(codes.Corrector, code), partial(codes.encode, code), harness, mutants
    )


PROOFS = [
    _proof(
        "memory",
        WORD,
        secded.Corrector,
        secded.encode,
        in_parts,
        (
            Mutant(
                "the bit beside the flipped one is mended",
                "mem/secded.py",
                "Const(1, CODE_BITS) << look_up.data",
                "Const(2, CODE_BITS) << look_up.data",
            ),
            Mutant(
                "an encoder that leaves out data bit 7",
                "mem/secded.py",
                "Const(row & ((1 << DATA_BITS) - 1), DATA_BITS)",
                "Const(row & ((1 << DATA_BITS) - 129), DATA_BITS)",
            ),
            Mutant(
                "columns of even weight too",
                "isa/secded.py",
                "range(3, self.check_bits + 1, 2)",
                "range(3, self.check_bits + 1, 1)",
            ),
        ),
    ),
    _proof(
        "memory-one-hot",
        WORD,
        partial(secded.Corrector, one_hot=True),
        secded.encode,
        in_parts,
        (
            Mutant(
                "a bit whose column has the same high half is mended too",
                "mem/secded.py",
                "low[column & (len(low) - 1)] & high",
                "high",
            ),
            Mutant(
                "two flips count as one",
                "mem/secded.py",
                "return flips, syndrome.xor()",
                "return flips, syndrome.any()",
            ),
        ),
    ),
    _link(
        16,
        whole,
        Mutant(
            "a flipped check bit counts as two flips",
            "c2c/codes.py",
            "for bit, column in enumerate(code.columns)}",
            "for bit, column in enumerate(code.columns[: code.data_bits])}",
        ),
    ),
    _link(128, in_parts),
]
