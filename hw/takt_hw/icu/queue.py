"""One instruction queue."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .. import isa
from ..isa import Unit
from ..streams import dispatch_layout


class InstructionQueue(wiring.Component):
    """Holds the instruction words of one slice unit and dispatches them at their cycles.

    A word is looked at in one cycle and dispatched in the next. ``start`` in cycle c makes c + 2 the
    first dispatch cycle, cycle 0 of the program.

    Parameters
    ----------
    unit : Unit
        Which instructions the queue knows.
    words : int
        Instruction words it holds, a power of two.

    Members
    -------
    text_write, text_address, text_data : In(1), In, In(unit.word_bits)
        Store one word. Not while running.
    entry_write, entry_start, entry_count : In(1), In, In
        Set which words the next start runs.
    entry_clear : In(1)
        Leave the queue idle at the next start.
    start : In(1)
        Begin.
    release : In(1)
        A parked queue goes on: its next instruction dispatches two cycles later.
    dispatch : Out(dispatch_layout(unit.word_bits))
        The current instruction.
    notify : Out(1)
        NOTIFY is being dispatched.
    ended : Out(1)
        Nothing is left to dispatch: high from the cycle before the queue's end.
    illegal : Out(1)
        The word being looked at is none of this unit's instructions, or repeats nothing.
    """

    def __init__(self, unit: Unit, words: int):
        self.unit = unit
        self.words = words
        address_bits = (words - 1).bit_length()
        super().__init__(
            {
                "text_write": In(1),
                "text_address": In(address_bits),
                "text_data": In(unit.word_bits),
                "entry_write": In(1),
                "entry_start": In(address_bits),
                "entry_count": In(address_bits + 1),
                "entry_clear": In(1),
                "start": In(1),
                "release": In(1),
                "dispatch": Out(dispatch_layout(unit.word_bits)),
                "notify": Out(1),
                "ended": Out(1),
                "illegal": Out(1),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.text = text = Memory(shape=self.unit.word_bits, depth=self.words, init=[])
        write = text.write_port()
        fetch = text.read_port()
        m.d.comb += [
            write.en.eq(self.text_write),
            write.addr.eq(self.text_address),
            write.data.eq(self.text_data),
        ]

        first = Signal.like(self.entry_start)
        count = Signal.like(self.entry_count)
        pc = Signal.like(self.entry_start)
        left = Signal.like(self.entry_count)
        with m.If(self.entry_write):
            m.d.sync += [first.eq(self.entry_start), count.eq(self.entry_count)]
        with m.Elif(self.entry_clear):
            m.d.sync += count.eq(0)

        word = fetch.data
        active = Signal()
        advance = Signal()
        next_pc = Signal.like(pc)
        m.d.comb += [
            active.eq(left != 0),
            self.ended.eq(~active),
            next_pc.eq(Mux(advance, pc + 1, pc)),
            fetch.addr.eq(Mux(active, next_pc, first)),
        ]
        m.d.sync += [pc.eq(next_pc), left.eq(left - advance)]
        with m.If(self.start):
            m.d.sync += [pc.eq(first), left.eq(count)]

        # NOP and REPEAT count down in ``timer`` and ``repetitions``; 0 means that the word's own figure is next.
        dispatched_any = Signal()
        timer = Signal(isa.COUNT.width)
        repetitions = Signal(isa.COUNT.width)
        timer_left = Signal.like(timer)
        repetitions_left = Signal.like(repetitions)
        m.d.comb += repetitions_left.eq(Mux(repetitions != 0, repetitions, word[isa.COUNT.bits]))
        with m.If(timer != 0):
            m.d.comb += timer_left.eq(timer)
        with m.Elif(word[: isa.OPCODE_BITS] == isa.REPEAT.code):
            m.d.comb += timer_left.eq(word[isa.INTERVAL.bits])
        with m.Else():
            m.d.comb += timer_left.eq(word[isa.COUNT.bits])

        m.d.sync += [self.dispatch.valid.eq(0), self.notify.eq(0)]
        with m.If(active):
            with m.Switch(word[: isa.OPCODE_BITS]):
                with m.Case(isa.NOP.pattern):
                    m.d.sync += timer.eq(timer_left - 1)
                    m.d.comb += advance.eq(timer_left == 1)
                with m.Case(isa.REPEAT.pattern):
                    m.d.sync += timer.eq(timer_left - 1)
                    m.d.comb += self.illegal.eq(~dispatched_any)
                    with m.If(timer_left == 1):
                        m.d.sync += [self.dispatch.valid.eq(1), repetitions.eq(repetitions_left - 1)]
                        m.d.comb += advance.eq(repetitions_left == 1)
                        if self.unit.stride is not None:
                            strided = self.dispatch.word[self.unit.stride.bits]
                            m.d.sync += strided.eq(strided + word[isa.STRIDE.bits])
                with m.Case(isa.SYNC.pattern):
                    m.d.comb += advance.eq(self.release)
                with m.Case(isa.NOTIFY.pattern):
                    m.d.sync += self.notify.eq(1)
                    m.d.comb += advance.eq(1)
                with m.Case(*(op.pattern for op in self.unit.ops if op not in isa.CONTROL)):
                    m.d.sync += [self.dispatch.valid.eq(1), self.dispatch.word.eq(word), dispatched_any.eq(1)]
                    m.d.comb += advance.eq(1)
                with m.Default():
                    m.d.comb += [advance.eq(1), self.illegal.eq(1)]
        with m.If(self.start):
            m.d.sync += [timer.eq(0), repetitions.eq(0), dispatched_any.eq(0)]
        return m
