"""SXM lane movement on uint8[lanes] vectors."""

from __future__ import annotations

import numpy as np

from takt_hw.config import LANES_PER_SUPERLANE


def shift(vector: np.ndarray, amount: int) -> np.ndarray:
    """Lane ``i`` goes to lane ``i + amount``; zeros come in."""
    result = np.zeros_like(vector)
    if amount >= 0:
        result[amount:] = vector[: len(vector) - amount]
    else:
        result[:amount] = vector[-amount:]
    return result


def select(a: np.ndarray, b: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """``a`` where ``mask`` is not zero, else ``b``."""
    return np.where(mask != 0, a, b)


def permute(vector: np.ndarray, lanes: np.ndarray) -> np.ndarray:
    """Lane ``i`` comes from lane ``lanes[i]``; zero where there is no such lane."""
    inside = lanes < len(vector)
    return np.where(inside, vector[np.where(inside, lanes, 0)], 0).astype(np.uint8)


def distribute(vector: np.ndarray, lanes: np.ndarray) -> np.ndarray:
    """``permute`` within each superlane."""
    superlanes = len(vector) // LANES_PER_SUPERLANE
    blocks = zip(np.split(vector, superlanes), np.split(lanes, superlanes), strict=True)
    return np.concatenate([permute(block, block_lanes) for block, block_lanes in blocks])


def transpose(vectors: list[np.ndarray]) -> list[np.ndarray]:
    """In every block of T lanes, lane j of result i comes from lane i of vector j; T is the number of vectors."""
    size = len(vectors)
    blocks = np.stack(vectors).reshape(size, -1, size)  # [stream j, block, lane i]
    return [np.ascontiguousarray(row.reshape(-1)) for row in blocks.transpose(2, 1, 0)]
