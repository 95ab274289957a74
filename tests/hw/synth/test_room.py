"""What does not fit a device is said before hours are spent on placing it."""

import pytest

from takt_hw.boards import BOARDS
from takt_hw.config import BUILDS, ECP5, LANES_PER_SUPERLANE
from takt_hw.synth.flow import Point, TooLarge, check_room
from takt_hw.synth.netlist import Area

POINT = Point(config=ECP5)


def test_what_fits_passes():
    check_room(
        POINT, "LFE5U-85F", {"host": Area(comb=78_000, ff=83_640, mult18=100), "MXM_E0": Area(mult18=56, bram=208)}
    )


def test_packing_adds_luts_but_no_multiplier():
    with pytest.raises(TooLarge, match="^ecp5 must fit an LFE5U-85F: it needs 84,530 of 83,640 LUT$"):
        check_room(POINT, "LFE5U-85F", {"host": Area(comb=79_000)})
    with pytest.raises(TooLarge, match="^ecp5 must fit an LFE5U-85F: it needs 157 of 156 MULT18$"):
        check_room(POINT, "LFE5U-85F", {"MXM_E0": Area(mult18=100), "VXM ALU 0": Area(mult18=57)})


def test_names_all_that_lacks_and_keeps_the_slices():
    slices = {"VXM ALU 0": Area(comb=60_000), "MEM_W0": Area(comb=40_000, bram=209)}
    with pytest.raises(
        TooLarge, match="^ecp5 must .*: it needs 107,000 of 83,640 LUT, 209 of 208 block RAM$"
    ) as refused:
        check_room(POINT, "LFE5U-85F", slices)
    assert refused.value.by_slice == slices


@pytest.mark.parametrize(("board", "build"), [(name, build) for name in BOARDS for build in BOARDS[name].clocks_mhz])
def test_the_builds_of_each_board_find_multipliers_and_block_rams(board, build):
    """What its configuration alone says; `make synth` counts the rest."""
    config = BUILDS[build]
    products = min(config.mxm_dsp, LANES_PER_SUPERLANE**2 // config.mxm_turns)
    lanes = config.vxm_float_alus * LANES_PER_SUPERLANE // config.vxm_turns
    memory = len(config.mem_slices) * config.mem_words * config.lanes
    least = Area(mult18=config.superlanes * products + 4 * lanes, bram=memory // 2048)
    check_room(Point(config=config), BOARDS[board].device, {"least": least})


@pytest.mark.parametrize("board", BOARDS)
def test_the_devices_of_all_boards_are_known(board):
    check_room(POINT, BOARDS[board].device, {})
