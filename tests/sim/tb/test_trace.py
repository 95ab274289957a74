"""Trace samples become whole writes in superlane-0 time."""

from takt_sim.tb.trace import vectors

WORDS = [bytes([n]) * 16 for n in range(4)]


def sample(cycle, bits, address):
    """What the ports show in one cycle with two slices of two superlanes; the same address everywhere."""
    return cycle, bits, address.to_bytes(2, "little") * 4, b"".join(WORDS)


def test_superlanes_are_put_together():
    samples = [sample(7, 0b0001, 0x102), sample(8, 0b0110, 0x102), sample(9, 0b1000, 0x102)]
    assert list(vectors(samples, 2)) == [
        (7, 0, 0x102, WORDS[0] + WORDS[1], ()),
        (8, 1, 0x102, WORDS[2] + WORDS[3], ()),
    ]


def test_superlanes_that_wrote_elsewhere_or_not_at_all():
    """A SCATTER: slice 0's superlanes write words 1 and 2, slice 1's second superlane nothing."""
    samples = [sample(7, 0b0101, 1), sample(8, 0b0010, 2)]
    assert list(vectors(samples, 2)) == [
        (7, 0, 1, WORDS[0], (0,)),
        (7, 0, 2, WORDS[1], (1,)),
        (7, 1, 1, WORDS[2], (0,)),
    ]
