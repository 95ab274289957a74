"""The instruction set: one row per instruction, one unit per kind of queue.

Everything that knows an opcode, a bit position or a latency reads it here. To add an instruction,
see docs/add-an-instruction.md.
"""

from __future__ import annotations

from ..config import Kind
from . import operands
from .form import Cycles, Field, Form, Op, Role, Unit

# Fields --------------------------------------------------------------------------------------------------------------


def _stream(name: str, lsb: int, role: Role, doc: str, group: int | str = 1) -> Field:
    return Field(name=name, lsb=lsb, width=operands.STREAM_BITS, form=Form.STREAM, role=role, group=group, doc=doc)


COUNT = Field(name="count", lsb=8, width=16, minimum=1, doc="Cycles, or repetitions: 1 to 65535.")
INTERVAL = Field(name="interval", lsb=24, width=16, minimum=1, doc="Cycles between dispatches: 1 to 65535.")
STRIDE = Field(name="stride", lsb=40, width=16, form=Form.SIGNED, doc="Added to the unit's stride field each time.")

ADDRESS = Field(name="address", lsb=8, width=16, limit="mem_words", doc="Word of the slice; the upper half is bank 1.")
READ_TO = _stream("dst", 24, Role.DEST, "Stream that the word leaves on.")
WRITE_FROM = _stream("src", 24, Role.SOURCE, "Stream that the word arrives on.")

BLOCK = Field(name="block", lsb=8, width=16, limit="weight_blocks", doc="Which group of weight columns to load.")
WEIGHTS = _stream(
    "src", 24, Role.SOURCE, "First of `weight_streams` aligned streams, one column each.", "weight_streams"
)
ACTIVATIONS = _stream("src", 8, Role.SOURCE, "Stream of the activation vector, one int8 per row.")
ACCUMULATOR = Field(name="address", lsb=8, width=16, limit="accumulators", doc="Accumulator vector of the plane.")
ACC_MODE = Field(
    name="mode",
    lsb=24,
    width=1,
    form=Form.CHOICE,
    role=Role.MODE,
    choices=("first", "add"),
    doc="`first` replaces the accumulator by the product, `add` adds the product to it.",
)
ACC_TO = Field(
    name="dst",
    lsb=25,
    width=operands.STREAM_BITS + 1,
    form=Form.OPTIONAL_STREAM,
    role=Role.DEST,
    group=4,
    doc="First of four aligned streams that the new sums leave on, low byte first; or `none`.",
)

