"""VXM: vector arithmetic."""

from __future__ import annotations

from ...config import Kind
from .. import operands
from ..form import Cycles, Field, Form, Op, Role, Unit
from .control import CONTROL

VXM_TO = Field(
    name="dst",
    lsb=8,
    width=operands.DEST_BITS,
    form=Form.TYPED_DEST,
    role=Role.DEST,
    doc="Stream group that the result leaves on, or `none`; types of fewer than 4 bytes send the low bytes.",
)

A = Field(
    name="a",
    lsb=18,
    width=operands.SOURCE_BITS,
    form=Form.VXM_SOURCE,
    role=Role.SOURCE,
    doc="First operand: stream group, held ALU result or immediate. `:i8` is sign-extended, `:u8` zero-extended, "
    "`:f16` converted exactly to fp32; a held result without a type is taken as it is.",
)

B = Field(
    name="b",
    lsb=29,
    width=operands.SOURCE_BITS,
    form=Form.VXM_SOURCE,
    role=Role.SOURCE,
    doc="Second operand, as the first.",
)

C = Field(name="c", lsb=40, width=5, form=Form.ALU, doc="ALU whose held result chooses.")

SHIFT_BITS = Field(name="shift", lsb=40, width=6, limit=48, doc="Binary places to drop: 0 to 47.")

TO_FLOAT = Field(
    name="to",
    lsb=40,
    width=3,
    form=Form.CHOICE,
    role=Role.MODE,
    choices=("f32", "f16"),
    doc="Type that the exact result is rounded to; an fp16 result fills the low 16 bits.",
)

TO_ANY = Field(
    name="to",
    lsb=40,
    width=3,
    form=Form.CHOICE,
    role=Role.MODE,
    choices=("f32", "f16", "i32", "i8", "u8"),
    doc="Type that the exact result is rounded to; integers saturate, an fp16 result fills the low 16 bits.",
)

FROM = Field(
    name="from",
    lsb=43,
    width=1,
    form=Form.CHOICE,
    role=Role.MODE,
    choices=("f32", "i32"),
    doc="Whether `a` is a floating-point number or an integer.",
)

IMMEDIATE = Field(name="immediate", lsb=48, width=32, form=Form.SIGNED, doc="Value of an immediate operand.")

_VXM_ERRORS = (
    "No value arrives on a source stream.",
    "A source ALU holds no result yet: it holds one from `chain` cycles after its dispatch until its next.",
    "Another result of this ALU is there from the same cycle on, or from fewer than `vxm_turns` cycles away.",
    "Another instruction of this ALU was dispatched fewer than `vxm_turns` cycles before.",
)

VXM_CHAIN = Cycles(2, plus="alu_cycles")
"""From the dispatch of an ALU's integer operation to the first dispatch, in any ALU, that can take its held result."""

MULTIPLY_CHAIN = Cycles(2, plus="multiply_cycles")
"""`VXM_CHAIN` of integer products."""


def _streamed(chain: Cycles) -> Cycles:
    """From the dispatch of an operation to its result's stream: the held result goes there in two cycles."""
    return Cycles(chain.base + 2, plus=chain.plus and f"streamed_{chain.plus}")


def _vxm(
    name: str, code: int, fields: tuple[Field, ...], summary: str, operation: str, chain: Cycles = VXM_CHAIN
) -> Op:
    """A VXM row: one cycle to decode, one to take operands, one to compute, one to reach the stream."""
    return Op(
        name=name,
        code=code,
        fields=(VXM_TO, *fields, IMMEDIATE),
        d_skew=Cycles(1),
        d_func=_streamed(chain),
        chain=chain,
        summary=summary,
        operation=operation,
        errors=_VXM_ERRORS,
    )


COPY = _vxm("COPY", 0x30, (A,), "Copy.", "result = a")

ADD = _vxm("ADD", 0x31, (A, B), "Add.", "result = a + b, modulo 2^32")

SUB = _vxm("SUB", 0x32, (A, B), "Subtract.", "result = a - b, modulo 2^32")

MUL = _vxm("MUL", 0x33, (A, B), "Multiply.", "result = a * b, modulo 2^32", MULTIPLY_CHAIN)

MIN = _vxm("MIN", 0x34, (A, B), "Smaller of two.", "result = min(a, b), signed")

MAX = _vxm("MAX", 0x35, (A, B), "Larger of two.", "result = max(a, b), signed")

AND = _vxm("AND", 0x36, (A, B), "Bitwise and.", "result = a & b")

OR = _vxm("OR", 0x37, (A, B), "Bitwise or.", "result = a | b")

XOR = _vxm("XOR", 0x38, (A, B), "Bitwise exclusive or.", "result = a ^ b")

