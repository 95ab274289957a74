"""The transcendental functions in whole numbers, one lane at a time: docs/manual/functions.md read a second time."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from takt_hw.isa import functions as table
from takt_hw.isa.functions import Block, FloatBlock
from tests.sim.number_model import NAN as NOT_A_NUMBER
from tests.sim.number_model import Number, encode

INFINITY, NAN = "infinity", "nan"

ROWS = table.coefficients()


def polynomial(row: int, d: int) -> int:
    """y of a row at a place of 24 bits."""
    c0, c1, c2, c3 = ROWS[row]
    inner = c2 + ((c3 * (d >> 8)) >> 16)
    middle = c1 + ((inner * d) >> 24)
    return c0 + ((middle * d) >> 24)


def of_fraction(block: Block, fraction: int, bits: int, part: int = 0) -> int:
    """y of a fraction of ``bits`` bits."""
    within, d = divmod(fraction << 24, 1 << bits + 24 - block.bits)
    return polynomial(block.first + part * 2**block.bits + within, d >> bits - block.bits)


def of_float(block: FloatBlock, k: int, fraction: int) -> int:
    """y of 2^k (1 + fraction / 2^23)."""
    if k > block.highest:
        return polynomial(block.first + block.rows - 1, 0)
    k, row = max(k, block.lowest), block.first
    for exponent in range(block.lowest, k):
        row += 16 if exponent >= -3 else 4
    leading = 4 if k >= -3 else 2
    return polynomial(row + (fraction >> 23 - leading), (fraction << leading + 1) & 0xFFFFFF)


def _exp2(s: int, e: int, f: int, significand: int) -> tuple:
    magnitude = 2**35 - 1 if e > 7 else (significand << 11) >> (7 - e)
    i, f = divmod(-magnitude - 1 if s else magnitude, 1 << 27)
    return False, of_fraction(table.POWERS, f, 27), i


def _log2(s: int, e: int, f: int, significand: int) -> tuple:
    if significand == 0:
        return True, INFINITY, 0
    if s:
        return False, NAN, 0
    if e == 128:
        return False, INFINITY, 0
    if (e, f) == (0, 0):
        return False, 0, 0
    if (e, f >> 22) in ((0, 0), (-1, 1)):
        distance, block = (f, table.LOGARITHMS_ABOVE) if e == 0 else (2**23 - f, table.LOGARITHMS_BELOW)
        leading = distance.bit_length() - 1
        k = leading - 23 + e
        return e < 0, of_float(block, k, (distance << 23 - leading) - 2**23), k
    y = of_fraction(table.LOGARITHMS, f, 23)
    return e < 0, abs(e) * 2**30 + (-y if e < 0 else y), 0


def _reciprocal(s: int, e: int, f: int, significand: int) -> tuple:
    if e == 128 or significand == 0:
        return bool(s), 0 if significand else INFINITY, 0
    return bool(s), of_fraction(table.RECIPROCALS, f, 23), -1 - e


def _rsqrt(s: int, e: int, f: int, significand: int) -> tuple:
    if significand == 0:
        return bool(s), INFINITY, 0
    if s:
        return False, NAN, 0
    return False, 0 if e == 128 else of_fraction(table.ROOTS, f, 23, e % 2), -1 - e // 2


def _tanh(s: int, e: int, f: int, significand: int) -> tuple:
    return bool(s), of_float(table.TANGENTS, e, f) if significand else 0, min(e, 0)


def _sigmoid(s: int, e: int, f: int, significand: int) -> tuple:
    if not s or significand == 0:
        return False, of_float(table.SIGMOIDS, e, f), -1
    magnitude = 2**35 - 1 if e > 6 else (significand * 0x5C551D94B >> 24) >> (6 - e)
    i, f = divmod(-magnitude - 1, 1 << 27)
    return False, of_fraction(table.TAILS, f, 27, min(-i - 1, 27)), i


FUNCTIONS: dict[str, Any] = {
    "EXP2": _exp2,
    "LOG2": _log2,
    "RECIPROCAL": _reciprocal,
    "RSQRT": _rsqrt,
    "TANH": _tanh,
    "SIGMOID": _sigmoid,
}
"""Sign, V or what else the result is, and E, of an operand's sign bit, exponent, fraction and significand."""


def execute(name: str, bits: int, to: str) -> int:
    """Bits of the function of fp32 bits."""
    s, field, f = bits >> 31 & 1, bits >> 23 & 255, bits & 0x7FFFFF
    if field == 255 and f:
        return encode(NOT_A_NUMBER, to)
    f = f if field else 0
    negative, whole, exponent = FUNCTIONS[name](s, field - 127, f, f | 1 << 23 if field else 0)
    if whole is NAN:
        return encode(NOT_A_NUMBER, to)
    return encode(Number(None if whole is INFINITY else whole * Fraction(2) ** (exponent - 30), negative), to)
