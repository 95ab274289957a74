"""One 16 × 16 supercell of an MXM plane."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import LANES_PER_SUPERLANE, ChipConfig
from ..streams import BITS
from . import exact

SIZE = LANES_PER_SUPERLANE
"""Rows and columns of a supercell."""

WIDE = signed(32)
"""Weights, products and sums. Kept sign-extended they simulate five times faster than at their least
widths (docs/design/verilog.md); synthesis removes the copies of a sign."""


def sums_layout(config: ChipConfig) -> data.StructLayout:
    """Partial sums, one per column: int32 modulo 2^32 and, in builds with fp16, the limbs of exact sums.

    A product is of one kind, and fills the parts of that kind; the others keep what they had.
    """
    limbs = data.ArrayLayout(64, SIZE)
    exact_parts = {"low": limbs, "high": limbs, "special": exact.SPECIAL} if config.mxm_float else {}
    return data.StructLayout({"int32": data.ArrayLayout(32, SIZE)} | exact_parts)


def feed_layout(config: ChipConfig) -> data.StructLayout:
    """What travels along one row of supercells: activations, weights and what to do with them.

    ``load_high`` loads the high bytes of fp16 weights, ``install_fp16`` says that ``install`` takes both bytes.
    """
    layout: dict = {
        "activate": 1,
        "activations": BITS,
        "install": 1,
        "load": 1,
        "block": range(config.weight_blocks),
        "weights": data.ArrayLayout(BITS, config.weight_streams),
    }
    if config.mxm_float:
        layout |= {"activate_fp16": 1, "operands": exact.OPERANDS}
    if config.mxm_fp16:
        layout |= {"load_high": 1, "install_fp16": 1}
    return data.StructLayout(layout)


class Supercell(wiring.Component):
    """Multiplies the activations of one superlane by 16 × 16 weights and adds the sums from below.

    Rows are the 16 lanes of a superlane, columns 16 outputs. The feed goes on to the next supercell of
    the row one cycle later, the sums to the next superlane's row.

    Parameters
    ----------
    config : ChipConfig
        Its weight streams and blocks, and its MXM's number formats.

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
    sums_below, sums : In(sums_layout), Out(sums_layout)
        Partial sums. They meet the activations one cycle after these came in.
    valid : Out(1)
        ``sums`` has a new value.
    is_fp16 : Out(1)
        Only in builds with fp16: the new value is an exact sum, not int32.
    """

    latency = 2

    def __init__(self, config: ChipConfig):
        self.config = config
        self.blocks_per_cell = SIZE // config.weight_streams
        layout, sums = feed_layout(config), sums_layout(config)
        super().__init__(
            {
                "column": In(range(max(2, config.weight_blocks // self.blocks_per_cell))),
                "feed": In(layout),
                "next_feed": Out(layout),
                "sums_below": In(sums),
                "sums": Out(sums),
                "valid": Out(1),
            }
            | ({"is_fp16": Out(1)} if config.mxm_float else {})
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        config, feed = self.config, self.feed
        self._pass_on(m)
        part_bits = (self.blocks_per_cell - 1).bit_length()
        part, owner = feed.block[:part_bits], feed.block[part_bits:]
        multiplied = Signal()
        if config.mxm_float:
            multiplied_fp16 = Signal()
            m.d.sync += [
                multiplied_fp16.eq(feed.activate_fp16),
                self.is_fp16.eq(multiplied_fp16),
                self.valid.eq(multiplied | multiplied_fp16),
            ]
            exact_sums = _ExactColumns(self, m, multiplied_fp16)
        else:
            m.d.sync += self.valid.eq(multiplied)
        m.d.sync += multiplied.eq(feed.activate)
        activations = [Signal(WIDE, name=f"activation{row}") for row in range(SIZE)]
        m.d.comb += [to.eq(feed.activations.word_select(row, 8).as_signed()) for row, to in enumerate(activations)]
        for column in range(SIZE):
            block, stream = divmod(column, config.weight_streams)
            here = (owner == self.column) & (part == block)
            buffer = Signal(BITS, name=f"buffer{column}", reset_less=True)
            weights = [Signal(WIDE, name=f"weight{column}_{row}", reset_less=True) for row in range(SIZE)]
            with m.If(feed.load & here):
                m.d.sync += buffer.eq(feed.weights[stream])
            installed = [buffer.word_select(row, 8).as_signed() for row in range(SIZE)]
            if config.mxm_fp16:
                buffer_high = Signal(BITS, name=f"buffer_high{column}", reset_less=True)
                with m.If(feed.load_high & here):
                    m.d.sync += buffer_high.eq(feed.weights[stream])
                halves = [Cat(buffer.word_select(row, 8), buffer_high.word_select(row, 8)) for row in range(SIZE)]
                installed = [
                    Mux(feed.install_fp16, exact.significand(half), byte)
                    for half, byte in zip(halves, installed, strict=True)
                ]
            with m.If(feed.install):
                m.d.sync += [weight.eq(value) for weight, value in zip(weights, installed, strict=True)]
            dot = Signal(WIDE, name=f"dot{column}", reset_less=True)
            products = dot_product(m, activations, weights, f"column{column}")
            with m.If(feed.activate):
                m.d.sync += dot.eq(products)
            total = Signal(32, name=f"sum{column}", reset_less=True)
            m.d.comb += self.sums.int32[column].eq(total)
            with m.If(multiplied):
                m.d.sync += total.eq(self.sums_below.int32[column] + dot)
            if config.mxm_float:
                exact_sums.add_column(column, weights, buffer, halves if config.mxm_fp16 else None)
        return m

    def _announce(self, m: Module) -> None:
        """``valid`` follows an int8 activation by the latency of a supercell that has no other."""
        activated = self.feed.activate
        for n in range(self.latency):
            activated, before = Signal(name=f"activated{n}"), activated
            m.d.sync += activated.eq(before)
        m.d.comb += self.valid.eq(activated)

    def _pass_on(self, m: Module) -> None:
        """Registers the feed for the next supercell.

        Data move only when they mean something; but always in an FPGA, where that net would be one of the largest.
        Activations that mean nothing are zeros there, unless they are needed for several turns.
        """
        feed = self.feed
        layout = feed.shape()
        parts = {name: Signal(field.shape, name=f"next_{name}", reset_less=field.width > 1) for name, field in layout}
        m.d.sync += [parts[name].eq(feed[name]) for name, field in layout if field.width == 1 and name != "block"]
        load = feed.load | feed.load_high if self.config.mxm_fp16 else feed.load
        with m.If(feed.activate):
            m.d.sync += parts["activations"].eq(feed.activations)
        if self.config.pipelined and self.config.mxm_turns == 1:
            with m.Else():
                m.d.sync += parts["activations"].eq(0)
        if self.config.mxm_float:
            with m.If(feed.activate_fp16):
                m.d.sync += parts["operands"].eq(feed.operands)
        with m.If(load | self.config.pipelined):
            m.d.sync += [parts["block"].eq(feed.block), parts["weights"].eq(feed.weights)]
        m.d.comb += [self.next_feed[name].eq(part) for name, part in parts.items()]


class _ExactColumns:
    """The fp16 half of a supercell: exact sums beside the int32 ones, from the same weight registers."""

    def __init__(self, cell: Supercell, m: Module, multiplied: Signal) -> None:
        self.cell = cell
        self.m = m
        self.multiplied = multiplied
        operands = cell.feed.operands
        self.significands = [Signal(WIDE, name=f"significand{row}") for row in range(SIZE)]
        self.shifts = [Signal(8, name=f"shift{row}") for row in range(SIZE)]
        m.d.comb += [to.eq(operands.significands[row]) for row, to in enumerate(self.significands)]
        m.d.comb += [to.eq(operands.shifts[row]) for row, to in enumerate(self.shifts)]

    def add_column(self, column: int, weights: list[Signal], buffer: Signal, halves: list | None) -> None:
        """Registers and sums of one column. ``halves``: the buffered fp16 weights, if the build has any."""
        m, cell, feed = self.m, self.cell, self.cell.feed
        shifts: list = [exact.INT8_SHIFT] * SIZE
        bytes_ = [buffer.word_select(row, 8) for row in range(SIZE)]
        flags = {
            "zero": Cat(~byte.any() for byte in bytes_),
            "negative": Cat(byte[7] for byte in bytes_),
            "nan": 0,
            "infinite": 0,
        }
        if halves is not None:
            taken = exact.take_apart(halves)
            flags = {name: Mux(feed.install_fp16, taken[name], flag) for name, flag in flags.items()}
            shifts = [Signal(8, name=f"shift{column}_{row}", reset_less=True) for row in range(SIZE)]
            with m.If(feed.install):
                for shift, half in zip(shifts, halves, strict=True):
                    m.d.sync += shift.eq(Mux(feed.install_fp16, exact.shift(half), exact.INT8_SHIFT))
        held = {name: Signal(SIZE, name=f"{name}{column}", reset_less=True) for name in flags}
        with m.If(feed.install):
            m.d.sync += [held[name].eq(flag) for name, flag in flags.items()]

        a = feed.operands
        infinite = a.infinite | held["infinite"]
        signs = a.negative ^ held["negative"]
        special = {
            "nan": ((a.nan | held["nan"]) | (a.infinite & held["zero"]) | (a.zero & held["infinite"])).any(),
            "plus": (infinite & ~signs).any(),
            "minus": (infinite & signs).any(),
        }
        dots = exact.exact_dots(m, self.significands, self.shifts, weights, shifts, f"column{column}")
        for limb, products in zip(("low", "high"), dots, strict=True):
            dot = Signal(64, name=f"{limb}_dot{column}", reset_less=True)
            total = Signal(64, name=f"{limb}_sum{column}", reset_less=True)
            with m.If(feed.activate_fp16):
                m.d.sync += dot.eq(products)
            with m.If(self.multiplied):
                m.d.sync += total.eq(cell.sums_below[limb][column] + dot)
            m.d.comb += cell.sums[limb][column].eq(total)
        for name, value in special.items():
            dot = Signal(name=f"{name}_dot{column}", reset_less=True)
            total = Signal(name=f"{name}_sum{column}", reset_less=True)
            with m.If(feed.activate_fp16):
                m.d.sync += dot.eq(value)
            with m.If(self.multiplied):
                m.d.sync += total.eq(cell.sums_below.special[name][column] | dot)
            m.d.comb += cell.sums.special[name][column].eq(total)


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