VXM_TO = Field(
    name="dst",
    lsb=8,
    width=operands.DEST_BITS,
    form=Form.TYPED_DEST,
    role=Role.DEST,
    doc="Stream group that the result leaves on, or `none`; `:i8` sends the low byte.",
)
A = Field(
    name="a",
    lsb=18,
    width=operands.SOURCE_BITS,
    form=Form.VXM_SOURCE,
    role=Role.SOURCE,
    doc="First operand: stream group, held ALU result or immediate. `:i8` is sign-extended.",
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
IMMEDIATE = Field(name="immediate", lsb=48, width=32, form=Form.SIGNED, doc="Value of an immediate operand.")

SXM_TO = _stream("dst", 8, Role.DEST, "Stream that the result leaves on.")
SXM_FROM = _stream("src", 14, Role.SOURCE, "Stream that is moved.")
LANE_MAP = _stream("map", 20, Role.SOURCE, "Stream of lane numbers: for each lane of the result, where it comes from.")
WIDE_MAP = _stream(
    "map", 20, Role.SOURCE, "Lane numbers; a second stream holds their high bytes past 256 lanes.", "map_streams"
)
SELECT_A = _stream("a", 14, Role.SOURCE, "Taken where the mask is not zero.")
SELECT_B = _stream("b", 20, Role.SOURCE, "Taken where the mask is zero.")
SELECT_MASK = _stream("mask", 26, Role.SOURCE, "Stream that chooses, lane by lane.")
AMOUNT = Field(
    name="amount",
    lsb=20,
    width=16,
    form=Form.SIGNED,
    limit="lanes",
    doc="Lanes to move by; positive towards higher lane numbers.",
)
BLOCK_TO = _stream("dst", 8, Role.DEST, "First of `transpose_size` aligned result streams.", "transpose_size")
BLOCK_FROM = _stream("src", 14, Role.SOURCE, "First of `transpose_size` aligned streams.", "transpose_size")

# Instruction control: in every queue ---------------------------------------------------------------------------------

NOP = Op(
    name="NOP",
    code=0x01,
    fields=(COUNT,),
    summary="Wait.",
    operation="Dispatches nothing for `count` cycles.",
)
REPEAT = Op(
    name="REPEAT",
    code=0x02,
    fields=(COUNT, INTERVAL, STRIDE),
    summary="Dispatch the last instruction again.",
    operation="Takes `count * interval` cycles. In the last cycle of each interval the queue's most recently "
    "dispatched slice instruction is dispatched again, its stride field (address or block) first increased by "
    "`stride`. A further REPEAT goes on from the last dispatch, with its advanced field.",
    errors=("No slice instruction was dispatched before.", "A stride other than 0 in a unit without a stride field."),
)
SYNC = Op(
    name="SYNC",
    code=0x03,
    fields=(),
    summary="Park until notified.",
    operation="Parks the queue. A SYNC that is dispatched in cycle u ends with the first NOTIFY, in any queue, whose "
    "release cycle r (its dispatch plus its d_func) is greater than u; the next instruction dispatches in cycle r.",
    errors=("No such NOTIFY comes: the queue never ends.",),
)
NOTIFY = Op(
    name="NOTIFY",
    code=0x04,
    fields=(),
    d_func=Cycles(4),
    summary="Release every parked queue.",
    operation="Queues parked in SYNC dispatch their next instruction d_func cycles after this one.",
)

CONTROL = (NOP, REPEAT, SYNC, NOTIFY)

# MEM -----------------------------------------------------------------------------------------------------------------

READ = Op(
    name="READ",
    code=0x10,
    fields=(READ_TO, ADDRESS),
    d_func=Cycles(3),
    summary="Put one memory word on a stream.",
    operation="stream[dst] = memory[address]. Sees every WRITE that was dispatched in an earlier cycle.",
    errors=("A WRITE of the same slice in the same cycle uses the same bank.", "The word was never written or loaded."),
)
WRITE = Op(
    name="WRITE",
    code=0x11,
    fields=(WRITE_FROM, ADDRESS),
    d_skew=Cycles(1),
    summary="Store one stream vector.",
    operation="memory[address] = stream[src]. The write happens in cycle dispatch + d_skew.",
    errors=("A READ of the same slice in the same cycle uses the same bank.", "No value arrives on the stream."),
)

# MXM -----------------------------------------------------------------------------------------------------------------

LW = Op(
    name="LW",
    code=0x20,
    fields=(WEIGHTS, BLOCK),
    d_skew=Cycles(1),
    summary="Load weight columns into the plane's buffer.",
    operation="For j in 0 to weight_streams - 1: buffer[row, block * weight_streams + j] = stream[src + j][row], for "
    "every row (lane). Any IW dispatched in a later cycle installs them; one in the same cycle does not.",
    errors=("No value arrives on one of the streams.",),
)
IW = Op(
    name="IW",
    code=0x21,
    fields=(),
    summary="Install the weight buffer.",
    operation="weights = buffer. The buffer keeps its content. Used by every ABC dispatched in a later cycle.",
    errors=("A block of the buffer was never loaded.",),
)
ABC = Op(
    name="ABC",
    code=0x22,
    fields=(ACTIVATIONS,),
    d_skew=Cycles(1),
    d_func=Cycles(4, per_superlane=2),
    summary="Multiply one activation vector.",
    operation="product[column] = sum over rows of stream[src][row] * weights[row, column], exact in int32. The product "
    "meets the ACC of the same plane that takes its operand d_func cycles after this dispatch.",
    errors=("No value arrives on the stream.", "No IW came before."),
)
ACC = Op(
    name="ACC",
    code=0x23,
    fields=(ACCUMULATOR, ACC_MODE, ACC_TO),
    d_skew=Cycles(1),
    d_func=Cycles(3),
    summary="Accumulate one product.",
    operation="accumulator[address] = product (+ accumulator[address] in mode `add`), modulo 2^32, where the product "
    "is that of the ABC dispatched d_func(ABC) - d_skew(ACC) cycles earlier. The new value leaves on `dst`, if given.",
    errors=("No product arrives in that cycle.", "Mode `add` on an accumulator that was never set."),
)

# VXM -----------------------------------------------------------------------------------------------------------------

_VXM_ERRORS = (
    "No value arrives on a source stream.",
    "A source ALU holds no result yet: it holds one from 2 cycles after its dispatch until its next.",
)


def _vxm(name: str, code: int, fields: tuple[Field, ...], summary: str, operation: str) -> Op:
    """A VXM row: one cycle to decode, one to take operands, one to compute, one to reach the stream."""
    return Op(
        name=name,
        code=code,
        fields=(VXM_TO, *fields, IMMEDIATE),
        d_skew=Cycles(1),
        d_func=Cycles(4),
        summary=summary,
        operation=operation,
        errors=_VXM_ERRORS,
    )


VXM_CHAIN = Cycles(2)
"""From an ALU's dispatch to the first dispatch, in any ALU, that can take its held result."""

COPY = _vxm("COPY", 0x30, (A,), "Copy.", "result = a")
ADD = _vxm("ADD", 0x31, (A, B), "Add.", "result = a + b, modulo 2^32")
SUB = _vxm("SUB", 0x32, (A, B), "Subtract.", "result = a - b, modulo 2^32")
MUL = _vxm("MUL", 0x33, (A, B), "Multiply.", "result = a * b, modulo 2^32")
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
)

