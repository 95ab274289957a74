"""Trace samples become whole writes in superlane-0 time."""

import pytest

from takt_sim.tb.trace import vectors

WORDS = [bytes([n]) * 16 for n in range(4)]


def sample(cycle, bits, address):
    """What the ports show in one cycle with two slices of two superlanes; the same address everywhere."""
    return cycle, bits, address.to_bytes(2, "little") * 4, b"".join(WORDS)


def test_superlanes_are_put_together():
    samples = [sample(7, 0b0001, 0x102), sample(8, 0b0110, 0x102), sample(9, 0b1000, 0x102)]
    assert list(vectors(samples, 2)) == [
        (7, 0, 0x102, WORDS[0] + WORDS[1]),
        (8, 1, 0x102, WORDS[2] + WORDS[3]),
    ]


def test_a_missing_part_is_reported():
    with pytest.raises(
        ValueError, match=r"^a write must happen in every superlane, not in \[0\] \(slice 1, cycle 5\)$"
    ):
        list(vectors([sample(5, 0b0100, 1)], 2))
