"""One VXM ALU of a pipelined build, for the 16 lanes of one superlane."""

from __future__ import annotations

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import data, wiring

from .. import isa
from ..config import LANES_PER_SUPERLANE
from ..isa.operands import DEST_BITS, STREAM_BITS, TYPE_BITS
from ..tiles import TileLibrary
from . import pipelined_arithmetic as base
from .alu import alu_signature, delayed
from .operand import PLANES, is_sent
from .pipe import MODE_BITS, MODE_LSB
from .pipelined_operand import HELD_LATENCY, OPERAND_LATENCY, register_operand
from .product import ProductPipe

_INSTRUCTION = data.StructLayout({"valid": 1, "opcode": isa.OPCODE_BITS, "mode": MODE_BITS, "dest": DEST_BITS})
"""What goes along with the operands."""


class PipelinedVxmAlu(wiring.Component):
    """`VxmAlu`, with more registers: for gates and wires as slow as an FPGA's.

    What the streams bring is registered in the cycle of the control; in the next a source is chosen, and held results
    are taken; in the third operands are widened. Then the base operations take two cycles, and those of the product
    pipe as many as it has stages. The result is sent to the streams in the cycle after.

    Attributes
    ----------
    latency : int
        Cycles from ``control`` to ``result`` and to ``drive`` for an operation of the base pipeline: 5. One of the
        product pipe takes ``stages - 2`` cycles longer. Takes an instruction every cycle.
    held_latency : int
        Cycles from ``control`` until held results are taken: 1. The chain of an operation is shorter by them.

    Parameters
    ----------
    alus : int
        ALUs of the VXM: all of them can be operands.
    floating : bool
        Whether this one has floating-point arithmetic.
    tiles : TileLibrary, optional
        Places what the product pipe has in every lane.

    Members
    -------
    As `VxmAlu`; ``undefined`` reports a missing held result when it would be taken.
    """

    latency = OPERAND_LATENCY + base.STAGES
    held_latency = HELD_LATENCY

    def __init__(self, alus: int, *, floating: bool = False, tiles: TileLibrary | None = None):
        self.alus = alus
        self.floating = floating
        self.tiles = tiles
        super().__init__(alu_signature(alus))

    def elaborate(self, platform) -> Module:
        m = Module()
        valid, word = self.control.valid, self.control.word

        # The instruction, in the cycle in which held results are taken
        is_select = valid & (word[: isa.OPCODE_BITS] == isa.SELECT.code)
        asked = Signal(self.alus)
        m.d.sync += asked.eq(Cat(is_select & (word[isa.C.bits] == n) for n in range(self.alus)))
        instruction = Cat(valid, word[: isa.OPCODE_BITS], word[MODE_LSB : MODE_LSB + MODE_BITS], word[isa.VXM_TO.bits])
        stages = [Signal(_INSTRUCTION, name=f"instruction{n}") for n in range(OPERAND_LATENCY)]
        for was, stage in zip([instruction, *stages], stages, strict=False):
            m.d.sync += Value.cast(stage).eq(was)
        widening, executing = stages[-2:]
        inverted = Signal()
        m.d.sync += inverted.eq(base.is_one_of(stages[0].opcode, base.INVERTED))

        # Operands ------------------------------------------------------------------------------------------
        operations = [op for op in isa.VXM_ALU.ops if op not in isa.CONTROL]
        binary = base.is_one_of(word[: isa.OPCODE_BITS], [op for op in operations if isa.B in op.fields])
        taken = {}
        missing = [(asked & ~self.holds).any()]
        for name, field, used, flips in (("a", isa.A, 1, None), ("b", isa.B, binary, inverted)):
            taken[name], lacks = register_operand(
                m,
                name=name,
                used=valid & used,
                source=word[field.bits],
                immediate=word[isa.IMMEDIATE.bits],
                held=self.held,
                holds=self.holds,
                taps=[getattr(self, f"{name}{p}") for p in range(PLANES)],
                planes=[getattr(self, f"{name}{p}_data") for p in range(PLANES)],
                inverted=flips,
            )
            missing.append(lacks)
        nonzero = [Signal(LANES_PER_SUPERLANE, name=f"nonzero{n}", reset_less=True) for n in range(self.alus)]
        choosers = Signal(self.alus)
        choose = Signal(LANES_PER_SUPERLANE, reset_less=True)
        m.d.sync += [
            choosers.eq(asked),
            *(bits.eq(Cat(result != 0 for result in held)) for bits, held in zip(nonzero, self.held, strict=True)),
            choose.eq(reduce(or_, (bits & choosers[n].replicate(len(bits)) for n, bits in enumerate(nonzero)))),
        ]

        # Execution -----------------------------------------------------------------------------------------
        m.submodules.pipe = pipe = ProductPipe(self.floating, self.tiles)
        starts = {name: Signal(name=f"{name}_start") for name in ("base", "pipe")}
        for name, ops in (("base", base.OPS), ("pipe", pipe.ops)):
            m.d.sync += starts[name].eq(widening.valid & base.is_one_of(widening.opcode, ops))
        controls = base.controls(m, widening.opcode, widening.valid)
        m.d.comb += [
            pipe.port.start.eq(starts["pipe"]),
            pipe.port.opcode.eq(executing.opcode),
            pipe.port.mode.eq(executing.mode),
        ]
        for lane in range(LANES_PER_SUPERLANE):
            m.d.comb += [pipe.port.a[lane].eq(taken["a"][lane]), pipe.port.b[lane].eq(taken["b"][lane])]
        # one cycle before the results are there, so that what follows is registered
        soon = [
            delayed(m, starts["base"], executing.dest, base.STAGES - 2, "base"),
            delayed(m, starts["pipe"], executing.dest, pipe.stages - 2, "pipe"),
        ]
        landings = [Signal(name="base_lands"), Signal(name="pipe_lands")]
        lands = Signal()
        m.d.sync += [
            *(landing.eq(coming) for landing, (coming, _) in zip(landings, soon, strict=True)),
            lands.eq(Cat(coming for coming, _ in soon).any()),
        ]
        for lane in range(LANES_PER_SUPERLANE):
            value = Signal(32, name=f"result{lane}", reset_less=True)
            m.d.comb += self.result[lane].eq(value)
            a, b = taken["a"][lane], taken["b"][lane]
            other = pipe.port.result[lane].as_unsigned()
            computed = base.result(m, a, b, choose[lane], controls, other, landings[1], f"lane{lane}")
            with m.If(lands):
                m.d.sync += value.eq(computed)

        # Result --------------------------------------------------------------------------------------------
        to = Signal(DEST_BITS)
        with m.If(soon[0][0]):
            m.d.sync += to.eq(soon[0][1])
        with m.Else():
            m.d.sync += to.eq(soon[1][1])
        with m.If(lands):
            m.d.sync += self.has_result.eq(1)
        with m.If(self.clear):
            m.d.sync += self.has_result.eq(0)
        m.d.comb += self.undefined.eq(Cat(*missing, landings[0] & landings[1]).any())
        dtype = to[STREAM_BITS : STREAM_BITS + TYPE_BITS]
        for p in range(PLANES):
            drive = getattr(self, f"drive{p}")
            m.d.sync += [
                drive.valid.eq(lands & to[-1] & is_sent(dtype, p)),
                drive.stream.eq(to[:STREAM_BITS] + p),
            ]
            m.d.comb += drive.data.eq(
                Cat(self.result[lane].as_unsigned().word_select(p, 8) for lane in range(LANES_PER_SUPERLANE))
            )
        return m
