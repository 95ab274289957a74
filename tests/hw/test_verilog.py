"""Any row of slices becomes Verilog that Verilator accepts, with each kind of tile in it once."""

import re
from dataclasses import replace

import pytest

from takt_hw import verilog
from takt_hw.config import NANO, Kind
from takt_hw.isa import queues
from takt_hw.lint import lint

FP16 = replace(NANO, mem_group_slices=1, mem_words=8, queue_words=8, vxm_alus=2, streams=4, weight_streams=4)
SMALL = replace(FP16, mxm_fp16=False, mxm_fp16_int8=False)
PLAIN = replace(SMALL, vxm_alus=1, vxm_float_alus=0, vxm_function_alus=0)
ROWS = {
    "fp16": replace(FP16, row=(Kind.VXM, Kind.MEM, Kind.MXM)),
    "mxm beside vxm": replace(
        SMALL, superlanes=2, row=(Kind.SXM, Kind.MEM, Kind.MXM, Kind.VXM, Kind.MEM), mxm_planes=2, accumulators=1
    ),
    "links at both ends": replace(
        PLAIN, superlanes=2, row=(Kind.C2C, Kind.MEM, Kind.VXM, Kind.C2C), c2c_links=2, link_bits=128, link_buffer=4
    ),
    "memory only": replace(PLAIN, row=(Kind.MEM, Kind.VXM)),
}


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("instrumented", [False, True])
def test_a_row_becomes_verilog(name, instrumented, tmp_path):
    config = ROWS[name]
    text = verilog.emit(config, checks=instrumented, trace=instrumented)
    (tmp_path / "chip.v").write_text(text)
    assert [said for _, said in lint(tmp_path / "chip.v") if said] == []
    modules = re.findall(r"^module (\S+?)\(", text, re.MULTILINE)
    assert len(modules) == len(set(modules))
    assert len(re.findall(r"^  superlane \S*superlane", text, re.MULTILINE)) == config.superlanes
    planes = sum(s.kind is Kind.MXM for s in config.slices)
    assert len(re.findall(r"^  mxm_plane ", text, re.MULTILINE)) == planes
    cells = config.superlanes**2 if planes else 0  # the plane is one module, however often it is there
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
