"""Cells on the slowest paths move where that makes them faster, and break no rule of a slice."""

import json
import re
from collections import defaultdict

import pytest

from takt_hw.synth import channels
from takt_hw.synth.delays import Delays
from takt_hw.synth.mapping import FLAT, synthesize
from takt_hw.synth.placing import DEVICE, DEVICE_OPTIONS, TIMED
from takt_hw.synth.relocate import relocate
from takt_hw.synth.sites import Sites, control_of, units_of
from takt_hw.synth.timing import DelayGraph, worst_paths
from takt_hw.synth.tools import Tool, run

RTL = """
module design(input clk, input [15:0] d, input en, input rst, output reg [15:0] o);
  reg [15:0] a, before, b, c;
  reg [16:0] sum;
  always @(posedge clk) begin
    a <= d;
    before <= a;
    if (en) b <= a ^ {a[7:0], a[15:8]};
    if (rst) c <= 0; else c <= (b & {16{^a}}) | {b[0], a[15:1]};
    sum <= before + c;
    o <= sum[16] ? c ^ b : sum[15:0];
  end
endmodule
"""

OPTIONS = [*DEVICE_OPTIONS, *TIMED, "--out-of-context", "--freq", "100"]

SITE = re.compile(r"(X\d+/Y\d+)/SLICE([A-D])\.(?:K|FF)[01]$")


def module_of(path):
    design = json.loads(path.read_text())
    return design, next(m for m in design["modules"].values() if "top" in m["attributes"])


def estimate(directory):
    """nextpnr's delays for what is in placed.json, in delays.sdf; the slowest path in ns."""
    arguments = ["--json", "placed.json", "--no-pack", "--no-place", "--no-route", "--sdf", "delays.sdf"]
    run(Tool.NEXTPNR, [*OPTIONS, *arguments], directory, log="estimate.log")
    return worst_paths(directory / "delays.sdf")[0].ns


def displace(cells, sdf):
    """Put some cells far away, none of them wired to each other: one alone has no reason to come back."""
    with open(sdf) as file:
        delays = Delays(DelayGraph(file))
    sites = Sites(cells)
    units = [unit for unit in units_of(cells, delays, sites) if unit.outputs and unit.inputs]
    assert {(unit.lut, unit.control is not None) for unit in units} == {(True, True), (True, False), (False, True)}
    around: set[int] = set()
    kinds: dict[tuple, int] = defaultdict(int)
    for unit in units:
        pins = {int(pin) for arc in unit.arcs for pin in (delays.source[arc], delays.target[arc])}
        kind = unit.lut, unit.control
        if not pins & around and kinds[kind] < 2:
            kinds[kind] += 1
            around |= pins
            free = sites.free_for(unit)
            sites.take(unit, int(free[-1 - 50 * len(around)]))
    assert len(kinds) >= 4
    sites.write(cells)


@pytest.fixture(scope="module")
def placed(tmp_path_factory):
    directory = tmp_path_factory.mktemp("placed")
    (directory / "design.v").write_text(RTL)
    synthesize(["design.v"], "design", directory)
    design = json.loads((directory / FLAT).read_text())
    # an empty LUT here and there: a tile that has nothing is not known to have slices
    channels.leave(design, "design", DEVICE)
    cells = design["modules"]["design"]["cells"]
    for name in [name for name in cells if name.startswith("block_") and not name.endswith("A0")]:
        del cells[name]
    (directory / FLAT).write_text(json.dumps(design))
    arguments = ["--json", FLAT, "--no-route", "--write", "placed.json"]
    run(Tool.NEXTPNR, [*OPTIONS, *arguments], directory, log="placement.log")
    return directory


def test_cells_that_were_put_far_away_come_back(placed):
    good = estimate(placed)
    design, module = module_of(placed / "placed.json")
    cells = module["cells"]
    displace(cells, placed / "delays.sdf")
    (placed / "placed.json").write_text(json.dumps(design))
    bad = estimate(placed)
    assert bad > 1.5 * good
    where = {
        name: cell["attributes"]["NEXTPNR_BEL"] for name, cell in cells.items() if "NEXTPNR_BEL" in cell["attributes"]
    }
    connections = {name: cell["connections"] for name, cell in cells.items()}

    before, after = relocate(module, placed / "delays.sdf")
    (placed / "placed.json").write_text(json.dumps(design))
    assert before == pytest.approx(bad)
    assert after == pytest.approx(estimate(placed))  # what nextpnr itself says
    assert after < 1.1 * good

    assert {name: cell["connections"] for name, cell in cells.items()} == connections
    now = {name: cells[name]["attributes"]["NEXTPNR_BEL"] for name in where}
    moved = {name for name in where if where[name] != now[name]}
    assert moved
    assert all(cells[name]["type"] in ("TRELLIS_COMB", "TRELLIS_FF") for name in moved)
    check_sites(cells, moved)


def check_sites(cells, moved):
    """Each site has one cell; what moved has a slice of its own, and registers of its tile have its control nets."""
    by_site, by_slice, by_tile = defaultdict(list), defaultdict(list), defaultdict(set)
    for name, cell in cells.items():
        bel = cell["attributes"].get("NEXTPNR_BEL", "")
        by_site[bel].append(name)
        if match := SITE.match(bel):
            by_slice[match[1], match[2]].append(name)
            if cell["type"] == "TRELLIS_FF":
                by_tile[match[1]].add(control_of(cell))
    assert all(len(names) == 1 for bel, names in by_site.items() if bel)
    for name in moved:
        match = SITE.match(cells[name]["attributes"]["NEXTPNR_BEL"])
        beside = {other for other in by_slice[match[1], match[2]] if any(cells[other]["connections"].values())}
        types = sorted(cells[other]["type"] for other in beside)
        assert types in (["TRELLIS_COMB"], ["TRELLIS_FF"], ["TRELLIS_COMB", "TRELLIS_FF"])
        assert beside <= moved
        if cells[name]["type"] == "TRELLIS_FF":
            assert by_tile[match[1]] == {control_of(cells[name])}
        if len(beside) == 2:
            lut, register = sorted(beside, key=lambda other: cells[other]["type"])
            assert cells[lut]["connections"]["F"] == cells[register]["connections"]["DI"]
