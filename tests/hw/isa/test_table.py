"""The instruction table: opcodes differ, fields do not overlap, limits name something, latencies are in order."""

import re
from dataclasses import replace

import pytest

from takt_hw.config import BUILDS, ECP5, NANO, QUAD, Kind
from takt_hw.isa import (
    ABC,
    ACC,
    CONTROL,
    LW,
    OPCODE_BITS,
    READ,
    UNITS,
    VXM_ALU,
    WORD_BITS,
    Cycles,
    Field,
    Form,
    Op,
    Role,
    queue_by_name,
    queues,
)

OPS = tuple(dict.fromkeys(op for unit in UNITS for op in unit.ops))


def op_id(op: Op) -> str:
    return f"{op.name}-{op.code:#x}"


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: f"{unit.kind.value}-{unit.name}")
def test_opcodes_and_names_differ_within_a_unit(unit):
    assert len(unit.by_code) == len(unit.by_name) == len(unit.ops)
    assert set(CONTROL) <= set(unit.ops)
    assert unit.word_bits <= WORD_BITS


def test_opcodes_differ_across_units_too():
    assert len({op.code for op in OPS}) == len(OPS)


@pytest.mark.parametrize("op", OPS, ids=op_id)
def test_fields_share_no_bit(op):
    taken = set(range(OPCODE_BITS))
    for field in op.fields:
        bits = set(range(field.lsb, field.msb + 1))
        assert not taken & bits
        assert range(128)[field.bits] == range(field.lsb, field.msb + 1)
        taken |= bits
    assert max(taken) == op.word_bits - 1 < WORD_BITS
    assert int(op.pattern, 2) == op.code


def test_an_overlap_is_refused():
    first = Field(name="first", lsb=8, width=4, doc="")
    second = Field(name="second", lsb=11, width=2, doc="")
    rule = "^WRONG: second must not overlap another field, not start at bit 11$"
    with pytest.raises(ValueError, match=rule):
        Op(name="WRONG", code=1, fields=(first, second), summary="", operation="")
    with pytest.raises(ValueError, match="^WRONG: first must not overlap another field, not start at bit 7$"):
        Op(name="WRONG", code=1, fields=(replace(first, lsb=7),), summary="", operation="")


@pytest.mark.parametrize("op", OPS, ids=op_id)
def test_rows_are_complete(op):
    assert op.summary.endswith(".")
    assert op.operation
    assert all(field.doc.endswith(".") for field in op.fields)
    assert len({field.name for field in op.fields}) == len(op.fields)
    assert all(error.endswith(".") for error in op.errors)
    assert (op.d_skew is not None) == any(field.role is Role.SOURCE for field in op.fields) or op is ACC
    if any(field.role is Role.DEST for field in op.fields):
        assert op.d_func is not None


@pytest.mark.parametrize("op", OPS, ids=op_id)
@pytest.mark.parametrize("config", [*BUILDS.values(), replace(NANO, name="wide", superlanes=20)], ids=lambda c: c.name)
def test_latencies_and_limits_hold_in_every_build(op, config):
    assert op.d_skew is None or op.d_skew(config) >= 1
    assert op.d_func is None or op.d_func(config) >= (op.d_skew or Cycles(0))(config)
    if not any(op in queue.unit.ops for queue in queues(config)):
        return
    for field in op.fields:
        assert field.group_size(config) in (1, 2, 4, 8, 16)
        upper = field.upper(config)
        assert upper is None or field.minimum < upper <= 1 << field.width


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: f"{unit.kind.value}-{unit.name}")
def test_stride_field_has_the_same_bits_in_every_operation(unit):
    """Those that do not have it leave its bits alone, so that a stride could do no harm."""
    if unit.stride is None:
        return
    for op in (op for op in unit.ops if op not in CONTROL):
        there = [f for f in op.fields if f.lsb <= unit.stride.msb and unit.stride.lsb <= f.msb]
        assert there in ([unit.stride], [])
    assert unit.stride.form is Form.UNSIGNED


