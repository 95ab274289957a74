"""A short fault campaign, of the kind that `make faults` runs at length."""

from pathlib import Path
from random import Random

import pytest

from takt_hw.config import BUILDS
from tests.fault_campaign import Campaign, Figures

ROOT = Path(__file__).parents[1] / "build" / "rtl"


@pytest.mark.parametrize("chip", ["nano_ecc", "ecp5_ecc"])
def test_flips_are_mended_and_double_flips_flagged(chip, tmp_path):
    campaign = Campaign(BUILDS[chip], Random(7), tmp_path)
    figures = campaign.run(60, 30, tmp_path, ROOT, lambda: None)
    assert figures.problems() == []
    assert (figures.single, figures.double) == (60, 30)
    assert 20 < figures.in_memory < 70


@pytest.mark.parametrize("name", ["single_wrong", "single_uncounted", "double_unflagged", "double_misplaced"])
def test_each_kind_of_failure_is_a_problem(name):
    assert Figures(**{name: 2}).problems() == [f"{name} must be 0, not 2"]
