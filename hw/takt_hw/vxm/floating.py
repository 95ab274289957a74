"""Floating-point arithmetic, conversions and the saturating product: a pipe of three stages in every lane.

A result is a sum or a product. Every other operation is made one of them: FMIN and FMAX choose an operand and add
nothing to it, a comparison is 1 or 0 plus nothing as an integer, MUL_SAT is a product of integers.
"""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from .. import isa
from ..config import LANES_PER_SUPERLANE
from .pipe import mode_bits, pipe_signature
from .rounding import EXPONENT_BITS, encode_float, float_places, normalize, round_at

SUMS = (isa.FADD, isa.FSUB)
EXTREMES = (isa.FMIN, isa.FMAX)
SIGNS = (isa.FABS, isa.FNEG)
COMPARISONS = (isa.FEQ, isa.FNE, isa.FLT, isa.FLE)
PRODUCTS = (isa.FMUL, isa.CONVERT, isa.MUL_SAT)

TYPES = isa.TO_ANY.choices
BIAS = 127
GUARD_BITS = 7
"""Bits below a summand's significand. The bit above it takes the carry, so that a sum has 32."""


class FloatPipe(wiring.Component):
    """Floating-point arithmetic on fp32 operands: flushes their subnormals, rounds once.

    Stage 1 unpacks, compares, multiplies and aligns; stage 2 adds and normalizes; stage 3 rounds.

    Attributes
    ----------
    stages : int
        Cycles of computing: 3.
    ops : tuple of Op
        What it computes.

    Members
    -------
    port : In(pipe_signature())
        Operands and result.
    """

    stages = 3
    ops = (*SUMS, *EXTREMES, *SIGNS, *COMPARISONS, *PRODUCTS)

    def __init__(self) -> None:
        super().__init__({"port": In(pipe_signature())})

    def elaborate(self, platform) -> Module:
        m = Module()
        port = self.port
        started, adding = Signal(), Signal()
        kinds = [Signal(range(len(TYPES)), name=f"kind{stage}") for stage in (1, 2, 3)]
        m.d.sync += started.eq(port.start)
        with m.If(port.start):
            m.d.sync += kinds[1].eq(kinds[0])
        with m.If(started):
            m.d.sync += kinds[2].eq(kinds[1])
        controls = _decode(m, port.opcode, port.mode, kinds[0])
        rounding = _rounding(m, kinds[2])
        with m.If(port.start):
            m.d.sync += adding.eq(~controls.multiplies)
        for lane in range(LANES_PER_SUPERLANE):
            name = f"lane{lane}"
            exact = _exact(m, port.a[lane], port.b[lane], controls, port.start, name)
            normal = _normal(m, exact, adding, started, name)
            m.d.comb += port.result[lane].eq(_rounded(m, normal, rounding, name))
        return m


# Stage 1 ---------------------------------------------------------------------------------------------------


@dataclass
class _Controls:
    """What stage 1 does, the same in all lanes."""

    multiplies: Signal
    adds: Signal
    subtracts: Signal
    compares: Signal
    alone: Signal
    """`b` does not count."""
    keeps_sign: Signal
    """The result has the sign of the operand that it comes from; else none, or that of ``negates``."""
    negates: Signal
    maximum: Signal
    minimum: Signal
    if_equal: Signal
    if_less: Signal
    inverts: Signal
    whole_a: Signal
    whole_b: Signal
    scale: Signal
    """Exponent of a product of two numbers with exponent field 0."""


