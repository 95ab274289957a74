"""Cells that nobody needs, across modules."""

import json
from collections import Counter

from takt_hw.synth.gates import models, verilog
from takt_hw.synth.mapping import NETLIST, synthesize
from tests.hw.synth.test_gates import comparison, run

RTL = """
module NAME_stage(input clk, input [7:0] a, input [7:0] b, output [7:0] p, output [7:0] q, output [7:0] same);
  reg [7:0] p_ = 0, q_ = 0;
  always @(posedge clk) begin p_ <= a + b; q_ <= a ^ {b[0], b[7:1]}; end
  assign p = p_; assign q = q_; assign same = a;
endmodule
module NAME(input clk, input [7:0] d, output [7:0] o, output [7:0] ones);
  wire [7:0] p0, q0, p1, q1, p2, q2, same, s1, s2;
  NAME_stage first(.clk(clk), .a(d), .b(8'h00), .p(p0), .q(q0), .same(same));  // both are needed, p0 is d
  NAME_stage second(.clk(clk), .a(same ^ p0), .b(q0), .p(p1), .q(q1), .same(s1));  // q1 is not needed
  NAME_stage third(.clk(clk), .a(8'h00), .b(8'h00), .p(p2), .q(q2), .same(s2));  // puts out zeros
  assign o = p1; assign ones = ~p2 ^ s2;
endmodule
"""


def test_what_is_not_needed_is_gone_and_nothing_else_changes(tmp_path):
    (tmp_path / "rtl.v").write_text(RTL.replace("NAME", "design"))
    synthesize(["rtl.v"], "design", tmp_path, check=True)
    design = json.loads((tmp_path / NETLIST).read_text())
    stage = next(m for name, m in design["modules"].items() if name.endswith("design_stage"))
    # A module that stands in three places keeps what one of them needs.
    assert Counter(cell["type"] for cell in stage["cells"].values())["TRELLIS_FF"] == 16
    inputs, outputs = {"d": 8}, {"o": 8, "ones": 8}
    rtl = RTL.replace("NAME", "rtl")
    texts = [models(), verilog(design, "design", "gates"), rtl, comparison("gates", "rtl", inputs, outputs)]
    assert run(texts, tmp_path) == ["done"]


def test_registers_that_only_another_module_could_have_needed_are_gone(tmp_path):
    rtl = RTL.replace("NAME", "design")
    # Alone, the second stage has 8 registers that nobody reads, and the third none that change.
    first = rtl.index("  NAME_stage first".replace("NAME", "design"))
    second = rtl.index("  design_stage second")
    rtl = rtl[:first] + "  assign same = d, p0 = 8'h0f, q0 = 8'h55;\n" + rtl[second:]
    (tmp_path / "rtl.v").write_text(rtl)
    synthesize(["rtl.v"], "design", tmp_path, check=True)
    design = json.loads((tmp_path / NETLIST).read_text())
    stage = next(m for name, m in design["modules"].items() if name.endswith("design_stage"))
    assert Counter(cell["type"] for cell in stage["cells"].values())["TRELLIS_FF"] == 8
