"""One instruction queue of a pipelined build: as `takt_hw.icu.queue.InstructionQueue`, fetching one word ahead.

What a word is gets recognised when it is stored, and kept beside it in the text memory. A word read from there goes to
a register and is looked at in the next cycle, while the one after it is at the memory's output and the address of the
one after that is worked out.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, ResetSignal, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .. import isa
from ..isa import Unit
from ..streams import dispatch_layout
from .fetch import ASK
from .loop_memory import LoopMemory
from .queue import LAPS
from .text import MARKS

START_CYCLES = 2
"""Cycles by which a program begins later than that of an `InstructionQueue`."""

WRITE_LATENCY = 2
"""Cycles from ``arrives`` until a fetched word's address can be worked out; it dispatches two cycles after that."""

KINDS = data.StructLayout(dict.fromkeys(("waits", "slice", "strided", "quick"), 1))
"""What a word is, beside its MARKS. ``slice``: dispatched at once; ``strided``: and has the stride field. ``quick``:
takes one cycle."""


KEPT_MARKS = data.StructLayout({name: 1 for name in MARKS.members if name != "quick"})
"""The MARKS that are stored. With them and KINDS a word of 56 bits just fits two block RAMs of an ECP5."""


class PipelinedQueue(wiring.Component):
    """Holds the instruction words of one slice unit and dispatches them at their cycles.

    ``start`` in cycle c makes c + 2 + START_CYCLES the first dispatch cycle, cycle 0 of the program. A word that
    ``arrives`` in a cycle is dispatched four cycles later at the earliest. A LOOP with a count of 1 takes no level.

    The text memory has places for twice ``words``, so that no word takes the place of another in the cycle in which
    that is read: what such a read gives is not defined in block RAMs.

    Parameters and members are those of `InstructionQueue`, but that host and IFETCH share ``text_data``, which comes
    with its ``text_marks``, and that the host names a text's end, ``entry_end``, in place of its length: it does not go
    round. ``fetch`` is all zeros unless it is valid.
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
                "text_marks": In(MARKS),
                "entry_write": In(1),
                "entry_start": In(address_bits),
                "entry_end": In(address_bits + 1),
                "entry_clear": In(1),
                "start": In(1),
                "release": In(1),
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
        number_bits = (LAPS * self.words - 1).bit_length()
        stored = data.StructLayout({"word": self.unit.word_bits, "kind": KINDS, "marks": KEPT_MARKS})
        m.submodules.text = text = Memory(shape=stored, depth=2 * self.words, init=[])
        tail = Signal(number_bits, reset_less=True)  # number of the word that arrives next
        self._write(m, text.write_port(), tail)

        # The word that is looked at, and what is known of it.
        current = Signal(stored, reset_less=True)
        word, kind, marks = current.word, current.kind, current.marks
        number = Signal(number_bits, reset_less=True)
        present, unread = Signal(), Signal(reset_less=True)
        active, done, advance = Signal(), Signal(), Signal()
        filling = Signal(START_CYCLES)
        m.d.comb += [
            self.dry.eq(present & unread),
            active.eq(present & ~unread),
            advance.eq(filling[-1] | (active & done)),
            self.ended.eq(~present & ~filling.any()),
        ]
        m.d.sync += filling.eq(Cat(self.start, filling))

        # The word behind it, at the memory's output: read again until it is taken, since it may yet be written.
        m.submodules.loops = loops = LoopMemory(number_bits, self.unit.stride is not None)
        fetch = text.read_port()
        pc = Signal(number_bits, reset_less=True)
        next_pc = Signal(number_bits)
        end = Signal(number_bits, reset_less=True)  # one past the last word that is there or was asked for
        readable = Signal(number_bits, reset_less=True)  # one past the last word that the memory could show
        again = Signal()  # a loop of one word begins: that word comes once more
        m.d.comb += [
            again.eq(marks.loop & marks.single & present),
            next_pc.eq(Mux(~advance | again, pc, Mux(loops.back, loops.back_to, pc + 1))),
            fetch.addr.eq(next_pc),
            loops.clear.eq(self.start),
            loops.advance.eq(advance),
            loops.number.eq(pc),
            loops.last.eq(number + word[isa.BODY.bits]),
            loops.enter.follows.eq(active & marks.loop),
            loops.enter.count.eq(word[isa.COUNT.bits]),
            loops.enter.stride.eq(word[isa.STRIDE.bits]),
            loops.enter.single.eq(marks.single),
            loops.enter.twice.eq(marks.twice),
            loops.enter.thrice.eq(marks.thrice),
        ]
        m.d.sync += [pc.eq(next_pc), readable.eq(tail)]
        with m.If(advance):
            m.d.sync += [
                current.eq(fetch.data),
                number.eq(pc),
                present.eq((pc != end) | (present & marks.ifetch)),
                unread.eq(pc == readable),
            ]
        with m.If(self.dry):
            m.d.sync += present.eq(0)
        with m.If(self.arrives):
            m.d.sync += tail.eq(tail + 1)
        with m.If(active & marks.ifetch):
            m.d.sync += end.eq(end + word[isa.TEXT_WORDS.bits])
        self._entry(m, pc, end, tail, present)

        interval_over, word_over = self._count(m, current, advance)
        m.d.comb += done.eq(kind.quick | (marks.sync & self.release) | word_over)
        self._dispatch(m, current, present, active, interval_over, loops.offset)
        if self.unit.waits:
            asked = Signal()  # an operation that waits has been dispatched
            with m.If(kind.waits):
                m.d.comb += done.eq(self.resume)
                with m.If(active):
                    m.d.sync += [self.dispatch.valid.eq(~asked), asked.eq(~self.resume)]
            with m.If(self.start):
                m.d.sync += asked.eq(0)

        m.d.sync += [self.notify.eq(active & marks.notify), self.fetch.eq(0)]
        with m.If(active & marks.ifetch):
            m.d.sync += [
                self.fetch.valid.eq(1),
                self.fetch.stream.eq(word[isa.TEXT_FROM.bits]),
                self.fetch.words.eq(word[isa.TEXT_WORDS.bits]),
            ]
        dispatched_any = Signal()
        with m.If(self.start):
            m.d.sync += dispatched_any.eq(0)
        with m.Elif(active & kind.slice):
            m.d.sync += dispatched_any.eq(1)
        known = kind.quick | marks.nop | marks.repeat | marks.sync | kind.waits
        m.d.comb += self.illegal.eq(
            active & (~known | (marks.repeat & ~dispatched_any) | (marks.loop & loops.full)),
        )
        return m

    def _write(self, m: Module, write, tail: Signal) -> None:
        """Store a word, of the host or fetched, with its kind."""
        word, kind = self.text_data, write.data.kind
        code = word[: isa.OPCODE_BITS]

        def one_of(ops) -> Value:
            return Cat(code == op.code for op in ops).any()

        unit = self.unit
        at_once = [op for op in unit.ops if op not in (*isa.CONTROL, *unit.waits)]
        strided = [op for op in at_once if unit.stride is not None and unit.stride in op.fields]
        m.d.comb += [
            write.en.eq(self.text_write | self.arrives),
            write.addr.eq(Mux(self.arrives, tail, self.text_address)),
            write.data.word.eq(word),
            *(write.data.marks[name].eq(self.text_marks[name]) for name in KEPT_MARKS.members),
            kind.waits.eq(one_of(unit.waits) if unit.waits else 0),
            kind.slice.eq(one_of(at_once)),
            kind.strided.eq(one_of(strided) if strided else 0),
            kind.quick.eq(self.text_marks.quick | kind.slice),
        ]

    def _entry(self, m: Module, pc: Signal, end: Signal, tail: Signal, present: Signal) -> None:
        """Which words a start runs."""
        first, last = Signal.like(self.entry_start, reset_less=True), Signal.like(self.entry_end, reset_less=True)
        with m.If(self.entry_clear | ResetSignal("sync", allow_reset_less=True)):
            m.d.sync += [first.eq(0), last.eq(0)]
        with m.Elif(self.entry_write):
            m.d.sync += [first.eq(self.entry_start), last.eq(self.entry_end)]
        with m.If(self.start):
            m.d.sync += [pc.eq(first), end.eq(last), tail.eq(last), present.eq(0)]

    def _count(self, m: Module, current, advance: Signal) -> tuple[Signal, Signal]:
        """Whether an interval of the REPEAT being looked at is over, or a cycle of the NOP; and whether the word is.

        Both counters are one ahead, so that comparisons end in registers.
        """
        word, marks = current.word, current.marks
        timer, repetitions = (Signal(isa.COUNT.width, name=name, reset_less=True) for name in ("timer", "repetitions"))
        timer_met, repetitions_met = Signal(reset_less=True), Signal(reset_less=True)
        in_first_cycle, in_first_interval = Signal(reset_less=True), Signal(reset_less=True)
        interval_over, word_over = Signal(), Signal()
        m.d.comb += [
            interval_over.eq(marks.nop | (marks.repeat & Mux(in_first_cycle, marks.every, timer_met))),
            word_over.eq(interval_over & Mux(in_first_interval, marks.once, repetitions_met)),
        ]
        m.d.sync += [timer.eq(timer + 1), timer_met.eq(timer == word[isa.INTERVAL.bits]), in_first_cycle.eq(0)]
        with m.If(interval_over):
            m.d.sync += [
                repetitions.eq(repetitions + 1),
                repetitions_met.eq(repetitions == word[isa.COUNT.bits]),
                in_first_interval.eq(0),
            ]
        with m.If(advance):
            m.d.sync += [repetitions.eq(2), in_first_interval.eq(1)]
        with m.If(advance | interval_over):
            m.d.sync += [timer.eq(2), in_first_cycle.eq(1)]
        return interval_over, word_over

    def _dispatch(self, m: Module, current, present, active: Signal, interval_over: Signal, offset: Signal) -> None:
        """The word that goes to the slice, its stride field increased by what loops, CONFIG and REPEAT add."""
        word, kind, marks = current.word, current.kind, current.marks
        sent = Signal.like(self.dispatch.word, reset_less=True)
        takes = kind.slice | kind.waits
        m.d.comb += self.dispatch.word.eq(sent)
        m.d.sync += self.dispatch.valid.eq(active & (kind.slice | (marks.repeat & interval_over)))
        stride = self.unit.stride
        rest = [sent] if stride is None else [sent[: stride.lsb], sent[stride.msb + 1 :]]
        taken = [word] if stride is None else [word[: stride.lsb], word[stride.msb + 1 :]]
        with m.If(takes):
            m.d.sync += [target.eq(value) for target, value in zip(rest, taken, strict=True)]
        if stride is None:
            return
        base, base_now = Signal(isa.STRIDE.width), Signal(isa.STRIDE.width)
        shift = Signal(isa.STRIDE.width, reset_less=True)  # of the word that is looked at; means something for a cycle
        m.d.comb += base_now.eq(Mux(present & marks.config, word[isa.BASE.bits], base))
        m.d.sync += [base.eq(base_now), shift.eq(offset + base_now)]
        with m.If(self.start):
            m.d.sync += base.eq(0)
        before, added = Signal(stride.width), Signal(stride.width)
        m.d.comb += [
            before.eq(Mux(marks.repeat, sent[stride.bits], word[stride.bits])),
            added.eq(Mux(marks.repeat, word[isa.STRIDE.bits], shift & kind.strided.replicate(stride.width))),
        ]
        with m.If(takes | (marks.repeat & interval_over)):
            m.d.sync += sent[stride.bits].eq(before + added)
