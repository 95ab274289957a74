"""Reductions of the reference against sums worked out with fractions, and NumPy's maxima."""

from fractions import Fraction

import numpy as np
import pytest

from takt_sim.reference.reduce import lane_argmax, lane_max, lane_sum


def bits(*numbers):
    return np.array(numbers, np.float32).view(np.int32)


def as_float(value):
    return np.int32(value).view(np.float32)


@pytest.mark.parametrize("lanes", [16, 48, 320])
def test_integer_sums_wrap(lanes):
    values = np.random.default_rng(lanes).integers(-(2**31), 2**31, lanes).astype(np.int32)
    assert lane_sum(values, "i32") == (sum(values.tolist()) + 2**31) % 2**32 - 2**31


@pytest.mark.parametrize("lanes", [16, 48, 320])
def test_a_sum_is_rounded_at_every_pair(lanes):
    values = np.random.default_rng(lanes).normal(0, 1, lanes).astype(np.float32)
    level = [Fraction(float(v)) for v in values]
    while len(level) > 1:
        level = [sum(level[n : n + 2]) for n in range(0, len(level), 2)]
        # float() of a sum of two fp32 numbers is exact here; the exponents lie within 29 binary places
        level = [Fraction(float(np.float32(float(v)))) for v in level]
    assert Fraction(float(as_float(lane_sum(values.view(np.int32), "f32")))) == level[0]


def test_order_matters_and_is_the_trees():
    # 2^24 + 1 is a tie and rounds down; from left to right all fifteen ones would be lost, in pairs fourteen survive
    values = bits(2.0**24, 1, *[1.0] * 14)
    assert int(as_float(lane_sum(values, "f32"))) == 2**24 + 14


def test_subnormals_are_zero_and_nan_is_one_nan():
    assert lane_sum(np.array([1, 2] * 8, np.int32), "f32") == 0
    assert lane_sum(np.array([-(2**31)] * 16, np.int32), "f32") == -(2**31)
    assert lane_sum(np.array([0x7F800001] + [0] * 15, np.int32), "f32") == 0x7FC00000
    assert lane_sum(bits(np.inf, -np.inf, *[0] * 14), "f32") == 0x7FC00000


def test_maxima():
    values = bits(-0.0, 0.0, -1, *[-2.0] * 13)
    assert (lane_argmax(values, "f32"), lane_max(values, "f32")) == (1, 0)
    assert (lane_argmax(values, "i32"), lane_max(values, "i32")) == (1, 0)
    values[5] = 0x7F800001 - 2**32 + 2**32
    assert (lane_argmax(values, "f32"), lane_max(values, "f32")) == (5, 0x7FC00000)
    values = bits(*[3.0, -5.0] * 8)
    assert lane_argmax(values, "f32") == 0
    assert as_float(lane_max(values, "f32")) == 3
    assert as_float(lane_max(bits(*[-3.0, -5.0] * 8), "f32")) == -3
