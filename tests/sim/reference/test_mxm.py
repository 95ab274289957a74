"""One plane's arithmetic at its limits."""

import numpy as np
import pytest

from takt_sim.reference.mxm import Plane


@pytest.mark.parametrize("lanes", [16, 64, 320])
@pytest.mark.parametrize(("activation", "weight"), [(-128, -128), (-128, 127), (127, 127), (-1, 1)])
def test_the_largest_sums_are_exact(lanes, activation, weight):
    plane = Plane(lanes)
    for block in range(lanes // 8):
        plane.load(block, [np.full(lanes, weight, np.int8).view(np.uint8)] * 8)
    plane.weights = plane.installed()
    product = plane.multiply(np.full(lanes, activation, np.int8).view(np.uint8))
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
    weights, x = rng.integers(-128, 128, (64, 64)), rng.integers(-128, 128, 64)
    plane = Plane(64)
    for block in range(4):
        plane.load(block, [weights[:, 16 * block + n].astype(np.uint8) for n in range(16)])
    plane.weights = plane.installed()
    assert plane.multiply(x.astype(np.int8).view(np.uint8)).tolist() == (x @ weights).tolist()
