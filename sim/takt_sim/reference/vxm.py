"""VXM arithmetic on int32 vectors, and how elements are read and sent.

Arrays wrap modulo 2^32 in NumPy, as the instructions do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from takt_hw import isa
from takt_hw.isa import DType

from . import floating, functions


def _saturated(exact: np.ndarray) -> np.ndarray:
    """int64 as int32."""
    return np.clip(exact, -(2**31), 2**31 - 1).astype(np.int32)


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
    isa.SHR_LOGICAL.code: lambda a, b: np.right_shift(a.view(np.uint32), (b & 31).view(np.uint32)).view(np.int32),
    isa.ADD_SAT.code: lambda a, b: _saturated(a.astype(np.int64) + b),
    isa.SUB_SAT.code: lambda a, b: _saturated(a.astype(np.int64) - b),
    isa.MUL_SAT.code: lambda a, b: _saturated(a.astype(np.int64) * b),
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
    isa.ABS.code: np.abs,
    isa.NEG.code: np.negative,
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


def execute(code: int, a: np.ndarray, b: np.ndarray | None, c: np.ndarray | None, values: Mapping) -> np.ndarray:
    """The result of an operation; ``values`` are the instruction's other operands. KeyError if there is no model."""
    if code in UNARY:
        return UNARY[code](a)
    if code in floating.OPERATIONS:
        return floating.execute(code, a, a if b is None else b, values.get("to", "f32"), values.get("from", "f32"))
    if code in functions.OPERATIONS:
        return functions.execute(code, a, values["to"])
    assert b is not None
    if code == isa.REQUANT.code:
        return requantize(a, b, values["shift"])
    if code == isa.SELECT.code:
        assert c is not None
        return select(a, b, c)
    return BINARY[code](a, b)


def as_type(value: np.ndarray, dtype: DType) -> np.ndarray:
    """int32[lanes] read as a type: its low bytes extended, or widened to fp32."""
    match dtype:
        case DType.I8:
            return value.astype(np.int8).astype(np.int32)
        case DType.U8:
            return value & 0xFF
        case DType.F16:
            return floating.widen(value.astype(np.uint16))
    return value


def from_bytes(planes: list[np.ndarray], dtype: DType) -> np.ndarray:
    """int32[lanes] of a type's byte planes, low byte first."""
    padded = [*planes, *[np.zeros_like(planes[0])] * (4 - len(planes))]
    return as_type(np.stack(padded, axis=-1).view("<i4")[:, 0].astype(np.int32, copy=False), dtype)


def to_bytes(value: np.ndarray, count: int) -> list[np.ndarray]:
    """The ``count`` lowest byte planes, uint8[lanes] each, of int32[lanes]."""
    planes = value.astype("<i4", copy=False).view(np.uint8).reshape(-1, 4)
    return [np.ascontiguousarray(planes[:, n]) for n in range(count)]
