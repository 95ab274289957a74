"""VXM floating-point arithmetic on fp32 vectors, in double precision where that is exact.

Vectors are int32 arrays of the numbers' bits. Every result is an exact number rounded once, by NumPy's own
conversion from double precision. Where the exact number does not fit a double it is *rounded to odd*: cut off, with
the lowest bit set if anything was lost. That cannot be mistaken for a tie, nor for a number that needs no rounding.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from takt_hw import isa

NAN_F32 = 0x7FC00000
NAN_F16 = 0x7E00
SMALLEST_F32 = 2.0**-126

INTEGERS = {"i32": (-(2**31), 2**31 - 1), "i8": (-128, 127), "u8": (0, 255)}
"""Least and greatest value of the integer types."""


def widen(half: np.ndarray) -> np.ndarray:
    """fp32 bits of fp16 numbers, uint16[lanes]; every NaN the canonical one."""
    return _bits(half.view(np.float16).astype(np.float32))


def number(bits: np.ndarray) -> np.ndarray:
    """float64 of fp32 bits, with subnormals flushed to a zero of their sign."""
    value = np.where(bits & 0x7F800000, bits, bits & -(2**31)).astype(np.int32).view(np.float32)
    return value.astype(np.float64)


def rounded(value: np.ndarray, to: str) -> np.ndarray:
    """int32[lanes] of exact or rounded-to-odd numbers, rounded to ``f32``, ``f16``, ``i32``, ``i8`` or ``u8``."""
    if to == "f32":
        single = value.astype(np.float32)
        return _bits(np.where(np.abs(single) < SMALLEST_F32, np.copysign(np.float32(0), single), single))
    if to == "f16":
        bits = value.astype(np.float16).view(np.uint16).astype(np.int32)
        return np.where(np.isnan(value), NAN_F16, bits).astype(np.int32)
    least, greatest = INTEGERS[to]
    whole = np.clip(np.rint(np.where(np.isnan(value), 0, value)), least, greatest)
    return whole.astype(np.int64).astype(np.int32)


def exact_sum(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """``a + b`` of float64, rounded to odd."""
    total = a + b
    # Knuth's TwoSum: what the addition lost, exactly
    a_part = total - b
    error = (a - a_part) + (b - (total - a_part))
    even = total.view(np.int64) & 1 == 0
    inexact = np.isfinite(total) & (error != 0) & even
    return np.where(inexact, np.nextafter(total, np.copysign(np.inf, error)), total)


def exact_product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """``a * b`` of int32 and float64 with 24 significant bits, rounded to odd: 16 bits of ``a`` at a time."""
    product = a.astype(np.float64) * b
    odd = exact_sum((a >> 16) * 65536.0 * b, (a & 0xFFFF) * b)
    return np.where(np.isfinite(product) & (product != 0), odd, product)


def _bits(single: np.ndarray) -> np.ndarray:
    bits = single.astype(np.float32, copy=False).view(np.int32)
    return np.where(np.isnan(single), NAN_F32, bits).astype(np.int32)


def _least(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    smaller = np.where((a < b) | ((a == b) & np.signbit(a)), a, b)
    return np.where(np.isnan(a) | np.isnan(b), np.nan, smaller)


ARITHMETIC: dict[int, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    isa.FADD.code: exact_sum,
    isa.FSUB.code: lambda a, b: exact_sum(a, -b),
    isa.FMUL.code: np.multiply,
    isa.FMIN.code: _least,
    isa.FMAX.code: lambda a, b: -_least(-a, -b),
    isa.FABS.code: lambda a, b: np.abs(a),
    isa.FNEG.code: lambda a, b: -a,
}
"""The exact result of float64 ``a`` and ``b``, by opcode: it is rounded afterwards."""

COMPARISONS: dict[int, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    isa.FEQ.code: np.equal,
    isa.FNE.code: np.not_equal,
    isa.FLT.code: np.less,
    isa.FLE.code: np.less_equal,
}
"""Of float64 ``a`` and ``b``, by opcode."""


def execute(code: int, a: np.ndarray, b: np.ndarray, to: str = "f32", source: str = "f32") -> np.ndarray:
    """The result of a floating-point operation on bits; ``to`` and ``source`` are the instruction's types."""
    with np.errstate(all="ignore"):
        if code == isa.CONVERT.code:
            scale = number(b)
            return rounded(exact_product(a, scale) if source == "i32" else number(a) * scale, to)
        if code in COMPARISONS:
            return COMPARISONS[code](number(a), number(b)).astype(np.int32)
        return rounded(ARITHMETIC[code](number(a), number(b)), to)


OPERATIONS = frozenset({*ARITHMETIC, *COMPARISONS, isa.CONVERT.code})
"""Opcodes that `execute` knows."""
