"""The coefficients in hw/takt_hw/isa/functions.csv, from the functions themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mpmath import cos, exp, log, lu_solve, matrix, mp, mpf, nint, pi, sqrt, tanh, workprec

from takt_hw.isa.functions import (
    COARSE_BITS,
    FINE_BITS,
    FINE_FROM,
    FRACTION_BITS,
    LOGARITHMS,
    LOGARITHMS_ABOVE,
    LOGARITHMS_BELOW,
    POWERS,
    RECIPROCALS,
    ROOTS,
    SIGMOIDS,
    TAILS,
    TANGENTS,
    Block,
    FloatBlock,
    Row,
)

Function = Callable[[mpf], mpf]

PRECISION = 160
"""Bits of all numbers here."""

DEGREE = 3


def fitted() -> tuple[Row, ...]:
    """Every row: the cubic through the function at the four Chebyshev points of its stretch, rounded."""
    with workprec(PRECISION):
        return tuple(_fit(function, start, width) for function, start, width in _stretches())


def _stretches() -> Iterator[tuple[Function, mpf, mpf]]:
    """Function, start and width of every row, in their order."""
    yield from _parts(POWERS, lambda part: lambda f: 2**f)
    yield from _parts(TAILS, lambda part: lambda f: 2**f / (1 + 2 ** (f - 1 - part)))
    yield from _parts(RECIPROCALS, lambda part: lambda f: 2 / (1 + f))
    yield from _parts(ROOTS, lambda part: lambda f: 2 / sqrt((1 + f) * 2**part))
    yield from _parts(LOGARITHMS, lambda part: lambda f: log(1 + f, 2))
    yield from _octaves(LOGARITHMS_ABOVE, lambda k: lambda t: log(1 + t, 2) / mpf(2) ** k)
    yield from _octaves(LOGARITHMS_BELOW, lambda k: lambda t: -log(1 - t, 2) / mpf(2) ** k)
    yield from _octaves(TANGENTS, _tangent)
    yield from _octaves(SIGMOIDS, lambda k: lambda t: 2 / (1 + exp(-t)))


def _tangent(k: int) -> Function:
    if k == TANGENTS.lowest:
        return lambda t: t / mpf(2) ** k
    return lambda t: tanh(t) / mpf(2) ** min(k, 0)


def _parts(block: Block, function: Callable[[int], Function]) -> Iterator[tuple[Function, mpf, mpf]]:
    width = mpf(1) / (1 << block.bits)
    for part in range(block.parts):
        for n in range(1 << block.bits):
            yield function(part), n * width, width


def _octaves(block: FloatBlock, function: Callable[[int], Function]) -> Iterator[tuple[Function, mpf, mpf]]:
    for k in range(block.lowest, block.highest + 1):
        rows = 1 << (COARSE_BITS if k < FINE_FROM else FINE_BITS)
        start = mpf(2) ** k
        for n in range(rows):
            yield function(k), start * (1 + mpf(n) / rows), start / rows


def _fit(function: Function, start: mpf, width: mpf) -> Row:
    points = [(1 - cos(pi * (2 * n + 1) / (2 * (DEGREE + 1)))) / 2 for n in range(DEGREE + 1)]
    powers = matrix([[point**n for n in range(DEGREE + 1)] for point in points])
    values = matrix([function(start + width * point) for point in points])
    solved = lu_solve(powers, values)
    return Row(*(int(nint(mp.ldexp(c, FRACTION_BITS))) for c in solved))
