"""Operands that find mistakes: zeros, infinities, NaN, subnormals, halfway cases, both neighbours of every limit."""

from __future__ import annotations

import numpy as np

Words = np.ndarray
"""uint32[n]: bits of fp32 numbers or integers, or of fp16 numbers below 16 zeros."""


def _around(bits: list[int], width: int) -> Words:
    """Bit patterns and both neighbours of each, with either sign."""
    near = np.unique([bit + d & (1 << width) - 1 for bit in bits for d in (-1, 0, 1)])
    return np.concatenate([near, near ^ 1 << width - 1]).astype(np.uint32)


def _f32(values: list[float]) -> list[int]:
    return [int(np.float32(value).view(np.uint32)) for value in values]


LIMITS_F32 = _around(
    [0, 0x00000001, 0x00400000, 0x007FFFFF, 0x00800000, 0x00FFFFFF, 0x01000000, 0x3F800000, 0x3FFFFFFF]
    + [0x7F000000, 0x7F7FFFFF, 0x7F800000, 0x7F800001, 0x7FC00000, 0x7FFFFFFF]
    # limits of fp16: the smallest subnormal and its half, the smallest normal, the largest and what rounds beyond
    + _f32(
        [2.0**-24, 2.0**-25, 1.5 * 2.0**-24, 1023 * 2.0**-24, 1023.5 * 2.0**-24, 2.0**-14, 65504, 65519, 65520, 65536]
    )
    # limits of the integers, and ties beside them
    + _f32(
        [0.5, 1.5, 2.5, 126.5, 127, 127.5, 128, 128.5, 129, 254.5, 255, 255.5, 256, 2.0**23, 2.0**24, 2.0**30, 2.0**31]
    )
    + _f32([2.0**22 + 0.5, 2.0**23 - 0.5, 2.0**63, 2.0**64, 1.1754945e-38]),
    32,
)
LIMITS_F16 = _around(
    [0, 1, 0x200, 0x3FF, 0x400, 0x7FF, 0x800, 0x3800, 0x3C00, 0x3FFF, 0x7800, 0x7BFF, 0x7C00, 0x7C01, 0x7E00, 0x7FFF]
    + [int(np.float16(v).view(np.uint16)) for v in (0.5, 1.5, 2.5, 127, 127.5, 128.5, 255, 255.5, 256, 1024.5)],
    16,
)
LIMITS_I32 = np.unique(
    np.array([limit + d for limit in (0, *(s << n for n in range(32) for s in (1, -1))) for d in (-1, 0, 1)])
    & 0xFFFFFFFF
).astype(np.uint32)

FRACTION_BITS = {"f32": 23, "f16": 10}
EXPONENTS = {"f32": 255, "f16": 31}


def single(rng: np.random.Generator, kind: str, count: int) -> Words:
    """Operands of a type: a quarter limits, the rest random with every exponent, and many near a tie of fp16."""
    if kind in ("i8", "u8"):
        return rng.integers(0, 256, count, np.uint32)
    if kind == "i32":
        return _integers(rng, count)
    limits = LIMITS_F32 if kind == "f32" else LIMITS_F16
    width, fraction = (32, FRACTION_BITS[kind]) if kind == "f32" else (16, FRACTION_BITS[kind])
    random = rng.integers(0, 1 << width, count, np.uint32)
    # a fraction with a long run of zeros or ones, cut anywhere: ties of every shorter format, and their neighbours
    cut = rng.integers(0, fraction + 1, count)
    sparse = (random >> cut << cut) + rng.choice(np.array([-1, 0, 1]), count)
    sparse = np.where(rng.random(count) < 0.5, sparse, sparse | 1 << np.maximum(cut - 1, 0))
    chosen = np.where(rng.random(count) < 0.5, random, sparse).astype(np.int64)
    return np.where(rng.random(count) < 0.25, rng.choice(limits, count), chosen & (1 << width) - 1).astype(np.uint32)


