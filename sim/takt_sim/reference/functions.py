"""VXM transcendental functions on fp32 vectors, in the integer steps of docs/manual/functions.md."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from takt_hw import isa
from takt_hw.isa import functions as table
from takt_hw.isa.functions import Block, FloatBlock

from .floating import number, rounded

ROWS = np.array(table.coefficients(), dtype=np.int64)
POINT = table.SCALED_BITS


@dataclass
class Operand:
    """fp32 numbers taken apart; a subnormal is a zero of its sign. int64[lanes], flags bool[lanes]."""

    negative: np.ndarray
    exponent: np.ndarray
    """Unbiased: -127 of a zero, 128 of infinity and NaN."""
    fraction: np.ndarray
    """23 bits; 0 of a zero."""

    @property
    def zero(self) -> np.ndarray:
        """Whether it is zero."""
        return self.exponent == -127


@dataclass
class Exact:
    """``(-1)^negative * whole * 2^(exponent - FRACTION_BITS)``, before rounding."""

    negative: np.ndarray
    whole: np.ndarray
    exponent: np.ndarray


def execute(code: int, bits: np.ndarray, to: str = "f32") -> np.ndarray:
    """int32[lanes]: the function of fp32 numbers' bits, rounded to ``f32`` or ``f16``."""
    sign, exponent, fraction = bits < 0, (bits >> 23 & 255).astype(np.int64) - 127, (bits & 0x7FFFFF).astype(np.int64)
    a = Operand(sign, exponent, np.where(exponent == -127, 0, fraction))
    exact = FUNCTIONS[code](a)
    value = np.ldexp(np.where(exact.negative, -1.0, 1.0) * exact.whole, exact.exponent - table.FRACTION_BITS)
    with np.errstate(all="ignore"):
        return rounded(_special(code, number(bits), value), to)


OPERATIONS = frozenset(op.code for op in (isa.EXP2, isa.LOG2, isa.RECIPROCAL, isa.RSQRT, isa.TANH, isa.SIGMOID))
"""Opcodes that `execute` knows."""


def _special(code: int, a: np.ndarray, value: np.ndarray) -> np.ndarray:
    """``value``, but for those operands whose results the manual lists."""
    endless = np.copysign(np.inf, a)
    nothing = np.copysign(0.0, a)
    listed: dict[int, list[tuple[np.ndarray, np.ndarray | float]]] = {
        isa.EXP2.code: [],
        isa.LOG2.code: [(a == 1, 0.0), (a == np.inf, np.inf), (a < 0, np.nan), (a == 0, -np.inf)],
        isa.RECIPROCAL.code: [(np.isinf(a), nothing), (a == 0, endless)],
        isa.RSQRT.code: [(a == np.inf, 0.0), (a < 0, np.nan), (a == 0, endless)],
        isa.TANH.code: [(a == 0, nothing)],
        isa.SIGMOID.code: [],
    }
    for where, result in [*listed[code], (np.isnan(a), np.nan)]:
        value = np.where(where, result, value)
    return value


def _polynomial(row: np.ndarray, place: np.ndarray) -> np.ndarray:
    """y of a row at ``d``; every shift rounds down."""
    c0, c1, c2, c3 = ROWS[row].T
    inner = c2 + (c3 * (place >> 8) >> table.PLACE_BITS - 8)
    middle = c1 + (inner * place >> table.PLACE_BITS)
    return c0 + (middle * place >> table.PLACE_BITS)


def _of_fraction(block: Block, part: np.ndarray | int, fraction: np.ndarray, bits: int) -> np.ndarray:
    """y at a fraction with ``bits`` places."""
    rest = bits - block.bits
    row = block.first + (part << block.bits) + (fraction >> rest)
    return _polynomial(row, (fraction & (1 << rest) - 1) << table.PLACE_BITS - rest)


