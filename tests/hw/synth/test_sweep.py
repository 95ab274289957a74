"""Sweeps: what is combined, what fails, and what is not done twice."""

import json

import pytest

from takt_hw.synth import sweep as module
from takt_hw.synth.flow import Point
from takt_hw.synth.small import SMALL
from takt_hw.synth.sweep import parse, sweep

POINT = Point(config=SMALL, board=None)


def test_parse():
    assert parse("seed=1,2,3 streams=8,16 ecc=0,1") == {"seed": [1, 2, 3], "streams": [8, 16], "ecc": [False, True]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "sweep must name something, as in 'seed=1,2,3'"),
        ("seed=1 seed=2", "sweep must name seed once, not 'seed=1 seed=2'"),
        ("streams=8,x", "streams must be numbers with commas between, not '8,x'"),
        ("streams", "streams must be numbers with commas between, not ''"),
        ("ecc=2", "ecc must be numbers with commas between, not '2'"),
    ],
)
def test_refusals(text, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        parse(text)


@pytest.mark.parametrize("name", ["row", "name", "nothing"])
def test_only_sizes_can_be_swept(name):
    with pytest.raises(ValueError, match=f"^sweep must be of seed, superlanes, .*, not '{name}'$"):
        parse(f"{name}=1")


def test_points_that_fail_are_results(tmp_path):
    """Builds that no chip can be, in processes of their own; all combinations, in order, and kept on disk."""
    counts = []
    axes = {"streams": [3, 5], "seed": [1, 2]}
    results = sweep(POINT, axes, tmp_path, workers=2, done=lambda finished, total: counts.append((finished, total)))
    assert [(r["point"]["streams"], r["point"]["seed"]) for r in results] == [(3, 1), (3, 2), (5, 1), (5, 2)]
    assert results[0]["error"] == "streams must be a power of two from 4 to 32, not 3"
    assert counts == [(n, 4) for n in range(5)]
    kept = [json.loads(path.read_text()) for path in (tmp_path / "sweep").glob("*.json")]
    assert sorted(kept, key=str) == sorted(results, key=str)


def test_a_result_is_not_made_again(tmp_path, monkeypatch):
    """One good result is there; the one that had failed is tried again."""
    axes = {"streams": [3, 5]}
    first, _ = sweep(POINT, axes, tmp_path, workers=1)
    path = next(path for path in (tmp_path / "sweep").glob("*.json") if json.loads(path.read_text()) == first)
    good = {"point": {"streams": 3}, "fmax_mhz": 1.0}
    path.write_text(json.dumps(good))
    counts = []
    results = sweep(POINT, axes, tmp_path, workers=1, done=lambda finished, total: counts.append(finished))
    assert results[0] == good
    assert "error" in results[1]
    assert counts == [1, 2]


def test_a_changed_chip_is_made_anew(tmp_path, monkeypatch):
    axes = {"streams": [3]}
    sweep(POINT, axes, tmp_path, workers=1)
    (path,) = (tmp_path / "sweep").glob("*.json")
    path.write_text(json.dumps({"point": {"streams": 3}, "fmax_mhz": 1.0}))
    monkeypatch.setattr(module, "_version", lambda: "another")
    (result,) = sweep(POINT, axes, tmp_path, workers=1)
    assert result["error"].startswith("streams must be")