def test_cycles_read_as_a_formula():
    assert [str(c) for c in (Cycles(3), Cycles(4, 1), Cycles(4, 2))] == [
        "3",
        "4 + (superlanes - 1)",
        "4 + 2·(superlanes - 1)",
    ]
    assert (ABC.d_func(NANO), ABC.d_func(QUAD)) == (ABC.d_func.base, ABC.d_func.base + 3 * ABC.d_func.per_superlane)


@pytest.mark.parametrize("config", BUILDS.values(), ids=lambda config: config.name)
def test_queues_of_a_build(config):
    found = queues(config)
    assert [queue.index for queue in found] == list(range(len(found)))
    assert queue_by_name(config) == {queue.name: queue for queue in found}
    for s in config.slices:
        own = [queue for queue in found if queue.slice == s.name]
        assert all(queue.position == s.position and queue.unit.kind is s.kind for queue in own)
        count = {True: config.vxm_alus, False: 1}
        first = s is next(other for other in config.slices if other.kind is s.kind)
        units = [unit for unit in UNITS if unit.kind is s.kind and (first or not unit.once)]
        units = [unit for unit in units if unit.needs is None or getattr(config, unit.needs)]
        wanted = [config.c2c_links if unit.per_link else count[unit.per_alu] for unit in units]
        assert len(own) == sum(wanted)
    assert [queue.alu for queue in found if queue.unit is VXM_ALU] == list(range(config.vxm_alus))
    assert any(queue.name == "VXM.reduce" for queue in found) == config.vxm_reductions
    names = "|".join(["VXM.alu[0-9]+", r"VXM\.reduce", r"(MEM|MXM)_[WE][0-9]+\.[a-z]+", r"SXM_[WE]\.[a-z]+"])
    names += r"|C2C_[WE]\.(align|(send|receive)[0-9]+)"
    assert all(re.fullmatch(names, queue.name) for queue in found)


def test_slices_take_turns_at_the_streams():
    """MEM slices from west to east, links by their number; text comes on the first of each turn."""
    two = tuple(Kind(name) for name in "MEM VXM MEM MXM C2C".split())
    found = queue_by_name(replace(ECP5, row=two, stream_step=4, mem_group_slices=3))
    streams = {name: list(queue.streams) for name, queue in found.items()}
    assert [streams[f"MEM_{s}.read"] for s in ("W2", "W1", "W0", "E0", "E1")] == [
        [0, 4],
        [1, 5],
        [2, 6],
        [3, 7],
        [0, 4],
    ]
    assert all(streams[name] == streams[name.replace("read", "write")] for name in streams if name.endswith(".read"))
    assert streams["C2C_E.send1"] == streams["C2C_E.receive1"] == [1, 5]
    assert streams["VXM.alu0"] == streams["MXM_E0.activate"] == list(range(8))
    assert {queue.text for queue in found.values()} == {range(0, 8, 4)}
    assert {(queue.streams, queue.text) for queue in queues(NANO)} == {(range(8), range(8))}


def test_links_are_numbered_over_all_c2c_positions():
    config = replace(NANO, name="both", row=(Kind.C2C, *NANO.row, Kind.C2C), c2c_links=2)
    found = [(queue.name, queue.link) for queue in queues(config) if queue.unit.kind is Kind.C2C]
    west = [("C2C_W.align", 0), ("C2C_W.send0", 0), ("C2C_W.send1", 1), ("C2C_W.receive0", 0), ("C2C_W.receive1", 1)]
    east = [("C2C_E.send2", 2), ("C2C_E.send3", 3), ("C2C_E.receive2", 2), ("C2C_E.receive3", 3)]
    assert (found, config.links) == ([*west, *east], 4)


def test_syntax_lists_the_operands():
    assert (READ.syntax, LW.syntax, CONTROL[2].syntax) == ("READ dst, address", "LW src, block", "SYNC")
