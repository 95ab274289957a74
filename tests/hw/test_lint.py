"""Lint by module: clean Verilog passes, a slip in any module is found."""

from dataclasses import replace

import pytest

from takt_hw.config import NANO
from takt_hw.lint import alone, lint, modules, stub
from takt_hw.verilog import emit

SMALL = replace(NANO, mem_group_slices=1, mem_words=8, queue_words=8, streams=4, weight_streams=4)


@pytest.fixture(scope="module")
def verilog():
    return emit(SMALL)


def findings(text, path):
    path.write_text(text)
    return {name: said for name, said in lint(path) if said}


def test_the_chip_is_clean(verilog, tmp_path):
    assert len(modules(verilog)) > 20
    assert findings(verilog, tmp_path / "chip.v") == {}


@pytest.mark.parametrize("name", ["takt", "superlane", "supercell", "vxm_alu"])
def test_a_name_that_is_not_there_is_found_where_it_is(verilog, tmp_path, name):
    body = next(text for found, text in modules(verilog).items() if found == name)
    broken = verilog.replace(body, body.replace("endmodule", "  assign nowhere = 1'h0;\nendmodule"))
    found = findings(broken, tmp_path / "chip.v")
    assert list(found) == [name]
    assert "nowhere" in found[name]


def test_a_connection_to_a_port_that_is_not_there_is_found(verilog, tmp_path):
    broken = verilog.replace(".next_feed", ".last_feed", 1)
    assert broken != verilog
    assert len(findings(broken, tmp_path / "chip.v")) == 1


def test_a_stub_keeps_the_ports_alone():
    text = "module a(x, y);\n  input x;\n  wire x;\n  output [3:0] y;\n  assign y = {4{x}};\nendmodule"
    assert stub(text) == "module a(x, y);\n  input x;\n  output [3:0] y;\nendmodule"
    parent = "module b(x);\n  input x;\n  a one (\n    .x(x)\n  );\nendmodule"
    assert alone("b", modules(parent + "\n" + text)) == parent + "\n" + stub(text)
