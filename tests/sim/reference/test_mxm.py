"""One plane's arithmetic at its limits."""

from fractions import Fraction

import numpy as np
import pytest

from takt_sim.reference.mxm import Plane, to_int32
from tests.halves import CORNERS, SPECIAL, bits_of, dot, nearest_fp32


def planes_of(words):
    """Low and high bytes."""
    return (words & 255).astype(np.uint8), (words >> 8).astype(np.uint8)


def loaded(weights):
    """A plane with int8 or fp16 weights [row, column] installed."""
    plane = Plane(len(weights))
    low, high = planes_of(weights.astype(np.int16).view(np.uint16) if weights.dtype == np.int8 else weights)
    for block in range(len(weights) // 8):
        columns = range(8 * block, 8 * block + 8)
        plane.load(block, [low[:, n] for n in columns])
        plane.load_high(block, [high[:, n] for n in columns])
    plane.weights = plane.installed() if weights.dtype == np.int8 else plane.installed_fp16()
    return plane


def bits(value):
    return to_int32(value).view(np.uint32).tolist()


@pytest.mark.parametrize("lanes", [16, 64, 320])
@pytest.mark.parametrize(("activation", "weight"), [(-128, -128), (-128, 127), (127, 127), (-1, 1)])
def test_the_largest_sums_are_exact(lanes, activation, weight):
    plane = loaded(np.full((lanes, lanes), weight, np.int8))
    product = to_int32(plane.multiply(np.full(lanes, activation, np.int8).view(np.uint8)))
    assert product.dtype == np.int32
    assert product.tolist() == [lanes * activation * weight] * lanes


def test_columns_are_streams_and_rows_are_lanes():
    plane = Plane(16)
    plane.load(1, [np.arange(16, dtype=np.uint8) + 16 * n for n in range(4)])
    assert plane.blocks == {1}
    assert plane.buffer[:, 4:8].tolist() == [[row + 16 * n for n in range(4)] for row in range(16)]
    assert not plane.buffer[:, :4].any()


def test_random_products():
    rng = np.random.default_rng(0)
    weights, x = rng.integers(-128, 128, (64, 64), np.int8), rng.integers(-128, 128, 64)
    plane = loaded(weights)
    assert to_int32(plane.multiply(x.astype(np.int8).view(np.uint8))).tolist() == (x @ weights.astype(int)).tolist()


@pytest.mark.parametrize("lanes", [16, 320])
@pytest.mark.parametrize("int8", [False, True], ids=["fp16", "int8"])
def test_fp16_products_are_exact_and_rounded_once(lanes, int8):
    rng = np.random.default_rng(lanes)
    for values in (CORNERS, np.arange(0x7C00, dtype=np.uint16), np.concatenate([*[CORNERS] * 20, SPECIAL[:2]])):
        weights = rng.integers(-128, 128, (lanes, lanes), np.int8) if int8 else rng.choice(values, (lanes, lanes))
        plane = loaded(weights)
        for _ in range(4):
            x = rng.choice(values, lanes)
            product = plane.multiply_fp16(*planes_of(x))
            assert bits(product) == [dot(x, weights[:, n]) for n in range(lanes)]


MAX, MIN = 0x7BFF, 0x0001


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([], 0),
        ([(0x8000, 0x3C00)], 0),
        ([(MAX, MAX), (MIN, MIN), (MAX | 0x8000, MAX)], 0x27800000),  # 2^-48 survives 2^32 that cancels
        ([(MIN, MIN | 0x8000)], 0xA7800000),
        ([(bits_of(4096.0), bits_of(4096.0)), (bits_of(1.0), bits_of(1.0))], 0x4B800000),  # 2^24 + 1: a tie, to even
        ([(bits_of(4096.0), bits_of(4096.0)), (bits_of(3.0), bits_of(1.0))], 0x4B800002),  # 2^24 + 3: a tie, to even
        ([(bits_of(4096.0), bits_of(4096.0)), (bits_of(1.0), bits_of(1.0)), (MIN, MIN)], 0x4B800001),  # just above
        ([(0x7C00, 0x3C00)], 0x7F800000),
        ([(0x7C00, 0xBC00)], 0xFF800000),
        ([(0x7C00, 0x3C00), (0xFC00, 0x3C00)], 0x7FC00000),
        ([(0x7C00, 0x0000)], 0x7FC00000),
        ([(0x0000, 0xFC00)], 0x7FC00000),
        ([(0x7C01, 0x0000)], 0x7FC00000),
    ],
)
def test_sums_worked_out_by_hand(pairs, expected):
    weights, x = np.zeros((16, 16), np.uint16), np.zeros(16, np.uint16)
    for row, (a, w) in enumerate(pairs):
        x[row], weights[row, 3] = a, w
    product = bits(loaded(weights).multiply_fp16(*planes_of(x)))
    assert product[3] == expected == dot(x, weights[:, 3])


def test_order_does_not_matter():
    """Sums of tiles in any order are one number: that of the exact total."""
    rng = np.random.default_rng(7)
    tiles = [(rng.choice(CORNERS, 16), rng.choice(CORNERS, (16, 16))) for _ in range(9)]
    products = [loaded(w).multiply_fp16(*planes_of(x)) for x, w in tiles]
    x, w = np.concatenate([x for x, _ in tiles]), np.concatenate([w for _, w in tiles])
    expected = [dot(x, w[:, n]) for n in range(16)]
    for _ in range(5):
        order = rng.permutation(9)
        total = products[order[0]]
        for n in order[1:]:
            total = total + products[n]
        assert bits(total) == expected


def test_a_sum_as_long_as_a_program_is_exact():
    """2^20 products of the largest numbers, by doubling."""
    x = np.full(320, MAX, np.uint16)
    total = loaded(np.full((320, 320), MAX, np.uint16)).multiply_fp16(*planes_of(x))
    for _ in range(20):
        total = total + total
    assert set(bits(total)) == {nearest_fp32(Fraction(65504) ** 2 * 320 * 2**20)}


def test_drained_accumulators_hold_nothing():
    plane = loaded(np.ones((16, 16), np.int8))
    plane.accumulators[2] = plane.multiply(np.ones(16, np.uint8))
    assert plane.drain(2).tolist() == [16] * 16
    assert plane.accumulators[2] is None
    assert plane.drain(2).tolist() == [0] * 16
