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
    seen = run(BankPair(words), [*steps, {}], lambda d: {"data": d.read_data})
    assert [(n, row["data"]) for n, row in enumerate(seen)][1:] == expected


def test_fetches_from_the_bank_that_is_not_read():
    words, rng = 16, random.Random(2)
    memory = [rng.getrandbits(128) for _ in range(words)]
    steps = [{"write": 1, "write_address": n, "write_data": word} for n, word in enumerate(memory)]
    expected = []
    for _ in range(50):
        read = rng.randrange(words)
        fetch = (read + 8) % words - read % 8 + rng.randrange(8)
        steps.append({"read": 1, "read_address": read, "fetch": 1, "fetch_address": fetch})
        expected.append({"read": memory[read], "fetched": memory[fetch]})
    seen = run(BankPair(words), [*steps, {}], lambda d: {"read": d.read_data, "fetched": d.fetch_data})
    assert seen[words + BankPair.latency :] == expected
