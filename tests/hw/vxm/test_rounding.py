"""Normalizing and rounding, against NumPy's conversion from double precision."""

import random

import numpy as np
import pytest
from amaranth.hdl import Module, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from takt_hw.vxm.rounding import EXPONENT_BITS, leading_zeros, normalize, round_float, shift_right
from tests.hw.simulation import run

SMALLEST_F32 = 2.0**-126


class Rounding(wiring.Component):
    sign: In(1)
    exponent: In(signed(EXPONENT_BITS))
    significand: In(32)
    sticky: In(1)
    infinite: In(1)
    nan: In(1)
    half: In(1)
    o: Out(32)

    def elaborate(self, platform):
        m = Module()
        ports = {name: getattr(self, name) for name in self.signature.members if name != "o"}
        m.d.sync += self.o.eq(round_float(m, **ports, name="dut"))
        return m


class Normalize(wiring.Component):
    i: In(64)
    o: Out(64)
    count: Out(6)

    def elaborate(self, platform):
        m = Module()
        value, count = normalize(m, self.i, 64, "dut")
        m.d.sync += [self.o.eq(value), self.count.eq(count)]
        return m


class Count(wiring.Component):
    i: In(32)
    count: Out(5)
    some: Out(1)

    def elaborate(self, platform):
        m = Module()
        count, some = leading_zeros(m, self.i, "dut")
        m.d.sync += [self.count.eq(count), self.some.eq(some)]
        return m


class Shift(wiring.Component):
    """In two steps, as a pipe does: first by the two higher bits of the places, then by the two lower."""

    i: In(20)
    places: In(4)
    o: Out(6)
    below: Out(1)
    above: Out(1)

    def elaborate(self, platform):
        m = Module()
        coarse, *lost = shift_right(m, self.i, self.places, 6 + 3, "coarse", (3, 2))
        fine, *more = shift_right(m, coarse, self.places, 6, "fine", (1, 0))
        m.d.sync += [self.o.eq(fine), self.below.eq(lost[0] | more[0]), self.above.eq(lost[1] | more[1])]
        return m


def significands(rng, kept):
    """Normalized, weighted to halfway cases and their neighbours for a result that keeps ``kept`` bits."""
    drop = 32 - kept
    top = rng.choice([1 << 31, (1 << 32) - (1 << drop), rng.getrandbits(31) | 1 << 31]) >> drop << drop
    behind = [0, 1, (1 << drop) - 1, rng.getrandbits(drop) if drop else 0]
    behind += [(1 << drop - 1) + n for n in (-1, 0, 1)] if drop > 1 else [0]
    return top | rng.choice(behind) & ((1 << drop) - 1)


def expected(step):
    half = step["half"]
    if step["nan"]:
        return 0x7E00 if half else 0x7FC00000
    value = np.ldexp(float(step["significand"] * 2 + step["sticky"]), step["exponent"] - 32)
    value = float("inf") if step["infinite"] else value
    with np.errstate(over="ignore", under="ignore"):
        if half:
            return int(np.float16(value).view(np.uint16)) | step["sign"] << 15
        rounded = np.float32(value)
    flushed = rounded if rounded >= SMALLEST_F32 else np.float32(0)
    return int(flushed.view(np.uint32)) | step["sign"] << 31


@pytest.mark.parametrize("half", [0, 1])
def test_rounds_as_numpy_does(half):
    rng = random.Random(half)
    low, high = (-28, 18) if half else (-130, 130)
    limits = [*range(-28, -12), *range(13, 18)] if half else [*range(-130, -124), *range(125, 130), -300, 300]
    steps = []
    for _ in range(12000):
        exponent = rng.choice([rng.choice(limits), rng.randint(low, high)])
        kept = max(1, min(11, 11 + 14 + exponent)) if half else rng.choice([23, 24, 24])
        steps.append(
            {
                "sign": rng.getrandbits(1),
                "exponent": exponent,
                "significand": rng.choice([0] + [significands(rng, kept)] * 15),
                "sticky": rng.getrandbits(1),
                "infinite": rng.random() < 0.02,
                "nan": rng.random() < 0.02,
                "half": half,
            }
        )
    for step in steps:
        step["sticky"] &= step["significand"] != 0
    seen = run(Rounding(), [*steps, {}], lambda d: {"o": d.o})[1:]
    assert [hex(row["o"]) for row in seen] == [hex(expected(step)) for step in steps]


def test_normalizing_finds_every_leading_bit():
    values = [1 << n | extra for n in range(64) for extra in (0, (1 << n) - 1, (1 << n) // 3)] + [0]
    seen = run(Normalize(), [*({"i": value} for value in values), {}], lambda d: {"o": d.o, "count": d.count})[1:]
    assert seen[-1]["o"] == 0
    for value, row in zip(values[:-1], seen, strict=False):
        assert row == {"o": value << 64 - value.bit_length(), "count": 64 - value.bit_length()}


def test_counting_finds_every_leading_bit():
    values = [1 << n | extra for n in range(32) for extra in (0, (1 << n) - 1, (1 << n) // 3)] + [0]
    steps = [*({"i": value} for value in values), {}]
    seen = run(Count(), steps, lambda d: {"count": d.count, "some": d.some})[1:]
    assert seen[-1]["some"] == 0
    expected = [{"count": 32 - value.bit_length(), "some": 1} for value in values[:-1]]
    assert seen[:-1] == expected


def test_shifting_tells_what_is_lost():
    rng = random.Random(0)
    values = [0, *(1 << n for n in range(20)), *(rng.getrandbits(20) >> rng.randrange(20) for _ in range(40))]
    steps = [{"i": value, "places": places} for value in values for places in range(16)]
    seen = run(Shift(), [*steps, {}], lambda d: {"o": d.o, "below": d.below, "above": d.above})[1:]
    for step, row in zip(steps, seen, strict=True):
        value, places = step["i"], step["places"]
        shifted = value >> places
        assert row == {"o": shifted & 63, "below": shifted << places != value, "above": shifted > 63}
