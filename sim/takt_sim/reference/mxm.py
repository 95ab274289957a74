"""One MXM plane: buffer, weights, products on their way, accumulators."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

LIMB_BITS = 32
"""An exact sum is kept in numbers of 32 bits, each in an int64 that leaves room for carries."""

LIMBS = 6
"""192 bits: no program is long enough to fill them."""

FRACTION_BITS = 48
"""The product of two fp16 numbers is a multiple of 2^-48."""

NAN = np.uint32(0x7FC00000)
INFINITY = np.uint32(0x7F800000)


@dataclass
class Fixed:
    """fp16 numbers, or numbers that went into fp16 products: ``value * 2^-24``, and what has no such value."""

    value: np.ndarray
    """int64: at most 41 bits and a sign; 0 of NaN and infinity."""
    nan: np.ndarray
    infinity: np.ndarray
    """int8: the sign of an infinity, else 0."""

    @classmethod
    def from_fp16(cls, bits: np.ndarray) -> Fixed:
        """Of uint16 bit patterns."""
        number = bits.view(np.float16).astype(np.float64)  # exact
        finite = np.isfinite(number)
        value = np.where(finite, number, 0.0) * 2.0**24
        infinity = np.where(np.isinf(number), np.sign(np.where(np.isnan(number), 0.0, number)), 0.0)
        return cls(value.astype(np.int64), np.isnan(number), infinity.astype(np.int8))

    @classmethod
    def from_int8(cls, value: np.ndarray) -> Fixed:
        """Of int8."""
        return cls(value.astype(np.int64) << 24, np.zeros(value.shape, bool), np.zeros(value.shape, np.int8))


@dataclass
class Exact:
    """One exact sum per column, in units of 2^-48, with what came up that has no value."""

    limbs: np.ndarray
    """int64[LIMBS, lanes], low limb first: all from 0 to 2^32 - 1 but the last, which has the sign."""
    nan: np.ndarray
    plus: np.ndarray
    minus: np.ndarray

    def __add__(self, other: Exact) -> Exact:
        return Exact(
            _carried(self.limbs + other.limbs),
            self.nan | other.nan,
            self.plus | other.plus,
            self.minus | other.minus,
        )

    def to_fp32(self) -> np.ndarray:
        """Bit patterns, as int32: each sum rounded once, to nearest and ties to even."""
        result = np.array([_round(column) for column in self.limbs.T.tolist()], np.uint32)
        result[self.plus] = INFINITY
        result[self.minus] = INFINITY | np.uint32(1 << 31)
        result[self.nan | (self.plus & self.minus)] = NAN
        return result.view(np.int32)


@dataclass
class Int32:
    """One int32 sum per column, modulo 2^32."""

    sums: np.ndarray

    def __add__(self, other: Int32) -> Int32:
        return Int32(self.sums + other.sums)


Product = Int32 | Exact
"""What one ABC or ABC_FP16 makes, and what an accumulator holds."""


@dataclass
class Weights:
    """Installed weights: int8[row, column], or fp16 as uint16[row, column]."""

    bits: np.ndarray

    @property
    def are_int8(self) -> bool:
        """Whether ABC can use them; ABC_FP16 can use both."""
        return self.bits.dtype == np.int8

    @cached_property
    def int8(self) -> np.ndarray:
        """float32. Sums of up to 1024 int8 products are integers below 2^24: exact in float32."""
        return self.bits.astype(np.float32)

    @cached_property
    def fixed(self) -> Fixed:
        """As factors of exact products."""
        return Fixed.from_int8(self.bits) if self.are_int8 else Fixed.from_fp16(self.bits)

    @cached_property
    def halves(self) -> tuple[np.ndarray, np.ndarray]:
        """``fixed.value`` as ``high * 2^21 + low``, float64."""
        return _halves(self.fixed.value)


class Plane:
    """State of one plane. Nothing here knows a cycle but ``products``, which are keyed by it.

    Parameters
    ----------
    lanes : int
        Rows and columns of the weight matrix. At most 1024, so that floating point holds every partial sum exactly.
    """

    def __init__(self, lanes: int) -> None:
        self.buffer = np.zeros((lanes, lanes), np.uint8)
        """[row, column]; the low bytes of fp16 weights."""
        self.high_buffer = np.zeros((lanes, lanes), np.uint8)
        self.blocks: set[int] = set()
        """Blocks of the buffer that were ever loaded."""
        self.high_blocks: set[int] = set()
        self.weights: Weights | None = None
        self.products: dict[int, Product] = {}
        """By the cycle in which an ACC can take it."""
        self.accumulators: dict[int, Product | None] = {}
        """None: zero, of whichever kind."""

    def load(self, block: int, columns: list[np.ndarray]) -> None:
        """Fill one block of the buffer with uint8[lanes] columns."""
        _fill(self.buffer, block, columns)
        self.blocks.add(block)

    def load_high(self, block: int, columns: list[np.ndarray]) -> None:
        """Fill one block of the high bytes."""
        _fill(self.high_buffer, block, columns)
        self.high_blocks.add(block)

    def installed(self) -> Weights:
        """The buffer as int8 weights."""
        return Weights(self.buffer.view(np.int8).copy())

    def installed_fp16(self) -> Weights:
        """The buffer as fp16 weights."""
        return Weights(self.buffer | self.high_buffer.astype(np.uint16) << 8)

    def multiply(self, activations: np.ndarray) -> Int32:
        """One sum over the rows for each column. There must be int8 weights."""
        assert self.weights is not None
        return Int32((activations.view(np.int8).astype(np.float32) @ self.weights.int8).astype(np.int32))

    def multiply_fp16(self, low: np.ndarray, high: np.ndarray) -> Exact:
        """One exact sum over the rows for each column, of two byte planes of activations. There must be weights."""
        assert self.weights is not None
        a, w = Fixed.from_fp16(low | high.astype(np.uint16) << 8), self.weights.fixed
        (a_high, a_low), (w_high, w_low) = _halves(a.value), self.weights.halves
        # each a sum of at most 1024 products of numbers below 2^21: below 2^53
        sums = {0: a_low @ w_low, 21: a_low @ w_high + a_high @ w_low, 42: a_high @ w_high}
        limbs = np.zeros((LIMBS, len(low)), np.int64)
        for place, part in sums.items():
            limb, shift = divmod(place, LIMB_BITS)
            whole, stays = part.astype(np.int64), LIMB_BITS - shift
            limbs[limb] += (whole & ((1 << stays) - 1)) << shift
            limbs[limb + 1] += whole >> stays
        signs = np.sign(a.value)[:, None] + a.infinity[:, None], np.sign(w.value) + w.infinity
        infinite = (a.infinity[:, None] != 0) | (w.infinity != 0)
        sign = signs[0] * signs[1]
        nan = a.nan[:, None] | w.nan
        invalid = infinite & (sign == 0) & ~nan
        return Exact(
            _carried(limbs),
            (nan | invalid).any(0),
            (infinite & (sign > 0) & ~nan).any(0),
            (infinite & (sign < 0) & ~nan).any(0),
        )

    def drain(self, address: int) -> np.ndarray:
        """What the accumulator holds, as int32[lanes]; it is zero then."""
        value, self.accumulators[address] = self.accumulators[address], None
        return np.zeros(len(self.buffer), np.int32) if value is None else to_int32(value)


def to_int32(value: Product) -> np.ndarray:
    """What leaves: int32 sums, or fp32 bit patterns."""
    return value.sums if isinstance(value, Int32) else value.to_fp32()


def _fill(buffer: np.ndarray, block: int, columns: list[np.ndarray]) -> None:
    first = block * len(columns)
    buffer[:, first : first + len(columns)] = np.stack(columns, axis=-1)


def _halves(value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return (value >> 21).astype(np.float64), (value & ((1 << 21) - 1)).astype(np.float64)


def _carried(limbs: np.ndarray) -> np.ndarray:
    """The same numbers with all limbs but the last from 0 to 2^32 - 1."""
    for n in range(LIMBS - 1):
        limbs[n + 1] += limbs[n] >> LIMB_BITS
        limbs[n] &= (1 << LIMB_BITS) - 1
    return limbs


def _round(limbs: list[int]) -> int:
    """fp32 bit pattern of one sum. It is 0 or at least 2^-48 in size, and below 2^128: no subnormals, no overflow."""
    total = sum(limb << LIMB_BITS * n for n, limb in enumerate(limbs))
    sign, size = (1 << 31 if total < 0 else 0), abs(total)
    if not size:
        return 0
    exponent = size.bit_length() - 24
    if exponent > 0:
        mantissa, rest = divmod(size, 1 << exponent)
        twice = 2 * rest
        mantissa += twice > 1 << exponent or (twice == 1 << exponent and mantissa & 1)
    else:
        mantissa = size << -exponent
    if mantissa >> 24:
        mantissa, exponent = mantissa >> 1, exponent + 1
    return sign | exponent - FRACTION_BITS + 23 + 127 << 23 | mantissa & 0x7FFFFF
