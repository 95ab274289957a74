"""nextpnr is stopped when it does not come nearer to an end."""

import pytest

from takt_hw.synth.mapping import synthesize
from takt_hw.synth.placing import CROWDED, Patience, place
from takt_hw.synth.tools import ToolError

from .test_macros import RTL


def passes(counts, late=0):
    patience = Patience()
    for number, count in enumerate(counts, start=1):
        said = f"Info:     iter={number} wires=857172 overused={count} overuse=21355 tmgfail={late} archfail=NA"
        reason = patience(said)
        if reason:
            return number, reason
    return None


def test_a_router_that_finds_no_better_way_is_stopped():
    assert passes([100, 40, 20, *[20, 25] * 80]) == (
        153,
        "20 wires stayed taken twice for 150 passes; try another SEED or MHZ",
    )


def test_one_that_keeps_late_connections_is_stopped_sooner():
    assert passes([100, 40, 20, *[0] * 60], late=2) == (
        54,
        "2 wires stayed taken twice, or connections late, for 50 passes; try another SEED or MHZ",
    )


def test_one_that_is_slow_is_not():
    assert passes([count for wires in range(10, -1, -1) for count in [wires + 1] * 149 + [wires]]) is None


def test_a_placer_without_end_is_stopped(tmp_path):
    """On a design that is little but multipliers and block RAMs the static placer goes on for ever."""
    (tmp_path / "design.v").write_text(RTL)
    synthesize(["design.v"], "design", tmp_path)
    with pytest.raises(ToolError, match="placement must end within 1,500 iterations.*placement.log"):
        place(tmp_path, mhz=50, options=CROWDED, timeout=300)
