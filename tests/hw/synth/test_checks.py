"""Every check of a netlist, with what it is to find."""

from collections import Counter

import pytest

from takt_hw.synth.checks import WANTED, problems
from takt_hw.synth.mapping import synthesize
from takt_hw.synth.netlist import Body, Netlist
from takt_hw.synth.tools import ToolError

GOOD = Counter(dict.fromkeys(WANTED, 3))

PLANTED = {
    "loop": (
        """
        module top(input clk, input a, output y);
          wire t;
          inner there(.a(a), .b(t), .y(y));
          inner back(.a(y), .b(a), .y(t));
        endmodule
        module inner(input a, input b, output y); assign y = a ^ b; endmodule""",
        r"found logic loop",
    ),
    "latch": (
        "module top(input a, input e, output reg y); always @* if (e) y = a; endmodule",
        r"Latch inferred for signal `\\top\.\\y'",
    ),
    "undriven": (
        "module top(input clk, input a, output reg y); wire u; always @(posedge clk) y <= a ^ u; endmodule",
        r"Wire top\.\\u is used but has no driver",
    ),
    "two drivers": (
        """
        module top(input a, input b, output y);
          wire u; assign u = a; inner other(.a(b), .y(u)); assign y = u;
        endmodule
        module inner(input a, output y); assign y = ~a; endmodule""",
        r"multiple conflicting drivers",
    ),
    "unknown module": (
        "module top(input a, output y); missing m(.a(a), .y(y)); endmodule",
        r"Module `\\missing' referenced in module `\\top'",
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_synthesis_refuses(tmp_path, name):
    text, message = PLANTED[name]
    (tmp_path / "rtl.v").write_text(text)
    with pytest.raises(ToolError, match=f"^yosys failed: .*{message}"):
        synthesize(["rtl.v"], "top", tmp_path, check=True)


def test_a_loop_that_mapping_made_is_found(tmp_path):
    """Where what is read has none: a LUT that feeds itself, as an instance."""
    (tmp_path / "rtl.v").write_text(
        """
        module top(input a, output y);
          wire n;
          LUT4 #(.INIT(16'h6666)) x(.A(a), .B(n), .C(1'b0), .D(1'b0), .Z(y));
          LUT4 #(.INIT(16'h5555)) i(.A(y), .B(1'b0), .C(1'b0), .D(1'b0), .Z(n));
        endmodule"""
    )
    with pytest.raises(ToolError, match=r"^yosys failed: .*(SCC|loop)"):
        synthesize(["rtl.v"], "top", tmp_path, check=True)


def test_no_sources_are_refused(tmp_path):
    with pytest.raises(ToolError, match="^there must be sources to synthesize$"):
        synthesize([], "top", tmp_path)


def test_a_good_netlist_has_no_problems():
    assert list(problems(Netlist("top", {"top": Body(GOOD)}))) == []


@pytest.mark.parametrize("name", WANTED)
def test_cells_that_are_missing(name):
    cells = Counter({kind: count for kind, count in GOOD.items() if kind != name})
    assert list(problems(Netlist("top", {"top": Body(cells)}))) == [f"top must have cells of type {name}, not none"]


def test_an_empty_top():
    assert list(problems(Netlist("top", {"top": Body()}))) == ["top must have cells, not none"]


def test_an_empty_module():
    netlist = Netlist("top", {"top": Body(GOOD, {"plane": "mxm_plane"}), "mxm_plane": Body()})
    assert list(problems(netlist)) == ["mxm_plane must have cells, not none"]


@pytest.mark.parametrize("cell", ["$_DLATCH_P_", "$dlatch", "$adlatch", "$_DLATCHSR_PPP_", "$_SR_PN_", "FL1P3DX"])
def test_latches(cell):
    netlist = Netlist("top", {"top": Body(GOOD + Counter({cell: 2}))})
    assert list(problems(netlist)) == [f"top must have no latches, not 2 of type {cell}"]


def test_cells_that_are_none_of_the_device():
    netlist = Netlist("top", {"top": Body(GOOD + Counter({"$mul": 1}))})
    assert list(problems(netlist)) == ["top must be made of cells of the device, not 1 of type $mul"]
