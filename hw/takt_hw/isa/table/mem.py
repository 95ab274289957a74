"""MEM: reads and writes."""

from __future__ import annotations

from ...config import ChipConfig, Kind
from ..form import Cycles, Field, Instruction, Op, Role, Unit, stream_field
from .control import CONTROL

ADDRESS = Field(name="address", lsb=8, width=16, limit="mem_words", doc="Word of the slice; the upper half is bank 1.")

READ_TO = stream_field("dst", 24, Role.DEST, "Stream that the word leaves on.")

WRITE_FROM = stream_field("src", 24, Role.SOURCE, "Stream that the word arrives on.")

ADDRESSES = stream_field(
    "map",
    30,
    Role.SOURCE,
    "Stream of addresses: bytes 0 and 1 of each superlane, low byte first; its other bytes mean nothing.",
)

WRITE_MASK = stream_field("mask", 30, Role.SOURCE, "Stream that chooses, lane by lane.")

READ = Op(
    name="READ",
    code=0x10,
    fields=(READ_TO, ADDRESS),
    d_func=Cycles(3, plus="memory_cycles"),
    summary="Put one memory word on a stream.",
    operation="stream[dst] = memory[address]. Sees every WRITE that was dispatched in an earlier cycle.",
    errors=(
        "A write of the same slice uses the same bank in the same cycle.",
        "The word was never written or loaded.",
    ),
)

WRITE = Op(
    name="WRITE",
    code=0x11,
    fields=(WRITE_FROM, ADDRESS),
    d_skew=Cycles(1),
    summary="Store one stream vector.",
    operation="memory[address] = stream[src]. The write happens in cycle dispatch + d_skew + mending_cycles.",
    errors=(
        "A READ or GATHER of the same slice uses the same bank in the same cycle.",
        "The write queue dispatched a WRITE_MASKED in the 1 + masked_cycles cycles before.",
        "No value arrives on the stream.",
    ),
)

WRITE_MASKED = Op(
    name="WRITE_MASKED",
    code=0x12,
    fields=(WRITE_FROM, ADDRESS, WRITE_MASK),
    d_skew=Cycles(1),
    summary="Store some lanes of one stream vector.",
    operation="For each lane with mask[lane] != 0: memory[address][lane] = stream[src][lane]; the other lanes keep "
    "their values. The write happens in cycle dispatch + d_skew + mending_cycles + 1 + masked_cycles, and READs "
    "dispatched later than dispatch + 1 + masked_cycles see it. The instruction uses its bank, both if masked_cycles "
    "is not 0, for reading and for writing, from the cycle of its dispatch to 1 + masked_cycles after it.",
    errors=(
        "A READ or GATHER of the same slice uses a bank while it does.",
        "The write queue dispatches anything in the 1 + masked_cycles cycles behind it.",
        "No value arrives on a stream.",
        "The word was never written or loaded.",
    ),
)

GATHER = Op(
    name="GATHER",
    code=0x13,
    fields=(READ_TO, ADDRESSES),
    d_skew=Cycles(1),
    d_func=Cycles(3, plus="memory_cycles"),
    summary="Read one address per superlane.",
    operation="In each superlane: a = the 16-bit address that it has in stream[map]; stream[dst] = memory[a], or 0 "
    "and the fault flag `ADDRESS_RANGE` if there is no word a. Sees every write that was dispatched in an earlier "
    "cycle. Uses both banks.",
    errors=(
        "A write of the same slice uses a bank in the same cycle.",
        "No value arrives on the stream.",
        "No word of the slice was ever written or loaded.",
        "An address out of range: no tool can refuse it, the fault flag reports it after the run.",
    ),
)

SCATTER = Op(
    name="SCATTER",
    code=0x14,
    fields=(WRITE_FROM, ADDRESSES),
    d_skew=Cycles(1),
    summary="Write one address per superlane.",
    operation="In each superlane: a = the 16-bit address that it has in stream[map]; memory[a] = stream[src], or no "
    "write and the fault flag `ADDRESS_RANGE` if there is no word a. The write happens in cycle dispatch + d_skew + "
    "mending_cycles. Uses both banks.",
    errors=(
        "A READ or GATHER of the same slice in the same cycle.",
        "The write queue dispatched a WRITE_MASKED in the 1 + masked_cycles cycles before.",
        "No value arrives on a stream.",
        "An address out of range: no tool can refuse it, the fault flag reports it after the run.",
    ),
)

MEM_READ = Unit(
    name="read", kind=Kind.MEM, ops=(*CONTROL, READ, GATHER), stride=ADDRESS, doc="Read port of a MEM slice."
)

MEM_WRITE = Unit(
    name="write",
    kind=Kind.MEM,
    ops=(*CONTROL, WRITE, WRITE_MASKED, SCATTER),
    stride=ADDRESS,
    doc="Write port of a MEM slice.",
)


def banks(config: ChipConfig, instruction: Instruction) -> frozenset[int]:
    """Banks that an instruction of a MEM slice uses: both where only data know the address, or where it takes long."""
    if instruction.op in CONTROL:
        return frozenset()
    both = "address" not in instruction.values or (instruction.op is WRITE_MASKED and config.masked_cycles)
    return frozenset((0, 1)) if both else frozenset((instruction["address"] // config.bank_words,))
