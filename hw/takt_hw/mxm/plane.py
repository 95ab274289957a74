"""One MXM plane: a grid of supercells, and the way of the products back to their superlanes."""

from __future__ import annotations

from functools import partial

from amaranth.hdl import Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..config import ChipConfig
from ..tiles import TileLibrary
from .supercell import SUMS, Supercell, feed_layout


class Plane(wiring.Component):
    """VL × VL multiply-accumulators as superlanes × superlanes supercells.

    The activations of superlane k enter row k, k cycles late as everything in that superlane, and move
    one column of supercells per cycle. Sums move one row per cycle, so both meet in step. The sums of
    column j leave the top row j cycles late; the way down to superlane j is made as long for all.

    Attributes
    ----------
    latency : int
        Cycles from ``feed{0}`` to ``product{0}``: 2 * superlanes.

    Members
    -------
    feed{k} : In(feed_layout)
        From superlane k.
    product{j}, product{j}_valid : Out(SUMS), Out(1)
        To superlane j, j cycles behind superlane 0.
    """

    def __init__(self, config: ChipConfig, tiles: TileLibrary):
        self.config = config
        self.tiles = tiles
        self.latency = 2 * config.superlanes
        layout = feed_layout(config.weight_streams, config.weight_blocks)
        super().__init__(
            {f"feed{k}": In(layout) for k in range(config.superlanes)}
            | {f"product{k}": Out(SUMS) for k in range(config.superlanes)}
            | {f"product{k}_valid": Out(1) for k in range(config.superlanes)}
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        size = self.config.superlanes
        build = partial(Supercell, self.config.weight_streams, self.config.weight_blocks)
        below: list = [Const(0, SUMS.as_shape().width)] * size
        top = []
        for k in range(size):
            feed = getattr(self, f"feed{k}")
            top = []
            for j in range(size):
                ports = self.tiles.place(m, f"supercell_{k}_{j}", "supercell", build)
                m.d.comb += [ports.column.eq(j), ports.feed.eq(feed), ports.sums_below.eq(below[j])]
                feed = ports.next_feed
                top.append(ports)
            below = [ports.sums for ports in top]
        for j, ports in enumerate(top):
            sums, valid = ports.sums, ports.valid
            for hop in range(size - 1):
                next_sums = Signal(SUMS, name=f"down{j}_{hop}", reset_less=True)
                next_valid = Signal(name=f"down{j}_{hop}_valid")
                m.d.sync += next_valid.eq(valid)
                with m.If(valid):
                    m.d.sync += next_sums.eq(sums)
                sums, valid = next_sums, next_valid
            m.d.comb += [getattr(self, f"product{j}").eq(sums), getattr(self, f"product{j}_valid").eq(valid)]
        return m
