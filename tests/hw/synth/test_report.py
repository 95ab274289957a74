"""What is printed and stored of a design point."""

import io
import json

import pytest
from rich.console import Console

from takt_hw.synth.placing import frequencies
from takt_hw.synth.report import WANTED, show, store, tabulate
from takt_hw.synth.tools import Tool, ToolError, run

RESULT = {
    "device": "LFE5U-85F",
    "board": "ulx3s",
    "chip": "ecp5",
    "sizes": {"lanes": 16, "planes": 1, "streams": 8, "alus": 2},
    "asked_mhz": 100.0,
    "seed": 1,
    "estimate": False,
    "comb": 41820,
    "ff": 20910,
    "mult18": 156,
    "bram": 52,
    "available": {"comb": 83640, "ff": 83640, "mult18": 156, "bram": 208},
    "fmax_mhz": 101.25,
    "macs": 256,
    "gmac_s": 25.92,
    "worst_paths": [
        {"source": "MEM_E0: bank", "target": "MXM_E0: a", "ns": 9.9, "logic_ns": 6.0, "routing_ns": 3.9, "levels": 4}
    ],
    "by_slice": {"MEM_E0": {"comb": 1234, "ff": 0, "mult18": 0, "bram": 16}},
}


def shown(function, *arguments):
    console = Console(width=200, record=True, file=io.StringIO())
    function(*arguments, console)
    return [" ".join(line.replace("│", " ").split()) for line in console.export_text().splitlines()]


def test_show():
    lines = shown(show, RESULT)
    assert lines[0] == "ecp5 on ulx3s, LFE5U-85F"
    assert "MEM_E0 1,234 16" in lines
    assert "after packing 41,820 20,910 156 52" in lines
    assert "used 50% 25% 100% 25%" in lines
    assert "Fmax 101.2 MHz after routing, seed 1, asked for 100: 256 MACs x Fmax = 25.9 GMAC/s" in lines
    assert "9.90 ns (6.00 logic, 3.90 routing, 4 levels) MEM_E0: bank -> MXM_E0: a" in lines


def test_an_estimate_says_so():
    assert any("estimated after placement" in line for line in shown(show, RESULT | {"estimate": True}))


def test_many_points_and_those_that_failed():
    point = {"streams": 8, "mem_words": 512, "seed": 1}
    failed = {"chip": "ecp5", "seed": 2, "sizes": {"streams": 16}, "error": "nextpnr failed: no room"}
    results = [RESULT | {"point": point}, failed | {"point": point | {"streams": 16, "seed": 2}}]
    lines = shown(tabulate, results, ["streams", "mem_words", "seed"])
    assert "ecp5 16 1 8 2 512 1 41,820 20,910 156 52 101.2 25.9" in lines
    assert "failed: streams=16 mem_words=512 seed=2: nextpnr failed: no room" in lines


def test_store(tmp_path):
    store(RESULT, tmp_path / "build" / "synth.json")
    assert json.loads((tmp_path / "build" / "synth.json").read_text()) == RESULT


@pytest.mark.parametrize("name", WANTED)
def test_store_refuses_half_a_result(tmp_path, name):
    with pytest.raises(ValueError, match=f"^a result must have {name}$"):
        store({key: value for key, value in RESULT.items() if key != name}, tmp_path / "synth.json")


def test_frequencies_are_the_last_ones():
    log = """
Info: Max frequency for clock      '$glbnet$clk': 40.47 MHz (FAIL at 100.00 MHz)
Info: Max frequency for clock 'link0.wire_clk': 200.10 MHz (PASS at 25.00 MHz)
Warning: Max frequency for clock '$glbnet$clk': 51.76 MHz (FAIL at 100.00 MHz)
"""
    assert frequencies(log) == {"$glbnet$clk": 51.76, "link0.wire_clk": 200.10}


def test_a_tool_that_fails_says_why(tmp_path):
    with pytest.raises(ToolError, match=r"^yosys failed: No such command: nonsense .*\(see .*yosys.log\)$"):
        run(Tool.YOSYS, ["-p", "nonsense"], tmp_path, log="yosys.log")


def test_what_a_tool_does_is_reported(tmp_path):
    said = []
    (tmp_path / "a.v").write_text("module a; endmodule")
    run(Tool.YOSYS, ["-p", "read_verilog a.v; opt_expr"], tmp_path, log="yosys.log", report=said.append)
    assert said == ["Verilog-2005", "OPT_EXPR"]


def test_a_tool_that_takes_too_long_is_stopped(tmp_path):
    with pytest.raises(ToolError, match=r"^yosys must end within 0 s$"):
        run(Tool.YOSYS, ["-p", "log x"], tmp_path, log="yosys.log", timeout=0)
