"""The data: 1797 scans of handwritten digits, 8×8 pixels from 0 to 16, that scikit-learn carries with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

PIXELS = 64
CLASSES = 10
WHITEST = 16
"""Largest value of a pixel; 0 is the smallest."""

HELD_BACK = 450
"""Scans of the test split, a quarter of all."""

_SPLIT_SEED = 0


@dataclass(frozen=True)
class Scans:
    """The split. Images are int8 [count, 64], labels int64 [count]; each digit has its share in both halves."""

    train_images: NDArray[np.int8]
    train_labels: NDArray[np.int64]
    test_images: NDArray[np.int8]
    """Held back: neither training nor calibration sees them."""
    test_labels: NDArray[np.int64]


def load_scans() -> Scans:
    """The split, the same every time."""
    images, labels = load_digits(return_X_y=True)
    parts = train_test_split(
        images.astype(np.int8),
        labels.astype(np.int64),
        test_size=HELD_BACK,
        stratify=labels,
        random_state=_SPLIT_SEED,
    )
    train_images, test_images, train_labels, test_labels = parts
    return Scans(train_images, train_labels, test_images, test_labels)
