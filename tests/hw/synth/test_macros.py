"""Block RAMs and multipliers exchange their places for shorter wires, and for nothing else."""

import json

import pytest

from takt_hw.synth.macros import KINDS, exchange, fix
from takt_hw.synth.mapping import FLAT, synthesize
from takt_hw.synth.placing import DEVICE_OPTIONS, TIMED, place
from takt_hw.synth.tools import Tool, run

RTL = """
module design(input clk, input [8:0] address, input [35:0] d, output reg [35:0] o);
  reg [35:0] first[0:511], second[0:511];
  reg [35:0] p, q;
  always @(posedge clk) begin
    if (d[0]) first[address] <= d; if (d[1]) second[address] <= ~d;
    p <= first[address ^ d[8:0]]; q <= second[address + d[8:0]];
    o <= p[17:0] * q[35:18] ^ p[35:18] * q[17:0];
  end
endmodule
"""


def cell(kind, place, connections, **parameters):
    return {
        "type": kind,
        "parameters": parameters,
        "attributes": {"NEXTPNR_BEL": place},
        "connections": {port: [bit] for port, bit in connections.items()},
    }


def places(module):
    return {name: c["attributes"].get("NEXTPNR_BEL") for name, c in module["cells"].items()}


def module(**cells):
    return {"cells": cells}


def lut(x, y, net):
    return cell("TRELLIS_COMB", f"X{x}/Y{y}/SLICEA.COMB0", {"A": net})


def test_each_comes_to_stand_beside_what_it_is_wired_to():
    m = module(
        west=cell("DP16KD", "X50/Y22/EBR0", {"DOA0": 1}),
        east=cell("DP16KD", "X10/Y22/EBR0", {"DOA0": 2}),
        near_west=lut(11, 20, 1),
        near_east=lut(50, 20, 2),
    )
    assert exchange(m) == {"DP16KD": pytest.approx((3 + 2) / (41 + 42)), "MULT18X18D": 1.0}
    assert places(m) == {
        "west": "X10/Y22/EBR0",
        "east": "X50/Y22/EBR0",
        "near_west": "X11/Y20/SLICEA.COMB0",
        "near_east": "X50/Y20/SLICEA.COMB0",
    }
    assert exchange(m)["DP16KD"] == 1.0


def test_one_whose_word_comes_late_goes_first():
    def both(mode):
        return module(
            quick=cell("DP16KD", "X10/Y22/EBR0", {"DOA0": 1, "DOA1": 3}, REGMODE_A="OUTREG", REGMODE_B="NOREG"),
            late=cell("DP16KD", "X50/Y22/EBR0", {"DOA0": 2}, REGMODE_A=mode, REGMODE_B="NOREG "),
            **{f"lut{net}": lut(12, 22, net) for net in (1, 2, 3)},
        )

    m = both("OUTREG")
    exchange(m)
    assert places(m)["quick"] == "X10/Y22/EBR0"
    m = both("NOREG ")
    exchange(m)
    assert places(m)["late"] == "X10/Y22/EBR0"


def test_a_clock_and_a_wide_net_draw_nothing():
    wide = {f"wide{n}": lut(50, 20, 3) for n in range(80)}
    m = module(
        a=cell("DP16KD", "X10/Y22/EBR0", {"CLKA": 1, "ADA0": 3}),
        b=cell("DP16KD", "X50/Y22/EBR0", {"ADA0": 2}),
        clock=lut(50, 20, 1),
        other=lut(12, 20, 2),
        **wide,
    )
    exchange(m)
    assert places(m)["b"] == "X10/Y22/EBR0"


def test_multipliers_with_other_enables_stay_apart():
    def both(enable):
        return module(
            a=cell("MULT18X18D", "X50/Y34/MULT18_0", {"P0": 1, "CE1": 9}),
            b=cell("MULT18X18D", "X10/Y34/MULT18_0", {"P0": 2, "CE1": enable}),
            near_a=lut(10, 33, 1),
            near_b=lut(50, 33, 2),
        )

    m = both(9)
    assert exchange(m)["MULT18X18D"] < 0.1
    assert places(m)["a"] == "X10/Y34/MULT18_0"
    m = both(8)
    assert exchange(m)["MULT18X18D"] == 1.0
    assert places(m)["a"] == "X50/Y34/MULT18_0"


def test_what_is_fixed_is_placed_there_again(tmp_path):
    (tmp_path / "rtl.v").write_text(RTL)
    synthesize(["rtl.v"], "design", tmp_path)
    design = json.loads((tmp_path / FLAT).read_text())
    names = [name for name, c in design["modules"]["design"]["cells"].items() if c["type"] in KINDS]
    assert len(names) == 4
    # corners of the device, where a placer would put none of them
    far = {"DP16KD": ["X10/Y22/EBR3", "X98/Y70/EBR1"], "MULT18X18D": ["X100/Y10/MULT18_4", "X97/Y58/MULT18_1"]}
    cells = design["modules"]["design"]["cells"]
    there = {name: cell(kind, far[kind].pop(), {}) for name, kind in ((name, cells[name]["type"]) for name in names)}
    fix(design["modules"]["design"], module(**there))
    (tmp_path / "fixed.json").write_text(json.dumps(design))
    options = [
        *DEVICE_OPTIONS,
        *TIMED,
        "--out-of-context",
        "--no-route",
        "--json",
        "fixed.json",
        "--write",
        "placed.json",
    ]
    run(Tool.NEXTPNR, options, tmp_path, log="nextpnr.log")
    (result,) = (m for m in json.loads((tmp_path / "placed.json").read_text())["modules"].values() if m["cells"])
    placed = places(result)
    assert {name: placed[name] for name in names} == places(module(**there))


def test_a_design_is_placed_and_timed_with_what_was_exchanged(tmp_path):
    (tmp_path / "rtl.v").write_text(RTL)
    synthesize(["rtl.v"], "design", tmp_path)
    placed = place(tmp_path, mhz=100, estimate=True)
    assert placed.used["bram"] == 2
    assert placed.used["mult18"] == 2
    assert 20 < placed.fmax_mhz < 400
    assert placed.worst_paths
    assert not (tmp_path / "placed.json").exists()
