"""Values keyed by diagonal."""

import numpy as np

from takt_hw.isa import Stream
from takt_sim.reference.diagonals import Diagonals
from tests.sim.texts import stream

WORD = np.zeros(16, np.uint8)


def test_a_hop_a_cycle_in_flow_direction_only():
    row = Diagonals(5)
    row.put(stream("s1e"), 2, 10, WORD)
    assert row.take(stream("s1e"), 2, 10) is WORD
    assert row.take(stream("s1e"), 4, 12) is WORD
    assert row.take(stream("s1e"), 1, 9) is None
    assert row.take(stream("s1e"), 3, 10) is None
    assert row.take(stream("s1w"), 2, 10) is None
    row.put(stream("s1w"), 2, 10, WORD)
    assert row.take(stream("s1w"), 0, 12) is WORD
    assert row.take(stream("s1w"), 3, 9) is None


def test_the_nearest_producer_counts_whatever_the_order():
    first, second = WORD, WORD + 1
    for order in ((first, second), (second, first)):
        row = Diagonals(5)
        for vector in order:
            position = 0 if vector is first else 3
            row.put(stream("s0e"), position, position, vector)
        assert [row.take(stream("s0e"), n, n) is first for n in range(5)] == [True, True, True, False, False]


def test_what_left_the_row_is_forgotten():
    row = Diagonals(5)
    for cycle in range(10_000):
        row.put(Stream.from_bits(cycle % 2 * 32), 2, cycle, WORD)
    assert len(row.values) < 2_000
    assert row.take(stream("s0e"), 4, 10_000) is WORD
