"""SXM: lane movement."""

from __future__ import annotations

from ...config import Kind
from ..form import Cycles, Field, Form, Op, Role, Unit, stream_field
from .control import CONTROL

SXM_TO = stream_field("dst", 8, Role.DEST, "Stream that the result leaves on.")

SXM_FROM = stream_field("src", 14, Role.SOURCE, "Stream that is moved.")

LANE_MAP = stream_field(
    "map", 20, Role.SOURCE, "Stream of lane numbers: for each lane of the result, where it comes from."
)

WIDE_MAP = stream_field(
    "map", 20, Role.SOURCE, "Lane numbers; a second stream holds their high bytes past 256 lanes.", "map_streams"
)

SELECT_A = stream_field("a", 14, Role.SOURCE, "Taken where the mask is not zero.")

SELECT_B = stream_field("b", 20, Role.SOURCE, "Taken where the mask is zero.")

SELECT_MASK = stream_field("mask", 26, Role.SOURCE, "Stream that chooses, lane by lane.")

AMOUNT = Field(
    name="amount",
    lsb=20,
    width=16,
    form=Form.SIGNED,
    limit="lanes",
    doc="Lanes to move by; positive towards higher lane numbers.",
)

BLOCK_TO = stream_field("dst", 8, Role.DEST, "First of `transpose_size` aligned result streams.", "transpose_size")

BLOCK_FROM = stream_field("src", 14, Role.SOURCE, "First of `transpose_size` aligned streams.", "transpose_size")

_SXM_ERRORS = ("No value arrives on a source stream.",)

LANE_SHIFT = Op(
    name="SHIFT",
    code=0x50,
    fields=(SXM_TO, SXM_FROM, AMOUNT),
    d_skew=Cycles(1),
    d_func=Cycles(4, per_superlane=1, plus="crossing_cycles"),
    summary="Move all lanes along the vector.",
    operation="result[lane] = src[lane - amount], 0 where that is no lane. Crosses superlanes.",
    errors=_SXM_ERRORS,
)

ROTATE = Op(
    name="ROTATE",
    code=0x55,
    fields=(SXM_TO, SXM_FROM, AMOUNT),
    d_skew=Cycles(1),
    d_func=Cycles(4, per_superlane=1, plus="crossing_cycles"),
    summary="Move all lanes around the vector.",
    operation="result[lane] = src[(lane - amount) mod lanes]. Crosses superlanes.",
    errors=_SXM_ERRORS,
)

LANE_SELECT = Op(
    name="SELECT",
    code=0x51,
    fields=(SXM_TO, SELECT_A, SELECT_B, SELECT_MASK),
    d_skew=Cycles(1),
    d_func=Cycles(4, plus="mover_cycles"),
    summary="Choose between two vectors, lane by lane.",
    operation="result[lane] = a[lane] if mask[lane] != 0 else b[lane]",
    errors=_SXM_ERRORS,
)

PERMUTE = Op(
    name="PERMUTE",
    code=0x52,
    fields=(SXM_TO, SXM_FROM, WIDE_MAP),
    d_skew=Cycles(1),
    d_func=Cycles(4, per_superlane=1, plus="crossing_cycles"),
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
    d_func=Cycles(4, plus="mover_cycles"),
    summary="Rearrange or replicate lanes within each superlane.",
    operation="For lane i of each superlane: result[i] = src[map[i]] of the same superlane, 0 where map[i] > 15.",
    errors=_SXM_ERRORS,
)

TRANSPOSE = Op(
    name="TRANSPOSE",
    code=0x54,
    fields=(BLOCK_TO, BLOCK_FROM),
    d_skew=Cycles(1),
    d_func=Cycles(4, plus="mover_cycles"),
    summary="Exchange streams and lanes.",
    operation="T = transpose_size. In every block of T lanes: stream[dst + i][lane j] = stream[src + j][lane i], for "
    "i and j from 0 to T - 1.",
    errors=_SXM_ERRORS,
)

SXM_SHIFT = Unit(name="shift", kind=Kind.SXM, ops=(*CONTROL, LANE_SHIFT, ROTATE), doc="Lane shifter.")

SXM_SELECT = Unit(name="select", kind=Kind.SXM, ops=(*CONTROL, LANE_SELECT), doc="Lane selector.")

SXM_PERMUTE = Unit(name="permute", kind=Kind.SXM, ops=(*CONTROL, PERMUTE), doc="Permuter of all lanes.")

SXM_DISTRIBUTE = Unit(
    name="distribute", kind=Kind.SXM, ops=(*CONTROL, DISTRIBUTE), doc="Distributor within superlanes."
)

SXM_TRANSPOSE = Unit(name="transpose", kind=Kind.SXM, ops=(*CONTROL, TRANSPOSE), doc="Transposer.")
