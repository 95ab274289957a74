"""What the quantized network computes, in plain NumPy integers: the yardstick for every executor.

Shares no code with the simulator: sums in int64, rounding by division with remainder.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .quantize import LARGEST, QuantizedNetwork


def logits(network: QuantizedNetwork, images: NDArray[np.int8]) -> NDArray[np.int64]:
    """[count, classes] of images [count, pixels]."""
    sums = images.astype(np.int64) @ network.hidden.astype(np.int64)
    rectified = np.maximum(sums, network.threshold)
    units = np.clip(_scaled(rectified, network.multiplier, 2**network.shift), -128, 127)
    return units @ network.output.astype(np.int64) + LARGEST * network.bias.astype(np.int64)


def _scaled(values: NDArray[np.int64], numerator: int, denominator: int) -> NDArray[np.int64]:
    """``values * numerator / denominator``, rounded to nearest, ties to even."""
    quotient, remainder = np.divmod(values * numerator, denominator)
    above = 2 * remainder > denominator
    tie_to_even = (2 * remainder == denominator) & (quotient % 2 == 1)
    return quotient + (above | tie_to_even)
