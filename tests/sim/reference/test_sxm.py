"""Lane movement by hand and against index arithmetic."""

import numpy as np
import pytest

from takt_sim.reference import sxm


def vector(*values):
    return np.array(values, np.uint8)


@pytest.mark.parametrize("amount", [-63, -17, -16, -1, 0, 1, 15, 16, 63])
def test_shift(amount):
    source = np.arange(100, 164, dtype=np.uint8)
    expected = [int(source[lane - amount]) if 0 <= lane - amount < 64 else 0 for lane in range(64)]
    assert sxm.shift(source, amount).tolist() == expected


def test_select():
    assert sxm.select(vector(1, 2, 3), vector(4, 5, 6), vector(0, 1, 255)).tolist() == [4, 2, 3]


def test_permute_takes_from_the_named_lane_and_zero_from_none():
    source = np.arange(100, 116, dtype=np.uint8)
    lanes = vector(15, 0, 0, 16, 255, *range(11))
    assert sxm.permute(source, lanes).tolist() == [115, 100, 100, 0, 0, *range(100, 111)]


def test_permute_past_256_lanes():
    source = (np.arange(320) % 251).astype(np.uint8)
    lanes = np.arange(319, -1, -1)
    lanes[7] = 320
    expected = [int(source[319 - n]) for n in range(320)]
    expected[7] = 0
    assert sxm.permute(source, lanes).tolist() == expected


def test_distribute_stays_in_its_superlane():
    source = np.arange(32, dtype=np.uint8)
    lanes = vector(*[15] * 15, 16, *range(15, -1, -1))
    assert sxm.distribute(source, lanes).tolist() == [*[15] * 15, 0, *range(31, 15, -1)]


@pytest.mark.parametrize(("size", "lanes"), [(4, 16), (8, 16), (16, 16), (16, 64)])
def test_transpose_within_blocks(size, lanes):
    rng = np.random.default_rng(size)
    source = rng.integers(0, 256, (size, lanes), np.uint8)
    result = sxm.transpose(list(source))
    for i in range(size):
        for lane in range(lanes):
            block, j = divmod(lane, size)
            assert result[i][lane] == source[j][block * size + i]
    assert (np.stack(sxm.transpose(result)) == source).all()
