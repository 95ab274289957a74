"""Instruction queues: every word of every short program dispatches in its cycle, no other and once.

The model is written from docs/manual/timing.md. It knows no stack: which loops are round a word is plain from where the
LOOPs stand, so it keeps one iteration number for each place in the text.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from amaranth.asserts import AnyConst, AnySeq
from amaranth.hdl import Array, Assert, Assume, Cat, Const, Cover, Module, Mux, Signal, Value
from amaranth.lib import wiring

from takt_hw import isa
from takt_hw.icu.pipelined import START_CYCLES, PipelinedQueue
from takt_hw.icu.queue import InstructionQueue
from takt_hw.icu.text import mark

from .proof import Mutant, Proof

WORDS = 4
UNIT = isa.MEM_READ
STRIDED = tuple(op for op in UNIT.ops if UNIT.stride in op.fields)
PLAIN = tuple(op for op in UNIT.ops if op not in (*isa.CONTROL, *STRIDED))
Connect = Callable[[Module, wiring.Component, Value, Value], None]
"""Joins the ports of one kind of queue that take text and entry: module, queue, address and word."""


def _is(word: Value, *ops: isa.Op) -> Value:
    return Cat(word[: isa.OPCODE_BITS] == op.code for op in ops).any()


def _legal(m: Module, words: list[Signal], most: int, strides: bool) -> None:
    """Counts up to ``most``, loops within the text and within one another, one word in a loop that is no LOOP."""
    known = (isa.NOP, isa.REPEAT, isa.SYNC, isa.NOTIFY, isa.LOOP, isa.CONFIG, *STRIDED, *PLAIN)
    for n, word in enumerate(words):
        count, interval, body = (word[field.bits] for field in (isa.COUNT, isa.INTERVAL, isa.BODY))
        m.d.comb += Assume(_is(word, *known))
        # Sums of many wide numbers in two orders keep a solver busy for hours; the carry is the same in any bit.
        small = 2 if strides else 0
        with m.If(_is(word, *STRIDED)):
            m.d.comb += Assume(word[UNIT.stride.bits][1:] == 0)
        with m.If(_is(word, isa.REPEAT, isa.LOOP, isa.CONFIG)):
            m.d.comb += Assume(word[isa.STRIDE.bits][small:] == 0)
        with m.If(_is(word, isa.NOP, isa.REPEAT, isa.LOOP)):
            m.d.comb += Assume((count != 0) & (count <= most))
        with m.If(_is(word, isa.REPEAT)):
            m.d.comb += Assume((interval != 0) & (interval <= most))
        with m.If(_is(word, isa.LOOP)):
            m.d.comb += Assume((body != 0) & (body <= WORDS - 1 - n))
            for inner in range(n + 1, WORDS):
                with m.If(_is(words[inner], isa.LOOP) & (body >= inner - n)):
                    m.d.comb += Assume(inner + words[inner][isa.BODY.bits] <= n + body)


def _model(m: Module, words: list[Signal], going: Value, restart: Value, release: Value) -> tuple[Signal, ...]:
    """What must be dispatched: valid, word, notify, each in the cycle before; and whether nothing is left."""
    place = Signal(range(WORDS + 1))
    cycle, interval = Signal(4), Signal(4)  # of the word; of the interval of its REPEAT
    iteration = [Signal(4, name=f"iteration{n}") for n in range(WORDS)]
    shift = [Signal(isa.STRIDE.width, name=f"shift{n}") for n in range(WORDS)]
    base = Signal(isa.STRIDE.width)
    last, any_yet, last_strided = Signal(UNIT.word_bits), Signal(), Signal()
    word = Signal(UNIT.word_bits)
    left, over = Signal(), Signal()
    valid, sent, notify = Signal(), Signal(UNIT.word_bits), Signal()
    around = [_is(words[n], isa.LOOP) & (place > n) & (place <= n + words[n][isa.BODY.bits]) for n in range(WORDS)]
    total = Signal(isa.STRIDE.width)
    field = UNIT.stride.bits
    m.d.comb += [
        word.eq(Array([*words, Const(0, UNIT.word_bits)])[place]),
        left.eq(going & (place != WORDS)),
        total.eq(sum((Mux(inside, by, 0) for inside, by in zip(around, shift, strict=True)), base)),
        sent.eq(word),
    ]
    count, every = word[isa.COUNT.bits], word[isa.INTERVAL.bits]
    with m.If(left):
        m.d.sync += cycle.eq(cycle + 1)
        with m.If(_is(word, isa.NOP)):
            m.d.comb += over.eq(cycle + 1 == count)
        with m.Elif(_is(word, isa.REPEAT)):
            m.d.comb += [Assume(any_yet), Assume(last_strided | (word[isa.STRIDE.bits] == 0)), sent.eq(last)]
            m.d.comb += sent[field].eq(last[field] + word[isa.STRIDE.bits])
            m.d.comb += [valid.eq(cycle + 1 == every), over.eq(valid & (interval + 1 == count))]
            with m.If(valid):
                m.d.sync += [cycle.eq(0), interval.eq(interval + 1)]
        with m.Elif(_is(word, isa.SYNC)):
            m.d.comb += over.eq(release)
        with m.Else():
            m.d.comb += over.eq(1)
        with m.If(_is(word, isa.NOTIFY)):
            m.d.comb += notify.eq(1)
        with m.If(_is(word, isa.CONFIG)):
            m.d.sync += base.eq(word[isa.BASE.bits])
        with m.If(_is(word, *STRIDED, *PLAIN)):
            m.d.comb += valid.eq(1)
            m.d.sync += [any_yet.eq(1), last_strided.eq(_is(word, *STRIDED))]
            with m.If(_is(word, *STRIDED)):
                m.d.comb += sent[field].eq(word[field] + total)
        with m.If(valid):
            m.d.sync += last.eq(sent)
        with m.If(over):
            m.d.sync += [cycle.eq(0), interval.eq(0), place.eq(place + 1)]
            for n, loop in enumerate(words):  # the innermost that goes on has the last word
                with m.If(_is(loop, isa.LOOP) & (place == n)):
                    m.d.sync += [iteration[n].eq(0), shift[n].eq(0)]
                ends = _is(loop, isa.LOOP) & (place != n) & (place == n + loop[isa.BODY.bits])
                with m.If(ends & (iteration[n] + 1 < loop[isa.COUNT.bits])):
                    m.d.sync += place.eq(n + 1)
            goes_on = Const(0, 1)
            for n in reversed(range(WORDS)):
                loop = words[n]
                ends = _is(loop, isa.LOOP) & (place != n) & (place == n + loop[isa.BODY.bits])
                again = ends & (iteration[n] + 1 < loop[isa.COUNT.bits]) & ~goes_on
                with m.If(again):
                    m.d.sync += [iteration[n].eq(iteration[n] + 1), shift[n].eq(shift[n] + loop[isa.STRIDE.bits])]
                goes_on = goes_on | again
    with m.If(restart):
        m.d.sync += [
            *(register.eq(0) for register in (place, cycle, interval, base, any_yet)),
        ]
    return valid, sent, notify, left


def program(
    make: Callable[[], wiring.Component], connect: Connect, start_cycles: int, most: int, strides: bool, m: Module
) -> None:
    """Any four words, written, entered and started; SYNC released in any cycle."""
    m.submodules.dut = dut = make()
    words = [Signal(UNIT.word_bits, name=f"word{n}") for n in range(WORDS)]
    m.d.comb += [word.eq(AnyConst(UNIT.word_bits)) for word in words]
    _legal(m, words, most, strides)
    time = Signal(8)
    going = Signal()
    release = Signal()
    m.d.sync += time.eq(time + 1)
    with m.If(time == WORDS + 1 + start_cycles):
        m.d.sync += going.eq(1)
    m.d.comb += [
        dut.text_write.eq(time < WORDS),
        dut.entry_write.eq(time == WORDS),
        dut.start.eq(time == WORDS + 1),
        release.eq(AnySeq(1)),
        dut.release.eq(release),
    ]
    connect(m, dut, time, Array(words)[time[: (WORDS - 1).bit_length()]])
    valid, sent, notify, left = _model(m, words, going, Const(0, 1), release)
    due, due_word, due_notify = Signal(), Signal(UNIT.word_bits), Signal()
    m.d.sync += [due.eq(valid), due_word.eq(sent), due_notify.eq(notify)]
    m.d.comb += [
        Assert(dut.dispatch.valid == due),
        Assert(dut.notify == due_notify),
        Assert(~due | (dut.dispatch.word == due_word)),
        Assert(~dut.fetch.valid & ~dut.illegal & ~dut.dry),
        Assert(~going | (dut.ended == ~left)),
    ]
    loops = [_is(word, isa.LOOP) for word in words]
    m.d.comb += [
        Cover(going & ~left & loops[0] & loops[1] & (words[0][isa.COUNT.bits] == 2) & (words[1][isa.COUNT.bits] == 2)),
        Cover(going & ~left & loops[0] & _is(words[2], isa.REPEAT) & (words[2][isa.INTERVAL.bits] == 2)),
        Cover(going & ~left & _is(words[1], isa.SYNC) & _is(words[2], isa.CONFIG)),
        Cover(going & ~left & _is(words[0], isa.NOP) & (words[0][isa.COUNT.bits] == most)),
    ]


def _plain(m: Module, dut: wiring.Component, address: Value, word: Value) -> None:
    m.d.comb += [
        dut.text_address.eq(address),
        dut.text_data.eq(word),
        dut.entry_start.eq(0),
        dut.entry_count.eq(WORDS),
    ]


def _pipelined(m: Module, dut: wiring.Component, address: Value, word: Value) -> None:
    stored = Signal(UNIT.word_bits)
    m.d.comb += [stored.eq(word), dut.text_data.eq(stored), dut.text_address.eq(address)]
    m.d.comb += [dut.entry_start.eq(0), dut.entry_end.eq(WORDS)]
    mark(m, stored, dut.text_marks)


WHAT = (
    "For every text of NOP, READ, GATHER, REPEAT, LOOP, SYNC, NOTIFY and CONFIG: each dispatch comes in the cycle that "
    "the timing model says, none is skipped or repeated; the queue ends in its cycle"
)
BMC_ALONE = (
    "no induction: programs end, and it would need invariants of the queue's inside. Texts of four words, MEM.read, "
    "from START to the cycle"
)
MUTANTS = (
    Mutant(
        "NOP n waits n + 1 cycles",
        "icu/queue.py",
        "m.d.comb += advance.eq(timer_left == 1)",
        "m.d.comb += advance.eq(timer_left == 0)",
    ),
    Mutant(
        "LOOP runs its body once too often",
        "icu/loops.py",
        "last[k].eq(counts[k] == 2)",
        "last[k].eq(counts[k] == 1)",
    ),
    Mutant(
        "an inner loop that ends with its outer one is not left",
        "icu/loops.py",
        "joined.eq(Mux(new_end == end, closing, 0) | new_level)",
        "joined.eq(new_level)",
    ),
)
STRIDE_MUTANTS = (
    Mutant(
        "REPEAT starts from the word in the text",
        "icu/queue.py",
        "strided.eq(strided + word[isa.STRIDE.bits])",
        "strided.eq(word[isa.STRIDE.bits])",
    ),
    Mutant(
        "a second iteration has the stride of none",
        "icu/loops.py",
        "self.offset.eq(offsets[k] + strides[k]),",
        "self.offset.eq(offsets[k]),",
    ),
)


PIPELINED_MUTANTS = (
    Mutant(
        "a second interval of REPEAT is a cycle longer",
        "icu/pipelined.py",
        "m.d.sync += [timer.eq(2), in_first_cycle.eq(1)]",
        "m.d.sync += [timer.eq(1), in_first_cycle.eq(1)]",
    ),
)


def _queue(
    name: str, what: str, most: int, strides: bool, depth: int, mutants: tuple[Mutant, ...], pipelined: bool = False
) -> Proof:
    queue, connect = (PipelinedQueue, _pipelined) if pipelined else (InstructionQueue, _plain)
    late = START_CYCLES if pipelined else 0
    return Proof(
        name=f"queue-{name}",
        what=what,
        build=partial(program, partial(queue, UNIT, WORDS), connect, late, most, strides),
        depth=depth + late,
        cover=24,
        assumed=f"legal texts, counts and intervals up to {most}, {'strides up to 3' if strides else 'no strides'}; "
        "SYNC is released in any cycle",
        note=BMC_ALONE,
        mutants=mutants,
    )


PROOFS = [
    _queue("times", WHAT, 3, False, 14, MUTANTS),
    _queue("strides", WHAT + ", with the stride field that it says", 2, True, 14, STRIDE_MUTANTS),
    _queue("times-pipelined", WHAT, 3, False, 14, PIPELINED_MUTANTS, pipelined=True),
]
