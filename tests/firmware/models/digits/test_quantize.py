"""The int8 form and what it computes, against hand-worked cases and the float network."""

from fractions import Fraction

import numpy as np

from takt.models.digits import QuantizedNetwork, logits, quantize
from takt.models.digits.quantize import MOST_PLACES, _fraction
from takt.models.digits.training import FloatNetwork
from takt_hw import isa


def one_unit(threshold: int = -(2**31), multiplier: int = 1, shift: int = 1, bias: int = 0) -> QuantizedNetwork:
    """One pixel, one hidden unit, one class, all weights 1."""
    one = np.ones((1, 1), np.int8)
    limit, constant = np.array([threshold], np.int32), np.array([bias], np.int32)
    return QuantizedNetwork(one, limit, multiplier, shift, one, constant)


def of_one_unit(network: QuantizedNetwork, pixels: list[int]) -> list[int]:
    return logits(network, np.array(pixels, np.int8)[:, None])[:, 0].tolist()


def test_rounds_to_nearest_ties_to_even():
    assert of_one_unit(one_unit(), [-5, -4, -3, -1, 0, 1, 3, 4, 5]) == [-2, -2, -2, 0, 0, 0, 2, 2, 2]
    assert of_one_unit(one_unit(shift=2), [-7, -6, -5, 5, 6, 7, 9, 10, 11]) == [-2, -2, -1, 1, 2, 2, 2, 2, 3]


def test_saturates_and_rectifies():
    assert of_one_unit(one_unit(multiplier=2, shift=0), [-65, -64, -63, 63, 64]) == [-128, -128, -126, 126, 127]
    assert of_one_unit(one_unit(threshold=-4, shift=0), [-6, -4, 5]) == [-4, -4, 5]


def test_bias_is_counted_in_127s():
    assert of_one_unit(one_unit(shift=0, bias=-3), [10]) == [10 - 3 * 127]


def test_fraction_uses_all_bits_of_the_multiplier():
    assert isa.SHIFT_BITS.limit == MOST_PLACES + 1
    for factor in (0.999, 0.5, 0.0152, 3e-5, 1e-9):
        multiplier, shift = _fraction(factor)
        assert 1 <= multiplier < 2**16
        assert 2**15 <= multiplier or shift == MOST_PLACES
        assert abs(Fraction(multiplier, 2**shift) - Fraction(factor)) <= Fraction(1, 2 ** (shift + 1))


def test_limits_are_reached_but_not_passed(trained_digits):
    network = trained_digits.network
    for weights in (network.hidden, network.output):
        assert weights.dtype == np.int8
        assert np.abs(weights.astype(int)).max() == 127
    assert 2**15 <= network.multiplier < 2**16
    assert 0 <= network.shift <= MOST_PLACES


def test_logits_follow_the_float_network(trained_digits):
    """Scaled back, int8 logits are within a twentieth of the float logits' range: weights lose up to 1/254 of it."""
    scans, float_network = trained_digits.scans, trained_digits.float_network
    exact = float_network.logits(scans.test_images)
    found = logits(trained_digits.network, scans.test_images)
    scale = (exact * found).sum() / (found * found).sum()
    assert np.abs(found * scale - exact).max() < np.ptp(exact) / 20
    assert (found.argmax(axis=1) == exact.argmax(axis=1)).mean() > 0.98


def test_a_folded_rectifier_is_a_rectifier():
    """Weights that int8 holds without loss: nothing but rounding of the hidden units is left."""
    rng = np.random.default_rng(0)
    weights = rng.integers(-127, 128, (64, 8)) / 127.0
    weights[0, 0] = 1.0
    output = np.eye(8, 10) - np.eye(8, 10, 1)
    network = FloatNetwork(weights, rng.normal(0, 5, 8), output, np.zeros(10))
    images = rng.integers(0, 17, (50, 64)).astype(np.int8)
    exact = network.logits(images)
    found = logits(quantize(network, images), images)
    scale = (exact * found).sum() / (found * found).sum()
    assert np.abs(found * scale - exact).max() < 2 * np.abs(exact).max() / 127
