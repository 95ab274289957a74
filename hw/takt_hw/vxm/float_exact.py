"""Stages 1 to 4 of a `FloatLane`: from operands to an exact product or sum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data

from .product_control import FRACTION_BITS, PLACES_BITS
from .register import add, register
from .rounding import shift_right

SIGNIFICAND_BITS = FRACTION_BITS + 1
GUARD_BITS = 3
"""Bits below a summand's significand, the last of them sticky. The bit above it takes the carry."""

SUM_BITS = 1 + SIGNIFICAND_BITS + GUARD_BITS


def exact(m: Module, controls: Sequence[data.View], a: Value, b: Value) -> Exact:
    """The exact product or sum of two operands, 4 cycles later. ``controls`` are those of every stage, from 1 on."""
    chosen = _choose(m, controls[1], _unpack(m, a, b))
    return _add(m, controls[3], _multiply_and_align(m, chosen))


# Stage 1: what kind of numbers they are, which is larger --------------------------------------------------------


@dataclass
class _Number:
    """An operand, and what its bits say as those of an fp32 number."""

    bits: Value
    normal: Value
    """Its exponent is not 0: there is a significand."""
    full: Value
    """Its exponent is all ones."""
    fraction: Value
    """Its fraction is not 0."""

    @property
    def sign(self) -> Value:
        return self.bits[31]

    @property
    def exponent(self) -> Value:
        return self.bits[FRACTION_BITS:31]

    @property
    def nan(self) -> Value:
        return self.full & self.fraction

    @property
    def infinite(self) -> Value:
        return self.full & ~self.fraction


@dataclass
class _Unpacked:
    a: _Number
    b: _Number
    below: Value
    """The magnitude of a is below that of b; ``equal``: they are the same."""
    equal: Value
    a_above: Value
    """How far the exponent of a is above that of b; ``b_above``: the other way round."""
    b_above: Value


def _unpack(m: Module, a: Value, b: Value) -> _Unpacked:
    def number(value: Value, name: str) -> _Number:
        exponent = value[FRACTION_BITS:31]
        return _Number(
            register(m, value, name),
            register(m, exponent.any(), f"{name}_normal"),
            register(m, exponent.all(), f"{name}_full"),
            register(m, value[:FRACTION_BITS].any(), f"{name}_fraction"),
        )

    a_exponent, b_exponent = a[FRACTION_BITS:31], b[FRACTION_BITS:31]
    return _Unpacked(
        number(a, "a2"),
        number(b, "b2"),
        register(m, a[:31] < b[:31], "below2"),
        register(m, a[:31] == b[:31], "equal2"),
        register(m, (a_exponent - b_exponent)[:8], "a_above2"),
        register(m, (b_exponent - a_exponent)[:8], "b_above2"),
    )


# Stage 2: magnitudes of factors; summands ---------------------------------------------------------------------


@dataclass
class _Chosen:
    a_factor: Value
    b_factor: Value
    """0 for a sum."""
    big: Value
    """The summand of larger magnitude; 0 for a product."""
    small: Value
    apart: Value
    """Places by which ``small`` is to be shifted right; ``far``: by more than it has, whatever ``apart`` is."""
    far: Value
    subtracts: Value
    first_exponent: Value
    second_exponent: Value
    sign: Value
    infinite: Value
    nan: Value


