"""The code that finds and mends flipped bits of words, as plain data. In memory and streams: 128 data, 9 check bits.

A Hsiao code: every bit of the word has a column of as many bits as there are check bits, all different and all with
an odd number of ones. The **syndrome** is the exclusive or of the columns of all bits that are set. It is 0 for a
word as it was made, the column of the flipped bit if one is flipped, and something even, so no column, if two are. A
word of zeros has check bits of zero.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import combinations
from operator import xor

from ..config import LANES_PER_SUPERLANE


@dataclass(frozen=True)
class Code:
    """The code of words of one width, with as few check bits as it takes.

    Raises
    ------
    ValueError
        If ``data_bits`` is less than 1.
    """

    data_bits: int
    """Bits of a word without its check bits."""

    def __post_init__(self) -> None:
        if self.data_bits < 1:
            raise ValueError(f"data_bits must be at least 1, not {self.data_bits!r}")

    @cached_property
    def check_bits(self) -> int:
        """Bits that go with a word. Half of all columns of n bits are odd, and n of those are the check bits' own."""
        bits = 2
        while (1 << (bits - 1)) - bits < self.data_bits:
            bits += 1
        return bits

    @property
    def bits(self) -> int:
        """Bits of a word with its check bits: data in the low bits, check bit n in bit ``data_bits + n``."""
        return self.data_bits + self.check_bits

    @cached_property
    def columns(self) -> tuple[int, ...]:
        """The column of each bit of a word."""
        return (*self._data_columns(), *(1 << n for n in range(self.check_bits)))

    @cached_property
    def rows(self) -> tuple[int, ...]:
        """For each bit of the syndrome the bits of a word whose parity it is."""
        columns = tuple(enumerate(self.columns))
        return tuple(sum((column >> n & 1) << bit for bit, column in columns) for n in range(self.check_bits))

    def syndrome(self, word: int) -> int:
        """0 if nothing is wrong with a word of ``bits``."""
        return reduce(xor, (self.columns[bit] for bit in _ones(word)), 0)

    def encode(self, data: int) -> int:
        """The word of ``data_bits`` of data."""
        return data | self.syndrome(data) << self.data_bits

    def correct(self, word: int) -> int | None:
        """The data of a word, one flipped bit mended; None if more than one is flipped."""
        found = self.syndrome(word)
        if found and found not in self.columns:
            return None
        flipped = 1 << self.columns.index(found) if found else 0
        return (word ^ flipped) & ((1 << self.data_bits) - 1)

    def _data_columns(self) -> list[int]:
        """All columns of three ones, then of five and so on, as long as all are needed; of the last kind those that
        leave all rows with much the same ones."""
        columns: list[int] = []
        for weight in range(3, self.check_bits + 1, 2):
            left = [sum(1 << n for n in ones) for ones in combinations(range(self.check_bits), weight)]
            if len(columns) + len(left) <= self.data_bits:
                columns += left
                continue
            while len(columns) < self.data_bits:
                least = _least_loaded(columns, left)
                left.remove(least)
                columns.append(least)
        return columns


def _ones(word: int) -> Iterable[int]:
    return (bit for bit in range(word.bit_length()) if word >> bit & 1)


def _least_loaded(columns: list[int], left: list[int]) -> int:
    """Of the columns that are left the first whose rows have the fewest ones so far."""
    load = [sum(column >> n & 1 for column in columns) for n in range(max(left).bit_length())]
    return min(left, key=lambda column: sum(load[n] ** 2 for n in _ones(column)))


WORD = Code(8 * LANES_PER_SUPERLANE)
"""The code of one superlane's share of a vector."""

DATA_BITS = WORD.data_bits
CODE_BITS = WORD.bits
COLUMNS = WORD.columns
ROWS = WORD.rows
syndrome = WORD.syndrome
encode = WORD.encode
correct = WORD.correct
