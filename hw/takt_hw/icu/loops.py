"""The loops that one queue is in."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .. import isa
from ..streams import pick


class LoopStack(wiring.Component):
    """Says where a queue goes on after a word that ends loops, and by how much its loops advance the stride field.

    Level 0 is the outermost loop. All levels that end with the same word as the innermost form the
    *closing* group: when that word is done, the innermost of them that has iterations left goes back,
    and those within it are over. Only one comparison and a few bits are worked out per cycle.

    Parameters
    ----------
    number_bits : int
        Width of word numbers.

    Members
    -------
    clear : In(1)
        Forget all loops.
    push, body, count, stride : In(1), In, In, In
        A LOOP is the word being looked at.
    number : In(number_bits)
        Number of the word being looked at.
    advance : In(1)
        That word is done in this cycle.
    follows : Out(number_bits)
        Number of the word to look at after that one.
    offset : Out(16)
        Sum over the loops of iteration times stride.
    full : Out(1)
        No further loop fits.
    """

    def __init__(self, number_bits: int):
        self.number_bits = number_bits
        super().__init__(
            {
                "clear": In(1),
                "push": In(1),
                "body": In(isa.BODY.width),
                "count": In(isa.COUNT.width),
                "stride": In(isa.STRIDE.width),
                "number": In(number_bits),
                "advance": In(1),
                "follows": Out(number_bits),
                "offset": Out(isa.STRIDE.width),
                "full": Out(1),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        depth = isa.LOOP_DEPTH
        levels = range(depth)

        def registers(name: str, width: int) -> list[Signal]:
            return [Signal(width, name=f"{name}{k}") for k in levels]

        starts, ends = registers("start", self.number_bits), registers("end", self.number_bits)
        counts, strides = registers("count", isa.COUNT.width), registers("stride", isa.STRIDE.width)
        offsets, groups = registers("offset", isa.STRIDE.width), registers("group", depth)
        active = Signal(depth)  # one bit per level that is in use
        last = Signal(depth)  # levels in their last iteration
        closing = Signal(depth)
        end = Signal(self.number_bits)
        m.d.comb += self.full.eq(active[-1])

        # The innermost level that goes back, as one bit; 0 if the whole closing group is over.
        again = Signal(depth)
        goes_back = Signal(depth)
        at_end = Signal()
        back_to = Signal(self.number_bits)
        next_word = Signal(self.number_bits)
        m.d.comb += [
            again.eq(closing & ~last),
            goes_back.eq(_highest(again)),
            at_end.eq((closing != 0) & (self.number == end)),
            back_to.eq(_chosen(goes_back, starts)),
            next_word.eq(self.number + 1),
            self.follows.eq(Mux(at_end & again.any(), back_to, next_word)),
        ]

        # Levels that stay when the word at ``end`` is done.
        stay = Signal(depth)
        m.d.comb += stay.eq(Mux(again.any(), _up_to(goes_back), active & ~closing))
        innermost = Signal(depth)
        m.d.comb += innermost.eq(_highest(stay))
        with m.If(at_end & self.advance):
            m.d.sync += [
                active.eq(stay),
                closing.eq(_chosen(innermost, groups)),
                end.eq(_chosen(innermost, ends)),
                self.offset.eq(_chosen(innermost, offsets)),
            ]
            for k in levels:
                with m.If(goes_back[k]):
                    m.d.sync += [
                        counts[k].eq(counts[k] - 1),
                        last[k].eq(counts[k] == 2),
                        offsets[k].eq(offsets[k] + strides[k]),
                        self.offset.eq(offsets[k] + strides[k]),
                    ]

        new_end = Signal(self.number_bits)
        new_level = Signal(depth)
        m.d.comb += [new_end.eq(self.number + self.body), new_level.eq(Cat(Const(1, 1), active) & ~active)]
        with m.If(self.push):
            joined = Signal(depth)
            m.d.comb += joined.eq(Mux(new_end == end, closing, 0) | new_level)
            m.d.sync += [active.eq(active | new_level), closing.eq(joined), end.eq(new_end)]
            for k in levels:
                with m.If(new_level[k]):
                    m.d.sync += [
                        starts[k].eq(next_word),
                        ends[k].eq(new_end),
                        counts[k].eq(self.count),
                        last[k].eq(self.count == 1),
                        strides[k].eq(self.stride),
                        offsets[k].eq(self.offset),
                        groups[k].eq(joined),
                    ]
        with m.If(self.clear):
            m.d.sync += [active.eq(0), closing.eq(0), self.offset.eq(0)]
        return m


def _highest(bits: Value) -> Value:
    """The highest bit that is set, alone."""
    width = len(bits)
    above = [bits[k + 1 :].any() if k + 1 < width else Const(0, 1) for k in range(width)]
    return Cat(bits[k] & ~above[k] for k in range(width))


def _up_to(one: Value) -> Value:
    """All bits up to the one that is set."""
    return Cat(one[k:].any() for k in range(len(one)))


def _chosen(one: Value, choices: list[Signal]) -> Value:
    """The choice whose bit is set; zero if none is."""
    number = Cat(
        Cat(one[k] for k in range(len(choices)) if k >> b & 1).any() for b in range((len(choices) - 1).bit_length())
    )
    return Mux(one.any(), pick(number, dict(enumerate(choices))), 0)
