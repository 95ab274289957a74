"""A supercell for an FPGA: registers between all additions, and products of LUTs where multipliers run out."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, Value

from ..config import ChipConfig
from .column import Column, activation_registers, count_negative, digits_of
from .supercell import SIZE, Supercell


class PipelinedSupercell(Supercell):
    """A `Supercell` of int8 alone, in columns that each have their own copy of what goes to all.

    Of the products, numbered row by row, the first ``config.mxm_dsp`` are multiplications.

    Attributes
    ----------
    latency : int
        Cycles from ``feed`` to ``sums``: 10; from ``sums_below`` to ``sums``: 1.
    """

    latency = 1 + Column.latency

    def __init__(self, config: ChipConfig):
        if config.mxm_float:
            raise ValueError("config must have no fp16 in the MXM")
        super().__init__(config)

    def elaborate(self, platform) -> Module:
        m = Module()
        config, feed, late = self.config, self.feed, self.next_feed
        self._pass_on(m)
        self._announce(m)
        digits = [digits_of(number) for number in activation_registers(m, late.activations)]
        negative: dict[int, Value] = {}
        # One for all multipliers: four that share their enables may then be of any columns.
        installs = Signal()
        m.d.sync += installs.eq(feed.install)
        for number in range(SIZE):
            multiplied = sum(row * SIZE + number < config.mxm_dsp for row in range(SIZE))
            if multiplied not in negative:
                negative[multiplied] = count_negative(m, digits[multiplied:], f"negative{multiplied}")
            m.submodules[f"column{number}"] = column = Column(multiplied, adds=config.superlanes > 1)
            block, stream = divmod(number, config.weight_streams)
            m.d.comb += [
                column.activations.eq(late.activations),
                column.load.eq(feed.load & (feed.block == self.column * self.blocks_per_cell + block)),
                column.buffered.eq(late.weights[stream]),
                column.install.eq(feed.install),
                column.installs.eq(installs),
                column.negative.eq(negative[multiplied]),
                column.below.eq(self.sums_below.int32[number]),
                self.sums.int32[number].eq(column.sum),
            ]
        return m
