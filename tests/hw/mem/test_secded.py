"""Every single flip is mended and every pair of flips is seen: of the code, and of the circuit."""

import random
from itertools import combinations

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from takt_hw.config import CHECK_BITS
from takt_hw.isa import secded
from takt_hw.isa.secded import CODE_BITS, COLUMNS, DATA_BITS
from takt_hw.mem.secded import Corrector, encode
from tests.hw.simulation import run

ONES = (1 << DATA_BITS) - 1
DATA = (0, ONES, 1, 1 << 127, 0xAA * (ONES // 255), random.Random(1).getrandbits(DATA_BITS))


class Encoder(wiring.Component):
    """The function as a component."""

    i: In(DATA_BITS)
    o: Out(CODE_BITS)

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.o.eq(encode(self.i))
        return m


def test_columns_differ_are_odd_and_load_the_rows_alike():
    assert len(COLUMNS) == len(set(COLUMNS)) == CODE_BITS == 137
    assert all(column.bit_count() % 2 for column in COLUMNS)
    sizes = [row.bit_count() for row in secded.ROWS]
    assert max(sizes) - min(sizes) <= 1


def test_the_code_mends_every_flip_and_sees_every_pair():
    """With the matrix as NumPy array: 137 flips, 9316 pairs. The code is linear, so one word stands for all."""
    matrix = np.array([[column >> n & 1 for n in range(CHECK_BITS)] for column in COLUMNS])
    words = np.array([[secded.encode(data) >> bit & 1 for bit in range(CODE_BITS)] for data in DATA])
    assert not (words @ matrix % 2).any()
    weights = 1 << np.arange(CHECK_BITS)
    singles = matrix @ weights
    assert len(set(singles)) == CODE_BITS
    pairs = [(matrix[a] ^ matrix[b]) @ weights for a, b in combinations(range(CODE_BITS), 2)]
    assert len(pairs) == 9316
    assert not set(pairs) & {0, *singles}


@pytest.mark.parametrize("data", DATA)
def test_the_host_side_functions(data):
    word = secded.encode(data)
    assert secded.correct(word) == data
    assert {secded.correct(word ^ 1 << bit) for bit in range(CODE_BITS)} == {data}
    assert secded.correct(word ^ 0b11 << 126) is None


@pytest.fixture(scope="module", params=[False, True], ids=["looked up", "one hot"])
def judged(request):
    """What the circuit makes of words, by word."""
    words = {secded.encode(data) for data in DATA}
    words |= {secded.encode(data) ^ 1 << bit for data in DATA for bit in range(CODE_BITS)}
    pairs = combinations(range(CODE_BITS), 2)
    words |= {secded.encode(DATA[-1]) ^ 1 << a ^ 1 << b for a, b in pairs}
    order = sorted(words)
    circuit = Corrector(one_hot=request.param)
    seen = run(circuit, [{"i": word} for word in order], lambda d: {"o": d.o, "s": d.single, "d": d.double})
    return {word: (row["o"], row["s"], row["d"]) for word, row in zip(order, seen, strict=True)}


def test_the_circuit_makes_the_check_bits():
    seen = run(Encoder(), [{"i": data} for data in DATA], lambda d: {"o": d.o})
    assert [row["o"] for row in seen] == [secded.encode(data) for data in DATA]


def test_the_circuit_mends_every_flip(judged):
    for data in DATA:
        word = secded.encode(data)
        assert judged[word] == (data, 0, 0)
        assert {judged[word ^ 1 << bit] for bit in range(CODE_BITS)} == {(data, 1, 0)}


def test_the_circuit_sees_every_pair(judged):
    word = secded.encode(DATA[-1])
    found = {judged[word ^ 1 << a ^ 1 << b][1:] for a, b in combinations(range(CODE_BITS), 2)}
    assert found == {(0, 1)}
