"""Sizes that fix one build of the chip, and the named builds.

Plain Python, free of Amaranth: the assembler, the checker and the simulator read it too.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, replace
from enum import Enum
from functools import cached_property

LANES_PER_SUPERLANE = 16
"""Bytes that one superlane moves per stream and cycle. Fixed: an instruction word is as wide."""

MAX_STREAMS = 32
"""Streams per direction that the instruction encoding can name."""

MAX_WORDS = 1 << 16
"""Words of one MEM slice that the instruction encoding can name."""

MAX_QUEUE_WORDS = 1 << 16
"""Words of one instruction queue that a host frame can name."""

BYTES_PER_INT32 = 4

CHECK_BITS = 9
"""Bits that go with each superlane's share of a vector in a build with ECC."""

MAX_LINKS = 16
"""Links of one chip that the instruction encoding can name."""

LINK_CRC_BITS = 32
"""Bits at the end of each packet on a link that tell a wrong vector from a right one."""


class Kind(Enum):
    """What stands at one position of the row."""

    MEM = "MEM"
    VXM = "VXM"
    SXM = "SXM"
    MXM = "MXM"
    C2C = "C2C"


@dataclass(frozen=True)
class Slice:
    """One functional slice of a build."""

    name: str
    """``VXM``, or kind, hemisphere and number: ``MEM_W3`` is the fourth MEM slice west of the VXM."""

    kind: Kind

    position: int
    """Place along the row, 0 at the west edge. Slices of one MEM group, or MXM planes, share one."""


