"""The loops that a pipelined queue is in, kept in a memory of one record per loop."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .. import isa

DEPTH = isa.LOOP_DEPTH
LEVEL_BITS = DEPTH.bit_length()

ENTRY = data.StructLayout(
    {
        "count": isa.COUNT.width,
        "stride": isa.STRIDE.width,
        "follows": 1,
        "single": 1,
        "twice": 1,
        "thrice": 1,
    }
)
"""A LOOP whose count is at least 2. ``twice``, ``thrice``: the count is 2, is 3. ``single``: its body is one word.
``follows``: this is so, the rest counts."""


class LoopMemory(wiring.Component):
    """Says where fetching goes on after a word that ends loops, and by how much loops advance the stride field.

    Fetching is one word ahead: when a LOOP is looked at, the first word of its body is at the text memory's output, and
    what follows that is to be known in this cycle. For a body of one word that is the same word once more. So such a
    LOOP goes back for the first time while it is entered.

    Level 0 is the outermost loop. All levels that end with the same word as the innermost form the *group*. After that
    word the innermost of them that has iterations left goes back, and those within it are over; if none has any left
    the whole group is over. Either way one record is read: that of the level that goes back, or that of the level
    around the group. Record k + 1 is level k's, record 0 stands for no loop and stays zero.

    Parameters
    ----------
    number_bits : int
        Width of word numbers.
    strided : bool
        Work out ``offset``.

    Members
    -------
    clear : In(1)
        Forget all loops. Not with ``advance``.
    advance : In(1)
        The word at the text memory's output is taken in this cycle.
    number : In(number_bits)
        Its number.
    enter : In(ENTRY)
        The word before it, which is looked at, if that is a LOOP. Only with ``advance``.
    last : In(number_bits)
        Number of the last word of its body.
    back : Out(1)
        What follows is not the next word, but that at ``back_to``.
    back_to : Out(number_bits)
        Number of a loop's first word.
    offset : Out(16)
        Sum over the loops of iteration times stride, for the word at the text memory's output.
    full : Out(1)
        No further loop fits.
    """

    def __init__(self, number_bits: int, strided: bool):
        self.number_bits = number_bits
        self.strided = strided
        super().__init__(
            {
                "clear": In(1),
                "advance": In(1),
                "number": In(number_bits),
                "enter": In(ENTRY),
                "last": In(number_bits),
                "back": Out(1),
                "back_to": Out(number_bits),
                "offset": Out(isa.STRIDE.width),
                "full": Out(1),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        # Of the innermost level: how many levels there are, which of its group go back, where the group ends, what
        # is around it.
        level = Signal(LEVEL_BITS)
        again = Signal(DEPTH, reset_less=True)
        end = Signal(self.number_bits, reset_less=True)
        around = Signal(LEVEL_BITS, reset_less=True)
        # What follows from these, in registers of its own: whether a level goes back, and the record that is read.
        goes_back, record = Signal(reset_less=True), Signal(LEVEL_BITS, reset_less=True)
        m.d.comb += self.full.eq(level == DEPTH)

        fixed, changing = self._records(m)
        at_end = Signal()
        m.d.comb += [
            at_end.eq((level != 0) & (self.number == end) & ~self.enter.follows),
            fixed.read.addr.eq(record),
            changing.read.addr.eq(record),
            self.back.eq(at_end & goes_back),
            self.back_to.eq(fixed.read.data.start),
        ]

        # A new level.
        enter, entered = self.enter, Signal(LEVEL_BITS)
        joins, more, here = Signal(), Signal(), Signal(DEPTH)
        new_again = Signal(DEPTH)
        new_around = Signal(LEVEL_BITS)
        m.d.comb += [
            entered.eq(level + 1),
            joins.eq((level != 0) & (self.last == end)),
            more.eq(~(enter.single & enter.twice)),
            here.eq(more << level),
            new_again.eq(Mux(joins, again, 0) | here),
            new_around.eq(Mux(joins, around, level)),
            fixed.write.en.eq(enter.follows),
            fixed.write.addr.eq(entered),
            fixed.write.data.start.eq(self.number),
            fixed.write.data.end.eq(self.last),
            fixed.write.data.around.eq(new_around),
            fixed.write.data.single.eq(enter.single),
            fixed.write.data.stride.eq(enter.stride),
        ]

        # A level that goes back. ``final`` says ahead of time that it does so for the last time.
        old, new = changing.read.data, changing.write.data
        left = Signal(DEPTH)
        m.d.comb += [
            left.eq(again & ~Cat(old.final & (record == n + 1) for n in range(DEPTH))),
            changing.write.en.eq(enter.follows | (self.advance & self.back)),
            changing.write.addr.eq(Mux(enter.follows, entered, record)),
            new.count.eq(Mux(enter.follows, enter.count, old.count - 1)),
            new.final.eq(
                Mux(
                    enter.follows,
                    Mux(enter.single, enter.thrice, enter.twice),
                    old.count == Mux(fixed.read.data.single, 4, 3),
                )
            ),
            new.again.eq(Mux(enter.follows, new_again, left)),
        ]
        remaining, outside = Signal(DEPTH), Signal(LEVEL_BITS)
        m.d.comb += [
            remaining.eq(Mux(goes_back, left, old.again)),
            outside.eq(Mux(goes_back, around, fixed.read.data.around)),
        ]
        with m.If(enter.follows):
            m.d.sync += [
                level.eq(entered),
                again.eq(new_again),
                end.eq(self.last),
                around.eq(new_around),
                goes_back.eq(more | (joins & goes_back)),
                record.eq(Mux(more, entered, Mux(joins, record, level))),
            ]
        with m.Elif(self.advance & at_end):
            m.d.sync += level.eq(record)
            m.d.sync += [
                again.eq(remaining),
                around.eq(outside),
                goes_back.eq(remaining.any()),
                record.eq(Mux(remaining.any(), _highest(remaining), outside)),
            ]
            with m.If(~goes_back):
                m.d.sync += end.eq(fixed.read.data.end)
        if self.strided:
            self._offset(m, at_end, goes_back, fixed.read.data.stride, old.offset, new.offset)
        with m.If(self.clear):
            m.d.sync += level.eq(0)
            if self.strided:
                m.d.sync += self.offset.eq(0)
        return m

    def _records(self, m: Module) -> tuple:
        """What a level is entered with, and what changes when it goes back: one memory each, both read at once."""
        stride = {"stride": isa.STRIDE.width} if self.strided else {"stride": 0}
        fixed = {"start": self.number_bits, "end": self.number_bits, "around": LEVEL_BITS, "single": 1} | stride
        changing = {"count": isa.COUNT.width, "final": 1, "again": DEPTH}
        changing |= {"offset": isa.STRIDE.width if self.strided else 0}
        return _Records(m, "fixed", fixed), _Records(m, "changing", changing)

    def _offset(self, m: Module, at_end: Value, goes_back: Value, stride: Value, old: Value, new: Value) -> None:
        """One sum for all: a level begins with the offset around it, goes back with one more stride, or is over."""
        base, added, total = (Signal(isa.STRIDE.width, name=f"offset_{name}") for name in ("base", "added", "total"))
        enters, adds = self.enter.follows, Signal()
        m.d.comb += [
            adds.eq(Mux(enters, self.enter.single, goes_back)),
            base.eq(Mux(enters, self.offset, old)),
            added.eq(Mux(enters, self.enter.stride, stride) & adds.replicate(len(added))),
            total.eq(base + added),
            new.eq(total),
        ]
        with m.If(enters | (self.advance & at_end)):
            m.d.sync += self.offset.eq(total)


class _Records:
    """A memory of one record per level, and one that is never written, with its two ports."""

    def __init__(self, m: Module, name: str, fields: dict[str, int]):
        memory = Memory(shape=data.StructLayout(fields), depth=1 << LEVEL_BITS, init=[])
        m.submodules[name] = memory
        self.write = memory.write_port()
        self.read = memory.read_port(domain="comb")


def _highest(bits: Value) -> Value:
    """One more than the number of the highest bit that is set; 1 if none is."""
    found: Value = Const(1)
    for n in range(1, len(bits)):
        found = Mux(bits[n], n + 1, found)
    return found