def _decode(m: Module, opcode: Value, mode: Value, kind: Signal) -> _Controls:
    def is_one_of(name: str, *ops: isa.Op) -> Signal:
        found = Signal(name=name)
        m.d.comb += found.eq(Cat(opcode == op.code for op in ops).any())
        return found

    converts = is_one_of("converts", isa.CONVERT)
    c = _Controls(
        multiplies=is_one_of("multiplies", *PRODUCTS),
        adds=is_one_of("adds", *SUMS),
        subtracts=is_one_of("subtracts", isa.FSUB),
        compares=is_one_of("compares", *COMPARISONS),
        alone=is_one_of("alone", *SIGNS),
        keeps_sign=is_one_of("keeps_sign", *SUMS, *EXTREMES),
        negates=is_one_of("negates", isa.FNEG),
        maximum=is_one_of("maximum", isa.FMAX),
        minimum=is_one_of("minimum", isa.FMIN),
        if_equal=is_one_of("if_equal", isa.FEQ, isa.FNE, isa.FLE),
        if_less=is_one_of("if_less", isa.FLT, isa.FLE),
        inverts=is_one_of("inverts", isa.FNE),
        whole_a=Signal(name="whole_a"),
        whole_b=is_one_of("whole_b", isa.MUL_SAT),
        scale=Signal(signed(EXPONENT_BITS), name="scale"),
    )
    to, source = mode[mode_bits(isa.TO_ANY)], mode[mode_bits(isa.FROM)]
    each = -BIAS - 23  # a significand has 23 bits behind the point
    m.d.comb += [
        c.whole_a.eq(c.whole_b | (converts & (source == isa.FROM.choices.index("i32")))),
        c.scale.eq(63 + Mux(c.whole_a, 0, each) + Mux(c.whole_b, 0, each)),
        kind.eq(Mux(c.whole_b | c.compares, TYPES.index("i32"), to)),
    ]
    return c


@dataclass
class _Operand:
    """An fp32 number, subnormals taken for zero."""

    sign: Value
    exponent: Value
    magnitude: Signal
    significand: Signal
    zero: Signal
    infinite: Signal
    nan: Signal


def _operand(m: Module, bits: Value, name: str) -> _Operand:
    bits = bits.as_unsigned()
    magnitude, significand = Signal(32, name=f"{name}_magnitude"), Signal(32, name=f"{name}_significand")
    zero, infinite, nan = Signal(name=f"{name}_zero"), Signal(name=f"{name}_infinite"), Signal(name=f"{name}_nan")
    m.d.comb += [
        zero.eq(bits[23:31] == 0),
        magnitude.eq(Mux(zero, 0, bits[:31])),
        significand.eq(Mux(zero, 0, bits[:23] | 1 << 23)),
        infinite.eq(bits[:31] == 0xFF << 23),
        nan.eq(bits[:31] > 0xFF << 23),
    ]
    return _Operand(bits[31], bits[23:31], magnitude, significand, zero, infinite, nan)


@dataclass
class _Exact:
    """A number before normalization, registered: a product, or two summands in the halves of ``value``.

    Bit 63 of ``value``, or of the sum in its upper half, stands for 2^exponent.
    """

    value: Signal
    exponent: Signal
    sign: Signal
    subtracts: Signal
    infinite: Signal
    nan: Signal