@dataclass(frozen=True, kw_only=True)
class ChipConfig:
    """Sizes that fix one build of the chip. Every size is checked on construction.

    Raises
    ------
    ValueError
        ``<name> must <rule>, not <value>``.
    """

    name: str
    """Name of the build. Not part of the digest."""

    superlanes: int = 1
    """Groups of 16 lanes; superlane k runs k cycles behind superlane 0. 1 to 20."""

    streams: int = 8
    """Streams per direction. A power of two, 4 to 32."""

    stream_step: int = 1
    """MEM slices and links take turns at the streams: of those, counted from west to east, number n names only streams
    whose number is n modulo this one, and IFETCH those that are multiples of it. A power of two, at most ``streams``.
    What a row can do grows less than what its multiplexers cost."""

    streams_between: bool = False
    """Whether streams go from one position to another only: a slice takes only what some slice upstream can put there,
    memory also what its own position puts, and puts only what one downstream can take. A program loses little by it; a
    row, many inputs of its multiplexers."""

    row: tuple[Kind, ...] = (Kind.MEM, Kind.VXM, Kind.MEM, Kind.SXM, Kind.MXM)
    """Positions from west to east. Exactly one VXM; per hemisphere at most one SXM, one MXM and one C2C."""

    mem_group_slices: int = 4
    """MEM slices that share one position. 1 to 8."""

    mem_words: int = 512
    """Vectors that one MEM slice stores, half of them in each bank. A power of two, 4 to 65536."""

    mxm_planes: int = 1
    """Weight planes at each MXM position. 1 to 4."""

    weight_streams: int = 8
    """Streams, so weight columns, that one LW takes. A power of two, at most 16 and at most ``streams``."""

    mxm_dsp: int = 256
    """Products of each superlane's 16 rows and columns that a pipelined build's MXM leaves to multipliers; it makes the
    others of LUTs. 0 to 256. Of the other builds synthesis decides."""

    mxm_turns: int = 1
    """Groups of a superlane's columns that take turns at the multipliers of a pipelined build's MXM, and cycles between
    two of a plane's products. A power of two, at most 16, and 1 unless ``pipelined``. Every product is left to
    multipliers then."""

    accumulators: int = 16
    """int32 vectors that each MXM plane accumulates. A power of two, 1 to 256."""

    mxm_fp16: bool = False
    """Whether the MXM multiplies fp16 activations by fp16 weights."""

    mxm_fp16_int8: bool = False
    """Whether the MXM multiplies fp16 activations by int8 weights."""

    vxm_alus: int = 4
    """ALUs per lane. 1 to 16."""

    vxm_float_alus: int = 0
    """ALUs, from ALU 0 on, that also have floating-point arithmetic and conversions. At most ``vxm_alus``."""

    vxm_function_alus: int = 0
    """ALUs, from ALU 0 on, that also have exp2, log2 and the like. At most ``vxm_alus``."""

    vxm_turns: int = 1
    """Groups of lanes that take turns at an ALU's lanes, and cycles between two of its operations. A power of two, at
    most 16, and 1 unless ``pipelined``."""

    vxm_reductions: bool = True
    """Whether the VXM reduces over lanes."""

    queue_words: int = 256
    """Instruction words that each queue holds. A power of two, 4 to 65536."""

    c2c_links: int = 0
    """Links to other chips at each C2C position. 1 to 8, and 0 in a row without C2C."""

    link_bits: int = 16
    """Bits of a packet that cross a link per cycle, without those that mend it. A power of two, 16 to 128."""

    link_buffer: int = 16
    """Vectors that a link's receiving end holds. A power of two, 4 to 64."""

    link_drift: int = 4
    """Cycles by which a chip's program may run ahead of its aligned counter, or behind. 1 to 64."""

    ecc: bool = False
    """Whether memory words and stream registers carry check bits: one flipped bit is mended, two are reported."""

    pipelined: bool = False
    """Whether more registers divide the slices' work, for gates and wires as slow as an FPGA's. Latencies grow; the
    properties whose names end in ``_cycles`` say by how much."""

    def __post_init__(self) -> None:
        _require(
            "name", self.name, "be a non-empty identifier", isinstance(self.name, str) and self.name.isidentifier()
        )
        _integer("superlanes", self.superlanes, 1, 20)
        _power_of_two("streams", self.streams, 4, MAX_STREAMS)
        _power_of_two("stream_step", self.stream_step, 1, self.streams)
        _boolean("streams_between", self.streams_between)
        _integer("mem_group_slices", self.mem_group_slices, 1, 8)
        _power_of_two("mem_words", self.mem_words, 4, MAX_WORDS)
        _integer("mxm_planes", self.mxm_planes, 1, 4)
        _power_of_two("weight_streams", self.weight_streams, 1, min(LANES_PER_SUPERLANE, self.streams))
        _integer("mxm_dsp", self.mxm_dsp, 0, LANES_PER_SUPERLANE**2)
        _power_of_two("mxm_turns", self.mxm_turns, 1, LANES_PER_SUPERLANE if self.pipelined is True else 1)
        _power_of_two("accumulators", self.accumulators, 1, 256)
        _boolean("mxm_fp16", self.mxm_fp16)
        _boolean("mxm_fp16_int8", self.mxm_fp16_int8)
        _integer("vxm_alus", self.vxm_alus, 1, 16)
        _integer("vxm_float_alus", self.vxm_float_alus, 0, self.vxm_alus)
        _integer("vxm_function_alus", self.vxm_function_alus, 0, self.vxm_alus)
        _power_of_two("vxm_turns", self.vxm_turns, 1, LANES_PER_SUPERLANE if self.pipelined is True else 1)
        _boolean("vxm_reductions", self.vxm_reductions)
        _power_of_two("queue_words", self.queue_words, 4, MAX_QUEUE_WORDS)
        _power_of_two("link_bits", self.link_bits, 16, 8 * LANES_PER_SUPERLANE)
        _power_of_two("link_buffer", self.link_buffer, 4, 64)
        _integer("link_drift", self.link_drift, 1, 64)
        _boolean("ecc", self.ecc)
        _boolean("pipelined", self.pipelined)
        if self.pipelined:
            for name in ("mxm_fp16", "mxm_fp16_int8", "vxm_function_alus"):
                _require(name, getattr(self, name), "be off in a pipelined build", not getattr(self, name))
        kinds = isinstance(self.row, tuple) and all(isinstance(kind, Kind) for kind in self.row)
        _require("row", self.row, "be a tuple of Kind", kinds)
        text = " ".join(kind.value for kind in self.row)
        _require("row", text, "hold exactly one VXM", self.row.count(Kind.VXM) == 1)
        vxm = self.row.index(Kind.VXM)
        for side, hemisphere in (("west", self.row[:vxm]), ("east", self.row[vxm + 1 :])):
            for kind in (Kind.SXM, Kind.MXM, Kind.C2C):
                rule = f"hold at most one {kind.value} {side} of the VXM"
                _require("row", text, rule, hemisphere.count(kind) <= 1)
        _require("row", text, "hold at least one MEM", Kind.MEM in self.row)
        with_links = Kind.C2C in self.row
        _integer("c2c_links", self.c2c_links, int(with_links), MAX_LINKS // 2 if with_links else 0)

    @property
    def lanes(self) -> int:
        """Bytes in one vector (VL): what one stream moves past one position per cycle."""
        return self.superlanes * LANES_PER_SUPERLANE

    @property
    def stream_bits(self) -> int:
        """Bits of one stream register, or memory word, in one superlane."""
        return 8 * LANES_PER_SUPERLANE + (CHECK_BITS if self.ecc else 0)

    @property
    def positions(self) -> int:
        """Stream register positions along the row."""
        return len(self.row)

    @property
    def bank_words(self) -> int:
        """Words in one of a MEM slice's two banks. Bank 0 holds the lower addresses."""
        return self.mem_words // 2

    @property
    def transpose_size(self) -> int:
        """Streams, and lanes per block, that TRANSPOSE exchanges."""
        return min(LANES_PER_SUPERLANE, self.streams)

    @property
    def map_streams(self) -> int:
        """Streams of a PERMUTE map: lane numbers past 255 need a second byte."""
        return 1 if self.lanes <= 256 else 2

    @property
    def weight_blocks(self) -> int:
        """LW instructions that fill one plane's weight buffer."""
        return self.lanes // self.weight_streams

    @property
    def fetch_limit(self) -> int:
        """One more than the words of instruction text that one IFETCH can take."""
        return min(self.queue_words, MAX_QUEUE_WORDS - 1) + 1

    @property
    def mxm_float(self) -> bool:
        """Whether the MXM has floating-point products at all."""
        return self.mxm_fp16 or self.mxm_fp16_int8

    @property
    def mxm_rounding(self) -> int:
        """Cycles that rounding the sums to fp32 adds to whatever leaves an accumulator."""
        return 2 if self.mxm_float else 0

    # What ``pipelined`` adds to the latencies of the instruction table.

    @property
    def mending_cycles(self) -> int:
        """From a stream register to what a slice gets of it, if a flipped bit is mended on the way."""
        return 1 if self.pipelined and self.ecc else 0

    @property
    def memory_cycles(self) -> int:
        """Registers before a bank's address and behind its data: from a READ or GATHER to its stream."""
        return 2 + self.mending_cycles if self.pipelined else 0

    @property
    def masked_cycles(self) -> int:
        """Of a WRITE_MASKED that reads its old word as a READ does, because check bits are those of whole words."""
        return 2 * self.mending_cycles

    @property
    def alu_cycles(self) -> int:
        """Of an ALU's integer operations without a product, until they can be chained."""
        return 3 if self.pipelined else 0

    @property
    def multiply_cycles(self) -> int:
        """Of an ALU's integer products, MUL and REQUANT, until they can be chained."""
        return 11 if self.pipelined else 0

    @property
    def float_cycles(self) -> int:
        """Of an ALU's floating-point operations, until they can be chained."""
        return 9 if self.pipelined else 0

    @property
    def streamed_alu_cycles(self) -> int:
        """As ``alu_cycles``, to the stream: held results are taken later than streams, and all turns come together."""
        return self.alu_cycles + self.held_cycles + self.vxm_turns - 1

    @property
    def streamed_multiply_cycles(self) -> int:
        """As ``multiply_cycles``, to the stream."""
        return self.multiply_cycles + self.held_cycles + self.vxm_turns - 1

    @property
    def streamed_float_cycles(self) -> int:
        """As ``float_cycles``, to the stream."""
        return self.float_cycles + self.held_cycles + self.vxm_turns - 1

    @property
    def held_cycles(self) -> int:
        """From when the VXM takes a stream to when it takes a held result in its stead."""
        return 1 + self.mending_cycles if self.pipelined else 0

    @property
    def product_cycles(self) -> int:
        """Of the MXM's products, until those of the last turn are there too."""
        if self.mxm_turns > 1:
            return 7 + self.mxm_turns - 1 + self.mending_cycles
        return 8 + self.mending_cycles if self.pipelined else 0

    @property
    def receive_cycles(self) -> int:
        """Of a RECEIVE."""
        return 1 if self.pipelined else 0

    @property
    def accumulate_cycles(self) -> int:
        """Of the sums that leave an accumulator."""
        return self.mxm_rounding + (2 if self.pipelined else 0)

    @property
    def crossing_cycles(self) -> int:
        """Of the SXM's operations that cross superlanes."""
        return 1 if self.pipelined else 0

    @property
    def mover_cycles(self) -> int:
        """Of the SXM's operations that stay within a superlane."""
        return 0

    @property
    def fetch_cycles(self) -> int:
        """From an IFETCH to its words."""
        return 3 + self.mending_cycles if self.pipelined else 0

    @property
    def packet_words(self) -> int:
        """Cycles that one vector takes on a link: a header, the vector and its CRC."""
        return 1 + 8 * self.lanes // self.link_bits + -(-LINK_CRC_BITS // self.link_bits)

    @property
    def packet_cycles(self) -> int:
        """Cycles between two SENDs of one link: one word at least that keeps counters aligned stands between."""
        return self.packet_words + 1

    @property
    def links(self) -> int:
        """Links of the chip. They are numbered from west to east, at each C2C position from ``c2c_links`` times its
        number among them on."""
        return self.row.count(Kind.C2C) * self.c2c_links

    @property
    def link_sets(self) -> int:
        """One more than the largest set of links, a bit for each."""
        return 1 << self.links

    @property
    def reduction_levels(self) -> int:
        """Levels of the pairwise tree over superlanes."""
        return (self.superlanes - 1).bit_length()

    @property
    def reduction_cycles(self) -> int:
        """Cycles of the levels of a lane reduction that join superlanes, and what ``pipelined`` adds to the others."""
        if self.pipelined:
            return 24 + 7 * self.reduction_levels + self.mending_cycles
        return 2 * self.reduction_levels

    @property
    def macs(self) -> int:
        """int8 multiply-accumulates per cycle of the whole chip."""
        return sum(1 for s in self.slices if s.kind is Kind.MXM) * self.lanes**2 // self.mxm_turns

    @cached_property
    def slices(self) -> tuple[Slice, ...]:
        """All slices from west to east. MEM slices and MXM planes are numbered outward from the VXM."""
        vxm = self.row.index(Kind.VXM)
        per_position = {Kind.MEM: self.mem_group_slices, Kind.MXM: self.mxm_planes, Kind.SXM: 1, Kind.C2C: 1}
        result = []
        for side, positions in (("W", range(vxm - 1, -1, -1)), ("E", range(vxm + 1, self.positions))):
            count = dict.fromkeys(Kind, 0)
            outward = []
            for position in positions:
                kind = self.row[position]
                for _ in range(per_position[kind]):
                    number = "" if kind in (Kind.SXM, Kind.C2C) else str(count[kind])
                    outward.append(Slice(f"{kind.value}_{side}{number}", kind, position))
                    count[kind] += 1
            if side == "W":
                result += [*reversed(outward), Slice("VXM", Kind.VXM, vxm)]
            else:
                result += outward
        return tuple(result)

    @cached_property
    def slice_by_name(self) -> dict[str, Slice]:
        """Slices by their names."""
        return {s.name: s for s in self.slices}

    @cached_property
    def mem_slices(self) -> tuple[Slice, ...]:
        """MEM slices from west to east; host frames name them by their place in this tuple."""
        return tuple(s for s in self.slices if s.kind is Kind.MEM)

    @cached_property
    def digest(self) -> bytes:
        """Eight bytes that differ between builds a program cannot move between. Their names and multipliers may."""
        sizes = asdict(self) | {"row": [kind.value for kind in self.row]}
        del sizes["name"], sizes["mxm_dsp"]
        return hashlib.sha256(repr(sorted(sizes.items())).encode()).digest()[:8]


def _require(name: str, value: object, rule: str, holds: bool) -> None:
    if not holds:
        raise ValueError(f"{name} must {rule}, not {value!r}")


def _integer(name: str, value: object, low: int, high: int) -> None:
    holds = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
    _require(name, value, f"be an integer from {low} to {high}", holds)


def _boolean(name: str, value: object) -> None:
    _require(name, value, "be True or False", isinstance(value, bool))


def _power_of_two(name: str, value: object, low: int, high: int) -> None:
    holds = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high and value & (value - 1) == 0
    _require(name, value, f"be a power of two from {low} to {high}", holds)


def _row(text: str) -> tuple[Kind, ...]:
    return tuple(Kind(word) for word in text.split())


NANO = ChipConfig(name="nano", mxm_fp16=True, mxm_fp16_int8=True, vxm_float_alus=2, vxm_function_alus=1)
"""Unit tests, and waveforms that fit a screen: one 16×16 plane, eight MEM slices of 8 KiB."""

NANO_ECC = replace(NANO, name="nano_ecc", ecc=True)
"""`nano` with check bits, for fault campaigns."""

ECP5 = ChipConfig(
    name="ecp5",
    stream_step=8,
    streams_between=True,
    row=_row("C2C MEM VXM MXM"),
    mem_words=4096,
    weight_streams=4,
    mxm_dsp=152,
    vxm_alus=1,
    vxm_float_alus=1,
    vxm_turns=16,
    vxm_reductions=False,
    c2c_links=2,
    pipelined=True,
)
"""For one LFE5U-85F: one 16×16 plane, 256 KiB of MEM in 128 of its 208 block RAMs, one ALU with fp32, two links.
docs/design/fit.md says what was left out, and what that saves."""

ECP5_SOLO = replace(ECP5, name="ecp5_solo", row=_row("MEM VXM MXM"), c2c_links=0)
"""``ecp5`` without links, for a board that stands alone."""

ECP5_ECC = replace(ECP5_SOLO, name="ecp5_ecc", ecc=True, mxm_dsp=256, mxm_turns=2)
"""``ecp5_solo`` with check bits, and half of its multipliers: there must be room for what makes and mends them, and for
their wires (docs/design/fit.md)."""

ECP5_45K = replace(ECP5_SOLO, name="ecp5_45k", mem_words=2048, mxm_dsp=256, mxm_turns=4)
"""For one LFE5U-45F or LFE5UM5G-45F, which has half of everything: 128 KiB of MEM, and a 16×16 plane with a quarter of
its multipliers."""

ECP5_NANO = ChipConfig(
    name="ecp5_nano", row=_row("MEM VXM MEM SXM MXM"), mxm_dsp=92, vxm_alus=1, vxm_float_alus=1, pipelined=True
)
"""As ``nano``, pipelined as on an FPGA: all that a pipelined build can have but links."""

QUAD = ChipConfig(
    name="quad",
    superlanes=4,
    row=_row("MXM SXM MEM MEM VXM MEM MEM SXM MXM"),
    mem_words=256,
    vxm_float_alus=2,
    vxm_function_alus=1,
)
"""Four superlanes, so RTL with real stagger: two 64×64 planes, sixteen MEM slices of 16 KiB."""

NEAR = replace(NANO, name="near", row=_row("SXM MEM MXM VXM MEM"))
"""``nano`` in another order: the MXM beside the VXM, so that a matrix-vector round trip loses no hops."""

NANO_C2C = replace(NANO, name="nano_c2c", row=_row("C2C MEM VXM MEM SXM MXM"), c2c_links=7)
"""``nano`` with seven links: up to eight chips, each joined to every other."""

PEER32 = ChipConfig(
    name="peer32",
    superlanes=2,
    streams=32,
    row=_row("MXM SXM MEM MEM VXM MEM MEM SXM MXM"),
    mem_words=1024,
    mxm_planes=2,
    weight_streams=16,
    mxm_fp16=True,
    mxm_fp16_int8=True,
    vxm_alus=8,
    vxm_float_alus=4,
    vxm_function_alus=2,
)
"""32 lanes, four 32×32 planes and 32 streams each way: beside other open stream processors of that size."""

TSP = ChipConfig(
    name="tsp",
    superlanes=20,
    streams=32,
    row=_row("C2C MXM SXM" + 11 * " MEM" + " VXM" + 11 * " MEM" + " SXM MXM C2C"),
    mem_words=8192,
    mxm_planes=2,
    weight_streams=16,
    mxm_fp16=True,
    mxm_fp16_int8=True,
    accumulators=256,
    vxm_alus=16,
    vxm_float_alus=16,
    vxm_function_alus=4,
    queue_words=1024,
    c2c_links=8,
    link_bits=128,
)
"""The published size: 320 lanes, 88 MEM slices of 2.5 MiB, four 320×320 planes, 16 links. Simulated by the reference
alone."""

_NAMED = (NANO, NANO_ECC, NEAR, NANO_C2C, ECP5, ECP5_SOLO, ECP5_ECC, ECP5_45K, ECP5_NANO, QUAD, PEER32, TSP)

BUILDS = {config.name: config for config in _NAMED}
"""The named builds."""
