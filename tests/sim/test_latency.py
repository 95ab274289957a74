"""Latencies by instruction and build."""

import pytest

from takt_hw import isa
from takt_hw.config import NANO, QUAD
from takt_sim.latency import d_func, d_skew


def test_constants_of_the_build():
    assert d_func(isa.READ, NANO) == isa.READ.d_func.base
    assert d_func(isa.ABC, QUAD) == isa.ABC.d_func.base + 3 * isa.ABC.d_func.per_superlane
    assert d_skew(isa.WRITE, QUAD) == isa.WRITE.d_skew.base


def test_what_is_not_there_is_refused():
    with pytest.raises(ValueError, match=r"^READ: must take operands$"):
        d_skew(isa.READ, NANO)
    with pytest.raises(ValueError, match=r"^WRITE: must have a result$"):
        d_func(isa.WRITE, NANO)
