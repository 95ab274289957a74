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
        return 1 + max((tile.part for tile in self.hidden), default=-1)


def cut(config: ChipConfig, network: QuantizedNetwork) -> Layout:
    """The tiles of a network. Each vector of hidden units leaves at least one column free.

    The free columns are constant units of 127. The output bias, counted in 127s, is shared out over
    their weights. NoRoom if the bias is too large for that, or the scale too small for 127.
    """
    _require_scale(network)
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


def columns(config: ChipConfig, network: QuantizedNetwork, chips: int) -> list[Layout]:
    """What each of some chips does if each has some columns of both layers, as equal as can be.

    A chip's hidden units are one vector, which all chips need: output tiles are in the order in which a chip has them,
    its own units first, then the others by number. NoRoom as in `cut`, or if a chip would have more units than one
    vector takes, or no class.
    """
    _require_scale(network)
    lanes, classes = config.lanes, network.output.shape[1]
    units = [part.tolist() for part in np.array_split(np.arange(network.units), chips)]
    if len(units[0]) > lanes - 1:
        raise NoRoom(f"hidden units of a chip must be at most {lanes - 1}, not {len(units[0])}")
    if classes < chips:
        raise NoRoom(f"chips must be at most {classes}, one for each class, not {chips}")
    parts = -(-network.hidden.shape[0] // lanes)
    bias = _shared(network.bias, chips * lanes - network.units)
    rows = []
    for own in units:
        constants, bias = bias[: lanes - len(own)], bias[lanes - len(own) :]
        rows.append(np.vstack([network.output[own], constants]))
    layouts = []
    for chip, (own, shown) in enumerate(zip(units, np.array_split(np.arange(classes), chips), strict=True)):
        weights = _padded(network.hidden[:, own], parts * lanes, lanes)
        hidden = tuple(
            Tile(weights[part * lanes : (part + 1) * lanes], part, 0, part == 0, part == parts - 1)
            for part in range(parts)
        )
        order = [chip, *(other for other in range(chips) if other != chip)]
        output = tuple(
            Tile(_padded(rows[of][:, shown], lanes, lanes), of, 1, of == order[0], of == order[-1]) for of in order
        )
        threshold = np.full(lanes, ALWAYS_LARGEST, np.int32)
        threshold[: len(own)] = network.threshold[own]
        layouts.append(Layout(hidden, output, (threshold,)))
    return layouts


def _require_scale(network: QuantizedNetwork) -> None:
    if ALWAYS_LARGEST * network.multiplier < LARGEST << network.shift:
        raise NoRoom(f"scale must make {LARGEST} of 2^31 - 1, not be {network.multiplier} / 2^{network.shift}")


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
