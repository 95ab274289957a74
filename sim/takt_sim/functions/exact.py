"""The functions themselves: in extended precision for whole arrays, with mpmath where the last word counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import mpmath
import numpy as np

from takt_hw import isa
from takt_hw.isa import Op

PRECISION = 120
"""Bits of mpmath's numbers."""

if np.finfo(np.longdouble).nmant < 63:
    raise ImportError("takt_sim.functions needs a longdouble of at least 64 bits: run it on x86-64 or Linux arm64")


@dataclass(frozen=True)
class Function:
    """One function."""

    op: Op
    fast: Callable[[np.ndarray], np.ndarray]
    """Of longdouble, right to some 2^-60 of the value: 2^-36 of an fp32 ULP."""

    exact: Callable[[mpmath.mpf], mpmath.mpf]
    exponents: tuple[int, int]
    """Of the operands for which it is neither constant nor beyond fp32."""

    positive: bool = False
    """Whether it is only defined above 0."""


def _sigmoid(x: np.ndarray) -> np.ndarray:
    small = np.exp(-np.abs(x))
    return np.where(x < 0, small, 1) / (1 + small)


FUNCTIONS = (
    Function(isa.EXP2, np.exp2, lambda x: mpmath.mpf(2) ** x, (-28, 7)),
    Function(isa.LOG2, np.log2, lambda x: mpmath.log(x, 2), (-126, 127), positive=True),
    Function(isa.RECIPROCAL, lambda x: 1 / x, lambda x: 1 / x, (-126, 127)),
    Function(isa.RSQRT, lambda x: 1 / np.sqrt(x), lambda x: 1 / mpmath.sqrt(x), (-126, 127), positive=True),
    Function(isa.TANH, np.tanh, mpmath.tanh, (-30, 4)),
    Function(isa.SIGMOID, _sigmoid, lambda x: 1 / (1 + mpmath.exp(-x)), (-30, 6)),
)


def mp_values(function: Callable[[mpmath.mpf], mpmath.mpf], x: np.ndarray) -> list[mpmath.mpf]:
    """The function of fp32 numbers, to ``PRECISION`` bits."""
    with mpmath.workprec(PRECISION):
        return [+function(mpmath.mpf(float(value))) for value in x]
