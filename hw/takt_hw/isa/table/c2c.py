"""C2C: vectors to and from other chips, and the clockwork that they share."""

from __future__ import annotations

from ...config import MAX_LINKS, ChipConfig, Kind
from ..form import Cycles, Field, Op, Role, Unit, stream_field
from .control import CONTROL

EPOCH_CYCLES = 256
"""Period of the boundaries of the aligned counter that DESKEW waits for."""


def link_overhead(config: ChipConfig) -> int:
    """Cycles by which a vector takes longer than the time that a link's length was measured with.

    From SEND's dispatch to the first dispatch of its RECEIVE that surely finds the vector, if both chips' counters
    showed the same: the link's longest length and these. A packet has ended `packet_words` + 1 cycles after its SEND's
    dispatch, later if its vector is mended first, and it may cross to the other clock a cycle later than any word that
    measured the length.
    """
    return config.packet_words + 2 + config.mending_cycles


SEND_FROM = stream_field("src", 8, Role.SOURCE, "Stream of the vector that is sent.")

RECEIVE_TO = stream_field("dst", 8, Role.DEST, "Stream that the received vector leaves on.")

DESKEW_CYCLES = Field(
    name="cycles", lsb=8, width=16, minimum=1, doc="Cycles of the program until the next instruction: 1 to 65535."
)

LINK = Field(name="link", lsb=8, width=4, limit="links", doc="Number of a link of this chip.")

LINK_SET = Field(
    name="links", lsb=8, width=MAX_LINKS, minimum=1, limit="link_sets", doc="Links of this chip, bit n for link n."
)

SEND = Op(
    name="SEND",
    code=0x80,
    fields=(SEND_FROM,),
    d_skew=Cycles(1),
    summary="Send a vector over the link.",
    operation="Takes the vector from `src`. The n-th RECEIVE of the link's other end, which must not be dispatched "
    "earlier than the link's declared latency after this SEND, puts it on a stream there. The link carries it for "
    "`packet_cycles` cycles.",
    errors=(
        "No value arrives on the stream.",
        "A SEND of the same link was dispatched less than `packet_cycles` cycles before.",
        "The link has no other end.",
        "The other end does not receive it, or holds `link_buffer` vectors that it has not received yet.",
    ),
)

RECEIVE = Op(
    name="RECEIVE",
    code=0x81,
    fields=(RECEIVE_TO,),
    d_func=Cycles(3, plus="receive_cycles"),
    summary="Put the next vector that came over the link on a stream.",
    operation="stream[dst] = the vector of the link's n-th SEND, if this is its n-th RECEIVE. If that vector has not "
    "arrived, or arrived with more flipped bits than can be mended: zeros, and the fault flag `LINK_LOST`.",
    errors=(
        "It is dispatched earlier than the link's declared latency after its SEND, or there is no such SEND.",
        "The link has no other end.",
    ),
)

DESKEW = Op(
    name="DESKEW",
    code=0x82,
    fields=(),
    d_func=Cycles(4),
    summary="Begin in step with the other chips.",
    operation="Parks the queue until the chip's aligned counter comes to a multiple of "
    f"{EPOCH_CYCLES}; the next instruction is dispatched in that clock. In the program that is d_func cycles after "
    "this one's dispatch, however long it took. From then on program and aligned counter are compared.",
    errors=("It stands elsewhere than in the start-up sequence of the chip's place in the topology.",),
)

RUNTIME_DESKEW = Op(
    name="RUNTIME_DESKEW",
    code=0x83,
    fields=(DESKEW_CYCLES,),
    summary="Take back the drift between program and aligned counter.",
    operation="Parks the queue. The next instruction is dispatched `cycles` cycles of the program later: in the clock "
    "in which the aligned counter has come as far as the program says, so some clocks earlier or later than `cycles`. "
    "If that clock is over already: at once, and the fault flag `DRIFT`.",
    errors=(
        "`cycles` is less than the build's `deskew_minimum`.",
        "Another queue dispatches something before this one goes on. They must be parked in SYNC, or have ended.",
        "It comes before the start-up sequence.",
    ),
)

SYNC_LINK = Op(
    name="SYNC_LINK",
    code=0x84,
    fields=(LINK,),
    d_func=Cycles(4),
    summary="Wait for the chip at the other end of a link.",
    operation="Parks the queue until a NOTIFY_LINKS of the link's other end has come that no SYNC_LINK has waited for. "
    "The next instruction is dispatched in the program d_func cycles after this one, however long it took.",
    errors=("It stands elsewhere than in the start-up sequence of the chip's place in the topology.",),
)

NOTIFY_LINKS = Op(
    name="NOTIFY_LINKS",
    code=0x85,
    fields=(LINK_SET,),
    summary="Let the chips at the other ends of some links go on.",
    operation="Ends one SYNC_LINK at the other end of each of `links`, now or when it comes.",
    errors=("It stands elsewhere than in the start-up sequence of the chip's place in the topology.",),
)

C2C_SEND = Unit(name="send", kind=Kind.C2C, ops=(*CONTROL, SEND), per_link=True, doc="Sending end of a link.")

C2C_RECEIVE = Unit(
    name="receive", kind=Kind.C2C, ops=(*CONTROL, RECEIVE), per_link=True, doc="Receiving end of a link."
)

C2C_ALIGN = Unit(
    name="align",
    kind=Kind.C2C,
    ops=(*CONTROL, DESKEW, RUNTIME_DESKEW, SYNC_LINK, NOTIFY_LINKS),
    waits=(DESKEW, RUNTIME_DESKEW, SYNC_LINK),
    once=True,
    doc="Alignment with other chips; the westmost C2C has it.",
)
