"""VXM arithmetic on int32 vectors. Arrays wrap modulo 2^32 in NumPy, as the instructions do."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from takt_hw import isa

BINARY: dict[int, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    isa.ADD.code: np.add,
    isa.SUB.code: np.subtract,
    isa.MUL.code: np.multiply,
    isa.MIN.code: np.minimum,
    isa.MAX.code: np.maximum,
    isa.AND.code: np.bitwise_and,
    isa.OR.code: np.bitwise_or,
    isa.XOR.code: np.bitwise_xor,
    isa.SHL.code: lambda a, b: np.left_shift(a.view(np.uint32), (b & 31).view(np.uint32)).view(np.int32),
    isa.SHR.code: lambda a, b: np.right_shift(a, b & 31),
    isa.EQ.code: lambda a, b: np.equal(a, b).astype(np.int32),
    isa.NE.code: lambda a, b: np.not_equal(a, b).astype(np.int32),
    isa.LT.code: lambda a, b: np.less(a, b).astype(np.int32),
    isa.LE.code: lambda a, b: np.less_equal(a, b).astype(np.int32),
    isa.MASK.code: lambda a, b: np.where(b != 0, a, 0).astype(np.int32),
}
"""Operations of ``a`` and ``b``, by opcode."""

UNARY: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    isa.COPY.code: np.copy,
    isa.NOT.code: np.bitwise_not,
    isa.RELU.code: lambda a: np.maximum(a, 0),
}
"""Operations of ``a``, by opcode."""


def select(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """``a`` where ``c`` is not zero, else ``b``."""
    return np.where(c != 0, a, b)


def requantize(a: np.ndarray, b: np.ndarray, shift: int) -> np.ndarray:
    """``a * (b & 0xffff) / 2^shift`` to nearest, ties to even, saturated to int8. The product fits 48 bits."""
    product = a.astype(np.int64) * (b & 0xFFFF).astype(np.int64)
    quotient = product >> shift
    if shift:
        rest, half = product & ((1 << shift) - 1), 1 << (shift - 1)
        quotient += (rest > half) | ((rest == half) & (quotient & 1 == 1))
    return np.clip(quotient, -128, 127).astype(np.int32)


def from_bytes(planes: list[np.ndarray]) -> np.ndarray:
    """int32[lanes] of one sign-extended byte plane, or of four, low byte first."""
    if len(planes) == 1:
        return planes[0].view(np.int8).astype(np.int32)
    return np.stack(planes, axis=-1).view("<i4")[:, 0].astype(np.int32, copy=False)


def to_bytes(value: np.ndarray, count: int) -> list[np.ndarray]:
    """The ``count`` lowest byte planes, uint8[lanes] each, of int32[lanes]."""
    planes = value.astype("<i4", copy=False).view(np.uint8).reshape(-1, 4)
    return [np.ascontiguousarray(planes[:, n]) for n in range(count)]
