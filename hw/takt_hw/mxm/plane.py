"""One MXM plane: a grid of supercells, and the way of the products back to their superlanes."""

from __future__ import annotations

from functools import partial

from amaranth.hdl import Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..config import ChipConfig
from ..tiles import TileLibrary
from .pipelined import PipelinedSupercell
from .supercell import SIZE, Supercell, feed_layout, sums_layout
from .turned import TurnedSupercell


class Plane(wiring.Component):
    """VL × VL multiply-accumulators as superlanes × superlanes supercells.

    The activations of superlane k enter row k, k cycles late as everything in that superlane, and move
    one column of supercells per cycle. Sums move one row per cycle, so both meet in step. The sums of
    column j leave the top row j cycles late; the way down to superlane j is made as long for all. Where columns take
    turns, those of the first turns wait for the last before it.

    Attributes
    ----------
    latency : int
        Cycles from ``feed{0}`` to ``product{0}``: 2 * superlanes, and what a supercell's more registers and turns add.

    Members
    -------
    feed{k} : In(feed_layout)
        From superlane k.
    product{j}, product{j}_valid : Out(sums_layout), Out(1)
        To superlane j, j cycles behind superlane 0.
    product{j}_is_fp16 : Out(1)
        Only in builds with fp16: the product is an exact sum, not int32.
    """

    def __init__(self, config: ChipConfig, tiles: TileLibrary):
        self.config = config
        self.tiles = tiles
        pipelined = TurnedSupercell if config.mxm_turns > 1 else PipelinedSupercell
        self.cell = pipelined if config.pipelined else Supercell
        self.latency = self.cell.latency + 2 * (config.superlanes - 1) + config.mxm_turns - 1
        layout = feed_layout(config)
        sums = sums_layout(config)
        rows = range(config.superlanes)
        super().__init__(
            {f"feed{k}": In(layout) for k in rows}
            | {f"product{k}": Out(sums) for k in rows}
            | {f"product{k}_valid": Out(1) for k in rows}
            | ({f"product{k}_is_fp16": Out(1) for k in rows} if config.mxm_float else {})
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        size = self.config.superlanes
        build = partial(self.cell, self.config)
        sums = sums_layout(self.config)
        below: list = [sums.const({})] * size
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
            is_fp16 = ports.is_fp16 if self.config.mxm_float else Const(0)
            self._descend(m, j, *self._gather(m, j, ports.sums, ports.valid), is_fp16)
        return m

    def _gather(self, m: Module, column: int, sums, valid) -> tuple:
        """The sums of all turns together, in the last turn, and whether there are any."""
        turns = self.config.mxm_turns
        if turns == 1:
            return sums, valid
        gathered = Signal(sums.shape(), name=f"gathered{column}")
        for turn in range(turns):
            for number in range(turn * SIZE // turns, (turn + 1) * SIZE // turns):
                value = sums.int32[number]
                if turn < turns - 1:
                    held = Signal(32, name=f"held{column}_{number}", reset_less=True)
                    with m.If(valid):
                        m.d.sync += held.eq(value)
                    value = held
                m.d.comb += gathered.int32[number].eq(value)
            if turn < turns - 1:
                valid, before = Signal(name=f"turn{column}_{turn + 1}"), valid
                m.d.sync += valid.eq(before)
        return gathered, valid

    def _descend(self, m: Module, column: int, sums, valid, is_fp16) -> None:
        """The way down of one column of supercells; the sums of one kind move when that kind is there."""
        layout = sums_layout(self.config)
        for hop in range(self.config.superlanes - 1):
            next_sums = Signal(layout, name=f"down{column}_{hop}", reset_less=True)
            next_valid = Signal(name=f"down{column}_{hop}_valid")
            m.d.sync += next_valid.eq(valid)
            if self.config.mxm_float:
                next_is_fp16 = Signal(name=f"down{column}_{hop}_is_fp16")
                m.d.sync += next_is_fp16.eq(is_fp16)
                with m.If(valid & ~is_fp16):
                    m.d.sync += next_sums.int32.eq(sums.int32)
                with m.If(valid & is_fp16):
                    m.d.sync += [next_sums[part].eq(sums[part]) for part in ("low", "high", "special")]
                is_fp16 = next_is_fp16
            else:
                with m.If(valid):
                    m.d.sync += next_sums.eq(sums)
            sums, valid = next_sums, next_valid
        m.d.comb += [getattr(self, f"product{column}").eq(sums), getattr(self, f"product{column}_valid").eq(valid)]
        if self.config.mxm_float:
            m.d.comb += getattr(self, f"product{column}_is_fp16").eq(is_fp16)
