"""Clocks of chips, and what a system is told before it is built."""

import re
from dataclasses import replace

import pytest

from takt_hw.config import NANO, NANO_C2C
from takt_sim.system.topology import full, ring
from takt_sim.tb.build import Variant
from takt_sim.tb.system.build import build_system
from takt_sim.tb.system.host import LinkCounts
from takt_sim.tb.system.run import SystemRtl
from takt_sim.tb.system.session import random_clocks
from takt_sim.tb.verilator import CLOCK_FS


@pytest.mark.parametrize("chips", [2, 3, 8])
@pytest.mark.parametrize("seed", range(3))
def test_clocks_differ_as_much_as_they_may(chips, seed):
    clocks = random_clocks(chips, 200, seed)
    assert len(clocks) == chips
    assert max(clock.ppm for clock in clocks) == pytest.approx(200, abs=0.3)
    assert min(clock.ppm for clock in clocks) == pytest.approx(-200, abs=0.3)
    assert len({clock.period for clock in clocks}) == chips
    assert all(clock.period % 2 == 0 and 0 < clock.phase < CLOCK_FS for clock in clocks)
    assert len({clock.phase for clock in clocks}) == chips
    assert clocks == random_clocks(chips, 200, seed)
    assert clocks != random_clocks(chips, 200, seed + 1)


def test_without_ppm_all_clocks_are_nominal():
    assert {clock.period for clock in random_clocks(4, 0, 1)} == {CLOCK_FS}


@pytest.mark.parametrize(
    ("config", "wiring", "variant", "message"),
    [
        (replace(NANO_C2C, c2c_links=3), ring(2), Variant.CHECKED, "config must be one of .*, not 'nano_c2c'"),
        (NANO_C2C, ring(2), Variant.WAVES, "variant must be fast or checked, not waves"),
        (NANO, full(3), Variant.CHECKED, "3 fully connected: links must be at most 0 of nano, not 2"),
    ],
)
def test_what_cannot_be_built_is_refused(config, wiring, variant, message, tmp_path):
    with pytest.raises(ValueError, match=f"^{message}$"):
        build_system(config, wiring, variant, root=tmp_path)


@pytest.mark.parametrize(
    ("wiring", "message"),
    [
        (ring(4), "wiring must have a cable from chip 0, link 0 to chip 1, link 0, as the topology has"),
        (full(5), "wiring must have 4 chips, not 5"),
    ],
)
def test_the_cables_of_a_topology_must_be_there(wiring, message, tmp_path):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        SystemRtl(NANO_C2C, full(4), wiring=wiring, directory=tmp_path, root=tmp_path)


def test_counts_are_told_apart_by_run():
    assert LinkCounts(10, 4, 3, 2).since(LinkCounts(6, 3, 3, 0)) == LinkCounts(4, 1, 0, 2)
