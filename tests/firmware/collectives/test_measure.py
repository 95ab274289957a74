"""The figures of all-reduce, and their picture."""

import json
from dataclasses import replace

import pytest

from takt.collectives import measure, plot
from takt_hw.config import NANO_C2C
from takt_sim.system.topology import full, ring


def test_run_and_schedule_take_the_same_cycles():
    figure = measure.measure(NANO_C2C, full(4), 64, run=True)
    assert figure == replace(measure.measure(NANO_C2C, full(4), 64, run=False), run=True)
    assert figure.limit == 2 * 64 * 3 * 12 // (4 * 3)
    assert 0.5 < figure.efficiency < 1


def test_a_run_that_differs_is_noticed(monkeypatch):
    system, _, _ = measure.system_of(NANO_C2C, full(2), 4, measure.DType.I32)
    with pytest.raises(RuntimeError, match=r"^2 fully connected: cycles must be 1 as scheduled, not \d+$"):
        measure._run(system, 4, 1)
    monkeypatch.setattr(measure.SystemDevice, "run", lambda self: [type("R", (), {"cycles": system.cycles})])
    with pytest.raises(RuntimeError, match="^2 fully connected: sums of chip 0 must be NumPy's, not others$"):
        measure._run(system, 4, system.cycles)


def test_files(tmp_path):
    figures = [measure.measure(NANO_C2C, t, v, run=False) for t in (full(2), ring(4)) for v in (16, 64)]
    data, svg, png = plot.write(figures, tmp_path / "new")
    rows = json.loads(data.read_text())["all_reduce"]
    assert [(row["chips"], row["vectors"]) for row in rows] == [(2, 16), (2, 64), (4, 16), (4, 64)]
    assert all(row["limit"] < row["cycles"] for row in rows)
    assert svg.read_text().lstrip().startswith("<?xml")
    assert png.read_bytes().startswith(b"\x89PNG")
