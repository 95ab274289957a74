"""Every VXM operation against Python integers, over all pairs of limits and at random."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from takt_hw import isa
from takt_hw.isa import DType
from takt_sim.reference import floating, functions, vxm
from tests.sim import number_model
from tests.sim.row_model import ALU, as_type, signed

LIMITS = [-(2**31), -(2**31) + 1, -65536, -32769, -32768, -256, -129, -128, -127, -33, -32, -31, -2, -1, 0, 1, 2, 3]
LIMITS += [7, 31, 32, 33, 63, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 2**30, 2**31 - 2, 2**31 - 1]


def pairs(seed):
    rng = np.random.default_rng(seed)
    a, b = np.meshgrid(np.array(LIMITS), np.array(LIMITS))
    both = np.stack([a.ravel(), b.ravel()])
    random = rng.integers(-(2**31), 2**31, (2, 500))
    return np.concatenate([both, random], axis=1).astype(np.int32)


@pytest.mark.parametrize("op", [op for op in isa.VXM_ALU.ops if op.code in vxm.BINARY], ids=lambda op: op.name)
def test_binary(op):
    a, b = pairs(op.code)
    expected = [signed(ALU[op.name](x, y, 0, 0), 32) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    result = vxm.BINARY[op.code](a, b)
    assert result.dtype == np.int32
    assert result.tolist() == expected


@pytest.mark.parametrize("op", [op for op in isa.VXM_ALU.ops if op.code in vxm.UNARY], ids=lambda op: op.name)
def test_unary(op):
    a, _ = pairs(op.code)
    assert vxm.UNARY[op.code](a).tolist() == [signed(ALU[op.name](x, 0, 0, 0), 32) for x in a.tolist()]


def test_every_operation_has_a_model():
    codes = {op.code for op in isa.VXM_ALU.ops if op not in isa.CONTROL}
    assert codes == {
        *vxm.UNARY,
        *vxm.BINARY,
        *floating.OPERATIONS,
        *functions.OPERATIONS,
        isa.SELECT.code,
        isa.REQUANT.code,
    }


@pytest.mark.parametrize("op", [op for op in isa.VXM_ALU.ops if op.code in floating.OPERATIONS], ids=lambda op: op.name)
def test_floating_point_against_fractions(op):
    limits = [0, 1, 0x7FFFFF, 0x800000, 0x800001, 0x1000000, 0x33000000, 0x33000001, 0x337FFFFF, 0x33800000, 0x387FC000]
    limits += [
        0x38800000,
        0x3F000000,
        0x3F7FFFFF,
        0x3F800000,
        0x3F800001,
        0x40200000,
        0x42FE0000,
        0x477FE000,
        0x477FEFFF,
    ]
    limits += [0x477FF000, 0x4EFFFFFF, 0x4F000000, 0x7F7FFFFF, 0x7F800000, 0x7F800001, 0x7FC00000]
    rng = np.random.default_rng(op.code)
    some = np.array(limits + [n | 1 << 31 for n in limits], np.uint32)
    a, b = np.repeat(some, len(some)), np.tile(some, len(some))
    near = rng.normal(0, 1, (2, 2000)).astype(np.float32).view(np.uint32)
    a, b = np.concatenate([a, near[0]]).view(np.int32), np.concatenate([b, near[1]]).view(np.int32)
    modes = [f.choices for f in op.fields if f.name == "to"] or [("f32",)]
    for to in modes[0]:
        for source in ("f32", "i32") if op is isa.CONVERT else ("f32",):
            values = {"to": to, "from": source}
            found = vxm.execute(op.code, a, b if isa.B in op.fields else None, None, values)
            expected = [
                number_model.execute(op.name, x, y, to, source) for x, y in zip(a.tolist(), b.tolist(), strict=True)
            ]
            assert (found.view(np.uint32) == (np.array(expected, np.int64) & 0xFFFFFFFF)).all()


def test_select():
    a, b, c = np.array([1, 2, 3], np.int32), np.array([4, 5, 6], np.int32), np.array([0, -(2**31), 1], np.int32)
    assert vxm.select(a, b, c).tolist() == [4, 2, 3]


def rounded(a, m, shift):
    """Python rounds fractions to nearest, ties to even, too."""
    return min(max(round(Fraction(a * (m & 0xFFFF), 2**shift)), -128), 127)


@pytest.mark.parametrize("shift", range(48))
def test_requantize_at_limits_and_ties(shift):
    a, m = pairs(shift)
    # the odd multiples of a half from -4.5 to 4.5, and their neighbours
    near = [half * 2**shift // 2 + d for half in range(-9, 10) for d in (-1, 0, 1)]
    near = [n for n in near if -(2**31) <= n < 2**31]
    a, m = [*a.tolist(), *near], [*m.tolist(), *[1] * len(near)]
    result = vxm.requantize(np.array(a, np.int32), np.array(m, np.int32), shift)
    assert result.tolist() == [rounded(x, y, shift) for x, y in zip(a, m, strict=True)]


def test_requantize_by_hand():
    """1/2 -> 0, 3/2 -> 2, 5/2 -> 2, -1/2 -> 0, -3/2 -> -2; the low 16 bits of b, unsigned."""
    a = np.array([1, 3, 5, -1, -3, 255, 256, -257, -258, 1, 1], np.int32)
    b = np.array([1, 1, 1, 1, 1, 1, 1, 1, 1, -1, 0x10003], np.int32)
    assert vxm.requantize(a, b, 1).tolist() == [0, 2, 2, 0, -2, 127, 127, -128, -128, 127, 2]


@given(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=16, max_size=16))
def test_bytes_and_back(values):
    value = np.array(values, np.int32)
    planes = vxm.to_bytes(value, 4)
    assert vxm.from_bytes(planes, DType.I32).tolist() == values
    for dtype in DType:
        found = vxm.from_bytes(planes[: dtype.streams], dtype)
        assert found.tolist() == vxm.as_type(value, dtype).tolist() == [as_type(v, dtype) for v in values]
