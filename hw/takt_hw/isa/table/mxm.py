"""MXM: weights, activations, accumulators."""

from __future__ import annotations

from ...config import Kind
from .. import operands
from ..form import Cycles, Field, Form, Op, Role, Unit, stream_field
from .control import CONTROL

BLOCK = Field(name="block", lsb=8, width=16, limit="weight_blocks", doc="Which group of weight columns to load.")

WEIGHTS = stream_field(
    "src", 24, Role.SOURCE, "First of `weight_streams` aligned streams, one column each.", "weight_streams"
)

ACTIVATIONS = stream_field("src", 8, Role.SOURCE, "Stream of the activation vector, one int8 per row.")

ACTIVATIONS_FP16 = stream_field(
    "src", 8, Role.SOURCE, "First of two aligned streams of the activation vector, fp16.", 2
)

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

_BUSY = "An ABC of this plane was dispatched fewer than `mxm_turns` cycles before."

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
    operation="weights = buffer, the bytes that LW loaded, as int8. The buffer keeps its content. Used by every ABC or "
    "ABC_FP16 dispatched in a later cycle.",
    errors=("A block of the buffer was never loaded.", _BUSY),
)

ABC = Op(
    name="ABC",
    code=0x22,
    fields=(ACTIVATIONS,),
    d_skew=Cycles(1),
    d_func=Cycles(4, per_superlane=2, plus="product_cycles"),
    summary="Multiply one activation vector.",
    operation="product[column] = sum over rows of stream[src][row] * weights[row, column], exact in int32. The product "
    "meets the ACC of the same plane that takes its operand d_func cycles after this dispatch.",
    errors=("No value arrives on the stream.", "No IW came before.", "The installed weights are fp16.", _BUSY),
)

ACC = Op(
    name="ACC",
    code=0x23,
    fields=(ACCUMULATOR, ACC_MODE, ACC_TO),
    d_skew=Cycles(1),
    d_func=Cycles(3, plus="accumulate_cycles"),
    summary="Accumulate one product.",
    operation="accumulator[address] = product (+ accumulator[address] in mode `add`), where the product "
    "is that of the ABC or ABC_FP16 dispatched d_func(ABC) - d_skew(ACC) cycles earlier. Sums of ABC are int32, modulo "
    "2^32. Sums of ABC_FP16 are exact, however many are added: NaN if one of them is NaN or infinities of both signs "
    "come together, else infinite if one of them is. The new value leaves on `dst`, if given: int32, or the exact sum "
    "rounded once to fp32, to nearest, ties to even. NaN leaves as 0x7fc00000, an exact zero as +0.",
    errors=(
        "No product arrives in that cycle.",
        "Mode `add` on an accumulator that was never set.",
        "Mode `add` of a product of ABC on a sum of ABC_FP16, or the other way round.",
    ),
)

LW_HIGH = Op(
    name="LW_HIGH",
    code=0x24,
    fields=(WEIGHTS, BLOCK),
    d_skew=Cycles(1),
    needs="mxm_fp16",
    summary="Load the high bytes of fp16 weight columns.",
    operation="As LW, into the high byte of each weight; LW loads the low byte.",
    errors=("No value arrives on one of the streams.",),
)

IW_FP16 = Op(
    name="IW_FP16",
    code=0x25,
    fields=(),
    needs="mxm_fp16",
    summary="Install the weight buffer as fp16 weights.",
    operation="weights = buffer, two bytes each. The buffer keeps its content. Used by every ABC_FP16 dispatched in "
    "a later cycle.",
    errors=("A block of the buffer was never loaded by LW, or never by LW_HIGH.",),
)

ABC_FP16 = Op(
    name="ABC_FP16",
    code=0x26,
    fields=(ACTIVATIONS_FP16,),
    d_skew=Cycles(1),
    d_func=Cycles(4, per_superlane=2, plus="product_cycles"),
    needs="mxm_float",
    summary="Multiply one fp16 activation vector.",
    operation="product[column] = sum over rows of stream[src][row] * weights[row, column], exact. The weights are "
    "fp16 after IW_FP16 and int8 after IW. A sum has no value of its own if a factor is NaN, infinity meets 0, or "
    "infinities of both signs meet: it is NaN; otherwise an infinite product makes it that infinity. The product "
    "meets the ACC of the same plane that takes its operand d_func cycles after this dispatch.",
    errors=(
        "No value arrives on the stream.",
        "No IW or IW_FP16 came before.",
        "The installed weights are of a type that this build does not multiply by fp16.",
    ),
)

DRAIN = Op(
    name="DRAIN",
    code=0x27,
    fields=(ACCUMULATOR, ACC_TO),
    d_func=Cycles(3, plus="accumulate_cycles"),
    summary="Read and clear one accumulator.",
    operation="The accumulator's value leaves on `dst`, if given, as ACC sends it; then accumulator[address] = 0, an "
    "integer or a floating-point zero as the next ACC in mode `add` needs it. A product that arrives in this cycle "
    "is dropped.",
    errors=("The accumulator was never set.",),
)

MXM_WEIGHTS = Unit(
    name="weights", kind=Kind.MXM, ops=(*CONTROL, LW, LW_HIGH), stride=BLOCK, doc="Weight buffer of a plane."
)

MXM_ACTIVATE = Unit(name="activate", kind=Kind.MXM, ops=(*CONTROL, IW, ABC, IW_FP16, ABC_FP16), doc="Array of a plane.")

MXM_ACCUMULATE = Unit(
    name="accumulate", kind=Kind.MXM, ops=(*CONTROL, ACC, DRAIN), stride=ACCUMULATOR, doc="Accumulators of a plane."
)
