"""From float to int8: symmetric, one scale per layer, calibrated on the training images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .scans import WHITEST
from .training import FloatNetwork

LARGEST = 127
"""Largest int8, also the value that stands for "one" in front of the output bias."""

_MULTIPLIERS = 1 << 16
"""REQUANT takes the low 16 bits of its multiplier."""

MOST_PLACES = 47
"""Largest shift of REQUANT; the table's limit on SHIFT_BITS, less one."""


@dataclass(frozen=True)
class QuantizedNetwork:
    """Integers that say everything about the network; `integer.logits` says what they compute.

    The rectifier is folded: relu(a + b) = max(a, -b) + b, so the hidden layer is ``max(x @ hidden, threshold)``
    with threshold = -b, and the constant ``b @ output`` is part of the output bias.
    """

    hidden: NDArray[np.int8]
    """[pixels, units]"""
    threshold: NDArray[np.int32]
    """[units]"""
    multiplier: int
    """1 to 65535; a hidden unit is scaled by multiplier / 2^shift."""
    shift: int
    output: NDArray[np.int8]
    """[units, classes]"""
    bias: NDArray[np.int32]
    """[classes], counted in 127s."""

    @property
    def units(self) -> int:
        """Hidden units."""
        return self.hidden.shape[1]

    @property
    def macs(self) -> int:
        """Multiply-accumulates that one image needs."""
        return self.hidden.size + self.output.size


def quantize(network: FloatNetwork, images: NDArray[np.int8]) -> QuantizedNetwork:
    """The int8 form of a network, the range of its hidden units taken from ``images`` [count, 64]."""
    hidden, hidden_scale = _int8(network.hidden)
    sum_scale = hidden_scale / WHITEST
    threshold = np.rint(-network.hidden_bias / sum_scale).astype(np.int32)
    sums = np.maximum(images.astype(np.int64) @ hidden.astype(np.int64), threshold)
    multiplier, shift = _fraction(LARGEST / np.abs(sums).max())
    unit_scale = sum_scale * 2**shift / multiplier
    output, output_scale = _int8(network.output)
    constant = network.output_bias + network.hidden_bias @ network.output
    bias = np.rint(constant / (unit_scale * output_scale * LARGEST)).astype(np.int32)
    return QuantizedNetwork(hidden, threshold, multiplier, shift, output, bias)


def _int8(weights: NDArray[np.float64]) -> tuple[NDArray[np.int8], float]:
    """Weights and the scale that they are counted in; the largest becomes 127 or -127."""
    scale = float(np.abs(weights).max()) / LARGEST
    return np.rint(weights / scale).astype(np.int8), scale


def _fraction(factor: float) -> tuple[int, int]:
    """The closest ``multiplier / 2^shift`` to a factor below 1, with as many bits as REQUANT takes."""
    shift = 0
    while shift < MOST_PLACES and round(factor * 2 ** (shift + 1)) < _MULTIPLIERS:
        shift += 1
    return round(factor * 2**shift), shift
