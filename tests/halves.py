"""fp16 dot products by others' arithmetic: fractions for the exact sum, NumPy for what has no value."""

from fractions import Fraction

import numpy as np

CORNERS = np.array(
    [
        *(0x0000, 0x0001, 0x0002, 0x03FF, 0x0400, 0x0401),  # zero, subnormal numbers, the least normal ones
        *(0x2C00, 0x3BFF, 0x3C00, 0x3C01, 0x4000, 0x4248),
        *(0x7800, 0x7BFE, 0x7BFF),  # the largest
    ],
    np.uint16,
)
CORNERS = np.concatenate([CORNERS, CORNERS | 0x8000])
SPECIAL = np.array([0x7C00, 0xFC00, 0x7C01, 0x7E00, 0xFFFF], np.uint16)
"""Infinities and NaNs."""


def number(bits: int) -> Fraction:
    """A finite fp16 number."""
    return Fraction(float(np.uint16(bits).view(np.float16)))


def bits_of(value: float) -> int:
    """fp16 bit pattern of a number that has one."""
    half = np.float16(value)
    assert float(half) == value
    return int(half.view(np.uint16))


def nearest_fp32(total: Fraction) -> int:
    """Bit pattern of the fp32 number that is nearest, ties to even: the best of three that NumPy names."""
    guess = np.float32(float(total))
    neighbours = [guess, np.nextafter(guess, np.float32(np.inf)), np.nextafter(guess, np.float32(-np.inf))]
    bits = [int(f.view(np.uint32)) for f in neighbours]
    best = min(range(3), key=lambda n: (abs(Fraction(float(neighbours[n])) - total), bits[n] & 1))
    return bits[best] if total else 0


def dot(activations: np.ndarray, weights: np.ndarray) -> int:
    """fp32 bit pattern of a sum of products. Activations are uint16, weights uint16 or int8."""
    x = activations.view(np.float16).astype(np.float64)
    w = weights.astype(np.float64) if weights.dtype == np.int8 else weights.view(np.float16).astype(np.float64)
    with np.errstate(invalid="ignore"):
        products = x * w  # exact if finite
        if not np.isfinite(products).all():
            total = np.float32(products.sum())
            return 0x7FC00000 if np.isnan(total) else int(total.view(np.uint32))
    return nearest_fp32(sum(map(Fraction, products.tolist()), Fraction(0)))
