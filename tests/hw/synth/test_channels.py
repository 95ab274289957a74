"""Rows without LUTs."""

import json
import re

from takt_hw.synth import channels
from takt_hw.synth.mapping import NETLIST, synthesize
from takt_hw.synth.placing import CROWDED, DEVICE, DEVICE_OPTIONS
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

LAST_TILE = (93, 124)
"""Row and column of the last LUTs of an LFE5U-85F."""


def test_no_lut_is_placed_in_a_channel(tmp_path):
    (tmp_path / "rtl.v").write_text(RTL)
    synthesize(["rtl.v"], "design", tmp_path)
    design = json.loads((tmp_path / NETLIST).read_text())
    empty = channels.leave(design, "design", DEVICE)
    assert 0.29 < empty / 83_640 < 0.32
    (tmp_path / NETLIST).write_text(json.dumps(design))
    options = [*DEVICE_OPTIONS, *CROWDED, "--out-of-context", "--no-route"]
    run(Tool.NEXTPNR, [*options, "--json", NETLIST, "--write", "placed.json"], tmp_path, log="log")
    (placed,) = json.loads((tmp_path / "placed.json").read_text())["modules"].values()
    places = {name: cell["attributes"]["NEXTPNR_BEL"] for name, cell in placed["cells"].items()}
    at = {name: re.match(r"X(\d+)/Y(\d+)/", place).groups() for name, place in places.items()}
    tiles = {name: (int(row), int(column)) for name, (column, row) in at.items()}
    luts = {name for name, place in places.items() if re.search(r"/SLICE[A-D]\.K[01]", place)}
    blocks = {name for name in luts if name.startswith("block_")}
    assert len(blocks) == empty
    assert len(luts - blocks) > 500
    assert {name for name in luts if channels.is_empty(*tiles[name], [LAST_TILE])} == blocks
    assert {tiles[name][0] % 8 for name in blocks} == {0, 3, 4, 6}
