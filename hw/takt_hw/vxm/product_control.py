"""What an operation of `ProductPipe` does, the same in all lanes."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data

from .. import isa
from .floating import BIAS, COMPARISONS, EXTREMES, PRODUCTS, SIGNS, SUMS, TYPES
from .pipe import mode_bits

PLACES_BITS = 10
"""Bits of a signed number of places: a result's scale, before it is known to be within a word."""

FRACTION_BITS = 23
"""Of an fp32 significand, behind the point."""

VALUE_BITS = 56
"""Bits of a number before it is normalized: an integer of 32 by a significand of 24."""

PRODUCT_PLACES = 8
"""Places that bring a product of integers to where a result begins."""

ANSWER_PLACES = 38
"""Places that bring a comparison's 1 there, from a summand's lowest bit."""

_TOP = {"f32": 39 - (BIAS - 1), "f16": 52 - 14, "i": 62}
"""Places of a value whose bit 55 stands for 1, if nothing is to be normalized: `FloatLane` says why."""


class Control(data.Struct):
    """What a lane does with its operands. Most are flags."""

    multiplies: 1
    adds: 1
    subtracts: 1
    compares: 1
    alone: 1
    """`b` does not count."""
    keeps_sign: 1
    """The result of a sum has the sign of the operand that it comes from; else none, or that of ``negates``."""
    negates: 1
    maximum: 1
    minimum: 1
    if_equal: 1
    if_less: 1
    inverts: 1
    whole_a: 1
    """``a`` is an integer; ``whole_b`` likewise."""
    whole_b: 1
    signed_a: 1
    """An integer ``a`` is signed; ``signed_b`` likewise."""
    signed_b: 1
    short_b: 1
    """``b`` has 16 bits."""
    uses_a: 1
    """The exponent of ``a`` counts in the result's, or that of ``b`` in its stead; ``uses_b``: also that of ``b``."""
    uses_b: 1
    half: 1
    """The result is fp16; ``single``: fp32; ``whole``: an integer."""
    single: 1
    whole: 1
    byte: 1
    """The integer has 8 bits, and ``unsigned`` no sign."""
    unsigned: 1
    wraps: 1
    """It is taken modulo 2^32."""
    scale: signed(PLACES_BITS)
    """Places by which the result is shifted right if all exponents are 0 and it is not normalized."""
    top: 6
    """Places by which a normalized result is shifted right if its highest bit was there before."""


def decode(m: Module, opcode: Value, mode: Value) -> data.View:
    """A `Control`, in the cycle of ``opcode`` and ``mode``."""
    c = Signal(Control)

    def is_one_of(*ops: isa.Op) -> Value:
        return Cat(opcode == op.code for op in ops).any()

    def is_kind(*names: str) -> Value:
        return Cat(kind == TYPES.index(name) for name in names).any()

    converts, requantizes = Signal(), Signal()
    integers = is_one_of(isa.MUL, isa.MUL_SAT, isa.REQUANT)
    kind = Signal(range(len(TYPES)))
    m.d.comb += [
        converts.eq(opcode == isa.CONVERT.code),
        requantizes.eq(opcode == isa.REQUANT.code),
        kind.eq(
            Mux(
                requantizes,
                TYPES.index("i8"),
                Mux(integers | c.compares, TYPES.index("i32"), mode[mode_bits(isa.TO_ANY)]),
            )
        ),
        c.multiplies.eq(is_one_of(isa.MUL, isa.REQUANT, *PRODUCTS)),
        c.adds.eq(is_one_of(*SUMS)),
        c.subtracts.eq(is_one_of(isa.FSUB)),
        c.compares.eq(is_one_of(*COMPARISONS)),
        c.alone.eq(is_one_of(*SIGNS)),
        c.keeps_sign.eq(is_one_of(*SUMS, *EXTREMES)),
        c.negates.eq(is_one_of(isa.FNEG)),
        c.maximum.eq(is_one_of(isa.FMAX)),
        c.minimum.eq(is_one_of(isa.FMIN)),
        c.if_equal.eq(is_one_of(isa.FEQ, isa.FNE, isa.FLE)),
        c.if_less.eq(is_one_of(isa.FLT, isa.FLE)),
        c.inverts.eq(is_one_of(isa.FNE)),
        c.whole_a.eq(integers | (converts & (mode[mode_bits(isa.FROM)] == isa.FROM.choices.index("i32")))),
        c.whole_b.eq(integers),
        c.signed_a.eq(c.whole_a & (opcode != isa.MUL.code)),
        c.signed_b.eq(is_one_of(isa.MUL_SAT)),
        c.short_b.eq(requantizes),
        c.uses_a.eq(~c.whole_a & ~c.compares),
        c.uses_b.eq(c.multiplies & ~c.whole_b),
        c.half.eq(is_kind("f16")),
        c.single.eq(is_kind("f32")),
        c.whole.eq(is_kind("i32", "i8", "u8")),
        c.byte.eq(is_kind("i8", "u8")),
        c.unsigned.eq(is_kind("u8")),
        c.wraps.eq(is_one_of(isa.MUL)),
        c.top.eq(Mux(c.half, 52, Mux(c.whole, 31, 39))),
    ]
    # Bit 55 of a product is its bit 54, of a sum twice the larger summand's leading bit.
    each = BIAS + FRACTION_BITS
    product_top, sum_top = VALUE_BITS - 2, 1 - BIAS
    to = Signal(signed(PLACES_BITS))
    m.d.comb += to.eq(Mux(c.half, _TOP["f16"], Mux(c.whole, _TOP["i"], _TOP["f32"])))
    with m.If(c.compares):
        m.d.comb += c.scale.eq(ANSWER_PLACES)
    with m.Elif(~c.multiplies):
        m.d.comb += c.scale.eq(to - sum_top)
    with m.Elif(~c.whole_b):
        m.d.comb += c.scale.eq(to - product_top + Mux(c.whole_a, each, 2 * each))
    with m.Elif(requantizes):
        m.d.comb += c.scale.eq(PRODUCT_PLACES + mode[mode_bits(isa.SHIFT_BITS)])
    with m.Else():
        m.d.comb += c.scale.eq(PRODUCT_PLACES)
    return c
