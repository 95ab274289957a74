"""How far the reference simulator's results are from the truth, in units in the last place (ULP).

A ULP is the distance of neighbouring numbers of the result's type at the true value. Every error is first worked out in
extended precision; the largest are then worked out again with mpmath, and the largest of those is the figure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import mpmath
import numpy as np

from takt_sim.reference import functions

from .exact import FUNCTIONS, PRECISION, Function, mp_values

WORST = 64
"""Results that mpmath judges, of each function and type."""

SIGNIFICAND = {"f32": 24, "f16": 11}
LEAST_EXPONENT = {"f32": -126, "f16": -14}
GREATEST_EXPONENT = {"f32": 127, "f16": 15}


@dataclass(frozen=True)
class Figure:
    """The largest error that was found."""

    ulp: float
    at: float
    points: int


def measured(function: Function, to: str, points: int, seed: int = 1) -> Figure:
    """Largest error of a function over `operands`. AssertionError if a result beyond the type's range is wrong."""
    x = operands(function, to, points, seed)
    got = results(function.op.code, x, to)
    with np.errstate(all="ignore"):
        truth = function.fast(x.astype(np.longdouble))
        inside = in_range(truth, to)
        outside = got[~inside & (truth != 0)]
    least = 2.0 ** LEAST_EXPONENT[to]
    assert np.all((np.abs(outside) <= least) | np.isinf(outside) | (np.abs(outside) == largest(to)))
    return worst(x[inside], got[inside], truth[inside], function.exact, to)


def worst(
    x: np.ndarray, got: np.ndarray, truth: np.ndarray, exact: Callable[[mpmath.mpf], mpmath.mpf], to: str
) -> Figure:
    """The largest error of results, as mpmath sees it."""
    errors = np.abs(got.astype(np.longdouble) - truth) / ulp(truth, to)
    order = np.argsort(errors)[-WORST:]
    with mpmath.workprec(PRECISION):
        judged = [
            float(abs(mpmath.mpf(float(result)) - value) / mpmath.mpf(float(ulp(np.longdouble(str(value)), to))))
            for result, value in zip(got[order], mp_values(exact, x[order]), strict=True)
        ]
    n = int(np.argmax(judged))
    return Figure(judged[n], float(x[order][n]), len(x))


def operands(function: Function, to: str, points: int, seed: int) -> np.ndarray:
    """float32 operands: every fp16 number for fp16 results, otherwise as many of each exponent and sign."""
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    x = halves[np.isfinite(halves)].astype(np.float32)
    if to == "f32":
        rng = np.random.default_rng(seed)
        low, high = function.exponents
        each = -(-points // (high - low + 1))
        exponents = np.repeat(np.arange(low, high + 1), each) + 127
        bits = (exponents.astype(np.uint32) << 23) | rng.integers(0, 1 << 23, len(exponents), np.uint32)
        if not function.positive:
            bits |= rng.integers(0, 2, len(bits), np.uint32) << 31
        near_one = 1 + np.ldexp(rng.uniform(-1, 1, points // 4), rng.integers(-23, 0, points // 4))
        x = np.concatenate([x, bits.view(np.float32), near_one.astype(np.float32)])
    return x[x > 0] if function.positive else x[x != 0]


def results(code: int, x: np.ndarray, to: str) -> np.ndarray:
    """What the reference simulator gives, as float64."""
    return numbers(functions.execute(code, x.view(np.int32), to), to)


def numbers(bits: np.ndarray, to: str) -> np.ndarray:
    """float64 of a result's bits."""
    return (bits.view(np.float32) if to == "f32" else bits.astype(np.uint16).view(np.float16)).astype(np.float64)


def in_range(truth: np.ndarray, to: str) -> np.ndarray:
    """Whether true values are neither above a type's largest number nor, for fp32, below its least normal one."""
    least = 2.0**-126 if to == "f32" else 0
    return (np.abs(truth) >= least) & (np.abs(truth) <= largest(to)) & (truth != 0)


def largest(to: str) -> float:
    """The largest finite number."""
    return 2.0 ** GREATEST_EXPONENT[to] * (2 - 2.0 ** (1 - SIGNIFICAND[to]))


def ulp(truth: np.ndarray | np.longdouble, to: str) -> np.ndarray:
    """Distance of neighbouring numbers at a value."""
    exponent = np.maximum(np.frexp(truth)[1] - 1, LEAST_EXPONENT[to])
    return np.ldexp(np.longdouble(1), exponent - (SIGNIFICAND[to] - 1))


def all_measured(points: int) -> dict[tuple[str, str], Figure]:
    """Figures of every function and type, by their names."""
    return {(f.op.name, to): measured(f, to, points) for f in FUNCTIONS for to in SIGNIFICAND}
