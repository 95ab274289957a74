"""One VXM ALU of a pipelined build, for the 16 lanes of one superlane."""

from __future__ import annotations

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring

from .. import isa
from ..isa.operands import DEST_BITS, STREAM_BITS, TYPE_BITS
from ..streams import later
from ..tiles import TileLibrary
from . import pipelined_arithmetic as base
from .alu import alu_signature, delayed
from .operand import PLANES, is_sent
from .pipe import MODE_BITS, MODE_LSB
from .pipelined_operand import HELD_LATENCY, OF, OPERAND_LATENCY, PLACE_BITS, at_turn, register_operand, tap_operand
from .product import ProductPipe

_INSTRUCTION = data.StructLayout({"valid": 1, "opcode": isa.OPCODE_BITS, "mode": MODE_BITS, "dest": DEST_BITS})
"""What goes along with the operands."""

_WAY = 1
"""Cycles from the lanes to the held results."""


class PipelinedVxmAlu(wiring.Component):
    """`VxmAlu`, with more registers: for gates and wires as slow as an FPGA's.

    Groups of lanes take turns at ``LANES_PER_SUPERLANE / turns`` lanes of units, each group a cycle behind the one
    before, and its held results too: inside, chains are as short as with one group. Only what the streams bring and
    take is of all lanes at once, as they go on.

    What the streams bring is registered in the cycle of the control; in the next a source is chosen, and held results
    are taken; in the third operands are widened. Then the base operations take two cycles, and those of the product
    pipe as many as it has stages; and the result has one for the way to where it is held, as the groups' registers
    stand far apart. It is sent to the streams in the cycle after its last group's.

    Attributes
    ----------
    latency : int
        Cycles from ``control`` to ``result`` and to ``drive`` for an operation of the base pipeline: 6, and ``late``.
        One of the product pipe takes ``stages - 2`` cycles longer, and ``drive`` ``turns - 1``. Takes an instruction
        every ``turns`` cycles.
    held_latency : int
        Cycles from ``control`` until held results are taken: 1, and ``late``. The chain of an operation is shorter by
        them.

    Parameters
    ----------
    alus : int
        ALUs of the VXM: all of them can be operands.
    floating : bool
        Whether this one has floating-point arithmetic.
    tiles : TileLibrary, optional
        Places what the product pipe has in every lane.
    turns : int
        Groups of lanes.
    late : int
        Cycles by which what is taken from the streams comes later than it is asked for. So much later is all that
        follows.

    Members
    -------
    As `VxmAlu`. ``a{q}`` and ``drive{q}`` are of stream q of an aligned group of four, and a smaller type's bytes
    are where they are in it. ``next_drive{q}`` is what ``drive{q}`` names in the next cycle. ``undefined`` reports a
    missing held result when it would be taken, and an instruction that comes too early.
    """

    latency = OPERAND_LATENCY + base.STAGES + _WAY
    held_latency = HELD_LATENCY

    def __init__(
        self, alus: int, *, floating: bool = False, tiles: TileLibrary | None = None, turns: int = 1, late: int = 0
    ):
        self.late = late
        self.latency = PipelinedVxmAlu.latency + late
        self.held_latency = PipelinedVxmAlu.held_latency + late
        self.alus = alus
        self.turns = turns
        self.floating = floating
        self.tiles = tiles
        super().__init__(alu_signature(alus, ahead=True))

    def elaborate(self, platform) -> Module:
        m = Module()
        control = later(m, self.control, self.late, "control")
        valid, word = control.valid, control.word

        # The instruction, in the cycle in which held results are taken, and whose turn it is then
        turns: list[Value] = [Const(1, 1)] if self.turns == 1 else _turns(m, valid, self.turns, "turn")
        starting = Signal()  # of the cycle in which operands of the first group are widened
        is_select = valid & (word[: isa.OPCODE_BITS] == isa.SELECT.code)
        asked = Signal(self.alus)
        instruction = Cat(word[: isa.OPCODE_BITS], word[MODE_LSB : MODE_LSB + MODE_BITS], word[isa.VXM_TO.bits])
        stages = [Signal(_INSTRUCTION, name=f"instruction{n}") for n in range(OPERAND_LATENCY)]
        with m.If(valid | (self.turns == 1)):
            m.d.sync += [
                asked.eq(Cat(is_select & (word[isa.C.bits] == n) for n in range(self.alus))),
                Value.cast(stages[0])[1:].eq(instruction),
            ]
        m.d.sync += stages[0].valid.eq(valid | (Cat(*turns[:-1]).any() if self.turns > 1 else 0))
        m.d.sync += starting.eq(turns[0])
        for was, stage in zip(stages, stages[1:], strict=False):
            m.d.sync += Value.cast(stage).eq(was)
        widening, executing = stages[-2:]
        inverted = Signal()
        m.d.sync += inverted.eq(base.is_one_of(stages[0].opcode, base.INVERTED))

        # Operands ------------------------------------------------------------------------------------------
        operations = [op for op in isa.VXM_ALU.ops if op not in isa.CONTROL]
        binaries = [op for op in operations if isa.B in op.fields]
        binary = base.is_one_of(word[: isa.OPCODE_BITS], binaries)
        taken = {}
        missing = [(asked & ~self.holds).any() & turns[0], valid & Cat(*turns[:-1]).any()]
        for name, field, used, flips in (("a", isa.A, 1, None), ("b", isa.B, binary, inverted)):
            taps = [getattr(self, f"{name}{p}") for p in range(PLANES)]
            if self.late:
                asked_for = self.control.valid
                if name == "b":
                    asked_for &= base.is_one_of(self.control.word[: isa.OPCODE_BITS], binaries)
                tap_operand(m, used=asked_for, source=self.control.word[field.bits], taps=taps)
            taken[name], lacks = register_operand(
                m,
                name=name,
                valid=valid,
                used=valid & used,
                source=word[field.bits],
                immediate=word[isa.IMMEDIATE.bits],
                held=self.held,
                holds=self.holds,
                taps=None if self.late else taps,
                planes=[getattr(self, f"{name}{p}_data") for p in range(PLANES)],
                turns=turns,
                inverted=flips,
            )
            missing.append(lacks)
        lanes = len(taken["a"])
        chosen = [Signal(32 * lanes, name=f"chooser{n}", reset_less=True) for n in range(self.alus)]
        nonzero = [Cat(word.word_select(lane, 32).any() for lane in range(lanes)) for word in chosen]
        choosers = Signal(self.alus)
        choose = Signal(lanes, reset_less=True)
        m.d.sync += [
            choosers.eq(asked),
            choose.eq(reduce(or_, (bits & choosers[n].replicate(lanes) for n, bits in enumerate(nonzero)))),
        ]
        for n, word in enumerate(chosen):
            m.d.sync += word.eq(at_turn(m, Value.cast(self.held[n]), turns, f"held{n}"))

        # Execution -----------------------------------------------------------------------------------------
        m.submodules.pipe = pipe = ProductPipe(self.floating, self.tiles, lanes)
        starts = {name: Signal(name=f"{name}_start") for name in ("base", "pipe")}
        for name, ops in (("base", base.OPS), ("pipe", pipe.ops)):
            first = widening.valid & (starting | (self.turns == 1))
            m.d.sync += starts[name].eq(first & base.is_one_of(widening.opcode, ops))
        controls = base.controls(m, widening.opcode, widening.valid)
        m.d.comb += [
            pipe.port.start.eq(executing.valid & base.is_one_of(executing.opcode, pipe.ops)),
            pipe.port.opcode.eq(widening.opcode),
            pipe.port.mode.eq(widening.mode),
        ]
        for lane in range(lanes):
            m.d.comb += [pipe.port.a[lane].eq(taken["a"][lane]), pipe.port.b[lane].eq(taken["b"][lane])]
        # one cycle before the first results are there, and before they are at their registers
        soon = [
            delayed(m, starts["base"], executing.dest, base.STAGES - 2, "base"),
            delayed(m, starts["pipe"], executing.dest, pipe.stages - 2, "pipe"),
        ]
        there = [delayed(m, *coming, _WAY, f"{name}_there") for coming, name in zip(soon, starts, strict=True)]
        results = [_turns(m, coming, self.turns + _WAY, name) for (coming, _), name in zip(soon, starts, strict=True)]
        lands = _turns(m, there[0][0] | there[1][0], self.turns, "lands")
        from_pipe = Signal()
        m.d.sync += from_pipe.eq(Cat(soon[1][0], *results[1][: self.turns - 1]).any())
        for lane in range(lanes):
            a, b = taken["a"][lane], taken["b"][lane]
            other = pipe.port.result[lane].as_unsigned()
            computed = Signal(32, name=f"computed{lane}", reset_less=True)
            m.d.sync += computed.eq(base.result(m, a, b, choose[lane], controls, other, from_pipe, f"lane{lane}"))
            for turn, landed in enumerate(lands):
                number = lane + turn * lanes
                value = Signal(32, name=f"result{number}", reset_less=True)
                m.d.comb += self.result[number].eq(value)
                with m.If(landed):
                    m.d.sync += value.eq(computed)

        # Result --------------------------------------------------------------------------------------------
        to = Signal(DEST_BITS)
        with m.If(there[0][0]):
            m.d.sync += to.eq(there[0][1])
        with m.Elif(there[1][0]):
            m.d.sync += to.eq(there[1][1])
        with m.If(lands[0]):
            m.d.sync += self.has_result.eq(1)
        with m.If(self.clear):
            m.d.sync += self.has_result.eq(0)
        both = Cat(Cat(*result[_WAY:]).any() for result in results).all()
        m.d.comb += self.undefined.eq(Cat(*missing, both).any())
        drives = [getattr(self, f"drive{q}") for q in range(PLANES)]
        aheads = send(m, lands[-1] & to[-1], to, drives, self.result)
        m.d.comb += [getattr(self, f"next_drive{q}").eq(ahead) for q, ahead in enumerate(aheads)]
        return m


