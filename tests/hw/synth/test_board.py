"""The top of a board with the smallest build on it, as far as its netlist."""

import pytest

from takt_hw.boards import prepare
from takt_hw.synth.checks import problems
from takt_hw.synth.mapping import NETLIST, synthesize
from takt_hw.synth.netlist import Area, Netlist
from takt_hw.synth.small import SMALL

MHZ = 100.0


@pytest.fixture(scope="module")
def netlist(tmp_path_factory):
    """Synthesized with all checks: no latches, no loops, a driver for each wire, before and after mapping."""
    directory = tmp_path_factory.mktemp("board")
    project = prepare("ulx3s", SMALL, MHZ, directory)
    synthesize(project.sources, project.top, directory, check=True)
    return Netlist.read(directory / NETLIST)


def test_the_netlist_is_what_was_meant(netlist):
    assert list(problems(netlist)) == []


def test_the_board_has_its_clock_and_pins(netlist):
    cells = netlist.totals[netlist.top]
    assert cells["EHXPLLL"] == 1
    assert cells["TRELLIS_IO"] >= 2


BLOCK_RAM_BITS = 18 * 1024


def test_memory_is_in_block_ram_and_products_in_multipliers(netlist):
    """All words of each MEM slice, and not one of them in registers."""
    areas = netlist.by_slice()
    bits = SMALL.mem_words * 8 * SMALL.lanes
    for s in SMALL.mem_slices:
        assert areas[s.name].bram * BLOCK_RAM_BITS >= bits
        assert areas[s.name].ff < bits // 16
    assert areas["MXM_E0"].mult18 > 0


def test_every_slice_is_there(netlist):
    areas = netlist.by_slice()
    wanted = {*(s.name for s in SMALL.slices if s.name not in ("VXM",)), "VXM ALU 0", "host", "UART"}
    assert wanted <= areas.keys()
    assert all(area != Area() for area in areas.values())
