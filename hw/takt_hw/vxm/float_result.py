"""Stages 5 to 10 of a `FloatLane`: from a product or sum to the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data

from .float_exact import SUM_BITS, Exact, Signs
from .product_control import FRACTION_BITS, PLACES_BITS, PRODUCT_PLACES, VALUE_BITS
from .register import add, register
from .rounding import leading_zeros, shift_right

COARSE, FINE = (5, 4, 3, 2), (1, 0)
"""Which bits of a number of places stage 7 and stage 8 shift by."""

LATENCY = 9
"""Cycles from a lane's operands to its result."""


def result(m: Module, controls: Sequence[data.View], exact: Exact) -> Value:
    """32 bits, 5 cycles after ``exact``. ``controls`` are those of every stage, from 1 on."""
    placed = _place(m, controls[5], _count(m, controls[4], exact))
    rounded = _round(m, controls[7], _shift(m, controls[6], placed))
    return _finish(m, controls[8], rounded)


# Stages 5 to 8: find the highest bit, shift, round ------------------------------------------------------------------


@dataclass
class _Counted:
    value: Value
    some: Value
    """A bit of the upper 32 is set, and ``zeros`` are above it. Below them only integers have set bits alone."""
    zeros: Value
    places: Value
    spare: Value
    """How much more than ``places`` would normalize it, were ``zeros`` 0."""
    beyond: Value
    """The value has more bits than there are."""
    signs: Signs


def _count(m: Module, c: data.View, n: Exact) -> _Counted:
    value = Signal(VALUE_BITS)
    m.d.comb += value.eq((n.product[: VALUE_BITS - 1] << 1) | (n.total << VALUE_BITS - SUM_BITS))
    zeros, some = leading_zeros(m, value[VALUE_BITS - 32 :], "value")
    return _Counted(
        value=register(m, value, "value6"),
        some=register(m, some, "some6"),
        zeros=register(m, zeros, "zeros6"),
        places=register(m, n.places, "places6"),
        spare=register(m, (c.top - n.places)[:PLACES_BITS].as_signed(), "spare6"),
        beyond=register(m, n.product[VALUE_BITS - 1 :].any() & ~c.wraps, "beyond6"),
        signs=n.signs.later(m, 6),
    )


@dataclass
class _Placed:
    value: Value
    places: Value
    vanishes: Value
    """Nothing of the value is left, not even for rounding."""
    normalized: Value
    exponent: Value
    """If normalized, one less than the exponent field."""
    beyond: Value
    signs: Signs


def _place(m: Module, c: data.View, n: _Counted) -> _Placed:
    exponent, normalized = Signal(signed(PLACES_BITS)), Signal()
    m.d.comb += [
        exponent.eq(n.spare - n.zeros),
        normalized.eq(n.some & ~exponent[-1] & ~c.wraps),
    ]
    signs = replace(n.signs, sign=n.signs.sign & (n.some | ~n.signs.subtracts))  # x - x is +0
    return _Placed(
        value=register(m, n.value, "value7"),
        places=register(m, Mux(normalized, (c.top - n.zeros)[:6], n.places[:6]), "places7"),
        vanishes=register(m, ~normalized & n.places[6:].any(), "vanishes7"),
        normalized=register(m, normalized, "normalized7"),
        exponent=register(m, exponent, "exponent7"),
        beyond=register(m, n.beyond, "beyond7"),
        signs=signs.later(m, 7),
    )


@dataclass
class _Shifted:
    value: Value
    """33 bits of the result and those that it will still be shifted by; the lowest is half of the result's lowest."""
    places: Value
    sticky: Value
    """Set bits were shifted out."""
    negates: Value
    field: Value
    """What the exponent adds to a floating-point result."""
    beyond: Value
    signs: Signs


