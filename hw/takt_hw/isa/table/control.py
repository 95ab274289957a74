"""Instruction control: what every queue has."""

from __future__ import annotations

from ..form import Cycles, Field, Form, Op, Role, stream_field

COUNT = Field(name="count", lsb=8, width=16, minimum=1, doc="Cycles, or repetitions: 1 to 65535.")

INTERVAL = Field(name="interval", lsb=24, width=16, minimum=1, doc="Cycles between dispatches: 1 to 65535.")

STRIDE = Field(name="stride", lsb=40, width=16, form=Form.SIGNED, doc="Added to the unit's stride field each time.")

BODY = Field(name="body", lsb=24, width=16, minimum=1, doc="Words of the loop's body: 1 to 65535.")

BASE = Field(name="base", lsb=40, width=16, form=Form.SIGNED, doc="Added to the unit's stride field from now on.")

TEXT_FROM = stream_field("src", 8, Role.SOURCE, "Stream that instruction text arrives on.")

TEXT_WORDS = Field(
    name="words",
    lsb=24,
    width=16,
    minimum=1,
    limit="fetch_limit",
    doc="Words taken: 1 to queue_words, at most 65535.",
)

LOOP_DEPTH = 4
"""Loops that a queue can be in at a time."""

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
    errors=(
        "No slice instruction was dispatched before.",
        "A stride other than 0 where the unit or the instruction has no stride field.",
    ),
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

LOOP = Op(
    name="LOOP",
    code=0x05,
    fields=(COUNT, BODY, STRIDE),
    summary="Dispatch the next words again and again.",
    operation="Takes one cycle, in which nothing is dispatched; then the `body` words that follow run `count` times. "
    "There is no cycle between two iterations. In iteration i (from 0) the stride field of every slice instruction "
    "in the body is increased by `i * stride`; an instruction without that field stays as it is. Loops nest "
    f"{LOOP_DEPTH} deep and their increases add up; several may end with the same word. A REPEAT in the body goes on "
    "from the last dispatch, as ever, with all that it was increased by. No IFETCH may stand in a body.",
    errors=(
        "A body that goes past the text that the host loaded or an earlier IFETCH has asked for.",
        f"More than {LOOP_DEPTH} loops within one another; a loop that ends beyond the loop around it.",
        "A stride other than 0 in a unit without a stride field.",
        "An IFETCH in the body.",
    ),
)

IFETCH = Op(
    name="IFETCH",
    code=0x06,
    fields=(TEXT_FROM, TEXT_WORDS),
    d_skew=Cycles(1),
    d_func=Cycles(5, plus="fetch_cycles"),
    brings_text=True,
    summary="Append words to this queue's text.",
    operation="Takes one cycle. Takes a vector from `src` at the slice's position, and after every `superlanes` cycles "
    "another, until it has `words` words: word n is the 16 bytes of superlane n modulo `superlanes` in vector "
    "n / `superlanes`, rounded down. They are appended to the queue's text, behind all that is there or was asked "
    "for. Word n can be dispatched from d_func + n cycles after the IFETCH on. The queue's text memory is a ring: in "
    "that cycle the word takes the place of the one `queue_words` words earlier. All queues at one position share one "
    "way in, which an IFETCH has for `words` cycles from its dispatch on.",
    errors=(
        "No value arrives on the stream.",
        "The value is not a memory word that was loaded before the program and that the program does not write.",
        "Another IFETCH at the same position is dispatched within `words` cycles.",
        "A word would take the place of one that is still to be dispatched.",
        "A fetched word comes up for dispatch before it has arrived: the queue runs dry.",
        "It stands in the body of a LOOP.",
    ),
)

CONFIG = Op(
    name="CONFIG",
    code=0x07,
    fields=(BASE,),
    summary="Set the queue's base.",
    operation="Takes one cycle. The stride field of every slice instruction that this queue takes from its text later "
    "is increased by `base`, in place of the base that was set before. 0 when a program starts.",
    errors=("A base other than 0 in a unit without a stride field.",),
)

CONTROL = (NOP, REPEAT, SYNC, NOTIFY, LOOP, IFETCH, CONFIG)
"""Instruction control: one in-order queue per slice unit, and the chip's clockwork."""
