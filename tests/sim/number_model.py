"""Floating point with fractions: exact values, rounded once by comparing integers. Slow and plain."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import reduce

BITS = 2**32


@dataclass(frozen=True)
class Number:
    """A floating-point number: a value, infinite (``value`` is None) or NaN; ``negative`` also says which zero."""

    value: Fraction | None
    negative: bool
    nan: bool = False


NAN = Number(None, False, nan=True)
FORMATS = {"f32": (24, -126, 8), "f16": (11, -14, 5)}
"""Bits of the significand, least exponent, bits of the exponent."""


def decode(bits: int, form: str = "f32") -> Number:
    """A number from its bits; an fp32 subnormal is a zero."""
    precision, least, exponent_bits = FORMATS[form]
    bits %= BITS
    fraction = bits % 2 ** (precision - 1)
    exponent = bits >> (precision - 1) & (1 << exponent_bits) - 1
    negative = bool(bits >> (precision - 1 + exponent_bits) & 1)
    if exponent == 2**exponent_bits - 1:
        return NAN if fraction else Number(None, negative)
    if exponent == 0:
        value = Fraction(0) if form == "f32" else fraction * Fraction(2) ** (least - precision + 1)
    else:
        value = (fraction + 2 ** (precision - 1)) * Fraction(2) ** (exponent - 1 + least - precision + 1)
    return Number(-value if negative else value, negative)


def encode(number: Number, form: str) -> int:
    """The bits of a number, rounded to nearest even; an fp32 subnormal result is a zero."""
    precision, least, exponent_bits = FORMATS[form]
    infinity = (2**exponent_bits - 1) << (precision - 1)
    sign = number.negative << (precision - 1 + exponent_bits)
    if number.nan:
        return infinity | 1 << (precision - 2)
    if number.value is None:
        return infinity | sign
    size, exponent = abs(number.value), least
    while size >= Fraction(2) ** (exponent + 1):
        exponent += 1
    units = round(size / Fraction(2) ** (exponent - precision + 1))
    bits = min(((exponent - least) << (precision - 1)) + units, infinity)
    return sign | (0 if form == "f32" and bits < 1 << (precision - 1) else bits)


def add(a: Number, b: Number) -> Number:
    if a.nan or b.nan or (a.value is None and b.value is None and a.negative != b.negative):
        return NAN
    if a.value is None or b.value is None:
        return a if a.value is None else b
    value = a.value + b.value
    return Number(value, value < 0 or (value == 0 and a.negative and b.negative))


def multiply(a: Number, b: Number) -> Number:
    negative = a.negative != b.negative
    if a.nan or b.nan or (None in (a.value, b.value) and 0 in (a.value, b.value)):
        return NAN
    if a.value is None or b.value is None:
        return Number(None, negative)
    return Number(a.value * b.value, negative)


def negate(a: Number) -> Number:
    return a if a.nan else Number(None if a.value is None else -a.value, not a.negative)


def order(a: Number) -> tuple:
    """Sorts -0 below +0 and infinities at the ends."""
    size = (1, 0) if a.value is None else (0, abs(a.value))
    return (0, -size[0], -size[1]) if a.negative else (1, *size)


def less(a: Number, b: Number, or_equal: bool) -> bool:
    if a.nan or b.nan:
        return False
    if a.value == 0 and b.value == 0:
        return or_equal
    return order(a) <= order(b) if or_equal else order(a) < order(b)


def choose(a: Number, b: Number, larger: bool) -> Number:
    if a.nan or b.nan:
        return NAN
    return max(a, b, key=order) if larger else min(a, b, key=order)


def to_integer(number: Number, low: int, high: int) -> int:
    if number.nan:
        return 0
    if number.value is None:
        return low if number.negative else high
    return min(max(round(number.value), low), high)


RANGES = {"i32": (-(2**31), 2**31 - 1), "i8": (-128, 127), "u8": (0, 255)}

ARITHMETIC = {
    "FADD": add,
    "FSUB": lambda a, b: add(a, negate(b)),
    "FMUL": multiply,
    "FMIN": lambda a, b: choose(a, b, larger=False),
    "FMAX": lambda a, b: choose(a, b, larger=True),
    "FABS": lambda a, b: negate(a) if a.negative else a,
    "FNEG": lambda a, b: negate(a),
}

COMPARISONS = {
    "FEQ": lambda a, b: less(a, b, or_equal=True) and less(b, a, or_equal=True),
    "FNE": lambda a, b: not (less(a, b, or_equal=True) and less(b, a, or_equal=True)),
    "FLT": lambda a, b: less(a, b, or_equal=False),
    "FLE": lambda a, b: less(a, b, or_equal=True),
}


def execute(name: str, a: int, b: int, to: str, source: str) -> int:
    """One lane of a floating-point operation on int32 operands."""
    x, y = decode(a), decode(b)
    if name in COMPARISONS:
        return int(COMPARISONS[name](x, y))
    if name == "CONVERT":
        if source == "i32":
            x = Number(Fraction(a), a < 0)
        product = multiply(x, y)
        return to_integer(product, *RANGES[to]) if to in RANGES else encode(product, to)
    return encode(ARITHMETIC[name](x, y), to)


def lane_reduction(name: str, lanes: list[int], kind: str) -> int:
    """LANE_SUM, LANE_MAX or LANE_ARGMAX of int32 lanes."""
    if kind == "i32":
        if name == "LANE_SUM":
            return sum(lanes)
        return max(lanes) if name == "LANE_MAX" else lanes.index(max(lanes))
    numbers = [decode(lane) for lane in lanes]
    if name == "LANE_SUM":
        while len(numbers) > 1:
            pairs = [numbers[n : n + 2] for n in range(0, len(numbers), 2)]
            numbers = [decode(encode(reduce(add, pair), "f32")) for pair in pairs]
        return encode(numbers[0], "f32")
    nans = [n for n, number in enumerate(numbers) if number.nan]
    keys = [order(number) for number in numbers]
    lane = nans[0] if nans else keys.index(max(keys))
    return lane if name == "LANE_ARGMAX" else encode(numbers[lane], "f32")