def _shift(m: Module, c: data.View, n: _Placed) -> _Shifted:
    value = Mux(n.vanishes, 0, n.value) << PRODUCT_PLACES
    shifted, lost, _ = shift_right(m, value, n.places, 33 + sum(1 << step for step in FINE), "coarse", COARSE)
    exponent = n.exponent.as_unsigned()
    single, half = n.normalized & c.single, n.normalized & c.half
    field = Cat(
        Const(0, 10),
        exponent[:5] & half.replicate(5),
        Const(0, FRACTION_BITS - 15),
        exponent[:8] & single.replicate(8),
    )
    huge = Mux(
        c.half,
        exponent[5:-1].any() | exponent[1:5].all(),  # 30 or more
        exponent[8:-1].any() | exponent[1:8].all(),  # 254 or more
    )
    return _Shifted(
        value=register(m, shifted, "value8"),
        places=register(m, n.places[: len(FINE)], "places8"),
        sticky=register(m, lost, "sticky8"),
        negates=register(m, n.signs.sign & c.whole, "negates8"),
        field=register(m, field, "field8"),
        beyond=register(m, n.beyond | n.signs.infinite | (n.normalized & (c.whole | huge)), "beyond8"),
        signs=n.signs.later(m, 8),
    )


@dataclass
class _Rounded:
    value: Value
    beyond: Value
    signs: Signs


def _round(m: Module, c: data.View, n: _Shifted) -> _Rounded:
    shifted, lost, _ = shift_right(m, n.value, n.places, 33, "fine", FINE)
    up = shifted[0] & (n.sticky | lost | shifted[1])
    # minus (kept + up) is ~kept + 1 - up
    value = add(m, shifted[1:] ^ n.negates.replicate(32), n.field, up ^ n.negates, "rounded")
    return _Rounded(
        value=register(m, value, "value9"),
        beyond=register(m, n.beyond, "beyond9"),
        signs=n.signs.later(m, 9),
    )


# Stages 9 and 10: what is too large, too small or no number -----------------------------------------------------


def _finish(m: Module, c: data.View, n: _Rounded) -> Value:
    value, sign, nan = n.value, n.signs.sign, n.signs.nan
    endless, tiny, clips, keeps = (Signal(name=name) for name in ("endless", "tiny", "clips", "keeps"))
    same = value[8:].all() | ~value[8:].any()
    m.d.comb += [
        endless.eq(n.beyond | Mux(c.half, value[10:15].all(), value[FRACTION_BITS:31].all())),
        tiny.eq(c.single & ~value[FRACTION_BITS:31].any()),
        clips.eq(
            n.beyond
            | Mux(
                c.byte,
                Mux(c.unsigned, sign | value[8:].any(), ~same | (value[7] ^ value[8])),
                value[31] & ~sign & ~c.wraps,
            )
        ),
        keeps.eq(~nan & Mux(c.whole, ~clips, ~endless & ~tiny)),
    ]
    # All other bits are the same within a group: set if any of its reasons holds.
    float_sign = sign & ~nan
    single, half = c.single & (nan | endless), c.half & (nan | endless)
    most = c.whole & clips & ~sign & ~nan
    least = c.whole & clips & sign & ~nan & ~c.unsigned
    groups = (
        (7, most),
        (1, (most & (~c.byte | c.unsigned)) | (least & c.byte)),
        (1, (most & ~c.byte) | (least & c.byte)),
        (1, (most & ~c.byte) | (least & c.byte) | (half & nan)),
        (5, (most & ~c.byte) | (least & c.byte) | half),
        (1, (most & ~c.byte) | (least & c.byte) | (c.half & float_sign)),
        (6, (most & ~c.byte) | (least & c.byte)),
        (1, (most & ~c.byte) | (least & c.byte) | (single & nan)),
        (8, (most & ~c.byte) | (least & c.byte) | single),
        (1, least | (c.single & float_sign)),
    )
    kept = register(m, value, "value10") & register(m, keeps, "keeps10").replicate(32)
    return kept | Cat(register(m, reason, f"set10_{n}").replicate(bits) for n, (bits, reason) in enumerate(groups))
