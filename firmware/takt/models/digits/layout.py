"""The network cut into weight tiles of a build's size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from takt_hw.config import ChipConfig

from .quantize import LARGEST, QuantizedNetwork

ALWAYS_LARGEST = 2**31 - 1
"""Threshold of an unused hidden column: whatever the sum, the unit is 127, a constant that carries the output bias."""


class NoRoom(ValueError):
    """A network that does not fit a build: one line that names the rule."""


@dataclass(frozen=True)
class Tile:
    """One weight matrix and the vector that it multiplies."""

    weights: NDArray[np.int8]
    """[lanes, lanes]: row, column"""
    part: int
    """Which vector of the layer's input."""
    sums: int
    """Which accumulator takes the product."""
    first: bool
    last: bool
    """First or last product of its accumulator."""


@dataclass(frozen=True)
class Layout:
    """Tiles in the order in which they are used: those of one accumulator together, so that it is done early."""

    hidden: tuple[Tile, ...]
    output: tuple[Tile, ...]
    """One for each vector of hidden units."""
    thresholds: tuple[NDArray[np.int32], ...]
    """[lanes] for each vector of hidden units."""

    @property
    def pixel_vectors(self) -> int:
        """Vectors that hold an image."""
        return 1 + max(tile.part for tile in self.hidden)


def cut(config: ChipConfig, network: QuantizedNetwork) -> Layout:
    """The tiles of a network. Each vector of hidden units leaves at least one column free.

    The free columns are constant units of 127. The output bias, counted in 127s, is shared out over
    their weights. NoRoom if the bias is too large for that, or the scale too small for 127.
    """
    if ALWAYS_LARGEST * network.multiplier < LARGEST << network.shift:
        raise NoRoom(f"scale must make {LARGEST} of 2^31 - 1, not be {network.multiplier} / 2^{network.shift}")
    lanes = config.lanes
    vectors = -(-network.units // (lanes - 1))
    per_vector = -(-network.units // vectors)
    parts = -(-network.hidden.shape[0] // lanes)
    pixels = _padded(network.hidden, parts * lanes, network.units)
    free = vectors * lanes - network.units
    bias = _shared(network.bias, free)
    hidden, output, thresholds = [], [], []
    for vector in range(vectors):
        units = slice(vector * per_vector, min((vector + 1) * per_vector, network.units))
        held = units.stop - units.start
        columns = _padded(pixels[:, units], parts * lanes, lanes)
        for part in range(parts):
            weights = columns[part * lanes : (part + 1) * lanes]
            hidden.append(Tile(weights, part, vector, part == 0, part == parts - 1))
        constants, bias = bias[: lanes - held], bias[lanes - held :]
        rows = _padded(np.vstack([network.output[units], constants]), lanes, lanes)
        output.append(Tile(rows, vector, vectors, vector == 0, vector == vectors - 1))
        threshold = np.full(lanes, ALWAYS_LARGEST, np.int32)
        threshold[:held] = network.threshold[units]
        thresholds.append(threshold)
    return Layout(tuple(hidden), tuple(output), tuple(thresholds))


def _padded(matrix: NDArray[np.int8], rows: int, columns: int) -> NDArray[np.int8]:
    """The matrix with zeros below and to the right."""
    padded = np.zeros((rows, columns), np.int8)
    padded[: matrix.shape[0], : matrix.shape[1]] = matrix
    return padded


def _shared(bias: NDArray[np.int32], units: int) -> NDArray[np.int8]:
    """[units, classes] whose columns add up to ``bias``, as evenly as integers can."""
    shares = (bias + np.arange(units)[:, None]) // units
    if np.abs(shares).max() > LARGEST:
        raise NoRoom(f"output bias must be at most {LARGEST * units} times {LARGEST}, not {np.abs(bias).max()} times")
    return shares.astype(np.int8)
