"""A supercell whose columns take turns at the multipliers of a few of them, for an FPGA that has few."""

from __future__ import annotations

from amaranth.hdl import Array, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..config import ChipConfig
from ..streams import BITS
from .column import LEVELS, ROWS, WEIGHT_ROWS, WeightBuffer, activation_registers, registered
from .supercell import SIZE, Supercell


class TurnedColumn(wiring.Component):
    """Multiplies activations by the weights of some columns, one after the other, and adds the sum from below.

    Every product is a multiplication, with a register on either side and one for the way from the multipliers, which
    stand far apart.

    Parameters
    ----------
    turns : int
        Columns.
    adds : bool
        There is a sum from below.

    Attributes
    ----------
    latency : int
        Cycles from ``activations`` to ``sum``: 8; from ``below``: 1.

    Members
    -------
    activations : In(BITS)
        Int8 activations, for ``turns`` cycles.
    starts : In(1)
        The cycle before these, in which the turns begin.
    load, buffered{turn} : In(turns), In(BITS)
        Weights for the buffer of a column, a cycle after its ``load``.
    install : In(1)
        The buffers' weights are those of the activations two cycles later.
    below : In(32)
        Added to the sum.
    sum : Out(32)
        Sum of the products, of one column after the other.
    """

    latency = 1 + 2 + LEVELS + 1

    def __init__(self, turns: int, *, adds: bool):
        self.turns = turns
        self.adds = adds
        super().__init__(
            {
                "activations": In(BITS),
                "starts": In(1),
                "load": In(turns),
                "install": In(1),
                "below": In(32),
                "sum": Out(32),
            }
            | {f"buffered{turn}": In(BITS) for turn in range(turns)}
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        activations = activation_registers(m, self.activations)
        # whose weights are chosen: in the cycle before they are multiplied
        turn = Signal(range(self.turns), reset_less=True)
        m.d.sync += turn.eq(turn + 1)
        with m.If(self.starts):
            m.d.sync += turn.eq(0)
        columns = [self._weights(m, column) for column in range(self.turns)]
        chosen = [Array(column[row] for column in columns)[turn] for row in range(ROWS)]
        weights = [weight.as_signed() for weight in registered(m, chosen, "weight")]
        products = [a * w for a, w in zip(activations, weights, strict=True)]
        for n in range(2):
            products = registered(m, products, f"product{n}_")
        for level in range(LEVELS):
            pairs = zip(products[::2], products[1::2], strict=True)
            products = registered(m, [one + other for one, other in pairs], f"products{level}_")
        total = Signal(32, reset_less=True)
        m.d.sync += total.eq(products[0] + self.below if self.adds else products[0])
        m.d.comb += self.sum.eq(total)
        return m

    def _weights(self, m: Module, column: int) -> list[Signal]:
        """The installed weights of one column, two cycles after ``install``."""
        weights = []
        for first in range(0, ROWS, WEIGHT_ROWS):
            m.submodules[f"weights{column}_{first}"] = part = WeightBuffer()
            buffered = getattr(self, f"buffered{column}")
            m.d.comb += [
                part.load.eq(self.load[column]),
                part.buffered.eq(buffered[8 * first : 8 * (first + WEIGHT_ROWS)]),
                part.install.eq(self.install),
            ]
            for n in range(WEIGHT_ROWS):
                weight = Signal(8, name=f"weight{column}_{first + n}", reset_less=True)
                with m.If(part.installs):
                    m.d.sync += weight.eq(part.weights.word_select(n, 8))
                weights.append(weight)
        return weights


class TurnedSupercell(Supercell):
    """A `Supercell` of int8 alone, with ``SIZE / config.mxm_turns`` columns of multipliers.

    In turn t the multipliers' column c is column ``t * SIZE / turns + c``; ``sums`` has the same sum for each of these,
    and ``valid`` tells the first turn. Activations come every ``turns`` cycles at most.

    Attributes
    ----------
    latency : int
        Cycles from ``feed`` to ``sums`` of the first turn: 9; from ``sums_below`` to ``sums``: 1.
    """

    latency = 1 + TurnedColumn.latency

    def __init__(self, config: ChipConfig):
        super().__init__(config)
        self.turns = config.mxm_turns

    def elaborate(self, platform) -> Module:
        m = Module()
        config, feed, late = self.config, self.feed, self.next_feed
        self._pass_on(m)
        self._announce(m)
        columns = SIZE // self.turns
        for c in range(columns):
            m.submodules[f"column{c}"] = column = TurnedColumn(self.turns, adds=config.superlanes > 1)
            m.d.comb += [
                column.activations.eq(late.activations),
                column.starts.eq(feed.activate),
                column.install.eq(feed.install),
                column.below.eq(self.sums_below.int32[c]),
            ]
            for turn in range(self.turns):
                number = turn * columns + c
                block, stream = divmod(number, config.weight_streams)
                m.d.comb += [
                    column.load[turn].eq(feed.load & (feed.block == self.column * self.blocks_per_cell + block)),
                    getattr(column, f"buffered{turn}").eq(late.weights[stream]),
                    self.sums.int32[number].eq(column.sum),
                ]
        return m
