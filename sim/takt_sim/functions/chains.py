"""Short instruction sequences for other functions, with the errors of their fp32 results."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import mpmath
import numpy as np

from takt_hw import isa
from takt_hw.isa import Op
from takt_sim.reference import floating, functions

from .exact import PRECISION, mp_values
from .measure import in_range, worst

Bits = np.ndarray
LN_2 = math.log(2)
LOG2_E = math.log2(math.e)
SQRT_2_PI = math.sqrt(2 / math.pi)


@dataclass(frozen=True)
class Chain:
    """A sequence and what it stands for."""

    name: str
    steps: tuple[str, ...]
    """As the manual shows it, one step per instruction; `x` is the operand, `r` the last result."""

    run: Callable[[Bits], Bits]
    fast: Callable[[np.ndarray], np.ndarray]
    exact: Callable[[mpmath.mpf], mpmath.mpf]
    ranges: tuple[tuple[float, float], ...]
    relative: bool
    """Whether the error is in ULP, not absolute."""


def constant(value: float) -> Bits:
    """A float as an operand."""
    return np.array([value], np.float32).view(np.int32)


def _f(op: Op, a: Bits, b: Bits) -> Bits:
    a, b = np.broadcast_arrays(a, b)
    return floating.execute(op.code, a, b)


def _of(op: Op, a: Bits) -> Bits:
    return functions.execute(op.code, a)


def _mul(a: Bits, b: Bits) -> Bits:
    return _f(isa.FMUL, a, b)


def _add(a: Bits, b: Bits) -> Bits:
    return _f(isa.FADD, a, b)


def _gelu_tanh(x: Bits) -> Bits:
    inner = _add(_mul(_mul(x, x), constant(0.044715)), constant(1))
    tangent = _of(isa.TANH, _mul(_mul(inner, x), constant(SQRT_2_PI)))
    return _mul(_mul(_add(tangent, constant(1)), x), constant(0.5))


def _gelu(x: mpmath.mpf) -> mpmath.mpf:
    return x * mpmath.ncdf(x)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def _gelu_by_tanh(x: np.ndarray) -> np.ndarray:
    return x / 2 * (1 + np.tanh(np.sqrt(2 / np.longdouble(np.pi)) * (x + np.longdouble("0.044715") * x**3)))


CHAINS = (
    Chain(
        "exp",
        ("FMUL x, log2(e)", "EXP2 r"),
        lambda x: _of(isa.EXP2, _mul(x, constant(LOG2_E))),
        np.exp,
        mpmath.exp,
        ((-1, 1), (-10, 10), (-87, 88)),
        True,
    ),
    Chain(
        "ln",
        ("LOG2 x", "FMUL r, ln(2)"),
        lambda x: _mul(_of(isa.LOG2, x), constant(LN_2)),
        np.log,
        mpmath.log,
        ((2.0**-126, 2.0**127),),
        True,
    ),
    Chain(
        "silu",
        ("SIGMOID x", "FMUL r, x"),
        lambda x: _mul(_of(isa.SIGMOID, x), x),
        lambda x: x * _sigmoid(x),
        lambda x: x / (1 + mpmath.exp(-x)),
        ((-87, 87),),
        True,
    ),
    Chain(
        "gelu, by sigmoid",
        ("FMUL x, 1.702", "SIGMOID r", "FMUL r, x"),
        lambda x: _mul(_of(isa.SIGMOID, _mul(x, constant(1.702))), x),
        lambda x: x * _sigmoid(np.longdouble("1.702") * x),
        _gelu,
        ((-8, 8),),
        False,
    ),
    Chain(
        "gelu, by tanh",
        (
            *("FMUL x, x", "FMUL r, 0.044715", "FADD r, 1", "FMUL r, x", "FMUL r, sqrt(2/pi)", "TANH r"),
            *("FADD r, 1", "FMUL r, x", "FMUL r, 0.5"),
        ),
        _gelu_tanh,
        _gelu_by_tanh,
        _gelu,
        ((-8, 8),),
        False,
    ),
)


def error(chain: Chain, low: float, high: float, points: int, seed: int = 1) -> float:
    """The largest error on a range: in ULP, or absolute."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(low, high, points)
    if low > 0:
        x = 2.0 ** rng.uniform(np.log2(low), np.log2(high), points)
    x = x.astype(np.float32)
    x = x[x != 0]
    got = chain.run(x.view(np.int32)).view(np.float32).astype(np.float64)
    with np.errstate(all="ignore"):
        truth = chain.fast(x.astype(np.longdouble))
    inside = in_range(truth, "f32")
    x, got, truth = x[inside], got[inside], truth[inside]
    if chain.relative:
        return worst(x, got, truth, chain.exact, "f32").ulp
    few = np.argsort(-np.abs(got - truth))[:64]
    spread = np.concatenate([few, np.arange(0, len(x), max(1, len(x) // 4000))])
    with mpmath.workprec(PRECISION):
        values = mp_values(chain.exact, x[spread])
        return max(float(abs(mpmath.mpf(float(g)) - v)) for g, v in zip(got[spread], values, strict=True))


def formula_error(chain: Chain, low: float, high: float, points: int, seed: int = 1) -> float:
    """The largest absolute distance from the formula that the steps follow, were they exact."""
    x = np.random.default_rng(seed).uniform(low, high, points).astype(np.float32)
    got = chain.run(x.view(np.int32)).view(np.float32)
    return float(np.max(np.abs(got - chain.fast(x.astype(np.longdouble)))))
