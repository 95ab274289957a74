"""One MXM plane: buffer, weights, products on their way, accumulators."""

from __future__ import annotations

import numpy as np


class Plane:
    """State of one plane. Nothing here knows a cycle but ``products``, which are keyed by it.

    Parameters
    ----------
    lanes : int
        Rows and columns of the weight matrix. At most 1024, so that float32 holds every partial sum exactly.
    """

    def __init__(self, lanes: int) -> None:
        self.buffer = np.zeros((lanes, lanes), np.int8)
        """[row, column]"""
        self.blocks: set[int] = set()
        """Blocks of the buffer that were ever loaded."""
        self.weights: np.ndarray | None = None
        self.products: dict[int, np.ndarray] = {}
        """int32[lanes] by the cycle in which an ACC can take it."""
        self.accumulators: dict[int, np.ndarray] = {}

    def load(self, block: int, columns: list[np.ndarray]) -> None:
        """Fill one block of the buffer with uint8[lanes] columns."""
        first = block * len(columns)
        self.buffer[:, first : first + len(columns)] = np.stack(columns, axis=-1).view(np.int8)
        self.blocks.add(block)

    def installed(self) -> np.ndarray:
        """The buffer as weights. Sums of up to 1024 int8 products are integers below 2^24: exact in float32."""
        return self.buffer.astype(np.float32)

    def multiply(self, activations: np.ndarray) -> np.ndarray:
        """int32[lanes]: one sum over the rows for each column. There must be weights."""
        assert self.weights is not None
        return (activations.view(np.int8).astype(np.float32) @ self.weights).astype(np.int32)
