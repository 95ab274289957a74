"""The codes of all widths in use: every flip is mended, every pair of flips is seen."""

import random
from itertools import combinations

import pytest

from takt_hw.isa.secded import Code

WIDTHS = {4: 4, 19: 6, 35: 7, 67: 8, 128: 9, 131: 9}
"""Check bits by data bits."""


@pytest.mark.parametrize("data_bits", WIDTHS)
def test_check_bits_are_few_and_rows_alike(data_bits):
    code = Code(data_bits)
    assert code.check_bits == WIDTHS[data_bits]
    assert code.bits == data_bits + code.check_bits == len(code.columns) == len(set(code.columns))
    sizes = [row.bit_count() for row in code.rows]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("data_bits", WIDTHS)
def test_every_flip_is_mended_and_every_pair_is_seen(data_bits):
    code = Code(data_bits)
    for data in (0, (1 << data_bits) - 1, random.Random(data_bits).getrandbits(data_bits)):
        word = code.encode(data)
        assert [(word & row).bit_count() % 2 for row in code.rows] == [0] * code.check_bits
        assert code.correct(word) == data
        assert {code.correct(word ^ 1 << bit) for bit in range(code.bits)} == {data}
    pairs = {code.correct(word ^ 1 << a ^ 1 << b) for a, b in combinations(range(code.bits), 2)}
    assert pairs == {None}


def test_a_word_of_zeros_is_one():
    assert Code(19).encode(0) == 0


def test_refuses_no_data():
    with pytest.raises(ValueError, match="^data_bits must be at least 1, not 0$"):
        Code(0)
