"""Words and instructions: encoding and decoding are inverse; whatever is no instruction is refused."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from takt_hw.isa import (
    ACC,
    ADD,
    COPY,
    MEM_READ,
    MXM_ACCUMULATE,
    NOP,
    READ,
    REQUANT,
    SELECT,
    UNITS,
    VXM_ALU,
    WORD_BITS,
    Alu,
    Direction,
    DType,
    Immediate,
    Instruction,
    Stream,
    TypedStream,
)
from tests.hw.isa.strategies import instructions, unit_instructions
from tests.hw.isa.test_table import OPS, op_id

S0E = Stream(0, Direction.EAST)
S4W = Stream(4, Direction.WEST)


def refusal(message: str) -> str:
    return f"^{re.escape(message)}$"


@pytest.mark.parametrize("op", OPS, ids=op_id)
@given(data=st.data())
def test_every_instruction_survives_its_word(op, data):
    instruction = data.draw(instructions(op))
    word = instruction.word
    assert 0 <= word < 1 << op.word_bits <= 1 << WORD_BITS
    assert word == op.encode(**instruction.values)
    for unit in (unit for unit in UNITS if op in unit.ops):
        assert unit.decode(word) == instruction


@given(unit=st.sampled_from(UNITS), word=st.integers(0, (1 << WORD_BITS) - 1))
def test_a_random_word_is_an_instruction_or_refused(unit, word):
    check_word(unit, word)


@given(pair=unit_instructions(), flip=st.integers(0, WORD_BITS - 1))
def test_a_flipped_bit_is_another_instruction_or_refused(pair, flip):
    unit, instruction = pair
    check_word(unit, instruction.word ^ 1 << flip)
    if flip >= unit.word_bits:
        with pytest.raises(ValueError, match=r"^[A-Z0-9_]+: unused bits must be zero, not 0x[0-9a-f]+$"):
            unit.decode(instruction.word ^ 1 << flip)


def check_word(unit, word):
    """Either decoding refuses by a rule, or encoding gives the word back."""
    try:
        instruction = unit.decode(word)
    except ValueError as error:
        assert re.fullmatch(r"[A-Za-z0-9_]+: .* must .*, not .*", str(error))
    else:
        assert instruction.word == word


@pytest.mark.parametrize(
    ("unit", "word", "message"),
    [
        (MEM_READ, 0x11, "read: opcode must be one of the unit's, not 0x11"),
        (MEM_READ, 0x00, "read: opcode must be one of the unit's, not 0x00"),
        (MEM_READ, 0x10 | 1 << 30, "READ: unused bits must be zero, not 0x40000000"),
        (MEM_READ, 0x01, "NOP: count must be from 1 to 65535, not 0"),
        (VXM_ALU, 0x30 | 1 << 8, "COPY: unused bits must be zero, not 0x100"),
        (VXM_ALU, 0x30 | 3 << 27, "COPY: a must be a defined code, not 0x600"),
        (VXM_ALU, 0x30 | 7 << 24, "COPY: a must be a defined code, not 0x1c0"),
        (VXM_ALU, 0x30 | 1 << 48, "COPY: unused bits must be zero, not 0x1000000000000"),
        (MXM_ACCUMULATE, 0x23 | 1 << 25, "ACC: unused bits must be zero, not 0x2000000"),
    ],
)
def test_words_that_are_no_instruction(unit, word, message):
    with pytest.raises(ValueError, match=refusal(message)):
        unit.decode(word)


@pytest.mark.parametrize(
    ("op", "values", "message"),
    [
        (NOP, {"count": 0}, "NOP: count must be from 1 to 65535, not 0"),
        (NOP, {"count": 65536}, "NOP: count must be from 1 to 65535, not 65536"),
        (NOP, {"count": 1.5}, "NOP: count must be an integer, not 1.5"),
        (NOP, {"count": True}, "NOP: count must be an integer, not True"),
        (NOP, {}, "NOP: count must be given"),
        (NOP, {"count": 1, "address": 0}, "NOP: operands must be among count, not 'address'"),
        (READ, {"dst": S0E, "address": 1 << 16}, "READ: address must be from 0 to 65535, not 65536"),
        (READ, {"dst": S0E, "address": -1}, "READ: address must be from 0 to 65535, not -1"),
        (READ, {"dst": None, "address": 0}, "READ: dst must be a stream, not None"),
        (READ, {"dst": Stream(32, Direction.EAST), "address": 0}, "READ: dst must be a stream, not s32e"),
        (ACC, {"address": 0, "mode": "sum", "dst": None}, "ACC: mode must be one of first, add, not sum"),
        (COPY, {"dst": S0E, "a": Alu(0)}, "COPY: dst must be a typed stream or none, not s0e"),
        (COPY, {"dst": None, "a": S0E}, "COPY: a must be a typed stream, an ALU or an immediate, not s0e"),
        (COPY, {"dst": None, "a": Alu(32)}, "COPY: a must name a stream or ALU from 0 to 31, not alu32"),
        (
            COPY,
            {"dst": None, "a": Immediate(1 << 31)},
            f"COPY: immediate must be from {-(2**31)} to {2**31 - 1}, not {2**31}",
        ),
        (
            ADD,
            {"dst": None, "a": Immediate(1), "b": Immediate(2)},
            "ADD: immediates must be equal, not [1, 2]",
        ),
        (SELECT, {"dst": None, "a": Alu(0), "b": Alu(1), "c": 2}, "SELECT: c must be an ALU, not 2"),
        (REQUANT, {"dst": None, "a": Alu(0), "b": Alu(1), "shift": 64}, "REQUANT: shift must be from 0 to 63, not 64"),
    ],
)
def test_operands_out_of_range(op, values, message):
    with pytest.raises(ValueError, match=refusal(message)):
        op.encode(**values)


@pytest.mark.parametrize(
    ("instruction", "text"),
    [
        (NOP.make(count=7), "NOP 7"),
        (READ.make(dst=Stream(3, Direction.EAST), address=0x40), "READ s3e, 0x40"),
        (ACC.make(address=2, mode="add", dst=S4W), "ACC 0x2, add, s4w"),
        (ACC.make(address=2, mode="first", dst=None), "ACC 0x2, first, none"),
        (
            ADD.make(dst=TypedStream(S4W, DType.I32), a=TypedStream(S0E, DType.I8), b=Immediate(-5)),
            "ADD s4w:i32, s0e:i8, #-5",
        ),
        (SELECT.make(dst=None, a=Alu(0), b=Alu(1), c=Alu(2)), "SELECT none, alu0, alu1, alu2"),
        (
            REQUANT.make(dst=TypedStream(S0E, DType.I8), a=Alu(3), b=Immediate(77), shift=9),
            "REQUANT s0e:i8, alu3, #77, 9",
        ),
    ],
)
def test_text_forms(instruction, text):
    assert str(instruction) == text


def test_equal_immediates_share_the_field():
    instruction = ADD.make(dst=None, a=Immediate(-1), b=Immediate(-1))
    assert VXM_ALU.decode(instruction.word) == instruction
    assert isinstance(instruction, Instruction)
