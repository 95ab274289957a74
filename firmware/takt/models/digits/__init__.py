"""Handwritten digits: a network of two layers, trained here, quantized to int8, one digit per START.

``scans`` holds the data, ``training`` the float network, ``quantize`` its int8 form, ``integer`` what
that form computes, in plain NumPy, ``program`` the instruction stream; ``evaluate`` holds them against
one another. ``split`` and ``pipeline`` have it on several chips.
"""

from .integer import logits
from .pipeline import by_layer
from .program import NoRoom, emit
from .quantize import QuantizedNetwork, quantize
from .scans import Scans, load_scans
from .split import Split, by_column
from .training import FloatNetwork, train, trained

__all__ = [
    "FloatNetwork",
    "NoRoom",
    "QuantizedNetwork",
    "Scans",
    "Split",
    "by_column",
    "by_layer",
    "emit",
    "load_scans",
    "logits",
    "quantize",
    "train",
    "trained",
]
