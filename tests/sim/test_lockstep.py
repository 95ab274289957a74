"""RTL and reference run the same random legal programs: every write in its cycle, every memory, every cycle count."""

from pathlib import Path

import pytest

from takt_hw.config import BUILDS, NANO
from takt_sim.coverage import Coverage, all_rows
from takt_sim.tb.build import Variant
from takt_sim.tb.lockstep import lockstep

BUILD = Path(__file__).parents[2] / "build"


@pytest.mark.parametrize(
    ("chip", "programs", "variant"),
    [("near", 40, Variant.CHECKED), ("nano_ecc", 40, Variant.FLIPS), ("quad", 40, Variant.CHECKED)],
    ids=["near", "nano_ecc", "quad"],
)
def test_rtl_and_reference_agree(chip, programs, variant, tmp_path):
    """`nano_ecc` in the variant that the flips need anyway."""
    seeds: list[int] = []
    config = BUILDS[chip]
    compared = lockstep(
        config,
        programs=programs,
        seed=1,
        directory=tmp_path,
        root=BUILD / "rtl",
        variant=variant,
        progress=seeds.append,
    )
    assert seeds == list(range(1, programs + 1))
    assert compared > 100 * programs


def test_the_rtl_executes_every_row_of_the_table(tmp_path):
    """Lockstep on nano, and build/coverage.json: each operation with each type and mode of each operand."""
    coverage = Coverage()
    compared = lockstep(NANO, programs=200, seed=1, directory=tmp_path, root=BUILD / "rtl", coverage=coverage)
    assert compared > 100 * 200
    assert coverage.write(all_rows(NANO), BUILD / "coverage.json")["missing"] == []
