"""Tensors to memory words and back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from takt.program import Run, TensorLayout
from takt_hw.config import NANO, QUAD
from takt_hw.isa import DType
from tests.firmware.strategies import tensors


@pytest.mark.parametrize("config", [NANO, QUAD], ids=lambda config: config.name)
@given(data=st.data())
@settings(deadline=None, max_examples=50)
def test_unpack_undoes_pack(config, data):
    tensor = data.draw(tensors(config, "x"))
    limits = np.finfo(tensor.numpy_dtype) if tensor.numpy_dtype.kind == "f" else np.iinfo(tensor.numpy_dtype)
    random = np.random.default_rng(data.draw(st.integers(0, 9)))
    if tensor.numpy_dtype.kind == "f":
        array = random.standard_normal(tensor.shape).astype(tensor.numpy_dtype)
    else:
        array = random.integers(limits.min, limits.max, tensor.shape, endpoint=True)
    array.flat[0], array.flat[-1] = limits.min, limits.max
    words = tensor.pack(array, config.lanes)
    assert sum(map(len, words.values())) == tensor.vectors(config.lanes) * tensor.dtype.streams
    again = tensor.unpack(lambda name, address: words[name][address], config.lanes)
    assert again.dtype == tensor.numpy_dtype
    assert again.tolist() == array.tolist()


def test_an_int32_vector_is_four_byte_planes_low_byte_first():
    planes = tuple((Run(f"MEM_E{n}", 7),) for n in range(4))
    tensor = TensorLayout(name="x", role="input", dtype=DType.I32, shape=(2,), planes=planes)
    assert tensor.pack(np.array([0x04030201, -2]), 16) == {
        f"MEM_E{n}": {7: bytes([n + 1, 0xFE if n == 0 else 0xFF] + [0] * 14)} for n in range(4)
    }


def test_vectors_follow_one_another_in_the_runs():
    runs = ((Run("MEM_W1", 3, 3, 2), Run("MEM_W0", 9)),)
    tensor = TensorLayout(name="x", role="input", dtype=DType.I8, shape=(2, 17), planes=runs)
    words = tensor.pack(np.arange(34).reshape(2, 17), 16)
    assert words["MEM_W1"] == {3: bytes(range(16)), 5: bytes([16] + [0] * 15), 7: bytes(range(17, 33))}
    assert words["MEM_W0"] == {9: bytes([33] + [0] * 15)}


@pytest.mark.parametrize(
    ("array", "rule"),
    [
        (np.zeros(3, np.int8), r"x must have shape \[4\], not \[3\]"),
        (np.full(4, 128), "x must hold integers from -128 to 127, not other int64"),
        (np.zeros(4), "x must hold integers from -128 to 127, not other float64"),
        (np.full(4, 2**64 - 1, np.uint64), "x must hold integers from -128 to 127, not other uint64"),
    ],
)
def test_refusals(array, rule):
    tensor = TensorLayout(name="x", role="input", dtype=DType.I8, shape=(4,), planes=((Run("MEM_W0", 0),),))
    with pytest.raises(ValueError, match=f"^{rule}$"):
        tensor.pack(array, 16)


def test_floating_point_is_not_rounded_in_silence():
    tensor = TensorLayout(name="x", role="input", dtype=DType.F16, shape=(4,), planes=((Run("MEM_W0", 0),),) * 2)
    with pytest.raises(ValueError, match="^x must hold float16, not float64$"):
        tensor.pack(np.zeros(4), 16)
