"""The code that finds and mends flipped bits: 128 data bits and 9 check bits per word, as plain data.

A Hsiao code: every bit of the word has a column of 9 bits, all different and all with an odd number of ones. The
**syndrome** is the exclusive or of the columns of all bits that are set. It is 0 for a word as it was made, the
column of the flipped bit if one is flipped, and something even, so no column, if two are. A word of zeros has check
bits of zero.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from itertools import combinations
from operator import xor

from ..config import CHECK_BITS, LANES_PER_SUPERLANE

DATA_BITS = 8 * LANES_PER_SUPERLANE
CODE_BITS = DATA_BITS + CHECK_BITS
"""Bits of a word with its check bits: data in bits 127-0, check bit n in bit 128 + n."""


def _data_columns() -> tuple[int, ...]:
    """All 84 columns of three ones, then as many of five as it takes, such that all rows have much the same ones."""
    columns = [sum(1 << n for n in ones) for ones in combinations(range(CHECK_BITS), 3)]
    left = [sum(1 << n for n in ones) for ones in combinations(range(CHECK_BITS), 5)]
    while len(columns) < DATA_BITS:
        load = [sum(column >> n & 1 for column in columns) for n in range(CHECK_BITS)]
        least = min(left, key=lambda column: sum(load[n] ** 2 for n in range(CHECK_BITS) if column >> n & 1))
        left.remove(least)
        columns.append(least)
    return tuple(columns)


COLUMNS = (*_data_columns(), *(1 << n for n in range(CHECK_BITS)))
"""The column of each bit of a word."""

ROWS = tuple(sum((column >> n & 1) << bit for bit, column in enumerate(COLUMNS)) for n in range(CHECK_BITS))
"""For each bit of the syndrome the bits of a word whose parity it is."""


def syndrome(word: int) -> int:
    """0 if nothing is wrong with a word of CODE_BITS."""
    return reduce(xor, (COLUMNS[bit] for bit in _ones(word)), 0)


def encode(data: int) -> int:
    """The word of 128 data bits."""
    return data | syndrome(data) << DATA_BITS


def correct(word: int) -> int | None:
    """The 128 data bits of a word, one flipped bit mended; None if more than one is flipped."""
    found = syndrome(word)
    if found and found not in COLUMNS:
        return None
    flipped = 1 << COLUMNS.index(found) if found else 0
    return (word ^ flipped) & ((1 << DATA_BITS) - 1)


def _ones(word: int) -> Iterable[int]:
    return (bit for bit in range(word.bit_length()) if word >> bit & 1)
