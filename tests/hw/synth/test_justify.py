"""Operands at the top of a multiplier: fewer wires, the same product."""

import json

import pytest

from takt_hw.synth.gates import models, verilog
from takt_hw.synth.mapping import NETLIST, synthesize
from tests.hw.synth.test_gates import comparison, run

RTL = """
module NAME(input clk, input SIGNED [A-1:0] a, input SIGNED [B-1:0] b, output [P-1:0] p);
  reg SIGNED [A-1:0] a_; reg SIGNED [B-1:0] b_; reg SIGNED [P-1:0] p_;
  initial begin a_ = 0; b_ = 0; p_ = 0; end
  always @(posedge clk) begin a_ <= a; b_ <= b; p_ <= a_ * b_; end
  assign p = p_;
endmodule
"""


@pytest.mark.parametrize(
    ("signed", "a", "b", "p"),
    [(True, 8, 8, 16), (True, 8, 8, 20), (True, 9, 17, 26), (True, 18, 18, 36), (False, 10, 7, 36), (False, 9, 9, 12)],
)
def test_a_wire_for_each_bit_and_the_same_products(signed, a, b, p, tmp_path):
    rtl = RTL.replace("SIGNED", "signed" if signed else "")
    for name, value in (("A-1", a - 1), ("B-1", b - 1), ("P-1", p - 1)):
        rtl = rtl.replace(name, str(value))
    (tmp_path / "rtl.v").write_text(rtl.replace("NAME", "design"))
    synthesize(["rtl.v"], "design", tmp_path, check=True)
    design = json.loads((tmp_path / NETLIST).read_text())
    cells = design["modules"]["design"]["cells"].values()
    (multiplier,) = [cell["connections"] for cell in cells if cell["type"] == "MULT18X18D"]
    wired = [sum(multiplier[f"{operand}{n}"] != ["0"] for n in range(18)) for operand in "AB"]
    assert sorted(wired) == sorted((a, b))
    texts = [models(), verilog(design, "design", "gates"), rtl.replace("NAME", "rtl")]
    bench = comparison("gates", "rtl", {"a": a, "b": b}, {"p": p})
    assert run([*texts, bench], tmp_path) == ["done"]
