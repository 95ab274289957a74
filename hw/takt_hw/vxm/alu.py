"""One VXM ALU, for the 16 lanes of one superlane."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out, Signature

from .. import isa
from ..config import LANES_PER_SUPERLANE
from ..isa.operands import DEST_BITS, STREAM_BITS, TYPE_BITS
from ..streams import BITS, DRIVE, TAP, dispatch_layout
from .arithmetic import results
from .floating import FloatPipe
from .functions import FunctionPipe
from .operand import PLANES, is_sent, register_operand
from .pipe import MODE_BITS, MODE_LSB, RESULT

BASE_OPS = tuple(op for op in isa.VXM_ALU.ops if op.chain is not None and op.needs is None)
"""Operations that every ALU computes in one cycle."""


def alu_signature(alus: int, *, ahead: bool = False) -> Signature:
    """The ports of one of some number of ALUs; ``ahead`` if it tells a cycle before what it will drive."""
    return Signature(
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
        | {f"next_drive{p}": Out(TAP) for p in range(PLANES) if ahead}
    )


class VxmAlu(wiring.Component):
    """Takes two operands from streams, held results or an immediate; holds the result and sends it on.

    Decoded in one cycle, operands registered at its end; computed in the next, or in as many as a pipe has stages,
    and the result registered at the end of the last; sent to the streams in the one after. Results of different
    operations come in the order in which they are computed, one per cycle.

    Attributes
    ----------
    latency : int
        Cycles from ``control`` to ``result`` and to ``drive`` for an operation of the base pipeline: 2. An
        operation of a pipe takes ``stages - 1`` cycles longer. Takes an instruction every cycle.
    held_latency : int
        Cycles from ``control`` until held results are taken: 0.

    Parameters
    ----------
    alus : int
        ALUs of the VXM: all of them can be operands.
    floating : bool
        Whether this one has floating-point arithmetic.
    functions : bool
        Whether it has the transcendental functions.

    Members
    -------
    control : In(dispatch_layout)
        The instruction, one cycle after its dispatch in this superlane.
    clear : In(1)
        Forget that there is a result: a program begins.
    held, holds : In(ArrayLayout(RESULT, alus)), In(alus)
        Held results of all ALUs, and which of them hold one.
    a{p}, b{p} : Out(TAP)
        Byte plane p of the operands; the data come back in ``a{p}_data``, ``b{p}_data`` : In(BITS).
    drive{p} : Out(DRIVE)
        Byte plane p of the result.
    result, has_result : Out(RESULT), Out(1)
        The held result.
    undefined : Out(1)
        An operand was a held result that does not exist, or two results came in the same cycle.
    """

    latency = 2
    held_latency = 0

    def __init__(self, alus: int, *, floating: bool = False, functions: bool = False):
        self.alus = alus
        self.floating = floating
        self.functions = functions
        super().__init__(alu_signature(alus))

    def elaborate(self, platform) -> Module:
        m = Module()
        word = self.control.word
        operations = [op for op in isa.VXM_ALU.ops if op not in isa.CONTROL]
        binary = _is_one_of(m, word, "binary", [op for op in operations if isa.B in op.fields])

        # Operands ------------------------------------------------------------------------------------------
        taken = {}
        missing = []
        for name, field, used in (("a", isa.A, 1), ("b", isa.B, binary)):
            taken[name], lacks = register_operand(
                m,
                name=name,
                used=self.control.valid & used,
                source=word[field.bits],
                immediate=word[isa.IMMEDIATE.bits],
                held=self.held,
                holds=self.holds,
                taps=[getattr(self, f"{name}{p}") for p in range(PLANES)],
                planes=[getattr(self, f"{name}{p}_data") for p in range(PLANES)],
            )
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

        opcode = Signal(isa.OPCODE_BITS)
        mode = Signal(MODE_BITS)
        dest = Signal(DEST_BITS)
        with m.If(self.control.valid):
            m.d.sync += [
                opcode.eq(word[: isa.OPCODE_BITS]),
                mode.eq(word[MODE_LSB : MODE_LSB + MODE_BITS]),
                dest.eq(word[isa.VXM_TO.bits]),
            ]

        # Execution -----------------------------------------------------------------------------------------
        executing = Signal()
        m.d.sync += executing.eq(self.control.valid & _is_one_of(m, word, "base", BASE_OPS))
        landings = [(executing, dest)]
        pipes = [*([FloatPipe()] if self.floating else []), *([FunctionPipe()] if self.functions else [])]
        landed = [pipe.port.result for pipe in pipes]
        for n, pipe in enumerate(pipes):
            m.submodules[f"pipe{n}"] = pipe
            start = Signal(name=f"pipe{n}_start")
            m.d.sync += start.eq(self.control.valid & _is_one_of(m, word, f"pipe{n}_op", pipe.ops))
            m.d.comb += [pipe.port.start.eq(start), pipe.port.opcode.eq(opcode), pipe.port.mode.eq(mode)]
            for lane in range(LANES_PER_SUPERLANE):
                m.d.comb += [pipe.port.a[lane].eq(taken["a"][lane]), pipe.port.b[lane].eq(taken["b"][lane])]
            landings.append(delayed(m, start, dest, pipe.stages - 1, f"pipe{n}"))
        is_op = {op: Signal(name=f"is_{op.name}") for op in BASE_OPS if op is not isa.COPY}
        m.d.comb += [executes.eq(opcode == op.code) for op, executes in is_op.items()]
        lands = Signal()
        m.d.comb += lands.eq(Cat(valid for valid, _ in landings).any())
        for lane in range(LANES_PER_SUPERLANE):
            value = Signal(signed(8 * PLANES), name=f"result{lane}", reset_less=True)
            m.d.comb += self.result[lane].eq(value)
            a, b = taken["a"][lane], taken["b"][lane]
            computed = results(m, a, b, choose[lane], mode, f"lane{lane}")
            chosen = computed[isa.COPY]
            for op, executes in is_op.items():
                chosen = Mux(executes, computed[op], chosen)
            for (valid, _), result in zip(landings[1:], landed, strict=True):
                chosen = Mux(valid, result[lane], chosen)
            with m.If(lands):
                m.d.sync += value.eq(chosen)

        # Result --------------------------------------------------------------------------------------------
        sent_dest = Signal(DEST_BITS)
        sending = Signal()
        m.d.sync += sending.eq(0)
        for valid, to in landings:
            with m.If(valid):
                m.d.sync += [sent_dest.eq(to), sending.eq(to[-1])]
        with m.If(lands):
            m.d.sync += self.has_result.eq(1)
        with m.If(self.clear):
            m.d.sync += self.has_result.eq(0)
        clashes = [one & two for n, (one, _) in enumerate(landings) for two, _ in landings[:n]]
        m.d.comb += self.undefined.eq(Cat(*missing, *clashes).any())
        dtype = sent_dest[STREAM_BITS : STREAM_BITS + TYPE_BITS]
        for p in range(PLANES):
            drive = getattr(self, f"drive{p}")
            m.d.comb += [
                drive.valid.eq(sending & is_sent(dtype, p)),
                drive.stream.eq(sent_dest[:STREAM_BITS] + p),
                drive.data.eq(
                    Cat(self.result[lane].as_unsigned().word_select(p, 8) for lane in range(LANES_PER_SUPERLANE))
                ),
            ]
        return m


def _is_one_of(m: Module, word: Value, name: str, ops) -> Signal:
    found = Signal(name=name)
    with m.Switch(word[: isa.OPCODE_BITS]):
        with m.Case(*(op.pattern for op in ops)):
            m.d.comb += found.eq(1)
    return found


def delayed(m: Module, valid: Signal, dest: Signal, cycles: int, name: str) -> tuple[Signal, Signal]:
    """A start and its destination, some cycles later."""
    for n in range(cycles):
        was_valid, was = valid, dest
        valid, dest = Signal(name=f"{name}_valid{n}"), Signal(DEST_BITS, name=f"{name}_dest{n}")
        m.d.sync += valid.eq(was_valid)
        with m.If(was_valid):
            m.d.sync += dest.eq(was)
    return valid, dest
