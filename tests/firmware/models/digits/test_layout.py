"""The tiles hold every weight once, and constant units that add up to the bias."""

from dataclasses import replace

import numpy as np
import pytest

from takt.models.digits.layout import ALWAYS_LARGEST, NoRoom, cut
from takt_hw.config import NANO, QUAD


@pytest.mark.parametrize("config", [NANO, QUAD], ids=lambda config: config.name)
def test_tiles_hold_the_network(trained_digits, config):
    network = trained_digits.network
    layout = cut(config, network)
    vectors = len(layout.thresholds)
    hidden = np.zeros((64, 0), int)
    output = np.zeros((0, 10), int)
    bias = np.zeros(10, int)
    for vector, threshold in enumerate(layout.thresholds):
        tiles = [tile for tile in layout.hidden if tile.sums == vector]
        assert [tile.part for tile in tiles] == list(range(64 // config.lanes))
        assert [tile.first for tile in tiles] == [tile.part == 0 for tile in tiles]
        assert [tile.last for tile in tiles] == [tile is tiles[-1] for tile in tiles]
        used = threshold != ALWAYS_LARGEST
        assert not used[-1]
        columns = np.vstack([tile.weights for tile in tiles])
        assert not columns[:, ~used].any()
        hidden = np.hstack([hidden, columns[:, used]])
        rows = layout.output[vector]
        assert (rows.sums, rows.first, rows.last) == (vectors, vector == 0, vector == vectors - 1)
        output = np.vstack([output, rows.weights[used, :10]])
        bias += rows.weights[~used, :10].sum(axis=0, dtype=int)
        assert not rows.weights[:, 10:].any()
    assert np.array_equal(hidden, network.hidden)
    assert np.array_equal(output, network.output)
    assert np.array_equal(bias, network.bias)
    assert np.array_equal(np.concatenate([t[t != ALWAYS_LARGEST] for t in layout.thresholds]), network.threshold)


def test_refuses_a_bias_that_its_units_cannot_carry(trained_digits):
    at_limit = replace(trained_digits.network, bias=np.full(10, -254, np.int32))
    cut(NANO, at_limit)
    beyond = replace(at_limit, bias=at_limit.bias - 1)
    with pytest.raises(NoRoom, match="^output bias must be at most 254 times 127, not 255 times$"):
        cut(NANO, beyond)


def test_refuses_a_scale_that_makes_no_constant(trained_digits):
    cut(NANO, replace(trained_digits.network, multiplier=127, shift=30))
    with pytest.raises(NoRoom, match=r"^scale must make 127 of 2\^31 - 1, not be 127 / 2\^31$"):
        cut(NANO, replace(trained_digits.network, multiplier=127, shift=31))
