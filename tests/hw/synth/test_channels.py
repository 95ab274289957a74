"""Rows without LUTs, the more of them the more wires there are."""

import json
import re

import numpy as np
import pytest

from takt_hw.synth import placing
from takt_hw.synth.channels import leave, measure
from takt_hw.synth.mapping import NETLIST, synthesize
from takt_hw.synth.placing import CROWDED, DEVICE, DEVICE_OPTIONS, Channels, place
from takt_hw.synth.tools import Tool, run

RTL = """
module design(input clk, input [7:0] a, output [7:0] o);
  reg [255:0] sum = 0, mixed = 0;
  always @(posedge clk) begin
    sum <= sum + {32{a}};
    mixed <= {mixed[254:0], a[0]} ^ (sum & {mixed[127:0], mixed[255:128]});
  end
  assign o = mixed[255:248];
endmodule
"""

WITH_MEMORY = """
module design(input clk, input [8:0] address, input [7:0] a, output reg [7:0] o);
  reg [7:0] words[0:511], word, sum;
  always @(posedge clk) begin
    if (a[0]) words[address] <= a;
    word <= words[~address];
    sum <= sum + word;
    o <= sum;
  end
endmodule
"""

LUTS = 83_640
"""Of an LFE5U-85F."""

MACROS = (22, 34, 46, 58, 70)
"""Its rows of multipliers and block RAMs."""

ROWS, COLUMNS = 12, 16
"""Its windows."""


def blocked(module):
    """Tiles, row and column, that `leave` took; each is taken whole."""
    places = {
        name: re.match(r"X(\d+)/Y(\d+)/SLICE([A-D])\.K([01])$", cell["attributes"]["BEL"])
        for name, cell in ((name, cell) for name, cell in module["cells"].items() if name.startswith("block_"))
    }
    tiles = {(int(place[2]), int(place[1])) for place in places.values()}
    assert len({place[0] for place in places.values()}) == len(places) == 8 * len(tiles)
    return tiles


