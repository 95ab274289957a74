"""The timing law on the manual's worked example."""

import pytest

from takt.schedule import flight, skew
from takt_hw import isa
from takt_hw.config import NANO


def test_follows_the_manuals_example():
    """docs/manual/timing.md: READ in cycle 5, ADD in 8, WRITE in 12."""
    assert 5 + flight(NANO, "MEM_W0.read", isa.READ, "VXM.alu0", isa.ADD) == 8
    assert 8 + flight(NANO, "VXM.alu0", isa.ADD, "MEM_E0.write", isa.WRITE) == 12


@pytest.mark.parametrize(
    ("produces", "consumes", "message"),
    [
        (isa.WRITE, isa.WRITE, "^produces must leave a result, not be WRITE$"),
        (isa.READ, isa.READ, "^consumes must take an operand, not be READ$"),
    ],
)
def test_refuses_what_has_no_end(produces, consumes, message):
    with pytest.raises(ValueError, match=message):
        flight(NANO, "MEM_W0.read", produces, "MEM_E0.read", consumes)


def test_skew_is_the_tables():
    assert skew(NANO, isa.LW) == isa.LW.d_skew(NANO)
