"""Registers that become those of a multiplier or of a block RAM."""

import json

from takt_hw.synth.gates import models, verilog
from takt_hw.synth.mapping import NETLIST, synthesize
from tests.hw.synth.test_gates import comparison, run

RTL = """
module NAME(input clk, input signed [8:0] a, input signed [7:0] b, input signed [8:0] c, input takes, input [9:0] wa,
    input [9:0] ra, input we, input [17:0] d, output [16:0] p, output [17:0] q, output [17:0] r, output [16:0] s);
  reg signed [8:0] a_, c_, kept; reg signed [7:0] b_; reg signed [16:0] p_, s_; reg [17:0] first_, second_;
  (* no_rw_check *) reg [17:0] memory[0:1023];  // nobody reads a word that is being written
  wire [9:0] there = we && ra == wa ? ~ra : ra;
  integer n;
  initial for (n = 0; n < 1024; n = n + 1) memory[n] = n * 18'h12345;
  initial begin a_ = 0; b_ = 0; c_ = 0; p_ = 0; s_ = 0; kept = 0; second_ = 0; end
  always @(posedge clk) begin
    a_ <= a; b_ <= b; p_ <= a_ * b_;          // all of these are the multiplier's
    c_ <= c; if (takes) kept <= c_;
    s_ <= c_ * kept;                          // c_ is needed elsewhere too, and kept has an enable
    if (we) memory[wa] <= d;
    first_ <= memory[there]; second_ <= first_;  // second_ is the block RAM's
  end
  assign p = p_; assign s = s_; assign q = second_; assign r = {c_, c_};
endmodule
"""


def test_plain_registers_are_taken_in_and_nothing_else_changes(tmp_path):
    (tmp_path / "rtl.v").write_text(RTL.replace("NAME", "design"))
    synthesize(["rtl.v"], "design", tmp_path, check=True)
    design = json.loads((tmp_path / NETLIST).read_text())
    cells = list(design["modules"]["design"]["cells"].values())
    multipliers = [cell["parameters"] for cell in cells if cell["type"] == "MULT18X18D"]
    assert all("REG_OUTPUT_CLK" in parameters for parameters in multipliers)
    assert all({"REG_INPUTA_CLK", "REG_INPUTB_CLK"} < set(parameters) for parameters in multipliers)
    enables = [parameters.get(f"REG_INPUT{operand}_CE") for parameters in multipliers for operand in "AB"]
    assert sorted(map(str, enables)) in [["CE1", "None", "None", "None"], ["CE2", "None", "None", "None"]]
    (ram,) = [cell["parameters"] for cell in cells if cell["type"] == "DP16KD"]
    assert "OUTREG" in (ram.get("REGMODE_A"), ram.get("REGMODE_B"))
    assert sum(cell["type"] == "TRELLIS_FF" for cell in cells) == 9  # c_
    inputs = {"a": 9, "b": 8, "c": 9, "takes": 1, "wa": 10, "ra": 10, "we": 1, "d": 18}
    outputs = {"p": 17, "q": 18, "r": 18, "s": 17}
    rtl = RTL.replace("NAME", "rtl")
    texts = [models(), verilog(design, "design", "gates"), rtl, comparison("gates", "rtl", inputs, outputs)]
    assert run(texts, tmp_path) == ["done"]
