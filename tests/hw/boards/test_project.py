"""What is written for each board: pins, clocks, and the refusals. No tool runs but Amaranth's own."""

import re
from dataclasses import replace
from functools import cache

import pytest

from takt_hw.boards import BOARDS, prepare
from takt_hw.boards.project import TOP
from takt_hw.boards.wires import pins
from takt_hw.c2c.word import wire_bits
from takt_hw.config import BUILDS, ECP5, ECP5_NANO, NANO_C2C

SMALL = replace(ECP5_NANO, name="small", mem_group_slices=1, mem_words=64, streams=4, weight_streams=4, queue_words=16)


@cache
def plan(board, config, mhz=100.0):
    """Constraints and top module of a design, without the core."""
    design = BOARDS[board](config, mhz=mhz, baud=3_000_000)
    files = design.make_platform().prepare(design, TOP, emit_src=False).files
    return tuple(text if isinstance(text, str) else text.decode() for text in (files[f"{TOP}.lpf"], files[f"{TOP}.il"]))


def sites(constraints):
    return dict(re.findall(r'LOCATE COMP "(\S+)" SITE "(\w+)";', constraints))


def frequencies(constraints):
    return {name: float(hz) for name, hz in re.findall(r'FREQUENCY PORT "(\S+)" (\S+) HZ;', constraints)}


@pytest.mark.parametrize(
    ("board", "build", "mhz"),
    [(name, build, mhz) for name, board in BOARDS.items() for build, mhz in board.clocks_mhz.items()],
)
def test_each_board_has_what_its_builds_need(board, build, mhz):
    assert BOARDS[board].build in BOARDS[board].clocks_mhz
    constraints, top = plan(board, BUILDS[build], mhz)
    found = sites(constraints)
    assert len(set(found.values())) == len(found)
    assert {"uart_0__rx__io", "uart_0__tx__io"} <= set(found)
    assert sum("led" in name for name in found) == 4
    assert top.count("cell \\EHXPLLL") == 1
    assert top.count("cell \\takt_core") == 1
    assert set(frequencies(constraints).values()) <= {BOARDS[board].crystal_mhz * 1e6, mhz * 1e6}


def test_the_links_use_all_pins_of_both_connectors_and_each_once():
    constraints, top = plan("ulx3s", ECP5)
    links = {name: site for name, site in sites(constraints).items() if name.startswith("link_")}
    connector = BOARDS["ulx3s"](ECP5, mhz=100.0, baud=3_000_000).make_platform()
    every = {pin for (name, _, _), pin in _connector_pins(connector) if name == "gpio"}
    assert len(links) == 4 * pins(wire_bits(ECP5)) == 56
    assert set(links.values()) == every
    assert top.count("cell \\IDDRX1F") == top.count("cell \\DELAYG") == 2 * 13
    assert top.count("cell \\ODDRX1F") == 2 * 14
    clocks = {name: hz for name, hz in frequencies(constraints).items() if name.startswith("link_i")}
    assert clocks == {"link_i_0__clock__io": 100e6, "link_i_1__clock__io": 100e6}


def _connector_pins(platform):
    for connector in platform.connectors.values():
        for pin, site in connector.mapping.items():
            yield (connector.name, connector.number, pin), site


def test_a_straight_cable_joins_what_sends_to_what_hears():
    """Pin n of J1 on one board goes to the pin on the same place of J2 on the other, with the same sign."""
    found = sites(plan("ulx3s", ECP5)[0])
    by_site = {
        site: pin for (_, _, pin), site in _connector_pins(BOARDS["ulx3s"](ECP5, mhz=100.0, baud=9600).make_platform())
    }
    for sends, hears in (("link_o_0", "link_i_1"), ("link_o_1", "link_i_0")):
        signs = [
            {by_site[site][-1] for name, site in found.items() if name.startswith(link)} for link in (sends, hears)
        ]
        assert signs[0] == signs[1]
        assert len(signs[0]) == 1


def test_writes_files_and_says_what_to_do_with_them(tmp_path):
    project = prepare("ecpix5", SMALL, 75.0, tmp_path / "new", baud=1_000_000)
    assert all((project.directory / name).stat().st_size for name in (*project.sources, project.constraints))
    core = (project.directory / project.sources[0]).read_text()
    assert re.search(r"^module takt_core\(", core, re.MULTILINE)
    assert len(re.findall(r"^module (\S+)", core, re.MULTILINE)) == len(
        set(re.findall(r"^module (\S+)", core, re.MULTILINE))
    )
    assert project.sources == ("takt_core.v", "takt_board.il")
    assert project.place_options[:5] == ("--um5g-45k", "--package", "CABGA554", "--speed", "8")


REFUSED = [
    (("fpga", SMALL, 100.0), "board must be one of ulx3s, ecpix5, not 'fpga'"),
    (("ulx3s", SMALL, 101.7), "clock must be one that the PLL makes of 25 MHz, not 101.7 MHz"),
    (("ulx3s", NANO_C2C, 100.0), "links must be at most 2, as the board has pins, not 7"),
    (("ecpix5", ECP5, 100.0), "links must be at most 0, as the board has pins, not 2"),
]


@pytest.mark.parametrize(("arguments", "rule"), REFUSED)
def test_refusals(arguments, rule, tmp_path):
    with pytest.raises(ValueError, match=f"^{rule}$"):
        prepare(*arguments, tmp_path)


def test_a_line_too_fast_for_the_clock(tmp_path):
    with pytest.raises(ValueError, match="^clocks_per_bit must be at least 4, not 10/3$"):
        prepare("ulx3s", SMALL, 10.0, tmp_path)
