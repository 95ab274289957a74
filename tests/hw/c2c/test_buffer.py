"""The deskew buffer against a dictionary of vectors."""

import random

import pytest

from takt_hw.c2c.buffer import DeskewBuffer
from takt_hw.config import ECP5
from tests.hw.c2c.words import NARROW, WIDE
from tests.hw.simulation import run


def arrival(config, number, vector, *, good=1):
    """Bits of a packet_layout."""
    return {"arrived": 1, "packet": number % 256 | good << 8 | int.from_bytes(vector, "little") << 10}


def observe(dut):
    parts = {f"part{k}": getattr(dut, f"part{k}") for k in range(dut.superlanes)}
    return {"lost": dut.lost, "late": dut.late, "conflict": dut.conflict} | parts


def vectors_of(config, seen, cycles):
    """What superlanes show of the RECEIVEs in some cycles, each k cycles after the first."""
    latency = 1 + config.receive_cycles
    lanes = [
        b"".join(seen[cycle + latency + k][f"part{k}"].to_bytes(16, "little") for k in range(config.superlanes))
        for cycle in cycles
    ]
    return lanes


@pytest.mark.parametrize("config", [NARROW, WIDE, ECP5], ids=lambda config: config.name)
@pytest.mark.parametrize("seed", range(3))
def test_any_order_of_events(config, seed):
    """Vectors arrive a packet apart or more; RECEIVEs come whenever they like, also before."""
    source = random.Random(seed)
    steps, slots, expected, lates, conflicts = [], {}, {}, [], []
    sent = received = 0
    busy = 0
    for cycle in range(400 * config.packet_words):
        step = {}
        rush = cycle // (50 * config.packet_words) % 2
        if source.random() < (2 if rush else 0.3) / config.packet_words and received < sent + 2:
            step["receive"] = 1
            expected[cycle] = slots.pop(received, None)
            received += 1
        if busy == 0 and source.random() < 0.6:
            vector, good = source.randbytes(config.lanes), source.random() < 0.9
            step |= arrival(config, sent, vector, good=good)
            if good and sent < received:
                lates.append(cycle)
            elif good and sent >= received + config.link_buffer:
                conflicts.append(cycle)
            elif good:
                slots[sent] = vector
            sent += 1
            busy = config.packet_words
        busy = max(0, busy - 1)
        steps.append(step)
    seen = run(DeskewBuffer(config), [*steps, *[{}] * 8], observe)
    assert vectors_of(config, seen, expected) == [vector or bytes(config.lanes) for vector in expected.values()]
    assert [cycle for cycle, row in enumerate(seen) if row["lost"]] == [c for c, v in expected.items() if v is None]
    assert [cycle for cycle, row in enumerate(seen) if row["late"]] == lates
    assert [cycle for cycle, row in enumerate(seen) if row["conflict"]] == conflicts
    assert sum(vector is not None for vector in expected.values()) > 100
    assert lates
    assert conflicts
    assert received > 256


def test_a_full_buffer_refuses_until_a_receive():
    config = NARROW
    vectors = [bytes([n]) * 16 for n in range(1, 19)]
    steps = [arrival(config, n, vectors[n]) for n in range(17)]
    steps += [{"receive": 1} | arrival(config, 16, vectors[17])] + [{"receive": 1}] * 16 + [{}] * 2
    seen = run(DeskewBuffer(config), steps, observe)
    assert [cycle for cycle, row in enumerate(seen) if row["conflict"]] == [16]
    assert vectors_of(config, seen, range(17, 34)) == [*vectors[:16], vectors[17]]


@pytest.mark.parametrize("config", [WIDE, ECP5], ids=lambda config: config.name)
def test_a_slot_is_read_and_filled_again_in_one_cycle_in_every_superlane(config):
    old, new = (bytes(range(n, n + config.lanes)) for n in (0, 100))
    steps = [arrival(config, n, old) if n < 16 else {} for n in range(20)]
    steps += [{"receive": 1} | arrival(config, 16, new), *[{}] * 5, *[{"receive": 1}] * 16, *[{}] * 4]
    seen = run(DeskewBuffer(config), steps, observe)
    found = vectors_of(config, seen, [20, *range(26, 42)])
    assert (found[0], found[-1]) == (old, new)
    assert not any(row["lost"] or row["conflict"] for row in seen)


def test_clear_forgets_vectors_and_numbers():
    config = NARROW
    one, two = bytes([1]) * 16, bytes([2]) * 16
    steps = [arrival(config, 0, one), {"receive": 1}, arrival(config, 1, one), {"clear": 1}]
    steps += [{"receive": 1}, arrival(config, 1, two), {"receive": 1}, {}]
    seen = run(DeskewBuffer(config), steps, observe)
    assert vectors_of(config, seen, (1, 4, 6)) == [one, bytes(16), two]
    assert [cycle for cycle, row in enumerate(seen) if row["lost"]] == [4]
