"""Hypothesis strategies for operands and instructions, drawn from the table."""

from hypothesis import strategies as st

from takt_hw.isa import UNITS, Alu, Direction, DType, Form, Immediate, Instruction, Stream, TypedStream

INT32 = st.integers(-(2**31), 2**31 - 1)
STREAMS = st.builds(Stream, st.integers(0, 31), st.sampled_from(Direction))
TYPED_STREAMS = st.builds(TypedStream, STREAMS, st.sampled_from(DType))
ALUS = st.builds(Alu, st.integers(0, 31))


def operands(field, immediate):
    """Every value that the field's bits can hold. All immediates of one instruction are ``immediate``."""
    match field.form:
        case Form.UNSIGNED:
            return st.integers(field.minimum, (1 << field.width) - 1)
        case Form.SIGNED:
            return st.integers(-(1 << field.width - 1), (1 << field.width - 1) - 1)
        case Form.CHOICE:
            return st.sampled_from(field.choices)
        case Form.STREAM:
            return STREAMS
        case Form.OPTIONAL_STREAM:
            return st.none() | STREAMS
        case Form.TYPED_DEST:
            return st.none() | TYPED_STREAMS
        case Form.VXM_SOURCE:
            return TYPED_STREAMS | ALUS | st.just(immediate)
        case Form.ALU:
            return ALUS


@st.composite
def instructions(draw, op) -> Instruction:
    """Any instruction of one row of the table."""
    immediate = Immediate(draw(INT32))
    return op.make(**{f.name: draw(operands(f, immediate)) for f in op.fields if f.name != "immediate"})


@st.composite
def unit_instructions(draw):
    """A unit and one of its instructions."""
    unit = draw(st.sampled_from(UNITS))
    return unit, draw(instructions(draw(st.sampled_from(unit.ops))))
