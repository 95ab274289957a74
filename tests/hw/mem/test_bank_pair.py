"""Both banks of a slice read and write in the same cycle."""

import random

from takt_hw.mem.bank_pair import BankPair
from tests.hw.simulation import run


def test_matches_a_dictionary_on_time():
    words, rng = 16, random.Random(1)
    memory, expected, steps = dict.fromkeys(range(words), 0), [], []
    corners = [(0, 8), (8, 0), (7, 15), (15, 7)]
    for cycle in range(200):
        write, read = corners[cycle] if cycle < len(corners) else (rng.randrange(words), rng.randrange(words))
        if write // 8 == read // 8:
            read = (read + 8) % words
        data = rng.getrandbits(128)
        steps.append({"read": 1, "read_address": read, "write": 1, "write_address": write, "write_data": data})
        expected.append((cycle + BankPair.latency, memory[read]))
        memory[write] = data
    seen = run(BankPair(words), [*steps, {}], lambda d: {"data": d.read_data, "conflict": d.conflict})
    assert [(n, row["data"]) for n, row in enumerate(seen)][1:] == expected
    assert not any(row["conflict"] for row in seen)


def test_a_conflict_is_reported():
    steps = [{"read": 1, "read_address": 3, "write": 1, "write_address": 4}, {"read": 1, "read_address": 3}]
    seen = run(BankPair(16), steps, lambda d: {"conflict": d.conflict})
    assert [row["conflict"] for row in seen] == [1, 0]
