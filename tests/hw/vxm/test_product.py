"""The pipes of pipelined builds, Verilated, against SoftFloat and the reference simulator."""

import numpy as np
import pytest

from takt_hw import isa
from takt_hw.config import LANES_PER_SUPERLANE
from tests.arithmetic import vectors
from tests.arithmetic.cases import CASES, stream
from tests.arithmetic.compare import compare

from .product_unit import compiled, reference

VECTORS = 8192
INTEGERS = {"dst": None, "a": stream(0, "i32"), "b": stream(4, "i32")}
MUL = isa.MUL.make(**INTEGERS)
REQUANTS = [isa.REQUANT.make(**INTEGERS, shift=shift) for shift in range(isa.SHIFT_BITS.limit)]


@pytest.fixture(scope="module")
def floating():
    return compiled(floating=True)


@pytest.fixture(scope="module")
def integer():
    return compiled(floating=False)


@pytest.fixture
def unit(request):
    return request.getfixturevalue(request.param)


def operands(seed, count):
    """Pairs of integers, many of them limits, and scales of every size."""
    rng = np.random.default_rng(seed)
    a, b = vectors.pairs(rng, ("i32", "i32"), count)
    limits = vectors.LIMITS_I32
    near = (rng.integers(-300, 300, count) * 2 + rng.integers(-1, 2, count)).astype(np.uint32)
    a = np.where(rng.random(count) < 0.2, near, a)
    b = np.where(rng.random(count) < 0.3, rng.choice(limits, count), b)
    return a.astype(np.uint32), b.astype(np.uint32)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_floating_point_is_softfloat(case, floating):
    compare(case, floating, *case.operands(0, VECTORS))


@pytest.mark.parametrize("unit", ["floating", "integer"], indirect=True)
def test_products_of_integers(unit):
    a, b = operands(1, VECTORS)
    assert np.array_equal(unit.run(MUL, a, b), reference(MUL, a, b))


@pytest.mark.parametrize("unit", ["floating", "integer"], indirect=True)
@pytest.mark.parametrize("requant", REQUANTS, ids=lambda requant: requant.values["shift"])
def test_requantizing(unit, requant):
    a, b = operands(requant.values["shift"], VECTORS)
    # products about as large as what is shifted out, and ties among them
    shift = requant.values["shift"]
    scale = np.uint32(1 << min(shift, 15))
    a = np.concatenate([a, a >> np.uint32(max(0, 24 - shift))])
    b = np.concatenate([b, np.where(np.arange(len(b)) % 2, scale, b)])
    assert np.array_equal(unit.run(requant, a, b), reference(requant, a, b))


@pytest.mark.parametrize("unit", ["floating", "integer"], indirect=True)
def test_another_operation_every_cycle(unit, request):
    rng = np.random.default_rng(2)
    choices = [(MUL, ("i32", "i32")), *((requant, ("i32", "i32")) for requant in REQUANTS[::5])]
    if request.node.callspec.params["unit"] == "floating":
        choices += [(case.instruction, case.kinds) for case in CASES]
    chosen = [choices[n] for n in rng.integers(0, len(choices), 4096)]
    rows = [vectors.pairs(rng, kinds, LANES_PER_SUPERLANE) for _, kinds in chosen]
    expected = [reference(instruction, *row) for (instruction, _), row in zip(chosen, rows, strict=True)]
    a, b = (np.concatenate([row[n] for row in rows]) for n in range(2))
    assert unit.mixed([instruction for instruction, _ in chosen], a, b).tolist() == np.concatenate(expected).tolist()
