"""Floating point of the Verilated ALU and of the reference, against SoftFloat: `make soak-arith` in small."""

import pytest

from tests.arithmetic.cases import CASES
from tests.arithmetic.compare import compare
from tests.arithmetic.unit import compiled

VECTORS = 8192


@pytest.fixture(scope="module")
def unit():
    return compiled()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_rtl_and_reference_are_softfloat(case, unit):
    compare(case, unit, *case.operands(0, VECTORS))