def _exact(m: Module, a_bits: Value, b_bits: Value, c: _Controls, start: Value, name: str) -> _Exact:
    def signal(shape, suffix: str) -> Signal:
        return Signal(shape, name=f"{name}_{suffix}")

    a, b = _operand(m, a_bits, f"{name}_a"), _operand(m, b_bits, f"{name}_b")
    below, less, equal, answer = signal(1, "below"), signal(1, "less"), signal(1, "equal"), signal(1, "answer")
    both_zero, ordered, differ = signal(1, "both_zero"), signal(1, "ordered"), signal(1, "differ")
    b_sign = signal(1, "b_sign")
    m.d.comb += [
        both_zero.eq(a.zero & b.zero),
        ordered.eq(~a.nan & ~b.nan),
        below.eq(a.magnitude < b.magnitude),
        equal.eq(a.magnitude == b.magnitude),
        less.eq(Mux(a.sign ^ b.sign, a.sign, Mux(a.sign, ~below & ~equal, below))),  # -0 below +0
        answer.eq(
            c.inverts
            ^ (ordered & ((c.if_equal & (both_zero | (equal & ~(a.sign ^ b.sign)))) | (c.if_less & less & ~both_zero)))
        ),
        b_sign.eq(b.sign ^ c.subtracts),
        differ.eq(a.sign ^ b_sign),
    ]

    # A sum, of the summand with the larger exponent and what the other is at that exponent.
    swap = signal(1, "swap")
    big, small, aligned, lost = (signal(32, suffix) for suffix in ("big", "small", "aligned", "lost"))
    apart, exponent, places = signal(signed(9), "apart"), signal(8, "exponent"), signal(5, "places")
    m.d.comb += [
        swap.eq((c.adds & below) | (c.maximum & less) | (c.minimum & ~less)),
        exponent.eq(Mux(swap, b.exponent, a.exponent)),
        big.eq(Mux(c.compares, answer << 30, Mux(swap, b.significand, a.significand) << GUARD_BITS)),
        small.eq(Mux(c.adds, Mux(swap, a.significand, b.significand) << GUARD_BITS, 0)),
        apart.eq(exponent - Mux(swap, a.exponent, b.exponent)),
        places.eq(Mux(apart > 31, 31, apart[:5])),
        lost.eq(small & ((1 << places) - 1)),
        aligned.eq((small >> places) | (lost != 0)),
    ]

    a_factor, b_factor, product = signal(32, "a_factor"), signal(32, "b_factor"), signal(64, "product")
    a_exponent, b_exponent = signal(8, "a_exponent"), signal(8, "b_exponent")
    a_zero, a_infinite, b_infinite = signal(1, "a_none"), signal(1, "a_endless"), signal(1, "b_endless")
    m.d.comb += [
        a_factor.eq(Mux(c.whole_a, Mux(a.sign, -a_bits, a_bits), a.significand)),
        b_factor.eq(Mux(c.whole_b, Mux(b.sign, -b_bits, b_bits), b.significand)),
        product.eq(a_factor * b_factor),
        a_exponent.eq(Mux(c.whole_a, 0, a.exponent)),
        b_exponent.eq(Mux(c.whole_b, 0, b.exponent)),
        a_zero.eq(a_factor == 0),
        a_infinite.eq(a.infinite & ~c.whole_a),
        b_infinite.eq(b.infinite & ~c.whole_b & ~c.alone),
    ]

    exact = _Exact(
        *(Signal(64, name=f"{name}_value"), Signal(signed(EXPONENT_BITS), name=f"{name}_exact_exponent")),
        *(Signal(name=f"{name}_exact_{suffix}") for suffix in ("sign", "subtracts", "infinite", "nan")),
    )
    nan, infinite, sign = signal(1, "nan"), signal(1, "infinite"), signal(1, "sign")
    m.d.comb += [
        nan.eq(
            ~c.compares
            & (
                (a.nan & ~c.whole_a)
                | (b.nan & ~c.whole_b & ~c.alone)
                | Mux(
                    c.multiplies,
                    (a_infinite & b.zero) | (a_zero & b_infinite),
                    c.adds & a.infinite & b.infinite & differ,
                )
            )
        ),
        infinite.eq(Mux(c.multiplies, a_infinite | b_infinite, (exponent == 255) & ~c.compares)),
        sign.eq(Mux(c.multiplies, a.sign ^ b.sign, Mux(c.keeps_sign, Mux(swap, b_sign, a.sign), c.negates & ~a.sign))),
    ]
    with m.If(start):
        m.d.sync += [
            exact.value.eq(Mux(c.multiplies, product, Cat(aligned, big))),
            exact.exponent.eq(
                Mux(c.multiplies, c.scale + a_exponent + b_exponent, Mux(c.compares, 1, exponent - (BIAS - 1)))
            ),
            exact.sign.eq(sign),
            exact.subtracts.eq(c.adds & differ),
            exact.infinite.eq(infinite),
            exact.nan.eq(nan),
        ]
    return exact


