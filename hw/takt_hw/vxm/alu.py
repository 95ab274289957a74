"""One VXM ALU, for the 16 lanes of one superlane."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .. import isa
from ..config import LANES_PER_SUPERLANE
from ..isa import DType
from ..isa.operands import (
    DEST_BITS,
    SOURCE_ALU,
    SOURCE_IMMEDIATE,
    SOURCE_STREAM,
    STREAM_BITS,
    TYPE_BITS,
)
from ..streams import BITS, DRIVE, TAP, dispatch_layout
from .arithmetic import results

PLANES = DType.I32.streams
"""Byte planes of the widest element."""

RESULT = data.ArrayLayout(signed(8 * PLANES), LANES_PER_SUPERLANE)
"""One 32-bit result in every lane."""


class VxmAlu(wiring.Component):
    """Takes two operands from streams, held results or an immediate; holds the result and sends it on.

    Decoded in one cycle, operands registered at its end, result registered at the end of the next,
    sent to the streams in the one after.

    Attributes
    ----------
    latency : int
        Cycles from ``control`` to ``result`` and to ``drive``: 2. Takes an instruction every cycle.

    Parameters
    ----------
    alus : int
        ALUs of the VXM: all of them can be operands.

    Members
    -------
    control : In(dispatch_layout)
        The instruction, one cycle after its dispatch in this superlane.
    clear : In(1)
        Forget that there is a result: a program begins.
    held : In(ArrayLayout(RESULT, alus)), In(alus)
        Held results of all ALUs, and which of them hold one.
    a{p}, b{p} : Out(TAP)
        Byte plane p of the operands; the data come back in ``a{p}_data``, ``b{p}_data`` : In(BITS).
    drive{p} : Out(DRIVE)
        Byte plane p of the result.
    result, has_result : Out(RESULT), Out(1)
        The held result, from two cycles after ``control`` on.
    undefined : Out(1)
        An operand was a held result that does not exist.
    """

    latency = 2

    def __init__(self, alus: int):
        self.alus = alus
        super().__init__(
            {
                "control": In(dispatch_layout(isa.VXM_ALU.word_bits)),
                "clear": In(1),
                "held": In(data.ArrayLayout(RESULT, alus)),
                "holds": In(alus),
                "result": Out(RESULT),
                "has_result": Out(1),
                "undefined": Out(1),
            }
            | {f"{operand}{p}": Out(TAP) for operand in "ab" for p in range(PLANES)}
            | {f"{operand}{p}_data": In(BITS) for operand in "ab" for p in range(PLANES)}
            | {f"drive{p}": Out(DRIVE) for p in range(PLANES)}
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        word = self.control.word
        operations = [op for op in isa.VXM_ALU.ops if op not in isa.CONTROL]
        binary = Signal()
        with m.Switch(word[: isa.OPCODE_BITS]):
            with m.Case(*(op.pattern for op in operations if isa.B in op.fields)):
                m.d.comb += binary.eq(1)

        # Operands ------------------------------------------------------------------------------------------
        taken = {}
        missing = []
        for name, field, used in (("a", isa.A, 1), ("b", isa.B, binary)):
            taken[name], lacks = self._operand(m, name, word[field.bits], self.control.valid & used)
            missing.append(lacks)
        choice = word[isa.C.bits]
        choosing = self.control.valid & (word[: isa.OPCODE_BITS] == isa.SELECT.code)
        chooser = Signal(RESULT)
        with m.Switch(choice):
            for n in range(self.alus):
                with m.Case(n):
                    m.d.comb += chooser.eq(self.held[n])
                    missing.append(choosing & (choice == n) & ~self.holds[n])
        choose = Signal(LANES_PER_SUPERLANE, reset_less=True)
        with m.If(choosing):
            m.d.sync += choose.eq(Cat(chooser[lane] != 0 for lane in range(LANES_PER_SUPERLANE)))
        m.d.comb += self.undefined.eq(Cat(*missing).any())

        executing = Signal()
        opcode = Signal(isa.OPCODE_BITS)
        shift = Signal(isa.SHIFT_BITS.width)
        dest = Signal(DEST_BITS)
        m.d.sync += executing.eq(self.control.valid)
        with m.If(self.control.valid):
            m.d.sync += [
                opcode.eq(word[: isa.OPCODE_BITS]),
                shift.eq(word[isa.SHIFT_BITS.bits]),
                dest.eq(word[isa.VXM_TO.bits]),
            ]

        is_op = {op: Signal(name=f"is_{op.name}") for op in operations if op is not isa.COPY}
        m.d.comb += [executes.eq(opcode == op.code) for op, executes in is_op.items()]

        # Execution -----------------------------------------------------------------------------------------
        for lane in range(LANES_PER_SUPERLANE):
            value = Signal(signed(8 * PLANES), name=f"result{lane}", reset_less=True)
            m.d.comb += self.result[lane].eq(value)
            a, b = taken["a"][lane], taken["b"][lane]
            computed = results(m, a, b, choose[lane], shift, f"lane{lane}")
            chosen = computed[isa.COPY]
            for op, executes in is_op.items():
                chosen = Mux(executes, computed[op], chosen)
            with m.If(executing):
                m.d.sync += value.eq(chosen)

        # Result --------------------------------------------------------------------------------------------
        sent_dest = Signal(DEST_BITS)
        sending = Signal()
        m.d.sync += sending.eq(executing & dest[-1])
        with m.If(executing):
            m.d.sync += [sent_dest.eq(dest), self.has_result.eq(1)]
        with m.If(self.clear):
            m.d.sync += self.has_result.eq(0)
        dtype = sent_dest[STREAM_BITS : STREAM_BITS + TYPE_BITS]
        for p in range(PLANES):
            drive = getattr(self, f"drive{p}")
            m.d.comb += [
                drive.valid.eq(sending & ((dtype == DType.I32) | (p == 0))),
                drive.stream.eq(sent_dest[:STREAM_BITS] + p),
                drive.data.eq(
                    Cat(self.result[lane].as_unsigned().word_select(p, 8) for lane in range(LANES_PER_SUPERLANE))
                ),
            ]
        return m

    def _operand(self, m: Module, name: str, source: Value, used: Value) -> tuple[list[Signal], Value]:
        """Registers one operand, per lane, and says whether a held result was lacking."""
        kind = source[STREAM_BITS + TYPE_BITS :]
        dtype = source[STREAM_BITS : STREAM_BITS + TYPE_BITS]
        index = source[:STREAM_BITS]
        planes = []
        for p in range(PLANES):
            tap = getattr(self, f"{name}{p}")
            m.d.comb += [
                tap.valid.eq(used & (kind == SOURCE_STREAM) & ((dtype == DType.I32) | (p == 0))),
                tap.stream.eq(index + p),
            ]
            planes.append(getattr(self, f"{name}{p}_data"))

        holder = Signal(RESULT, name=f"{name}_held")
        lacks = Signal(name=f"{name}_lacks")
        with m.Switch(index):
            for n in range(self.alus):
                with m.Case(n):
                    m.d.comb += [
                        holder.eq(self.held[n]),
                        lacks.eq(used & (kind == SOURCE_ALU) & ~self.holds[n]),
                    ]
        lanes = []
        for lane in range(LANES_PER_SUPERLANE):
            low = planes[0].word_select(lane, 8)
            wide = Cat(plane.word_select(lane, 8) for plane in planes).as_signed()
            value = Signal(signed(8 * PLANES), name=f"{name}{lane}", reset_less=True)
            with m.If(used):
                with m.If(kind == SOURCE_IMMEDIATE):
                    m.d.sync += value.eq(self.control.word[isa.IMMEDIATE.bits])
                with m.Elif(kind == SOURCE_ALU):
                    m.d.sync += value.eq(holder[lane])
                with m.Else():
                    m.d.sync += value.eq(Mux(dtype == DType.I32, wide, low.as_signed()))
            lanes.append(value)
        return lanes, lacks