# SXM -----------------------------------------------------------------------------------------------------------------

_SXM_ERRORS = ("No value arrives on a source stream.",)

LANE_SHIFT = Op(
    name="SHIFT",
    code=0x50,
    fields=(SXM_TO, SXM_FROM, AMOUNT),
    d_skew=Cycles(1),
    d_func=Cycles(4, per_superlane=1),
    summary="Move all lanes along the vector.",
    operation="result[lane] = src[lane - amount], 0 where that is no lane. Crosses superlanes.",
    errors=_SXM_ERRORS,
)
LANE_SELECT = Op(
    name="SELECT",
    code=0x51,
    fields=(SXM_TO, SELECT_A, SELECT_B, SELECT_MASK),
    d_skew=Cycles(1),
    d_func=Cycles(4),
    summary="Choose between two vectors, lane by lane.",
    operation="result[lane] = a[lane] if mask[lane] != 0 else b[lane]",
    errors=_SXM_ERRORS,
)
PERMUTE = Op(
    name="PERMUTE",
    code=0x52,
    fields=(SXM_TO, SXM_FROM, WIDE_MAP),
    d_skew=Cycles(1),
    d_func=Cycles(4, per_superlane=1),
    summary="Rearrange all lanes.",
    operation="result[lane] = src[map[lane]], 0 where map[lane] is no lane. Any lane may be named any number of times. "
    "Crosses superlanes.",
    errors=_SXM_ERRORS,
)
DISTRIBUTE = Op(
    name="DISTRIBUTE",
    code=0x53,
    fields=(SXM_TO, SXM_FROM, LANE_MAP),
    d_skew=Cycles(1),
    d_func=Cycles(4),
    summary="Rearrange or replicate lanes within each superlane.",
    operation="For lane i of each superlane: result[i] = src[map[i]] of the same superlane, 0 where map[i] > 15.",
    errors=_SXM_ERRORS,
)
TRANSPOSE = Op(
    name="TRANSPOSE",
    code=0x54,
    fields=(BLOCK_TO, BLOCK_FROM),
    d_skew=Cycles(1),
    d_func=Cycles(4),
    summary="Exchange streams and lanes.",
    operation="T = transpose_size. In every block of T lanes: stream[dst + i][lane j] = stream[src + j][lane i], for "
    "i and j from 0 to T - 1.",
    errors=_SXM_ERRORS,
)

# Units ---------------------------------------------------------------------------------------------------------------

MEM_READ = Unit(name="read", kind=Kind.MEM, ops=(*CONTROL, READ), stride=ADDRESS, doc="Read port of a MEM slice.")
MEM_WRITE = Unit(name="write", kind=Kind.MEM, ops=(*CONTROL, WRITE), stride=ADDRESS, doc="Write port of a MEM slice.")
MXM_WEIGHTS = Unit(name="weights", kind=Kind.MXM, ops=(*CONTROL, LW), stride=BLOCK, doc="Weight buffer of a plane.")
MXM_ACTIVATE = Unit(name="activate", kind=Kind.MXM, ops=(*CONTROL, IW, ABC), doc="Array of a plane.")
MXM_ACCUMULATE = Unit(
    name="accumulate", kind=Kind.MXM, ops=(*CONTROL, ACC), stride=ACCUMULATOR, doc="Accumulators of a plane."
)
VXM_ALU = Unit(
    name="alu",
    kind=Kind.VXM,
    ops=(
        *CONTROL,
        *(COPY, ADD, SUB, MUL, MIN, MAX, AND, OR, XOR, NOT, SHL, SHR),
        *(EQ, NE, LT, LE, MASK, SELECT, RELU, REQUANT),
    ),
    doc="One vector ALU, 32 bits wide in every lane.",
)
SXM_SHIFT = Unit(name="shift", kind=Kind.SXM, ops=(*CONTROL, LANE_SHIFT), doc="Lane shifter.")
SXM_SELECT = Unit(name="select", kind=Kind.SXM, ops=(*CONTROL, LANE_SELECT), doc="Lane selector.")
SXM_PERMUTE = Unit(name="permute", kind=Kind.SXM, ops=(*CONTROL, PERMUTE), doc="Permuter of all lanes.")
SXM_DISTRIBUTE = Unit(
    name="distribute", kind=Kind.SXM, ops=(*CONTROL, DISTRIBUTE), doc="Distributor within superlanes."
)
SXM_TRANSPOSE = Unit(name="transpose", kind=Kind.SXM, ops=(*CONTROL, TRANSPOSE), doc="Transposer.")

UNITS = (
    *(MEM_READ, MEM_WRITE),
    VXM_ALU,
    *(MXM_WEIGHTS, MXM_ACTIVATE, MXM_ACCUMULATE),
    *(SXM_SHIFT, SXM_SELECT, SXM_PERMUTE, SXM_DISTRIBUTE, SXM_TRANSPOSE),
)
"""Every unit; within a slice, queues come in this order."""
