"""What a build asks of operands: Instruction.violations, and the streams that an instruction touches."""

from dataclasses import replace

import pytest

from takt_hw.config import NANO, QUAD
from takt_hw.isa import (
    ACC,
    ADD,
    LANE_SHIFT,
    LW,
    PERMUTE,
    READ,
    REQUANT,
    SELECT,
    TRANSPOSE,
    WRITE,
    Alu,
    Direction,
    DType,
    Immediate,
    Role,
    Stream,
    TypedStream,
)

LARGE = replace(QUAD, name="large", streams=16, weight_streams=16)


def east(index: int) -> Stream:
    return Stream(index, Direction.EAST)


def i32(index: int) -> TypedStream:
    return TypedStream(east(index), DType.I32)


@pytest.mark.parametrize(
    ("instruction", "rules"),
    [
        (READ.make(dst=east(7), address=NANO.mem_words - 1), []),
        (READ.make(dst=east(0), address=NANO.mem_words), ["address must be from 0 to 511, not 512"]),
        (READ.make(dst=east(8), address=0), ["dst must be below s8, not s8e"]),
        (LW.make(src=east(0), block=1), []),
        (LW.make(src=east(4), block=2), ["src must be a multiple of 8, not s4e", "block must be from 0 to 1, not 2"]),
        (
            ACC.make(address=16, mode="add", dst=east(2)),
            ["address must be from 0 to 15, not 16", "dst must be a multiple of 4, not s2e"],
        ),
        (ACC.make(address=15, mode="add", dst=None), []),
        (ADD.make(dst=i32(4), a=i32(0), b=Immediate(2**31 - 1)), []),
        (
            ADD.make(dst=i32(5), a=Alu(4), b=i32(8)),
            ["dst must be a multiple of 4, not s5e", "a must be below alu4, not alu4", "b must be below s8, not s8e"],
        ),
        (SELECT.make(dst=None, a=Alu(3), b=Alu(0), c=Alu(9)), ["c must be below alu4, not alu9"]),
        (REQUANT.make(dst=None, a=Alu(0), b=Alu(0), shift=47), []),
        (REQUANT.make(dst=None, a=Alu(0), b=Alu(0), shift=48), ["shift must be from 0 to 47, not 48"]),
        (LANE_SHIFT.make(dst=east(0), src=east(1), amount=15), []),
        (LANE_SHIFT.make(dst=east(0), src=east(1), amount=-15), []),
        (LANE_SHIFT.make(dst=east(0), src=east(1), amount=16), ["amount must be from -15 to 15, not 16"]),
        (LANE_SHIFT.make(dst=east(0), src=east(1), amount=-16), ["amount must be from -15 to 15, not -16"]),
        (TRANSPOSE.make(dst=east(0), src=east(1)), ["src must be a multiple of 8, not s1e"]),
    ],
    ids=str,
)
def test_nano(instruction, rules):
    assert instruction.violations(NANO) == rules


def test_a_larger_build_allows_more():
    assert READ.make(dst=east(15), address=LARGE.mem_words - 1).violations(LARGE) == []
    assert LW.make(src=east(0), block=3).violations(LARGE) == []
    assert LANE_SHIFT.make(dst=east(0), src=east(1), amount=-63).violations(LARGE) == []


def test_streams_of_groups():
    add = ADD.make(dst=i32(4), a=TypedStream(east(1), DType.I8), b=i32(0))
    assert add.streams(Role.DEST, NANO) == tuple(east(n) for n in (4, 5, 6, 7))
    assert add.streams(Role.SOURCE, NANO) == tuple(east(n) for n in (1, 0, 1, 2, 3))
    assert LW.make(src=east(0), block=0).streams(Role.SOURCE, LARGE) == tuple(east(n) for n in range(16))
    assert ACC.make(address=0, mode="first", dst=None).streams(Role.DEST, NANO) == ()
    assert WRITE.make(src=east(3), address=0).streams(Role.SOURCE, NANO) == (east(3),)
    permute = PERMUTE.make(dst=east(0), src=east(1), map=east(2))
    assert permute.streams(Role.SOURCE, NANO) == (east(1), east(2))
