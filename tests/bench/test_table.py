"""Figures of a run: medians, ratios within a round, and what the report holds."""

from bench.__main__ import Row, ratio, report, show


def row(key: str, beside: str, *figures: float) -> Row:
    return Row(key, f"the {key}", 256, lambda: 1.0, beside, list(figures))


ROWS = [row("cocotb", "harness", 100.0, 30.0, 90.0), row("harness", "harness", 200.0, 50.0, 200.0)]


def test_ratios_are_taken_within_a_round():
    assert ratio(*ROWS) == 0.5
    assert report(ROWS)["cocotb"] == {"cycles_per_second": 90.0, "macs_per_second": 23040.0, "beside_harness": 0.5}


def test_the_table_names_what_is_missing(capsys):
    show(ROWS)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["the", "cocotb", "90", "0.000", "G", "0.50", "×", "harness"]
    assert lines[-1] == "Icarus: skipped, iverilog is not on the path"