def _turns(m: Module, first: Value, count: int, name: str) -> list[Value]:
    """A bit for each of some cycles: the one after ``first``, and those that follow."""
    turns = [Signal(name=f"{name}{n}") for n in range(count)]
    m.d.sync += [turn.eq(before) for turn, before in zip(turns, [first, *turns], strict=False)]
    return list(turns)


def send(m: Module, valid: Value, to: Value, drives: list, result: Value) -> list[Value]:
    """Put a result on the four streams of an aligned group, or on some of them, in the cycle after ``valid``.

    ``result`` is that of the cycle after, ``to`` the destination's field. Returns what is driven, as `TAP`, now.
    """
    aheads: list[Value] = []
    index, dtype = to[:STREAM_BITS], to[STREAM_BITS : STREAM_BITS + TYPE_BITS]
    wide, wider = Signal(name="sends_two"), Signal(name="sends_four")
    m.d.sync += [wide.eq(is_sent(dtype, 1)), wider.eq(is_sent(dtype, 2))]
    for q, drive in enumerate(drives):
        there = [is_sent(dtype, p) & (index[:PLACE_BITS] == q - p) for p in range(PLANES) if q in OF[p]]
        now = valid & Cat(*there).any(), Cat(Const(q, PLACE_BITS), index[PLACE_BITS:])
        m.d.sync += [drive.valid.eq(now[0]), drive.stream.eq(now[1])]
        aheads.append(Cat(*now))
        for lane, number in enumerate(result):
            byte = [number.as_unsigned().word_select(p, 8) for p in range(PLANES)]
            of_two = Mux(wide, byte[1], byte[0]) if q & 1 else byte[0]
            m.d.comb += drive.data.word_select(lane, 8).eq(Mux(wider, byte[q], of_two) if q > 1 else of_two)
    return aheads
