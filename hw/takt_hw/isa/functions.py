"""Constants and coefficients of the transcendental functions: what docs/manual/functions.md works with.

Free of Amaranth. The coefficients are in functions.csv, which ``python -m takt_sim.functions --fit`` writes.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

COEFFICIENTS = Path(__file__).with_suffix(".csv")

FRACTION_BITS = 30
"""Places behind the point of the polynomials' coefficients and values."""

PLACE_BITS = 24
"""Places behind the point of ``d``, the place within a row."""

SCALED_BITS = 27
"""Places behind the point of the fixed-point exponent of EXP2 and of SIGMOID below zero."""

SCALED_WHOLE_BITS = 8
"""Bits before its point."""

LOG2_E_BITS = 34
LOG2_E = 0x5C551D94B
"""log2(e), with ``LOG2_E_BITS`` places behind the point."""

COARSE_BITS = 2
FINE_BITS = 4
FINE_FROM = -3
"""A `FloatBlock` has 2^FINE_BITS rows per exponent from this one on, 2^COARSE_BITS below it."""


class Row(NamedTuple):
    """One polynomial, ``c0 + d (c1 + d (c2 + d c3))`` with ``d`` from 0 to 1: integers, in units of 2^-FRACTION_BITS.

    ``c0`` has no sign, the others have one. ``ROW_BITS`` says how many bits each has, the sign among them.
    """

    c0: int
    c1: int
    c2: int
    c3: int


ROW_BITS = Row(32, 30, 24, 19)


@dataclass(frozen=True)
class Block:
    """Rows for a number from 0 to 1, or ``parts`` times as many, one part after the other."""

    first: int
    """Its first row."""

    bits: int
    """Leading bits of the fraction that choose the row."""

    parts: int = 1

    @property
    def rows(self) -> int:
        """Rows of all parts."""
        return self.parts << self.bits


@dataclass(frozen=True)
class FloatBlock:
    """Rows for a floating-point number: its exponent and the leading bits of its fraction choose one."""

    first: int
    """Row of 2^lowest."""

    lowest: int
    """Least exponent."""

    highest: int
    """Greatest exponent."""

    @property
    def fine(self) -> int:
        """Row of 2^FINE_FROM."""
        return self.first + ((FINE_FROM - self.lowest) << COARSE_BITS)

    @property
    def rows(self) -> int:
        """Rows of all exponents."""
        return self.fine - self.first + ((self.highest + 1 - FINE_FROM) << FINE_BITS)

    @property
    def last(self) -> int:
        """Its last row."""
        return self.first + self.rows - 1


POWERS = Block(0, bits=4)
"""2^f, for EXP2."""

TAILS = Block(16, bits=3, parts=28)
"""2^f / (1 + 2^(f - 1 - part)), for SIGMOID below zero."""

RECIPROCALS = Block(240, bits=5)
"""2 / (1 + f), for RECIPROCAL."""

ROOTS = Block(272, bits=5, parts=2)
"""2 / sqrt(1 + f), then 2 / sqrt(2 + 2 f), for RSQRT."""

LOGARITHMS = Block(336, bits=5)
"""log2(1 + f), for LOG2 away from 1."""

LOGARITHMS_ABOVE = FloatBlock(368, lowest=-23, highest=-2)
"""log2(1 + t) / 2^k of t with exponent k, for LOG2 from 1 on."""

LOGARITHMS_BELOW = FloatBlock(480, lowest=-24, highest=-2)
"""-log2(1 - t) / 2^k of t with exponent k, for LOG2 below 1."""

TANGENTS = FloatBlock(596, lowest=-13, highest=3)
"""tanh(t) / 2^min(k, 0) of t with exponent k, for TANH; with the lowest exponent t / 2^k."""

SIGMOIDS = FloatBlock(748, lowest=-26, highest=4)
"""2 / (1 + e^-t), for SIGMOID from zero on."""

ROWS = 968
"""Rows of all blocks."""


@cache
def coefficients() -> tuple[Row, ...]:
    """All rows."""
    with COEFFICIENTS.open(newline="") as file:
        return tuple(Row(*map(int, line)) for line in list(csv.reader(file))[1:])
