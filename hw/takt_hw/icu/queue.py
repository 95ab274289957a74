"""One instruction queue.

Words are numbered along the text: those of the host, then those that IFETCH appends. A word's place in the
text memory is its number modulo the memory's size.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .. import isa
from ..isa import Unit
from ..streams import dispatch_layout
from .fetch import ASK
from .loops import LoopStack

WRITE_LATENCY = 1
"""Cycles from ``fetched`` until a fetched word can be read; a word dispatches two cycles after it is read."""

LAPS = 4
"""Word numbers run modulo so many times the text memory. All that a queue has of its text at a time, what is still
needed and what has been asked for, is less."""


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
    resume : In(1)
        In a unit with operations that wait: the queue goes on, likewise.
    fetched, arrives : In(unit.word_bits), In(1)
        A word that an IFETCH asked for.
    dispatch : Out(dispatch_layout(unit.word_bits))
        The current instruction.
    fetch : Out(ASK)
        IFETCH is being dispatched.
    notify : Out(1)
        NOTIFY is being dispatched.
    ended : Out(1)
        Nothing is left to dispatch: high from the cycle before the queue's end.
    illegal : Out(1)
        The word being looked at is none of this unit's instructions, repeats nothing, or is one LOOP too many.
    dry : Out(1)
        The word to look at has not arrived. The queue ends: nothing after it would be in its cycle.
    """

    def __init__(self, unit: Unit, words: int):
        self.unit = unit
        self.words = words
        address_bits = (words - 1).bit_length()
        super().__init__(
            ({"resume": In(1)} if unit.waits else {})
            | {
                "text_write": In(1),
                "text_address": In(address_bits),
                "text_data": In(unit.word_bits),
                "entry_write": In(1),
                "entry_start": In(address_bits),
                "entry_count": In(address_bits + 1),
                "entry_clear": In(1),
                "start": In(1),
                "release": In(1),
                "fetched": In(unit.word_bits),
                "arrives": In(1),
                "dispatch": Out(dispatch_layout(unit.word_bits)),
                "fetch": Out(ASK),
                "notify": Out(1),
                "ended": Out(1),
                "illegal": Out(1),
                "dry": Out(1),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.text = text = Memory(shape=self.unit.word_bits, depth=self.words, init=[])
        write = text.write_port()
        fetch = text.read_port()
        address_bits = len(self.text_address)
        number_bits = (LAPS * self.words - 1).bit_length()
        tail = Signal(number_bits)  # number of the word that arrives next
        m.d.comb += [
            write.en.eq(self.text_write | self.arrives),
            write.addr.eq(Mux(self.arrives, tail[:address_bits], self.text_address)),
            write.data.eq(Mux(self.arrives, self.fetched, self.text_data)),
        ]

        first = Signal.like(self.entry_start)
        count = Signal.like(self.entry_count)
        with m.If(self.entry_write):
            m.d.sync += [first.eq(self.entry_start), count.eq(self.entry_count)]
        with m.Elif(self.entry_clear):
            m.d.sync += count.eq(0)

        word = fetch.data
        m.submodules.loops = loops = LoopStack(number_bits)
        pc = Signal(number_bits)
        end = Signal(number_bits)  # one past the last word that is there or was asked for
        readable = Signal(number_bits)  # one past the last word that could be looked at now
        present = Signal()
        active = Signal()
        advance = Signal()
        next_pc = Signal(number_bits)
        m.d.comb += [
            present.eq(pc != end),
            self.dry.eq(present & (pc == readable)),
            active.eq(present & ~self.dry),
            self.ended.eq(~present),
            next_pc.eq(Mux(advance, loops.follows, pc)),
            fetch.addr.eq(Mux(present, next_pc[:address_bits], first)),
            loops.clear.eq(self.start),
            loops.number.eq(pc),
            loops.advance.eq(advance),
            loops.count.eq(word[isa.COUNT.bits]),
            loops.body.eq(word[isa.BODY.bits]),
            loops.stride.eq(word[isa.STRIDE.bits]),
        ]
        m.d.sync += [pc.eq(next_pc), readable.eq(tail)]
        with m.If(self.dry):
            m.d.sync += end.eq(pc)
        with m.If(self.arrives):
            m.d.sync += tail.eq(tail + 1)
        loaded_end = Signal(number_bits)
        m.d.comb += loaded_end.eq(first + count)
        with m.If(self.start):
            m.d.sync += [pc.eq(first), end.eq(loaded_end), tail.eq(loaded_end), readable.eq(loaded_end)]

        # What loops and CONFIG add to the stride field of an instruction that has it.
        base = Signal(isa.STRIDE.width)
        moved = Signal(self.unit.word_bits)
        m.d.comb += moved.eq(word)
        stride = self.unit.stride
        if stride is not None:
            has_field = Signal()
            moved_field = Signal(stride.width)
            having = [op for op in self.unit.ops if stride in op.fields]
            m.d.comb += [
                has_field.eq(Cat(word[: isa.OPCODE_BITS] == op.code for op in having).any()),
                moved_field.eq(word[stride.bits] + loops.offset + base),
            ]
            with m.If(has_field):
                m.d.comb += moved[stride.bits].eq(moved_field)

        asked = Signal()  # an operation that waits has been dispatched
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

        m.d.sync += [self.dispatch.valid.eq(0), self.notify.eq(0), self.fetch.valid.eq(0)]
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
                        if stride is not None:
                            strided = self.dispatch.word[stride.bits]
                            m.d.sync += strided.eq(strided + word[isa.STRIDE.bits])
                with m.Case(isa.SYNC.pattern):
                    m.d.comb += advance.eq(self.release)
                with m.Case(isa.NOTIFY.pattern):
                    m.d.sync += self.notify.eq(1)
                    m.d.comb += advance.eq(1)
                with m.Case(isa.LOOP.pattern):
                    m.d.comb += [advance.eq(1), loops.push.eq(1), self.illegal.eq(loops.full)]
                with m.Case(isa.IFETCH.pattern):
                    m.d.sync += [
                        self.fetch.valid.eq(1),
                        self.fetch.stream.eq(word[isa.TEXT_FROM.bits]),
                        self.fetch.words.eq(word[isa.TEXT_WORDS.bits]),
                        end.eq(end + word[isa.TEXT_WORDS.bits]),
                    ]
                    m.d.comb += advance.eq(1)
                with m.Case(isa.CONFIG.pattern):
                    m.d.sync += base.eq(word[isa.BASE.bits])
                    m.d.comb += advance.eq(1)
                if self.unit.waits:
                    with m.Case(*(op.pattern for op in self.unit.waits)):
                        m.d.sync += [
                            self.dispatch.valid.eq(~asked),
                            self.dispatch.word.eq(word),
                            asked.eq(~self.resume),
                        ]
                        m.d.comb += advance.eq(self.resume)
                at_once = [op for op in self.unit.ops if op not in (*isa.CONTROL, *self.unit.waits)]
                with m.Case(*(op.pattern for op in at_once)):
                    m.d.sync += [self.dispatch.valid.eq(1), self.dispatch.word.eq(moved), dispatched_any.eq(1)]
                    m.d.comb += advance.eq(1)
                with m.Default():
                    m.d.comb += [advance.eq(1), self.illegal.eq(1)]
        with m.If(self.start):
            m.d.sync += [timer.eq(0), repetitions.eq(0), dispatched_any.eq(0), base.eq(0), asked.eq(0)]
        return m
