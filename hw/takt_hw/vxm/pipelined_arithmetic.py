"""What a pipelined build's ALU computes in one lane without a product: in two stages, each unit once for all.

Stage 1 adds or subtracts, and shifts by multiples of four; stage 2 shifts on, compares, saturates and joins. Beside the
sum stands a *word*, ``a`` shifted or a logical operation: MIN, MAX and their like keep the word, or take the
sum's register, which then holds ``b``. Left shifts are right shifts of reversed bits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from .. import isa
from ..isa import Op

STAGES = 2
"""Cycles of computing."""

SUMS = (isa.ADD, isa.SUB, isa.ADD_SAT, isa.SUB_SAT, isa.NEG, isa.NOT)
PICKS = (isa.MIN, isa.MAX, isa.RELU, isa.SELECT, isa.MASK)
COMPARISONS = (isa.EQ, isa.NE, isa.LT, isa.LE)
SHIFTS = (isa.SHL, isa.SHR, isa.SHR_LOGICAL)
LOGIC = (isa.COPY, isa.OR, isa.AND, isa.XOR)
OPS = (*SUMS, isa.ABS, *PICKS, *COMPARISONS, *SHIFTS, *LOGIC)
"""What this computes. `b` is 0 in operations without it: COPY is OR, RELU is MAX."""

INVERTED = (isa.SUB, isa.SUB_SAT, isa.NEG, isa.ABS, *PICKS, *COMPARISONS)
"""Operations that want the complement of ``b``."""


def is_one_of(opcode: Value, ops: Iterable[Op]) -> Value:
    """Whether an opcode is of one of some operations."""
    return Cat(opcode == op.code for op in ops).any()


_DECODED = {
    # stage 1
    "carries": (isa.SUB, isa.SUB_SAT, *PICKS, *COMPARISONS),
    "forward": (isa.SHR, isa.SHR_LOGICAL, *PICKS, isa.ABS),
    "reverse": (isa.SHL,),
    "shifts": SHIFTS,
    "extends": (isa.SHR,),
    "both": (isa.COPY, isa.OR, isa.AND),
    "either": (isa.COPY, isa.OR, isa.XOR),
    "picks": PICKS,
    "if_chosen": (isa.SELECT,),
    "if_any": (isa.MASK,),
    "if_positive": (isa.ABS,),
    # stage 2
    "if_less": (isa.MIN,),
    "if_not_less": (isa.MAX, isa.RELU),
    "adds": SUMS,
    "falls_back": (isa.MIN, isa.MAX, isa.RELU, isa.SELECT, isa.ABS),
    "complements": (isa.NEG, isa.NOT, isa.ABS),
    "saturates": (isa.ADD_SAT, isa.SUB_SAT),
    "equal_is": (isa.EQ, isa.LE),
    "unequal_is": (isa.NE,),
    "less_is": (isa.LT, isa.LE),
}
"""What steers the stages, and in which operations."""

_SECOND = (*list(_DECODED)[list(_DECODED).index("if_less") :], "reverse")


@dataclass(frozen=True)
class Controls:
    """What steers each stage, the same in all lanes, registered."""

    first: dict[str, Signal]
    second: dict[str, Signal]


def controls(m: Module, opcode: Value, valid: Value) -> Controls:
    """The controls of an operation whose operands are registered at the end of this cycle.

    Without a valid one of ``OPS``, the result of stage 2 is 0.
    """
    first = {name: Signal(name=f"one_{name}") for name in _DECODED}
    second = {name: Signal(name=f"two_{name}") for name in _SECOND}
    m.d.sync += [signal.eq(valid & is_one_of(opcode, _DECODED[name])) for name, signal in first.items()]
    m.d.sync += [signal.eq(first[name]) for name, signal in second.items()]
    return Controls(first, second)


def result(m: Module, a: Value, b: Value, choose: Value, c: Controls, other: Value, other_lands: Value, name: str):
    """The result in stage 2, of what ``a`` and ``b`` (inverted in ``INVERTED``) were in stage 1, as ``choose`` was.

    ``other`` is a result from elsewhere, and ``other_lands`` says that there is one in this cycle and none of here.
    """

    def signal(width: int, suffix: str) -> Signal:
        return Signal(width, name=f"{name}_{suffix}", reset_less=True)

    # Stage 1 -------------------------------------------------------------------------------------------------
    one = c.first
    entering, by_sixteen, by_eight = signal(32, "entering"), signal(32, "by_sixteen"), signal(32, "by_eight")
    word, rest, fills, fill = signal(32, "word"), signal(2, "rest"), signal(1, "fills"), signal(1, "fill")
    shift = Signal(5, name=f"{name}_shift")
    logic = Signal(32, name=f"{name}_logic")
    added, total, keepable = Signal(35, name=f"{name}_added"), signal(33, "total"), signal(1, "keepable")
    m.d.comb += [
        shift.eq(b[:5] & one["shifts"].replicate(5)),
        fills.eq(a[31] & one["extends"]),
        entering.eq((a & one["forward"].replicate(32)) | (a[::-1] & one["reverse"].replicate(32))),
        by_sixteen.eq(Mux(shift[4], Cat(entering[16:], fills.replicate(16)), entering)),
        by_eight.eq(Mux(shift[3], Cat(by_sixteen[8:], fills.replicate(8)), by_sixteen)),
        logic.eq((a & b & one["both"].replicate(32)) | ((a ^ b) & one["either"].replicate(32))),
        # one carry chain, its carry-in a bit of its own
        added.eq(Cat(Const(1, 1), a, a[31]) + Cat(one["carries"], b, b[31])),
    ]
    m.d.sync += [
        word.eq(Mux(shift[2], Cat(by_eight[4:], fills.replicate(4)), by_eight) | logic),
        rest.eq(shift[:2]),
        fill.eq(fills),
        total.eq(Cat(Mux(one["picks"], ~b, added[1:33]), added[33])),
        keepable.eq((~one["if_chosen"] | choose) & (~one["if_any"] | ~b.all()) & (~one["if_positive"] | ~a[31])),
    ]

    # Stage 2 -------------------------------------------------------------------------------------------------
    two = c.second
    less, zero, over, keeps = (Signal(name=f"{name}_{suffix}") for suffix in ("less", "zero", "over", "keeps"))
    takes_sum, answer = (Signal(name=f"{name}_{suffix}") for suffix in ("takes_sum", "answer"))
    by_two, by_one = Signal(32, name=f"{name}_by_two"), Signal(32, name=f"{name}_by_one")
    beside = Signal(32, name=f"{name}_beside")
    most, constant, last, changes = (
        Signal(name=f"{name}_{suffix}") for suffix in ("most", "constant", "last", "changes")
    )
    m.d.comb += [
        less.eq(total[32]),
        zero.eq(total[:32] == 0),
        over.eq(two["saturates"] & (total[32] ^ total[31])),
        most.eq(over & ~total[32]),
        keeps.eq(keepable & (~two["if_less"] | less) & (~two["if_not_less"] | ~less)),
        takes_sum.eq((two["adds"] & ~over) | (two["falls_back"] & ~keeps)),
        answer.eq((two["equal_is"] & zero) | (two["unequal_is"] & ~zero) | (two["less_is"] & less)),
        by_two.eq(Mux(rest[1], Cat(word[2:], fill.replicate(2)), word)),
        # two bits of control and two of data make one LUT: here one of two bits, or all 0, or all 1
        constant.eq(~keeps | most),
        last.eq(Mux(constant, most, rest[0])),
        by_one.eq(
            Mux(constant, last.replicate(32), Mux(last, Cat(by_two[1:], fill), by_two)) & Const((1 << 31) - 1, 32)
            | Cat(Const(0, 31), Mux(constant, 0, Mux(last, fill, by_two[31])))
        ),
        # and here nothing, the sum, its complement, or the result from elsewhere
        changes.eq(Mux(takes_sum, two["complements"], other_lands)),
        beside.eq(Mux(takes_sum, total[:32] ^ changes.replicate(32), other.as_unsigned() & changes.replicate(32))),
    ]
    joined = Mux(two["reverse"], by_one[::-1], by_one) | beside
    return joined | Cat(answer, Const(0, 30), over & total[32])
