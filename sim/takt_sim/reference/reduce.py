"""Lane reductions of int32 vectors, or of fp32 vectors held as their bits in int32."""

from __future__ import annotations

import numpy as np

NAN = np.int32(0x7FC00000)


def clean(bits: np.ndarray) -> np.ndarray:
    """fp32 bits with subnormals as zeros of their sign and one NaN."""
    magnitude = bits & 0x7FFFFFFF
    flushed = np.where(magnitude < 0x00800000, bits & np.int32(-(2**31)), bits)
    return np.where(magnitude > 0x7F800000, NAN, flushed).astype(np.int32)


def lane_sum(values: np.ndarray, kind: str) -> int:
    """The sum: modulo 2^32, or pairwise in lane order, each sum rounded to fp32."""
    if kind == "i32":
        return int(values.sum(dtype=np.int64).astype(np.int32))
    level = clean(values)
    while len(level) > 1:
        even = len(level) & ~1
        with np.errstate(all="ignore"):
            sums = level[0:even:2].view(np.float32) + level[1:even:2].view(np.float32)
        level = np.concatenate([clean(sums.view(np.int32)), level[even:]])
    return int(level[0])


def lane_argmax(values: np.ndarray, kind: str) -> int:
    """The lowest lane that holds the largest number: -0 is below +0, NaN above all."""
    if kind == "f32":
        bits = clean(values)
        values = np.where(bits < 0, bits ^ 0x7FFFFFFF, bits)
    return int(np.argmax(values))


def lane_max(values: np.ndarray, kind: str) -> int:
    """The largest number, as the bits of an int32."""
    return int((clean(values) if kind == "f32" else values)[lane_argmax(values, kind)])
