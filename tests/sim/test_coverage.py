"""The coverage report: what it wants of a build, what a program covers, and what is missing."""

import json
from dataclasses import replace

from takt_hw import isa
from takt_hw.config import NANO
from takt_sim.coverage import Coverage, all_rows
from takt_sim.timeline import expand
from tests.sim.texts import read, text, write

COPIED = {"MEM_W0.read": [read("s0e", 0)], "MEM_E0.write": [(4, write("s0e", 1))]}


def test_every_operation_of_a_build_is_wanted():
    rows = all_rows(NANO)
    assert len(rows) == len(set(rows))
    units = dict.fromkeys(queue.unit for queue in isa.queues(NANO))
    wanted = {f"{unit.kind.value}.{unit.name} {op.name}" for unit in units for op in unit.ops}
    assert {row for row in rows if row.count(" ") == 1} == wanted
    assert {"VXM.alu FADD a=f16", "VXM.alu FADD a=alu:f32", "VXM.alu CONVERT to=u8", "VXM.alu COPY dst=none"} <= set(
        rows
    )
    assert {"MXM.accumulate ACC mode=add", "MXM.accumulate ACC dst=stream", "VXM.reduce LANE_SUM kind=f32"} <= set(rows)


def test_a_build_without_an_operation_does_not_want_it():
    rows = all_rows(replace(NANO, mxm_fp16=False, mxm_fp16_int8=False, vxm_float_alus=0, vxm_function_alus=0))
    assert not [row for row in rows if "FP16" in row or "FADD" in row or "EXP2" in row]


def test_report_names_what_is_missing(tmp_path):
    coverage = Coverage()
    coverage.add(expand(NANO, text(COPIED)), "first")
    coverage.add(expand(NANO, text(COPIED)), "second")
    rows = ["MEM.read READ", "MEM.write WRITE", "MEM.write NOP", "MEM.read GATHER"]
    report = coverage.write(rows, tmp_path / "coverage.json")
    assert report == json.loads((tmp_path / "coverage.json").read_text())
    assert (report["rows"], report["covered"], report["missing"]) == (4, 3, ["MEM.read GATHER"])
    assert report["by"] == dict.fromkeys(rows[:3], "first")
    page = (tmp_path / "coverage.md").read_text()
    assert "3 of 4 rows were executed." in page
    assert "| MEM.read GATHER |  | **never** |" in page
    assert "| MEM.read READ |  | first |" in page
