"""The SXM operations that stay within a superlane: SELECT, DISTRIBUTE, TRANSPOSE."""

from __future__ import annotations

from collections.abc import Callable

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .. import isa
from ..config import LANES_PER_SUPERLANE
from ..isa import Field, Unit
from ..isa.operands import STREAM_BITS
from ..streams import BITS, DRIVE, TAP, any_of, dispatch_layout

Move = Callable[[list[Value]], list[Value]]
"""From operand vectors to result vectors, one superlane wide."""


class LocalMover(wiring.Component):
    """One SXM unit that moves lanes within a superlane.

    Operands are registered at the end of the cycle after dispatch, results at the end of the next.

    Parameters
    ----------
    unit : Unit
        The queue's unit.
    sources : sequence of (Field, int)
        Operand fields, each with the number of streams it names.
    dest : (Field, int)
        Result field and the number of streams it names.
    move : Move
        What is done.

    Attributes
    ----------
    latency : int
        Cycles from ``control`` to ``drive``: 2.

    Members
    -------
    control : In(dispatch_layout)
        The instruction, one cycle after its dispatch in this superlane.
    tap{n}, drive{n} : Out(TAP), Out(DRIVE)
        Operand and result streams, in the order of the fields; operands come back in ``tap{n}_data``.
    """

    latency = 2

    def __init__(self, unit: Unit, sources: list[tuple[Field, int]], dest: tuple[Field, int], move: Move):
        self.unit = unit
        self.sources = [(field, n) for field, count in sources for n in range(count)]
        self.dest, self.results = dest
        self.move = move
        super().__init__(
            {"control": In(dispatch_layout(unit.word_bits))}
            | {f"tap{n}": Out(TAP) for n in range(len(self.sources))}
            | {f"tap{n}_data": In(BITS) for n in range(len(self.sources))}
            | {f"drive{n}": Out(DRIVE) for n in range(self.results)}
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        word, valid = self.control.word, self.control.valid
        operands = []
        for n, (field, offset) in enumerate(self.sources):
            tap = getattr(self, f"tap{n}")
            operand = Signal(BITS, name=f"operand{n}", reset_less=True)
            m.d.comb += [tap.valid.eq(valid), tap.stream.eq(word[field.bits] + offset)]
            with m.If(valid):
                m.d.sync += operand.eq(getattr(self, f"tap{n}_data"))
            operands.append(operand)
        moving, sending = Signal(), Signal()
        moving_to, sending_to = Signal(STREAM_BITS), Signal(STREAM_BITS)
        m.d.sync += [moving.eq(valid), sending.eq(moving), moving_to.eq(word[self.dest.bits]), sending_to.eq(moving_to)]
        for n, moved in enumerate(self.move(operands)):
            drive = getattr(self, f"drive{n}")
            result = Signal(BITS, name=f"result{n}", reset_less=True)
            with m.If(moving):
                m.d.sync += result.eq(moved)
            m.d.comb += [drive.valid.eq(sending), drive.stream.eq(sending_to + n), drive.data.eq(result)]
        return m


def selector() -> LocalMover:
    """``a`` where the mask is not zero, else ``b``, lane by lane."""

    def move(operands: list[Value]) -> list[Value]:
        a, b, mask = (_lanes(operand) for operand in operands)
        return [Cat(Mux(mask[lane] != 0, a[lane], b[lane]) for lane in range(LANES_PER_SUPERLANE))]

    fields = [(isa.SELECT_A, 1), (isa.SELECT_B, 1), (isa.SELECT_MASK, 1)]
    return LocalMover(isa.SXM_SELECT, fields, (isa.SXM_TO, 1), move)


def distributor(*, one_hot: bool = False) -> LocalMover:
    """Lane i of the result is the source lane that lane i of the map names; 0 if it names none.

    ``one_hot``: with multiplexers as a `StreamPosition` has them.
    """

    def move(operands: list[Value]) -> list[Value]:
        source, lane_map = operands
        if one_hot:
            lanes = _lanes(source)
            found = [any_of([(number[:4] == n, lane) for n, lane in enumerate(lanes)]) for number in _lanes(lane_map)]
            fits = [(number < LANES_PER_SUPERLANE).replicate(8) for number in _lanes(lane_map)]
            return [Cat(found) & Cat(fits)]
        return [
            Cat(Mux(number < LANES_PER_SUPERLANE, source.word_select(number[:4], 8), 0) for number in _lanes(lane_map))
        ]

    return LocalMover(isa.SXM_DISTRIBUTE, [(isa.SXM_FROM, 1), (isa.LANE_MAP, 1)], (isa.SXM_TO, 1), move)


def transposer(size: int) -> LocalMover:
    """Exchanges streams and lanes in every block of ``size`` lanes."""

    def move(operands: list[Value]) -> list[Value]:
        lanes = [_lanes(operand) for operand in operands]
        return [
            Cat(lanes[lane % size][lane - lane % size + stream] for lane in range(LANES_PER_SUPERLANE))
            for stream in range(size)
        ]

    return LocalMover(isa.SXM_TRANSPOSE, [(isa.BLOCK_FROM, size)], (isa.BLOCK_TO, size), move)


def _lanes(vector: Value) -> list[Value]:
    return [vector.word_select(lane, 8) for lane in range(LANES_PER_SUPERLANE)]
