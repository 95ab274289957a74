"""RTL and reference run the same random legal programs: every write in its cycle, every memory, every cycle count."""

from pathlib import Path

import pytest

from takt_hw.config import BUILDS
from takt_sim.tb.lockstep import lockstep

ROOT = Path(__file__).parents[2] / "build" / "rtl"


@pytest.mark.parametrize(("chip", "programs"), [("nano", 200), ("quad", 50)])
def test_rtl_and_reference_agree(chip, programs, tmp_path):
    seeds = []
    compared = lockstep(BUILDS[chip], programs=programs, seed=1, directory=tmp_path, root=ROOT, progress=seeds.append)
    assert seeds == list(range(1, programs + 1))
    assert compared > 100 * programs