def rows_of(tiles, row, column):
    """Rows of a window, below 8, in which some of these tiles are."""
    return {y % 8 for y, x in tiles if (y // 8, x // 8) == (row, column)}


def test_no_lut_is_placed_in_a_channel(tmp_path):
    (tmp_path / "rtl.v").write_text(RTL)
    synthesize(["rtl.v"], "design", tmp_path)
    design = json.loads((tmp_path / NETLIST).read_text())
    empty = leave(design["modules"]["design"], DEVICE, 1_000)
    assert 0.29 < empty / LUTS < 0.32
    tiles = blocked(design["modules"]["design"])
    assert {row % 8 for row, _ in tiles} == {0, 3, 4, 6}
    middle = {(row, column) for row, column in tiles if row % 8 in (3, 6)}
    assert {row for row, _ in middle} == {row for row in range(24, 75) if row % 8 in (3, 6) and row not in MACROS}
    assert {column for _, column in middle} == set(range(31, 100))
    (tmp_path / NETLIST).write_text(json.dumps(design))
    options = [*DEVICE_OPTIONS, *CROWDED, "--out-of-context", "--no-route"]
    run(Tool.NEXTPNR, [*options, "--json", NETLIST, "--write", "placed.json"], tmp_path, log="log")
    (placed,) = json.loads((tmp_path / "placed.json").read_text())["modules"].values()
    at = {name: re.match(r"X(\d+)/Y(\d+)/", c["attributes"]["NEXTPNR_BEL"]) for name, c in placed["cells"].items()}
    luts = {name for name, c in placed["cells"].items() if re.search(r"/SLICE[A-D]\.K", c["attributes"]["NEXTPNR_BEL"])}
    blocks = {name for name in luts if name.startswith("block_")}
    assert len(blocks) == empty
    assert len(luts - blocks) > 500
    assert {name for name in luts if (int(at[name][2]), int(at[name][1])) in tiles} == blocks


def test_wires_are_where_the_boxes_around_pins_are():
    """Against plain loops over tiles."""
    rng = np.random.default_rng(1)
    cells = {}
    boxes = []
    for net in range(40):
        rows, columns = rng.integers(2, 93, 3), rng.integers(2, 124, 3)
        for n, (row, column) in enumerate(zip(rows, columns, strict=True)):
            cells[f"{net}_{n}"] = {
                "attributes": {"NEXTPNR_BEL": f"X{column}/Y{row}/SLICEA.K0"},
                "connections": {"F": [net], "D": ["0"]},
            }
        boxes.append((rows.min(), rows.max(), columns.min(), columns.max()))
    # a net of one place, one that is too wide, and a cell that is not placed
    cells |= {f"same{n}": cells["0_0"] | {"connections": {"A": [90]}} for n in range(2)}
    cells |= {
        f"wide{n}": {"attributes": {"NEXTPNR_BEL": f"X{n % 100 + 2}/Y{n // 100 + 2}/A"}, "connections": {"A": [91]}}
        for n in range(501)
    }
    cells["nowhere"] = {"attributes": {}, "connections": {"A": [0]}}
    tiles = np.zeros((8 * ROWS, 8 * COLUMNS))
    for top, bottom, left, right in boxes:
        for row in range(top, bottom + 1):
            for column in range(left, right + 1):
                tiles[row, column] += (bottom - top + right - left) / (bottom - top + 1) / (right - left + 1)
    windows = np.array(
        [[tiles[8 * r : 8 * r + 8, 8 * c : 8 * c + 8].mean() for c in range(COLUMNS)] for r in range(ROWS)]
    )
    expected = np.zeros_like(windows)
    for row in range(ROWS):
        for column in range(COLUMNS):
            for down, weight in ((-1, 1), (0, 2), (1, 1)):
                for across, other in ((-1, 1), (0, 2), (1, 1)):
                    near = min(max(row + down, 0), ROWS - 1), min(max(column + across, 0), COLUMNS - 1)
                    expected[row, column] += windows[near] * weight * other / 16
    assert measure({"cells": cells}, DEVICE) == pytest.approx(expected)


def test_where_more_wires_are_more_rows_stay_empty():
    crowding = np.zeros((ROWS, COLUMNS))
    crowding[3] = np.arange(COLUMNS) * 6.0
    module = {"cells": {}}
    leave(module, DEVICE, 0)
    empty = leave(module, DEVICE, 40_000, crowding)  # instead of those before
    tiles = blocked(module)
    assert empty == 8 * len(tiles)
    assert {row // 8 for row, _ in tiles} == {3}
    counts = [len(rows_of(tiles, 3, column)) for column in range(COLUMNS)]
    assert counts == [0, 0, 1, 2, 2, 2, 3, 4, 4, 4, 5, 5, 5, 5, 5, 5]
    for column in range(1, COLUMNS - 1):  # what is free for a carry chain goes on beside it
        fewer, more = sorted((rows_of(tiles, 3, column), rows_of(tiles, 3, column + 1)), key=len)
        assert fewer <= more


@pytest.mark.parametrize("luts", [20_000, 44_000, 53_000, 65_000])
def test_luts_find_room_in_the_other_rows(luts):
    crowding = np.add.outer(np.arange(ROWS), np.arange(COLUMNS)) * 4.0
    empty = leave({"cells": {}}, DEVICE, luts, crowding)
    assert luts <= 0.84 * (LUTS - empty)
    if luts > 20_000:  # and no more of it than must be
        assert luts > 0.8 * (LUTS - empty)


def test_a_design_that_needs_all_gets_all():
    module = {"cells": {}}
    assert leave(module, DEVICE, 80_000) == leave(module, DEVICE, 80_000, np.full((ROWS, COLUMNS), 60.0)) == 0
    assert not module["cells"]


@pytest.mark.parametrize("wires", [82, 84])
def test_what_is_too_crowded_is_placed_again_with_more_room(tmp_path, monkeypatch, wires):
    """All wires are said to be in a corner, and if they are many, LUTs keep away from most rows there."""
    (tmp_path / "rtl.v").write_text(WITH_MEMORY)
    synthesize(["rtl.v"], "design", tmp_path)
    crowding = np.zeros((ROWS, COLUMNS))
    crowding[0, 0] = wires
    measured, left = [], []

    def told(module, device):
        measured.append(len([name for name in module["cells"] if name.startswith("block_")]))
        return crowding

    def leave_and_tell(module, device, luts, crowding=None):
        left.append((luts, leave(module, device, luts, crowding)))
        return left[-1][1]

    monkeypatch.setattr(placing, "measure", told)
    monkeypatch.setattr(placing, "leave", leave_and_tell)
    placed = place(tmp_path, mhz=50, estimate=True, channels=Channels(DEVICE, 5_000))
    assert measured == [left[0][1]]
    assert left[0][0] == 5_000
    if wires == 82:
        assert len(left) == 1
    else:
        _, (packed, second) = left
        assert packed == placed.used["comb"] > 8
        assert 0 < second <= 5 * 8 * 8
    before = len(left)
    without = place(tmp_path, mhz=50, estimate=True)
    assert without.used["comb"] == placed.used["comb"]
    assert len(left) == before
