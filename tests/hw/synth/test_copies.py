"""Registers with many loads get copies, and a design with them does the same."""

import json
from collections import Counter

import pytest

from takt_hw.synth.copies import copy_registers
from takt_hw.synth.gates import models, verilog
from takt_hw.synth.mapping import NETLIST, synthesize
from tests.hw.synth.test_gates import comparison, run

LOADS = 16

RTL = """
module NAME(input clk, input [3:0] d, input [63:0] x, output [63:0] o);
  reg en = 0, clear = 0, alive = 0; reg [1:0] pick = 1; reg [63:0] q = 0;
  always @(posedge clk) begin
    en <= d[0] ^ d[3]; clear <= d[1] & d[0]; alive <= ~alive | d[2];
    if (d[3]) pick <= {pick[0], d[2]};
    if (clear) q <= 0;
    else if (en) q <= x ^ {64{pick[1]}} ^ ({x[0], x[63:1]} & {64{alive}});
  end
  assign o = q;
endmodule
"""


def registers(module):
    """What each net of a register is taken by, and how often."""
    cells = module["cells"].values()
    loads = Counter(
        bit
        for cell in cells
        for port, bits in cell["connections"].items()
        if cell["port_directions"][port] == "input"
        for bit in bits
    )
    return {bit: loads[bit] for cell in cells if cell["type"] == "TRELLIS_FF" for bit in cell["connections"]["Q"]}


def test_no_register_has_more_loads_and_nothing_else_changes(tmp_path):
    (tmp_path / "rtl.v").write_text(RTL.replace("NAME", "design"))
    synthesize(["rtl.v"], "design", tmp_path)
    design = json.loads((tmp_path / NETLIST).read_text())
    module = design["modules"]["design"]
    before = registers(module)
    assert max(before.values()) >= 64
    added = copy_registers(module, LOADS)
    after = registers(module)
    assert len(after) == len(before) + added
    assert added >= 12  # four registers with 64 loads
    assert max(after.values()) <= LOADS + 4  # with those of the copies themselves
    texts = [models(), verilog(design, "design", "gates"), RTL.replace("NAME", "rtl")]
    inputs = {"d": 4, "x": 64}
    assert run([*texts, comparison("gates", "rtl", inputs, {"o": 64})], tmp_path) == ["done"]
    assert copy_registers(module, 2 * LOADS) == 0


def flat(source, loads, kind="LUT4"):
    """A register behind another, as ``source`` is, and what it goes to."""
    cells = {
        "source": {
            "type": "TRELLIS_FF",
            "parameters": {},
            "port_directions": {"CLK": "input", "DI": "input", "Q": "output"},
            "connections": {"CLK": [2], "DI": [3], "Q": [4]},
        }
        | source.get("source", {}),
        "register": {
            "type": "TRELLIS_FF",
            "parameters": source.get("parameters", {}),
            "port_directions": {"CLK": "input", "DI": "input", "Q": "output"},
            "connections": {"CLK": [2], "DI": [4], "Q": [5]},
        },
    }
    for n in range(loads):
        connections = {"A": [5], "Z": [100 + n]}
        directions = {"A": "input", "Z": "output"}
        cells[f"load_{n}"] = {"type": kind, "connections": connections, "port_directions": directions}
    return {"cells": cells, "netnames": {"z": {"bits": [100 + n for n in range(loads)]}}}


def test_those_with_names_alike_stay_together_in_the_order_of_their_numbers():
    module = flat({}, 40)
    assert copy_registers(module, 10) == 3
    nets = [module["cells"][f"load_{n}"]["connections"]["A"][0] for n in range(40)]
    assert [nets[n : n + 10] for n in range(0, 40, 10)] == [[net] * 10 for net in dict.fromkeys(nets)]
    assert nets[0] == 5
    assert min(nets[10:]) > 139  # of no other net
    copies = [cell["connections"] for name, cell in module["cells"].items() if "_copy" in name]
    assert [connections["Q"][0] for connections in copies] == list(dict.fromkeys(nets[10:]))
    assert all(connections["DI"] == [4] for connections in copies)


def test_what_stands_apart_counts_for_several():
    assert copy_registers(flat({}, 10, "DP16KD"), 10) == 3


@pytest.mark.parametrize(
    "source",
    [
        {"parameters": {"SRMODE": "ASYNC"}},
        {"source": {"connections": {"CLK": [9], "DI": [3], "Q": [4]}}},
        {"source": {"connections": {"CLK": [2], "DI": [3], "Q": [8]}}},
        {"source": {"type": "TRELLIS_IO", "connections": {"Q": [4]}, "port_directions": {"Q": "output"}}},
    ],
    ids=["without a clock", "of another clock", "from nowhere", "of a pin"],
)
def test_no_copy_where_copies_could_differ(source):
    module = flat(source, 40)
    assert copy_registers(module, 10) == 0
    assert len(module["cells"]) == 42


def test_few_more_loads_are_no_reason():
    assert copy_registers(flat({}, 15), 10) == 0
    assert copy_registers(flat({}, 16), 10) == 1
