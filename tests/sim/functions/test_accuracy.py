"""The functions' errors, against mpmath; the manual states them, and its coefficients are what the functions give."""

import re

import mpmath
import numpy as np
import pytest

from takt_hw.isa.functions import COEFFICIENTS
from takt_sim.functions.__main__ import PAGE, coefficients_text, with_section
from takt_sim.functions.chains import CHAINS, error
from takt_sim.functions.exact import FUNCTIONS, PRECISION, mp_values
from takt_sim.functions.measure import SIGNIFICAND, measured, numbers, operands, results

POINTS = 100_000
AIM = {"f32": 2.0, "f16": 1.0}
SLACK = 0.02
"""ULP by which other operands than the manual's may be worse than its figure."""


def stated() -> dict[tuple[str, str], float]:
    rows = re.findall(r"^\| `(\w+)` \| ([\d.]+) \|(?:[^|]*\|){2} ([\d.]+) \|", PAGE.read_text(), re.MULTILINE)
    return {(name, to): float(value) for name, *values in rows for to, value in zip(SIGNIFICAND, values, strict=True)}


@pytest.mark.parametrize("to", SIGNIFICAND)
@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.op.name)
def test_errors_are_what_the_manual_states(function, to):
    figure = measured(function, to, POINTS, seed=7)
    bound = stated()[function.op.name, to]
    assert figure.ulp <= bound + (SLACK if to == "f32" else 0)
    assert bound <= AIM[to]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.op.name)
def test_extended_precision_is_right_to_mpmath(function):
    x = operands(function, "f32", 2000, seed=3)[::40]
    with np.errstate(all="ignore"):
        fast = function.fast(x.astype(np.longdouble))
    usual = (np.abs(fast) > 1e-300) & (np.abs(fast) < 1e300)  # float64 halves can show what mpmath is to compare
    x, fast = x[usual], fast[usual]
    high = fast.astype(np.float64)
    low = (fast - high).astype(np.float64)
    with mpmath.workprec(PRECISION):
        for upper, lower, true in zip(high, low, mp_values(function.exact, x), strict=True):
            assert abs(mpmath.mpf(upper) + mpmath.mpf(lower) - true) < abs(true) * mpmath.mpf(2) ** -58


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.op.name)
def test_powers_of_two_and_whole_operands_are_exact(function):
    whole = np.arange(-20, 21, dtype=np.float64)
    exact = {
        "EXP2": (whole, 2.0**whole),
        "LOG2": (2.0**whole, whole),
        "RECIPROCAL": (2.0**whole, 2.0**-whole),
        "RSQRT": (4.0**whole, 2.0**-whole),
        "TANH": (2.0 ** (whole - 40), 2.0 ** (whole - 40)),
        "SIGMOID": (2.0 ** (whole - 60), np.full(41, 0.5)),
    }
    x, expected = exact[function.op.name]
    assert results(function.op.code, x.astype(np.float32), "f32").tolist() == expected.tolist()


def test_sequences_are_as_good_as_the_manual_says():
    ulps = re.findall(r"([\d.]+) ULP", PAGE.read_text().split("measured: chains")[1])
    found = [error(chain, *r, 20_000, seed=5) for chain in CHAINS if chain.relative for r in chain.ranges]
    assert len(ulps) == len(found)
    for value, bound in zip(found, map(float, ulps), strict=True):
        assert value <= bound * 1.05


def test_the_coefficients_are_fresh():
    assert COEFFICIENTS.read_text() == coefficients_text()


def test_a_page_without_the_section_is_refused():
    with pytest.raises(ValueError, match=r"^functions\.md must have a section between .*errors.*$"):
        with_section("", "errors", "")


def test_numbers_reads_both_types():
    assert numbers(np.int32([0x3C00, 0xC000]), "f16").tolist() == [1, -2]
    assert numbers(np.float32([1.5]).view(np.int32), "f32").tolist() == [1.5]
