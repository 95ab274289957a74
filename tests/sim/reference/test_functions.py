"""The reference's transcendental functions, against the manual read once more in Python's whole numbers."""

import numpy as np
import pytest

from takt_sim.functions.exact import FUNCTIONS
from takt_sim.reference import functions
from tests.arithmetic.functions import TYPES, limits, sweep
from tests.sim import function_model

LIMITS, RANDOM = 400, 400


@pytest.mark.parametrize("to", TYPES)
@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.op.name)
def test_has_the_bits_of_whole_numbers(function, to):
    some = np.random.default_rng(4).choice(limits(), LIMITS, replace=False)
    bits = np.concatenate([some, sweep(function.op, RANDOM, seed=4)])
    got = functions.execute(function.op.code, bits.view(np.int32), to).view(np.uint32)
    assert got.tolist() == [function_model.execute(function.op.name, int(n), to) for n in bits]


def test_both_know_the_same_functions():
    assert {f.op.name for f in FUNCTIONS} == set(function_model.FUNCTIONS)
    assert {f.op.code for f in FUNCTIONS} == functions.OPERATIONS
