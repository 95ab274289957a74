"""ChipConfig: impossible sizes are refused with the rule they break; derived sizes follow."""

import re
from dataclasses import FrozenInstanceError, fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from takt_hw.config import BUILDS, ECP5, ECP5_45K, LANES_PER_SUPERLANE, NANO, NANO_C2C, QUAD, ChipConfig, Kind

MEM, VXM, SXM, MXM, C2C = Kind.MEM, Kind.VXM, Kind.SXM, Kind.MXM, Kind.C2C

INTEGERS = {"superlanes": (1, 20), "mem_group_slices": (1, 8), "mxm_planes": (1, 4), "vxm_alus": (1, 16)}
INTEGERS |= {"vxm_float_alus": (0, 4), "vxm_function_alus": (0, 4), "link_drift": (1, 64), "c2c_links": (1, 8)}
POWERS = {
    "streams": (4, 32),
    "mem_words": (4, 65536),
    "weight_streams": (1, 8),
    "accumulators": (1, 256),
    "queue_words": (4, 65536),
    "link_bits": (16, 128),
    "link_buffer": (4, 64),
    "stream_step": (1, 8),
    "vxm_turns": (1, 1),
    "mxm_turns": (1, 1),
}


def refusal(message: str) -> str:
    return f"^{re.escape(message)}$"


@pytest.mark.parametrize("name", INTEGERS)
def test_integer_sizes_have_limits(name):
    low, high = INTEGERS[name]
    few = {"vxm_float_alus": 0, "vxm_function_alus": 0} if name == "vxm_alus" else {}
    for value in (low, high):
        assert getattr(replace(NANO_C2C, **{**few, name: value}), name) == value
    for value in (low - 1, high + 1, -1, True, 2.0, "2", None):
        with pytest.raises(ValueError, match=refusal(f"{name} must be an integer from {low} to {high}, not {value!r}")):
            replace(NANO_C2C, **{name: value})


def test_links_need_a_place_in_the_row():
    with pytest.raises(ValueError, match="^c2c_links must be an integer from 0 to 0, not 1$"):
        replace(NANO, c2c_links=1)
    both = replace(NANO, row=(C2C, MEM, VXM, MEM, C2C), c2c_links=8)
    assert (both.links, NANO_C2C.links, NANO.links) == (16, 7, 0)


def test_a_packet_is_a_header_a_vector_and_its_crc():
    assert (NANO_C2C.packet_words, NANO_C2C.packet_cycles) == (1 + 8 + 2, 12)
    assert replace(NANO_C2C, superlanes=20, link_bits=128).packet_words == 1 + 20 + 1


@pytest.mark.parametrize("name", POWERS)
def test_powers_of_two_have_limits(name):
    low, high = POWERS[name]
    least = {"weight_streams": low} if name == "streams" else {}
    for value in (low, high):
        assert getattr(replace(NANO, **{**least, name: value}), name) == value
    for value in (low // 2, low - 1, high + 1, high * 2, 6, -4, True, 4.0, "4", None):
        if value == low:
            continue
        rule = f"{name} must be a power of two from {low} to {high}, not {value!r}"
        with pytest.raises(ValueError, match=refusal(rule)):
            replace(NANO, **{**least, name: value})


@pytest.mark.parametrize("name", ["vxm_turns", "mxm_turns"])
def test_lanes_and_columns_take_turns_in_pipelined_builds(name):
    assert getattr(replace(ECP5, **{name: 16}), name) == 16
    with pytest.raises(ValueError, match=f"^{name} must be a power of two from 1 to 16, not 32$"):
        replace(ECP5, **{name: 32})


@pytest.mark.parametrize("name", ["", "two words", "1st", 7, None])
def test_name_is_an_identifier(name):
    with pytest.raises(ValueError, match=refusal(f"name must be a non-empty identifier, not {name!r}")):
        replace(NANO, name=name)


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ((MEM, SXM), "hold exactly one VXM"),
        ((VXM, MEM, VXM), "hold exactly one VXM"),
        ((), "hold exactly one VXM"),
        ((VXM, MEM, SXM, SXM), "hold at most one SXM east of the VXM"),
        ((SXM, MEM, SXM, VXM), "hold at most one SXM west of the VXM"),
        ((MXM, MXM, MEM, VXM), "hold at most one MXM west of the VXM"),
        ((VXM, MXM, MEM, MXM), "hold at most one MXM east of the VXM"),
        ((VXM, MXM), "hold at least one MEM"),
        ((VXM, MEM, C2C, C2C), "hold at most one C2C east of the VXM"),
    ],
)
def test_row_rules(row, rule):
    text = " ".join(kind.value for kind in row)
    with pytest.raises(ValueError, match=refusal(f"row must {rule}, not {text!r}")):
        replace(NANO, row=row)