def _of_float(block: FloatBlock, exponent: np.ndarray, fraction: np.ndarray) -> np.ndarray:
    """y at a floating-point number with a fraction of 23 bits."""
    k = np.clip(exponent, block.lowest, block.highest)
    fine = k >= table.FINE_FROM
    bits = np.where(fine, table.FINE_BITS, table.COARSE_BITS)
    first = np.where(
        fine,
        block.fine + (k - table.FINE_FROM << table.FINE_BITS),
        block.first + (k - block.lowest << table.COARSE_BITS),
    )
    row = np.where(exponent > block.highest, block.last, first + (fraction >> 23 - bits))
    return _polynomial(row, (fraction << bits & 0x7FFFFF) << table.PLACE_BITS - 23)


def _scaled(a: Operand, product: np.ndarray, limit: int) -> tuple[np.ndarray, np.ndarray]:
    """Whole part and fraction of a fixed-point exponent whose magnitude is ``product`` / 2^(limit - exponent)."""
    most = (1 << POINT + table.SCALED_WHOLE_BITS) - 1
    magnitude = np.where(a.exponent > limit, most, product >> np.clip(limit - a.exponent, 0, 63))
    fixed = np.where(a.negative, ~magnitude, magnitude)
    return fixed >> POINT, fixed & (1 << POINT) - 1


def _significand(a: Operand) -> np.ndarray:
    return np.where(a.zero, 0, a.fraction | 1 << 23)


def _exp2(a: Operand) -> Exact:
    whole, fraction = _scaled(a, _significand(a) << 11, 7)
    return Exact(np.zeros_like(a.negative), _of_fraction(table.POWERS, 0, fraction, POINT), whole)


def _sigmoid(a: Operand) -> Exact:
    whole, fraction = _scaled(a, _significand(a) * table.LOG2_E >> 24, 6)
    tail = _of_fraction(table.TAILS, np.clip(~whole, 0, table.TAILS.parts - 1), fraction, POINT)
    near = _of_float(table.SIGMOIDS, a.exponent, a.fraction)
    below = a.negative & ~a.zero
    return Exact(np.zeros_like(below), np.where(below, tail, near), np.where(below, whole, -1))


def _reciprocal(a: Operand) -> Exact:
    return Exact(a.negative, _of_fraction(table.RECIPROCALS, 0, a.fraction, 23), -1 - a.exponent)


def _rsqrt(a: Operand) -> Exact:
    return Exact(a.negative, _of_fraction(table.ROOTS, a.exponent & 1, a.fraction, 23), -1 - (a.exponent >> 1))


def _tanh(a: Operand) -> Exact:
    return Exact(a.negative, _of_float(table.TANGENTS, a.exponent, a.fraction), np.minimum(a.exponent, 0))


def _log2(a: Operand) -> Exact:
    upper = a.fraction >= 1 << 22
    above, below = (a.exponent == 0) & ~upper, (a.exponent == -1) & upper
    distance = np.maximum(np.where(below, (1 << 23) - a.fraction, a.fraction), 1)
    leading = np.frexp(distance.astype(np.float64))[1].astype(np.int64) - 1
    fraction = (distance << 23 - leading) & 0x7FFFFF
    k = leading - np.where(below, 24, 23)
    near = np.where(
        below, _of_float(table.LOGARITHMS_BELOW, k, fraction), _of_float(table.LOGARITHMS_ABOVE, k, fraction)
    )
    far = _of_fraction(table.LOGARITHMS, 0, a.fraction, 23)
    negative = a.exponent < 0
    whole = (np.abs(a.exponent) << table.FRACTION_BITS) + np.where(negative, -far, far)
    is_near = above | below
    return Exact(negative, np.where(is_near, near, whole), np.where(is_near, k, 0))


FUNCTIONS: dict[int, Callable[[Operand], Exact]] = {
    isa.EXP2.code: _exp2,
    isa.LOG2.code: _log2,
    isa.RECIPROCAL.code: _reciprocal,
    isa.RSQRT.code: _rsqrt,
    isa.TANH.code: _tanh,
    isa.SIGMOID.code: _sigmoid,
}
"""Of an operand's parts, by opcode; what comes out for the operands in `_special` means nothing."""