# Stage 2 ---------------------------------------------------------------------------------------------------


@dataclass
class _Normal:
    """A normalized number, registered; as `rounding.round_float` takes it."""

    significand: Signal
    sticky: Signal
    exponent: Signal
    sign: Signal
    infinite: Signal
    nan: Signal


def _normal(m: Module, exact: _Exact, adding: Value, started: Value, name: str) -> _Normal:
    total, value = Signal(32, name=f"{name}_total"), Signal(64, name=f"{name}_unshifted")
    big, small = exact.value[32:], exact.value[:32]
    m.d.comb += [
        total.eq(Mux(exact.subtracts, big - small, big + small)),
        value.eq(Mux(adding, total << 32, exact.value)),
    ]
    shifted, zeros = normalize(m, value, 64, name)
    normal = _Normal(
        *(Signal(32, name=f"{name}_normal"), Signal(name=f"{name}_sticky")),
        Signal(signed(EXPONENT_BITS), name=f"{name}_normal_exponent"),
        *(Signal(name=f"{name}_normal_{suffix}") for suffix in ("sign", "infinite", "nan")),
    )
    with m.If(started):
        m.d.sync += [
            normal.significand.eq(shifted[32:]),
            normal.sticky.eq(shifted[:32] != 0),
            normal.exponent.eq(exact.exponent - zeros),
            normal.sign.eq(exact.sign & ~(exact.subtracts & ~shifted[63])),  # x - x is +0
            normal.infinite.eq(exact.infinite),
            normal.nan.eq(exact.nan),
        ]
    return normal


# Stage 3 ---------------------------------------------------------------------------------------------------


@dataclass
class _Rounding:
    """What stage 3 makes, the same in all lanes."""

    half: Signal
    whole: Signal
    most: Signal
    least: Signal
    """Magnitudes of the largest and of the most negative integer."""


def _rounding(m: Module, kind: Value) -> _Rounding:
    r = _Rounding(Signal(name="half"), Signal(name="whole"), Signal(32, name="most"), Signal(32, name="least"))
    i32, i8, u8 = (kind == TYPES.index(name) for name in ("i32", "i8", "u8"))
    m.d.comb += [
        r.half.eq(kind == TYPES.index("f16")),
        r.whole.eq(i32 | i8 | u8),
        r.most.eq(Mux(i8, 127, Mux(u8, 255, 2**31 - 1))),
        r.least.eq(Mux(i8, 128, Mux(u8, 0, 2**31))),
    ]
    return r


def _rounded(m: Module, n: _Normal, r: _Rounding, name: str) -> Value:
    float_drops, below, lost = float_places(m, n.exponent, r.half, name)
    places = Signal(5, name=f"{name}_drops")
    m.d.comb += places.eq(Mux(r.whole, (30 - n.exponent)[:5], float_drops))
    kept, up = round_at(m, n.significand, n.sticky, places, name)
    encoded = encode_float(
        m,
        sign=n.sign,
        exponent=n.exponent,
        significand=n.significand,
        kept=kept[:24],
        up=up,
        below=below,
        lost=lost,
        infinite=n.infinite,
        nan=n.nan,
        half=r.half,
        name=name,
    )

    integer, limit, clipped = (Signal(32, name=f"{name}_{suffix}") for suffix in ("integer", "limit", "clipped"))
    none, beyond = Signal(name=f"{name}_none"), Signal(name=f"{name}_beyond")
    m.d.comb += [
        integer.eq(kept + up),
        limit.eq(Mux(n.sign, r.least, r.most)),
        none.eq(n.nan | ~n.significand[31] | (n.exponent < -1)),
        beyond.eq(n.infinite | (n.exponent > 30) | (integer > limit)),
        clipped.eq(Mux(none, 0, Mux(beyond, limit, integer))),
    ]
    return Mux(r.whole, Mux(n.sign, -clipped, clipped)[:32], encoded)