def _choose(m: Module, c: data.View, n: _Unpacked) -> _Chosen:
    a, b = n.a, n.b
    differ, zeros, less, swap, answer = (Signal(name=name) for name in ("differ", "zeros", "less", "swap", "answer"))
    ordered = ~a.nan & ~b.nan
    m.d.comb += [
        differ.eq(a.sign ^ b.sign),
        zeros.eq(~a.normal & ~b.normal),
        less.eq(Mux(differ, a.sign, Mux(a.sign, ~n.below & ~n.equal, n.below))),  # -0 below +0
        swap.eq((c.adds & n.below) | (c.maximum & less) | (c.minimum & ~less)),
        answer.eq(c.inverts ^ (ordered & ((c.if_equal & (zeros | (n.equal & ~differ))) | (c.if_less & less & ~zeros)))),
    ]

    factors = []
    for name, number, whole, signed_, counts, short in (
        ("a", a, c.whole_a, c.signed_a, Const(1, 1), Const(0, 1)),
        ("b", b, c.whole_b, c.signed_b, c.multiplies, c.short_b),
    ):
        negate, low, middle, high = (Signal(name=f"{name}_{part}") for part in ("negate", "low", "middle", "high"))
        magnitude = Signal(32, name=f"{name}_magnitude")
        bits = number.bits
        m.d.comb += [
            negate.eq(signed_ & number.sign),
            low.eq(whole | (number.normal & counts)),
            middle.eq(low & ~short),
            high.eq(whole & ~short),
            magnitude.eq(
                Cat(
                    bits[:16] & low.replicate(16),
                    bits[16:FRACTION_BITS] & middle.replicate(FRACTION_BITS - 16),
                    Mux(whole, bits[FRACTION_BITS] & ~short, low),
                    bits[SIGNIFICAND_BITS:] & high.replicate(32 - SIGNIFICAND_BITS),
                )
                ^ negate.replicate(32)
            ),
        ]
        factors.append(register(m, (magnitude + negate)[:32], f"{name}_factor3"))

    some_big, some_small = Signal(), Signal()
    big, small = Signal(SIGNIFICAND_BITS), Signal(SIGNIFICAND_BITS)
    m.d.comb += [
        some_big.eq(Mux(swap, b.normal, a.normal) & ~c.multiplies & ~c.compares),
        some_small.eq(Mux(swap, a.normal, b.normal) & c.adds),
        big.eq(Cat(Mux(swap, b.bits, a.bits)[:FRACTION_BITS] & some_big.replicate(FRACTION_BITS), some_big)),
        small.eq(Cat(Mux(swap, a.bits, b.bits)[:FRACTION_BITS] & some_small.replicate(FRACTION_BITS), some_small)),
    ]
    apart = Mux(n.below, n.b_above, n.a_above)
    a_infinite, b_infinite = a.infinite & ~c.whole_a, b.infinite & ~c.whole_b & ~c.alone
    a_zero = ~a.normal & ~(c.whole_a & (a.sign | a.fraction))
    subtracts = c.adds & (differ ^ c.subtracts)
    return _Chosen(
        a_factor=factors[0],
        b_factor=factors[1],
        big=register(m, Cat(big[0] | (c.compares & answer), big[1:]), "big3"),
        small=register(m, small, "small3"),
        apart=register(m, apart[:5], "apart3"),
        far=register(m, apart[5:].any(), "far3"),
        subtracts=register(m, subtracts, "subtracts3"),
        first_exponent=register(m, Mux(swap, b.exponent, a.exponent) & c.uses_a.replicate(8), "first_exponent3"),
        second_exponent=register(m, b.exponent & c.uses_b.replicate(8), "second_exponent3"),
        sign=register(
            m,
            Mux(
                c.multiplies,
                (a.sign & ~c.wraps) ^ (b.sign & ~(c.whole_b & ~c.signed_b)),
                Mux(c.keeps_sign, Mux(swap, b.sign ^ c.subtracts, a.sign), c.negates & ~a.sign),
            ),
            "sign3",
        ),
        infinite=register(
            m, Mux(c.multiplies, a_infinite | b_infinite, Mux(swap, b.full, a.full) & ~c.compares), "infinite3"
        ),
        nan=register(
            m,
            ~c.compares
            & (
                (a.nan & ~c.whole_a)
                | (b.nan & ~c.whole_b & ~c.alone)
                | (c.multiplies & ((a_infinite & ~b.normal) | (a_zero & b_infinite)))
                | (subtracts & a.infinite & b.infinite)
            ),
            "nan3",
        ),
    )


# Stages 3 and 4: a product, or a sum ---------------------------------------------------------------------------


@dataclass
class Signs:
    """What goes along with a value."""

    sign: Value
    subtracts: Value
    infinite: Value
    nan: Value

    def later(self, m: Module, stage: int) -> Signs:
        """The same a cycle later, in ``stage``."""
        return Signs(*(register(m, value, f"{name}{stage}") for name, value in vars(self).items()))


@dataclass
class _Parts:
    low: Value
    """Products of halves: of both low halves, ``crossed``: of a low one and a high one, ``high``: of both high ones."""
    crossed: tuple[Value, Value]
    high: Value
    big: Value
    small: Value
    exponents: Value
    signs: Signs


def _multiply_and_align(m: Module, n: _Chosen) -> _Parts:
    a_low, a_high, b_low, b_high = n.a_factor[:16], n.a_factor[16:], n.b_factor[:16], n.b_factor[16:]
    kept = SIGNIFICAND_BITS + GUARD_BITS - 1
    near = Mux(n.far, 0, n.small) << GUARD_BITS - 1
    aligned, lost, _ = shift_right(m, near, n.apart, kept, "aligned")
    small = Cat(lost | (n.far & n.small[-1]), aligned, Const(0, 1))
    return _Parts(
        low=register(m, a_low * b_low, "low4"),
        crossed=(register(m, a_high * b_low, "crossed_a4"), register(m, a_low * b_high, "crossed_b4")),
        high=register(m, a_high * b_high, "high4"),
        big=register(m, n.big, "big4"),
        small=register(m, small ^ n.subtracts.replicate(SUM_BITS), "small4"),
        exponents=register(m, n.first_exponent + n.second_exponent, "exponents4"),
        signs=Signs(n.sign, n.subtracts, n.infinite, n.nan).later(m, 4),
    )


@dataclass
class Exact:
    """One of ``product`` and ``total`` is 0."""

    product: Value
    total: Value
    places: Value
    """By which the result is shifted right if it is not normalized."""
    signs: Signs


def _add(m: Module, c: data.View, n: _Parts) -> Exact:
    crossed, upper = Signal(33), Signal(49)
    m.d.comb += [
        crossed.eq(n.crossed[0] + n.crossed[1]),
        # With the bit below, so that synthesis sees two sums: one of three operands would be larger.
        upper.eq(Cat(n.low[15:], n.high) + Cat(Const(0, 1), crossed)),
    ]
    total = add(m, Cat(Const(0, GUARD_BITS), n.big, Const(0, 1)), n.small, n.signs.subtracts, "sum")
    return Exact(
        product=register(m, Cat(n.low[:15], upper), "product5"),
        total=register(m, total, "total5"),
        places=register(m, (c.scale - n.exponents)[:PLACES_BITS].as_signed(), "places5"),
        signs=n.signs.later(m, 5),
    )
