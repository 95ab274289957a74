"""The float network: 64 pixels, 30 rectified units, 10 classes. Trained in seconds, the same weights every time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, fields
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from .scans import CLASSES, WHITEST, Scans

HIDDEN = 30
"""Units of the hidden layer: 15 for each of two 16-column tiles. docs/design/digits.md says why not 16."""

EPOCHS = 120
CACHE = Path("build/digits")
"""Where trained weights are kept, below the current directory unless told otherwise."""

_SETTINGS = {
    "hidden_layer_sizes": (HIDDEN,),
    "alpha": 0.01,
    "batch_size": 32,
    "learning_rate_init": 0.003,
    "random_state": 0,
}
"""Of scikit-learn's MLPClassifier; its loss is cross-entropy and its optimizer Adam."""

Progress = Callable[[int, int], None]
"""Called with the number of steps done and of all steps."""


@dataclass(frozen=True)
class FloatNetwork:
    """``relu(x @ hidden + hidden_bias) @ output + output_bias`` of x = pixels / 16. All float64."""

    hidden: NDArray[np.float64]
    """[64, HIDDEN]"""
    hidden_bias: NDArray[np.float64]
    """[HIDDEN]"""
    output: NDArray[np.float64]
    """[HIDDEN, 10]"""
    output_bias: NDArray[np.float64]
    """[10]"""

    def logits(self, images: NDArray[np.int8]) -> NDArray[np.float64]:
        """[count, 10] of images [count, 64]."""
        units = np.maximum(images / WHITEST @ self.hidden + self.hidden_bias, 0)
        return units @ self.output + self.output_bias


def train(scans: Scans, progress: Progress | None = None) -> FloatNetwork:
    """Train with fixed seeds, on one thread so that sums have one order."""
    classifier = MLPClassifier(**_SETTINGS)
    pixels = scans.train_images / WHITEST
    with threadpool_limits(limits=1):
        for epoch in range(EPOCHS):
            classifier.partial_fit(pixels, scans.train_labels, classes=np.arange(CLASSES))
            if progress is not None:
                progress(epoch + 1, EPOCHS)
    (hidden, output), (hidden_bias, output_bias) = classifier.coefs_, classifier.intercepts_
    return FloatNetwork(hidden, hidden_bias, output, output_bias)


def trained(scans: Scans, progress: Progress | None = None, *, cache: Path = CACHE) -> FloatNetwork:
    """The trained network, from ``cache`` if the same data, settings and packages have been trained before."""
    path = cache / f"{_digest(scans)}.npz"
    if path.exists():
        with np.load(path, allow_pickle=False) as stored:
            return FloatNetwork(**{f.name: stored[f.name] for f in fields(FloatNetwork)})
    network = train(scans, progress)
    cache.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    with open(unfinished, "wb") as stream:
        np.savez(stream, **vars(network))
    unfinished.rename(path)
    return network


def _digest(scans: Scans) -> str:
    """Of all that decides the weights."""
    whole = hashlib.sha256(repr((sorted(_SETTINGS.items()), EPOCHS)).encode())
    whole.update(repr([version(name) for name in ("numpy", "scipy", "scikit-learn")]).encode())
    whole.update(scans.train_images.tobytes())
    whole.update(scans.train_labels.tobytes())
    return whole.hexdigest()[:16]