def _integers(rng: np.random.Generator, count: int) -> Words:
    """Every magnitude, cut to few significant bits or to a tie of fp32 or fp16."""
    random = rng.integers(0, 1 << 32, count, np.uint32).astype(np.int64) >> rng.integers(0, 32, count)
    bits = np.frexp(random.astype(np.float64))[1]
    behind = np.maximum(bits - rng.choice(np.array([11, 24]), count), 0)
    tie = (random >> behind << behind) | np.where(behind > 0, 1 << np.maximum(behind - 1, 0), 0)
    tie += rng.choice(np.array([-1, 0, 1]), count)
    value = np.where(rng.random(count) < 0.5, random, tie) * rng.choice(np.array([-1, 1]), count)
    return np.where(rng.random(count) < 0.1, rng.choice(LIMITS_I32, count), value & 0xFFFFFFFF).astype(np.uint32)


def pairs(rng: np.random.Generator, kinds: tuple[str, str], count: int) -> tuple[Words, Words]:
    """Two operands: often close to each other, or such that their sum or product is a limit."""
    a, b = single(rng, kinds[0], count), single(rng, kinds[1], count)
    if kinds[1] not in FRACTION_BITS:
        return a, b
    by = rng.random(count)
    b = np.where(by < 0.4, _meeting(rng, a, *kinds), b)
    if kinds[0] == kinds[1]:
        b = np.where(by > 0.7, _near(rng, a, b, kinds[0]), b)
    return a, b.astype(np.uint32)


TARGETS = np.concatenate(
    [
        2.0**-126 * (1 - np.array([0, 2.0**-26, 2.0**-25, 2.0**-24, 2.0**-23])),
        2.0**128 * (1 - np.array([0, 2.0**-26, 2.0**-25, 2.0**-24])),
        [2.0**-127, 2.0**-149, 2.0**-150],
        [65504, 65519.99, 65520, 65536, 2.0**-14, 2.0**-24, 2.0**-25, 2.0**-26, 1023.5 * 2.0**-24, 1 + 2.0**-11],
        [0.5, 1.5, 2.5, 126.5, 127.5, 128.5, 129.5, 254.5, 255.5, 256, 2.0**31, 2.0**31 - 0.5, 2.0**31 - 1.5],
        [2.0**30 + 0.5, 2.0**24 + 1, 2.0**25 + 2, 1, 3],
    ]
)
"""Results at which rounding, flushing or saturation changes its mind."""


def _meeting(rng: np.random.Generator, a: Words, kind: str, kind_b: str) -> Words:
    """The number whose product, or now and then whose sum, with ``a`` is nearest to a target, or its neighbour."""
    target = rng.choice(TARGETS, len(a)) * rng.choice(np.array([-1, 1]), len(a))
    as_number = {"f32": (np.uint32, np.float32), "f16": (np.uint16, np.float16)}
    integers = {"i32": (np.uint32, np.int32), "i8": (np.uint8, np.int8), "u8": (np.uint8, np.uint8)}
    words, shape = (as_number | integers)[kind]
    with np.errstate(all="ignore"):
        value = a.astype(words).view(shape).astype(np.float64)
        wanted = np.where(rng.random(len(a)) < 0.7, target / value, target - value)
        words, shape = as_number[kind_b]
        bits = wanted.astype(shape).view(words).astype(np.int64)
    return bits + rng.choice(np.array([-1, 0, 0, 1]), len(a)) & np.iinfo(words).max


def _near(rng: np.random.Generator, a: Words, b: Words, kind: str) -> Words:
    """Numbers of about the same exponent as ``a``, as far as the fraction holds and farther; some almost -a."""
    fraction, top = FRACTION_BITS[kind], EXPONENTS[kind]
    count, width = len(a), 16 if kind == "f16" else 32
    sign = rng.integers(0, 2, count) << width - 1
    exponent = (a >> fraction & top).astype(np.int64) + rng.integers(-fraction - 4, fraction + 5, count)
    near = np.clip(exponent, 0, top) << fraction | (b & (1 << fraction) - 1).astype(np.int64) | sign
    same = (a.astype(np.int64) ^ sign) + rng.integers(-2, 3, count) & (1 << width) - 1
    return np.where(rng.random(count) < 0.7, near, same)
