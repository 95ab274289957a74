"""The demo, in small, on the RTL; and that it fails when something is wrong."""

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from takt.cli import main
from takt.models.digits import emit, evaluate, logits
from takt.models.digits.demo import run_demo
from takt.program import MAIN
from takt_hw.config import NANO
from takt_sim.tb.build import Variant

FIELDS = [
    "digits",
    "accuracy_chip",
    "accuracy_float",
    "mismatches",
    "cycles_predicted",
    "cycles_reference",
    "cycles_rtl",
    "mxm_utilization",
    "sim_cycles_per_second",
]
COUNT = 8


@pytest.fixture(scope="module")
def measured(trained_digits, tmp_path_factory):
    """Program, expected logits and both executions of a few digits."""
    program = emit(NANO, trained_digits.network)
    images = trained_digits.scans.test_images[:COUNT]
    reference = evaluate.run_reference(program, images)
    directory = tmp_path_factory.mktemp("run")
    rtl = evaluate.run_rtl(program, images, directory=directory, variant=Variant.CHECKED)
    return program, logits(trained_digits.network, images), reference, rtl


def figures_of(trained_digits, measured, **changes):
    program, expected, reference, rtl = measured
    given = {"expected": expected, "reference": reference, "rtl": rtl} | changes
    digits = trained_digits
    return evaluate.compare(program, digits.network, digits.float_network, digits.scans, **given)


def test_the_rtl_gives_numpys_logits_on_time(trained_digits, measured):
    program, expected, _, rtl = measured
    assert np.array_equal(rtl.logits, expected)
    assert set(rtl.cycles) == {program.cycles[MAIN]}
    assert rtl.faults == 0
    figures = figures_of(trained_digits, measured)
    assert figures.problems() == []
    assert figures.digits == COUNT
    assert figures.mxm_utilization == pytest.approx((64 * 30 + 30 * 10) / (program.cycles[MAIN] * 256))


def test_a_wrong_answer_is_a_problem(trained_digits, measured):
    expected = measured[1].copy()
    expected[3, 7] += 1
    figures = figures_of(trained_digits, measured, expected=expected)
    assert figures.problems() == ["mismatches must be 0, not 2"]  # one each on RTL and reference


@pytest.mark.parametrize("name", ["reference", "rtl"])
def test_a_cycle_more_is_a_problem(trained_digits, measured, name):
    execution = measured[2 if name == "reference" else 3]
    late = replace(execution, cycles=(*execution.cycles[:-1], execution.cycles[-1] + 1))
    predicted = execution.cycles[0]
    figures = figures_of(trained_digits, measured, **{name: late})
    assert figures.problems() == [f"cycles_{name} must be {predicted}, as predicted, not {predicted + 1}"]


def test_writes_its_figures(tmp_path, capsys):
    assert run_demo(NANO, COUNT, tmp_path, waves=False, variant=Variant.CHECKED) == []
    figures = json.loads((tmp_path / "demo.json").read_text())
    assert list(figures) == FIELDS
    assert figures["cycles_predicted"] == figures["cycles_reference"] == figures["cycles_rtl"]
    assert figures["mismatches"] == 0
    assert figures["sim_cycles_per_second"] > 0
    shown = capsys.readouterr()
    assert f"0 of {2 * COUNT * 10}" in shown.out
    assert f"{COUNT}/{COUNT}" in shown.err


def test_command_fails_with_its_problems(tmp_path, monkeypatch):
    monkeypatch.setattr("takt.models.digits.demo.run_demo", lambda *_, **__: ["mismatches must be 0, not 1"])
    result = CliRunner().invoke(main, ["demo", "--directory", str(tmp_path)])
    assert (result.exit_code, result.stderr) == (1, "Error: mismatches must be 0, not 1\n")


def test_command_refuses_more_digits_than_there_are(tmp_path):
    result = CliRunner().invoke(main, ["demo", "--digits", "451", "--directory", str(tmp_path)])
    assert (result.exit_code, result.stderr) == (1, "Error: digits must be at most 450, not 451\n")
