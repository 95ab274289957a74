"""One 16 × 16 supercell of an MXM plane."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import LANES_PER_SUPERLANE
from ..streams import BITS

SIZE = LANES_PER_SUPERLANE
"""Rows and columns of a supercell."""

WIDE = signed(32)
"""Weights, products and sums. Kept sign-extended they simulate five times faster than at their least
widths (docs/design/verilog.md); synthesis removes the copies of a sign."""

SUMS = data.ArrayLayout(32, SIZE)
"""One partial sum per column, modulo 2^32."""


def feed_layout(weight_streams: int, weight_blocks: int) -> data.StructLayout:
    """What travels along one row of supercells: activations, weights and what to do with them."""
    return data.StructLayout(
        {
            "activate": 1,
            "activations": BITS,
            "install": 1,
            "load": 1,
            "block": range(weight_blocks),
            "weights": data.ArrayLayout(BITS, weight_streams),
        }
    )


class Supercell(wiring.Component):
    """Multiplies the activations of one superlane by 16 × 16 weights and adds the sums from below.

    Rows are the 16 lanes of a superlane, columns 16 outputs. The feed goes on to the next supercell of
    the row one cycle later, the sums to the next superlane's row.

    Parameters
    ----------
    weight_streams : int
        Columns loaded at a time.
    weight_blocks : int
        Loads that fill a row of supercells.

    Attributes
    ----------
    latency : int
        Cycles from ``feed`` to ``sums``: 2; from ``sums_below`` to ``sums``: 1.

    Members
    -------
    column : In
        Place in the row of supercells. Constant.
    feed, next_feed : In(feed_layout), Out(feed_layout)
        From the previous supercell and to the next, one cycle later.
    sums_below, sums : In(SUMS), Out(SUMS)
        Partial sums. They meet the activations one cycle after these came in.
    valid : Out(1)
        ``sums`` has a new value.
    """

    latency = 2

    def __init__(self, weight_streams: int, weight_blocks: int):
        self.weight_streams = weight_streams
        self.blocks_per_cell = SIZE // weight_streams
        layout = feed_layout(weight_streams, weight_blocks)
        super().__init__(
            {
                "column": In(range(max(2, weight_blocks // self.blocks_per_cell))),
                "feed": In(layout),
                "next_feed": Out(layout),
                "sums_below": In(SUMS),
                "sums": Out(SUMS),
                "valid": Out(1),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        self._pass_on(m)
        feed = self.feed
        part_bits = (self.blocks_per_cell - 1).bit_length()
        part, owner = feed.block[:part_bits], feed.block[part_bits:]
        multiplied = Signal()
        m.d.sync += [multiplied.eq(feed.activate), self.valid.eq(multiplied)]
        activations = [Signal(WIDE, name=f"activation{row}") for row in range(SIZE)]
        m.d.comb += [to.eq(feed.activations.word_select(row, 8).as_signed()) for row, to in enumerate(activations)]
        for column in range(SIZE):
            block, stream = divmod(column, self.weight_streams)
            buffer = Signal(BITS, name=f"buffer{column}", reset_less=True)
            weights = [Signal(WIDE, name=f"weight{column}_{row}", reset_less=True) for row in range(SIZE)]
            with m.If(feed.load & (owner == self.column) & (part == block)):
                m.d.sync += buffer.eq(feed.weights[stream])
            with m.If(feed.install):
                m.d.sync += [weight.eq(buffer.word_select(row, 8).as_signed()) for row, weight in enumerate(weights)]
            dot = Signal(WIDE, name=f"dot{column}", reset_less=True)
            products = dot_product(m, activations, weights, f"column{column}")
            with m.If(feed.activate):
                m.d.sync += dot.eq(products)
            total = Signal(32, name=f"sum{column}", reset_less=True)
            m.d.comb += self.sums[column].eq(total)
            with m.If(multiplied):
                m.d.sync += total.eq(self.sums_below[column] + dot)
        return m

    def _pass_on(self, m: Module) -> None:
        """Registers the feed for the next supercell; data move only when they mean something."""
        feed = self.feed
        layout = feed.shape()
        parts = {name: Signal(field.shape, name=f"next_{name}", reset_less=field.width > 1) for name, field in layout}
        m.d.sync += [parts[name].eq(feed[name]) for name in ("activate", "install", "load")]
        with m.If(feed.activate):
            m.d.sync += parts["activations"].eq(feed.activations)
        with m.If(feed.load):
            m.d.sync += [parts["block"].eq(feed.block), parts["weights"].eq(feed.weights)]
        m.d.comb += [self.next_feed[name].eq(part) for name, part in parts.items()]


def dot_product(m: Module, a: list[Signal], b: list[Signal], name: str) -> Signal:
    """Exact sum of 16 products. Every product and sum has a name and 32 bits.

    Called outside of any ``m.If``, which would make every product a multiplexer.
    """
    sums = []
    for lane in range(SIZE):
        product = Signal(WIDE, name=f"{name}_product{lane}")
        m.d.comb += product.eq(a[lane] * b[lane])
        sums.append(product)
    while len(sums) > 1:
        pairs = []
        for n in range(0, len(sums), 2):
            total = Signal(WIDE, name=f"{name}_sum{len(sums)}_{n}")
            m.d.comb += total.eq(sums[n] + sums[n + 1])
            pairs.append(total)
        sums = pairs
    return sums[0]