@pytest.mark.parametrize("row", ["MEM VXM", [MEM, VXM], ("MEM", "VXM"), None])
def test_row_is_a_tuple_of_kinds(row):
    with pytest.raises(ValueError, match=refusal(f"row must be a tuple of Kind, not {row!r}")):
        replace(NANO, row=row)


def test_frozen():
    with pytest.raises(FrozenInstanceError):
        NANO.streams = 16


@pytest.mark.parametrize("row", [(VXM, MEM), (MEM, VXM), (MXM, VXM, MEM, MXM), (SXM, MXM, MEM, VXM, MXM, MEM)])
def test_order_of_the_row_is_free(row):
    config = replace(NANO, row=row)
    assert config.positions == len(row)
    assert all(config.row[s.position] is s.kind for s in config.slices)


def test_slices_are_numbered_outward_from_the_vxm():
    names = [s.name for s in QUAD.slices]
    west = ["MXM_W0", "SXM_W", *(f"MEM_W{n}" for n in range(7, -1, -1))]
    east = [*(f"MEM_E{n}" for n in range(8)), "SXM_E", "MXM_E0"]
    assert names == [*west, "VXM", *east]
    assert [s.position for s in QUAD.mem_slices] == [2] * 4 + [3] * 4 + [5] * 4 + [6] * 4


def test_named_builds():
    assert {name: config.name for name, config in BUILDS.items()} == {name: name for name in BUILDS}
    assert (NANO.lanes, ECP5.lanes, QUAD.lanes) == (16, 16, 64)
    assert (NANO.macs, ECP5.macs, QUAD.macs, ECP5_45K.macs) == (16 * 16, 16 * 16, 2 * 64 * 64, 16 * 16 // 4)
    assert len({config.digest for config in BUILDS.values()}) == len(BUILDS)


def test_digest_tells_every_size_apart_but_not_the_name_or_the_multipliers():
    other = {"row": (MEM, VXM), "superlanes": 2, "mem_group_slices": 2, "mxm_planes": 2, "vxm_alus": 2}
    other |= {"vxm_float_alus": 1, "vxm_function_alus": 2, "mxm_fp16": True, "mxm_fp16_int8": True, "ecc": True}
    other |= {"pipelined": True}
    other |= {"c2c_links": 6, "link_bits": 32, "link_buffer": 8, "link_drift": 5}
    turns = {"vxm_turns": 2, "mxm_turns": 2}  # of a pipelined build alone
    other |= {"stream_step": 2, "streams_between": True, "vxm_reductions": False}
    other |= {"streams": 16, "mem_words": 1024, "weight_streams": 4, "accumulators": 8, "queue_words": 512}
    assert {"name", "mxm_dsp", *turns, *other} == {field.name for field in fields(ChipConfig)}
    other["row"] = (C2C, MEM, VXM)
    base = replace(NANO_C2C, mxm_fp16=False, mxm_fp16_int8=False, vxm_function_alus=0)
    digests = {replace(base, **{name: value}).digest for name, value in other.items()}
    digests |= {replace(base, pipelined=True, **{name: value}).digest for name, value in turns.items()}
    assert len(digests | {base.digest}) == len(other) + len(turns) + 1
    assert replace(ECP5, name="twin", mxm_dsp=0).digest == ECP5.digest


@given(
    superlanes=st.integers(1, 20),
    streams=st.sampled_from([4, 8, 16, 32]),
    weight_streams=st.sampled_from([1, 2, 4]),
    mem_words=st.sampled_from([1 << n for n in range(2, 17)]),
    mem_group_slices=st.integers(1, 8),
    mxm_planes=st.integers(1, 4),
)
def test_derived_sizes(**sizes):
    config = replace(NANO, **sizes)
    assert config.lanes == LANES_PER_SUPERLANE * config.superlanes
    assert config.bank_words * 2 == config.mem_words
    assert config.weight_blocks * config.weight_streams == config.lanes
    assert config.lanes % config.transpose_size == 0
    assert config.transpose_size <= config.streams
    assert (config.map_streams == 2) == (config.lanes > 256)
    assert len(config.mem_slices) == config.row.count(MEM) * config.mem_group_slices
    assert [config.slice_by_name[s.name] for s in config.slices] == list(config.slices)
