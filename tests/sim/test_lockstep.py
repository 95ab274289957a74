"""RTL and reference run the same random legal programs: every write in its cycle, every memory, every cycle count."""

from pathlib import Path

import pytest

from takt_hw.config import BUILDS, NANO
from takt_sim.coverage import Coverage, all_rows
from takt_sim.tb.build import Variant
from takt_sim.tb.lockstep import lockstep

BUILD = Path(__file__).parents[2] / "build"


@pytest.mark.parametrize(
    ("chip", "writes", "variant"),
    [
        ("near", 100, Variant.CHECKED),
        ("nano_ecc", 100, Variant.FLIPS),
        ("quad", 100, Variant.CHECKED),
        ("ecp5_45k", 60, Variant.CHECKED),
        ("ecp5_ecc", 60, Variant.FLIPS),
    ],
    ids=["near", "nano_ecc", "quad", "ecp5_45k", "ecp5_ecc"],
)
def test_rtl_and_reference_agree(chip, writes, variant, tmp_path):
    """Those with ECC in the variant that the flips need anyway; ``writes`` of each program, at least, are compared."""
    seeds: list[int] = []
    config, programs = BUILDS[chip], 40
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
    assert compared > writes * programs


def test_the_rtl_executes_every_row_of_the_table(tmp_path):
    """Lockstep on nano, and build/coverage.json: each operation with each type and mode of each operand."""
    coverage = Coverage()
    compared = lockstep(NANO, programs=200, seed=1, directory=tmp_path, root=BUILD / "rtl", coverage=coverage)
    assert compared > 100 * 200
    assert coverage.write(all_rows(NANO), BUILD / "coverage.json")["missing"] == []
