"""One operand of a pipelined build's ALU or reduction, with registers around the choice of where it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from ..config import LANES_PER_SUPERLANE
from ..isa import DType
from ..isa.operands import SOURCE_ALU, SOURCE_IMMEDIATE, SOURCE_STREAM, STREAM_BITS, TYPE_BITS
from .operand import PLANES, is_sent

OPERAND_LATENCY = 3
"""Cycles from the control to a registered operand."""

OF = {p: tuple(range(p, PLANES, min(t.streams for t in DType if t.streams > p))) for p in range(PLANES)}
"""Of each byte of an operand, where in an aligned group of streams it can be."""

PLACE_BITS = (PLANES - 1).bit_length()
"""Low bits of a stream's number: its place in an aligned group."""

HELD_LATENCY = 1
"""Cycles from the control until held results are taken: those later than streams."""


def register_operand(
    m: Module,
    *,
    name: str,
    valid: Value,
    used: Value,
    source: Value,
    immediate: Value,
    held: Value,
    holds: Value,
    planes: list[Value],
    taps: Sequence | None = None,
    turns: Sequence[Value] = (Const(1, 1),),
    inverted: Value | None = None,
) -> tuple[list[Signal], Value]:
    """As `operand.register_operand`, in ``OPERAND_LATENCY`` cycles, for one group of lanes after the other.

    First the bytes of the streams are registered as they come, and what the instruction wants of them; then one of
    the sources is chosen; then that is widened. Held results are taken in the second cycle, and a missing one is
    reported in it. An operand that is not ``used`` is 0.

    ``planes`` are of the four streams of an aligned group, as ``taps`` ask for them, or `tap_operand` did before.
    ``turns`` say which group of lanes is chosen in a cycle, beginning with the one after ``valid``; with one group it
    is always that. ``inverted``, of the third cycle, inverts all bits of the operand.
    """
    kind = source[STREAM_BITS + TYPE_BITS :]
    dtype = source[STREAM_BITS : STREAM_BITS + TYPE_BITS]
    index = source[:STREAM_BITS]
    streaming, holding = Signal(name=f"{name}_streaming"), Signal(name=f"{name}_holding")
    constant = Signal(name=f"{name}_constant")
    m.d.comb += [
        streaming.eq(used & (kind == SOURCE_STREAM)),
        holding.eq(used & (kind == SOURCE_ALU)),
        constant.eq(used & (kind == SOURCE_IMMEDIATE)),
    ]

    # Each source has an AND of its own in front of an OR: what is not wanted of a source is not let in.
    raw = [Signal(len(plane), name=f"{name}_raw{p}", reset_less=True) for p, plane in enumerate(planes)]
    picks = {(p, q): Signal(name=f"{name}_byte{p}_of{q}") for p in range(PLANES) for q in range(PLANES) if q in OF[p]}
    asked = Signal(len(holds), name=f"{name}_asked")
    holders = [Signal(PLANES, name=f"{name}_holder{n}") for n in range(len(holds))]
    number = Signal(32, name=f"{name}_immediate")
    extends = [Signal(name=f"{name}_extends{stage}") for stage in range(2)]
    halves = [Signal(name=f"{name}_half{stage}") for stage in range(2)]
    m.d.sync += [extends[1].eq(extends[0]), halves[1].eq(halves[0])]
    taken = []
    for q in range(PLANES):
        takes = []
        for p in range(PLANES):
            if (p, q) in picks:
                takes.append(streaming & is_sent(dtype, p) & (index[:PLACE_BITS] == q - p))
                taken.append(picks[p, q].eq(takes[-1]))
        if taps is not None:
            tap, group = taps[q], index[PLACE_BITS:]
            m.d.comb += [tap.valid.eq(Cat(*takes).any()), tap.stream.eq(Cat(Const(q, PLACE_BITS), group))]
        # The next group moves to where the first was, so that wires are short and need no multiplexer of all groups.
        m.d.sync += raw[q].eq(
            Mux(valid, planes[q], raw[q] >> len(raw[q]) // len(turns)) if len(turns) > 1 else planes[q]
        )
    for p in range(PLANES):
        taken += [holder[p].eq(holding & (index == n) & is_sent(dtype, p)) for n, holder in enumerate(holders)]
    taken += [
        number.eq(immediate & constant.replicate(32)),
        extends[0].eq(~constant & (dtype == DType.I8)),
        halves[0].eq(~constant & (dtype == DType.F16)),
        asked.eq(Cat(holding & (index == n) for n in range(len(holds)))),
    ]
    if len(turns) == 1:
        m.d.sync += taken
    else:
        with m.If(valid):
            m.d.sync += taken

    planes_now = [vector[: len(vector) // len(turns)] for vector in raw]
    held_now = [at_turn(m, Value.cast(held[n]), turns, f"{name}_held{n}") for n in range(len(holders))]
    lanes = []
    for lane in range(LANES_PER_SUPERLANE // len(turns)):
        chosen = Signal(32, name=f"{name}_chosen{lane}", reset_less=True)
        value = Signal(32, name=f"{name}{lane}", reset_less=True)
        for p in range(PLANES):
            byte = number[8 * p : 8 * p + 8]
            for q in OF[p]:
                byte |= planes_now[q].word_select(lane, 8) & picks[p, q].replicate(8)
            for n, holder in enumerate(holders):
                byte |= held_now[n].word_select(PLANES * lane + p, 8) & holder[p].replicate(8)
            m.d.sync += chosen[8 * p : 8 * p + 8].eq(byte)
        wide = widened(m, chosen, extends[1], halves[1], f"{name}{lane}")
        m.d.sync += value.eq(wide if inverted is None else wide ^ inverted.replicate(32))
        lanes.append(value)
    return lanes, (asked & ~holds).any() & turns[0]


def tap_operand(m: Module, *, used: Value, source: Value, taps: list) -> None:
    """Take the bytes of an operand from the streams, if it comes from there.

    ``taps`` are of the four streams of an aligned group: a smaller type's bytes are taken from where they are there.
    """
    kind = source[STREAM_BITS + TYPE_BITS :]
    dtype = source[STREAM_BITS : STREAM_BITS + TYPE_BITS]
    index = source[:STREAM_BITS]
    streaming = used & (kind == SOURCE_STREAM)
    for q, tap in enumerate(taps):
        takes = [is_sent(dtype, p) & (index[:PLACE_BITS] == q - p) for p in range(PLANES) if q in OF[p]]
        m.d.comb += [
            tap.valid.eq(streaming & Cat(*takes).any()),
            tap.stream.eq(Cat(Const(q, PLACE_BITS), index[PLACE_BITS:])),
        ]


def at_turn(m: Module, vector: Value, turns: Sequence[Value], name: str) -> Value:
    """Of a vector's equal parts the one whose turn it is; 0 if that is none."""
    if len(turns) == 1:
        return vector
    part = Signal(len(vector) // len(turns), name=name)
    parts = (vector.word_select(n, len(part)) & turn.replicate(len(part)) for n, turn in enumerate(turns))
    m.d.comb += part.eq(reduce(or_, parts))
    return part


def widened(m: Module, chosen: Value, signed_byte: Value, half: Value, name: str) -> Value:
    """32 bits from 32; or from the low 8, with their sign; or from the low 16, as `operand.widen` does.

    In the latter two cases the bits above those are 0 in ``chosen``. The leading bit of an fp16 significand is
    brought to bit 10 in steps of 8 or 4, 2 and 1. A normal number has it there.
    """

    def signal(width: int, suffix: str) -> Signal:
        return Signal(width, name=f"{name}_{suffix}")

    fraction, exponent, sign = chosen[:10], chosen[10:15], chosen[15]
    normal, special, nan = signal(1, "normal"), signal(1, "special"), signal(1, "nan")
    high, middle, top, first = signal(1, "high"), signal(1, "middle"), signal(1, "top"), signal(1, "first")
    by_four, by_two, by_one = signal(11, "by_four"), signal(11, "by_two"), signal(10, "by_one")
    significand = Cat(fraction, normal)
    m.d.comb += [
        normal.eq(exponent.any()),
        special.eq(exponent.all()),
        nan.eq(special & fraction.any()),
        high.eq(significand[7:].any()),
        middle.eq(significand[3:7].any()),
        by_four.eq(
            (significand & high.replicate(11))
            | (Cat(Const(0, 4), significand[:7]) & (~high & middle).replicate(11))
            | (Cat(Const(0, 8), significand[:3]) & (~high & ~middle).replicate(11))
        ),
        top.eq(by_four[9:].any()),
        by_two.eq((by_four & top.replicate(11)) | (Cat(Const(0, 2), by_four[:9]) & (~top).replicate(11))),
        first.eq(by_two[10]),
        by_one.eq((by_two[:10] & first.replicate(10)) | (Cat(Const(0, 1), by_two[:9]) & (~first).replicate(10))),
    ]
    # fp16 counts subnormals in units of 2^-24, and fp32's exponent field is biased by 127: 113 less the shift, whose
    # bits are not `first`, not `top`, and the step before those. A normal number's exponent is 112 more.
    there = first | by_two[9]
    far, quarter = ~high & ~middle, ~high & middle
    upper = there & ~(exponent[4] & ~special)
    coded = Cat(
        exponent[0] | (first & ~normal),
        exponent[1] | ~top & there,
        exponent[2] | (quarter ^ ~top) & there,
        exponent[3] | (far ^ (quarter | ~top)) & there,
        upper & high & top,
        upper,
        upper,
        exponent[4],
    )
    float32 = Cat(Const(0, 13), by_one[:9] & (~special).replicate(9), (by_one[9] & ~special) | nan, coded, sign & ~nan)
    extended = chosen | Cat(Const(0, 8), (signed_byte & chosen[7]).replicate(24))
    # above the low 16 bits nothing else is there beside an fp16 number
    low = (float32[:16] & half.replicate(16)) | (extended[:16] & (~half).replicate(16))
    return Cat(low, (float32[16:] & half.replicate(16)) | extended[16:])
