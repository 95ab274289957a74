"""The RTL multiplies tile after tile without a bubble, in both kinds of arithmetic."""

from pathlib import Path

import pytest

from takt_hw.config import NANO
from takt_sim.tb.build import Variant
from takt_sim.tb.run import RtlChip, Run
from tests.sim.tiles import tiles

ROOT = Path(__file__).parents[3] / "build" / "rtl"


@pytest.fixture(scope="module")
def chip(tmp_path_factory):
    with RtlChip(NANO, Variant.CHECKED, directory=tmp_path_factory.mktemp("tiles"), root=ROOT) as opened:
        yield opened


@pytest.mark.parametrize("fp16", [False, True], ids=["int8", "fp16"])
def test_tiles_in_a_row(chip, fp16):
    program = tiles(NANO, 4, 5, fp16=fp16)
    chip.load_text(program.text)
    result = chip.run(Run(program.memory, {name: list(words) for name, words in program.results.items()}))
    assert (result.memory, result.faults) == (program.results, 0)