NOT = _vxm("NOT", 0x39, (A,), "Bitwise complement.", "result = ~a")

SHL = _vxm("SHL", 0x3A, (A, B), "Shift left.", "result = a << (b & 31), modulo 2^32")

SHR = _vxm("SHR", 0x3B, (A, B), "Arithmetic shift right.", "result = a >> (b & 31), copies of the sign shifted in")

EQ = _vxm("EQ", 0x3C, (A, B), "Equal.", "result = 1 if a == b else 0")

NE = _vxm("NE", 0x3D, (A, B), "Not equal.", "result = 1 if a != b else 0")

LT = _vxm("LT", 0x3E, (A, B), "Less.", "result = 1 if a < b else 0, signed")

LE = _vxm("LE", 0x3F, (A, B), "Less or equal.", "result = 1 if a <= b else 0, signed")

MASK = _vxm("MASK", 0x40, (A, B), "Keep where a mask is set.", "result = a if b != 0 else 0")

SELECT = _vxm("SELECT", 0x41, (A, B, C), "Choose between two.", "result = a if c != 0 else b")

RELU = _vxm("RELU", 0x42, (A,), "Rectify.", "result = max(a, 0), signed")

REQUANT = _vxm(
    "REQUANT",
    0x43,
    (A, B, SHIFT_BITS),
    "Scale to int8.",
    "m = b & 0xffff, unsigned; p = a * m, exact; q = p / 2^shift, rounded to the nearest integer, ties to even; "
    "result = min(max(q, -128), 127)",
    MULTIPLY_CHAIN,
)

ADD_SAT = _vxm("ADD_SAT", 0x44, (A, B), "Add, saturating.", "result = a + b, at least -2^31 and at most 2^31 - 1")

SUB_SAT = _vxm("SUB_SAT", 0x45, (A, B), "Subtract, saturating.", "result = a - b, at least -2^31 and at most 2^31 - 1")

ABS = _vxm("ABS", 0x46, (A,), "Magnitude.", "result = a if a >= 0 else -a, modulo 2^32")

NEG = _vxm("NEG", 0x47, (A,), "Negate.", "result = -a, modulo 2^32")

SHR_LOGICAL = _vxm("SHR_LOGICAL", 0x48, (A, B), "Logical shift right.", "result = a >> (b & 31), zeros shifted in")

FLOAT_CHAIN = Cycles(4, plus="float_cycles")
"""`VXM_CHAIN` of floating-point arithmetic: three cycles to compute."""

FUNCTION_CHAIN = Cycles(6)
"""`VXM_CHAIN` of exp2, log2 and the like: five cycles to compute."""


def _float(
    name: str, code: int, fields: tuple[Field, ...], summary: str, operation: str, chain: Cycles = FLOAT_CHAIN
) -> Op:
    """A VXM row that takes longer than `_vxm`'s: `chain` is the cycles until its result is held."""
    return Op(
        name=name,
        code=code,
        fields=(VXM_TO, *fields, IMMEDIATE),
        d_skew=Cycles(1),
        d_func=_streamed(chain),
        chain=chain,
        needs="vxm_function_alus" if chain is FUNCTION_CHAIN else "vxm_float_alus",
        summary=summary,
        operation=operation,
        errors=_VXM_ERRORS,
    )


MUL_SAT = _float(
    "MUL_SAT", 0x49, (A, B), "Multiply, saturating.", "result = a * b, at least -2^31 and at most 2^31 - 1"
)

FADD = _float("FADD", 0x60, (A, B, TO_FLOAT), "Add.", "result = a + b, rounded to `to`")

FSUB = _float("FSUB", 0x61, (A, B, TO_FLOAT), "Subtract.", "result = a - b, rounded to `to`")

FMUL = _float("FMUL", 0x62, (A, B, TO_FLOAT), "Multiply.", "result = a * b, rounded to `to`")

FMIN = _float(
    "FMIN",
    0x63,
    (A, B, TO_FLOAT),
    "Smaller of two.",
    "result = min(a, b), rounded to `to`; -0 is below +0; NaN if either is",
)

FMAX = _float(
    "FMAX",
    0x64,
    (A, B, TO_FLOAT),
    "Larger of two.",
    "result = max(a, b), rounded to `to`; -0 is below +0; NaN if either is",
)

FABS = _float("FABS", 0x65, (A, TO_FLOAT), "Magnitude.", "result = |a|, rounded to `to`")

FNEG = _float("FNEG", 0x66, (A, TO_FLOAT), "Negate.", "result = -a, rounded to `to`")

FEQ = _float("FEQ", 0x67, (A, B), "Equal.", "result = 1 if a == b else 0; 0 if either is NaN")

FNE = _float("FNE", 0x68, (A, B), "Not equal.", "result = 1 if a != b else 0; 1 if either is NaN")

FLT = _float("FLT", 0x69, (A, B), "Less.", "result = 1 if a < b else 0; 0 if either is NaN")

FLE = _float("FLE", 0x6A, (A, B), "Less or equal.", "result = 1 if a <= b else 0; 0 if either is NaN")

CONVERT = _float(
    "CONVERT",
    0x6B,
    (A, B, TO_ANY, FROM),
    "Convert and scale.",
    "result = a * b, exact, then rounded once to `to`. a is an integer or a floating-point number as `from` says, b, "
    "the scale, a floating-point number. An integer result is rounded to nearest even and saturates; NaN becomes 0. "
    "A zero has the product of the signs, where the integer 0 is positive",
)


def _function(name: str, code: int, summary: str, operation: str) -> Op:
    return _float(name, code, (A, TO_FLOAT), summary, operation, FUNCTION_CHAIN)


EXP2 = _function("EXP2", 0x70, "Power of two.", "result = 2^a, as docs/manual/functions.md defines it, rounded to `to`")

LOG2 = _function(
    "LOG2", 0x71, "Binary logarithm.", "result = log2(a), as docs/manual/functions.md defines it, rounded to `to`"
)

RECIPROCAL = _function(
    "RECIPROCAL", 0x72, "Reciprocal.", "result = 1 / a, as docs/manual/functions.md defines it, rounded to `to`"
)

RSQRT = _function(
    "RSQRT",
    0x73,
    "Reciprocal square root.",
    "result = 1 / sqrt(a), as docs/manual/functions.md defines it, rounded to `to`",
)

TANH = _function(
    "TANH", 0x74, "Hyperbolic tangent.", "result = tanh(a), as docs/manual/functions.md defines it, rounded to `to`"
)

SIGMOID = _function(
    "SIGMOID",
    0x75,
    "Logistic function.",
    "result = 1 / (1 + e^-a), as docs/manual/functions.md defines it, rounded to `to`",
)

REDUCE_KIND = Field(
    name="kind",
    lsb=40,
    width=1,
    form=Form.CHOICE,
    role=Role.MODE,
    choices=("i32", "f32"),
    doc="Whether the lanes hold integers or floating-point numbers.",
)


def _reduction(name: str, code: int, summary: str, operation: str) -> Op:
    """A row of the reduction unit: four levels within a superlane, then the levels over superlanes, two cycles each."""
    return Op(
        name=name,
        code=code,
        fields=(VXM_TO, A, REDUCE_KIND, IMMEDIATE),
        d_skew=Cycles(1),
        d_func=Cycles(11, per_superlane=1, plus="reduction_cycles"),
        summary=summary,
        operation=operation,
        errors=_VXM_ERRORS,
    )


LANE_SUM = _reduction(
    "LANE_SUM",
    0x78,
    "Sum of all lanes, in every lane.",
    "result[lane] = the sum over all lanes of a. Integers: modulo 2^32. Floating-point numbers: a pairwise tree in "
    "lane order, each sum rounded to fp32: neighbours are added, then neighbours among the sums, and so on; what has "
    "no neighbour goes to the next level as it is",
)
LANE_MAX = _reduction(
    "LANE_MAX",
    0x79,
    "Largest lane, in every lane.",
    "result[lane] = the largest a of all lanes, signed. Floating-point numbers: -0 is below +0; NaN if any lane is",
)
LANE_ARGMAX = _reduction(
    "LANE_ARGMAX",
    0x7A,
    "Number of the largest lane, in every lane.",
    "result[lane] = the lowest lane number that holds what LANE_MAX gives, as an integer",
)

VXM_ALU = Unit(
    name="alu",
    kind=Kind.VXM,
    per_alu=True,
    ops=(
        *CONTROL,
        *(COPY, ADD, SUB, MUL, MIN, MAX, AND, OR, XOR, NOT, SHL, SHR),
        *(EQ, NE, LT, LE, MASK, SELECT, RELU, REQUANT),
        *(ADD_SAT, SUB_SAT, ABS, NEG, SHR_LOGICAL),
        *(MUL_SAT, FADD, FSUB, FMUL, FMIN, FMAX, FABS, FNEG, FEQ, FNE, FLT, FLE, CONVERT),
        *(EXP2, LOG2, RECIPROCAL, RSQRT, TANH, SIGMOID),
    ),
    doc="One vector ALU, 32 bits wide in every lane.",
)
VXM_REDUCE = Unit(
    name="reduce",
    kind=Kind.VXM,
    ops=(*CONTROL, LANE_SUM, LANE_MAX, LANE_ARGMAX),
    needs="vxm_reductions",
    doc="Reductions over all lanes.",
)
