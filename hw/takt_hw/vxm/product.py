"""The pipe of a pipelined build for all that takes a multiplier: integer products, and all floating point."""

from __future__ import annotations

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from .. import isa
from ..config import LANES_PER_SUPERLANE
from ..tiles import TileLibrary
from .float_lane import FloatLane
from .floating import FloatPipe
from .integer_lane import IntegerLane
from .pipe import pipe_signature
from .product_control import decode
from .register import register


class ProductPipe(wiring.Component):
    """Integer products, and if ``floating`` what `FloatPipe` computes, with one multiplier in each lane.

    Attributes
    ----------
    stages : int
        Cycles of computing, for all operations alike. In the last, registers and at most one
        level of gates make the result.
    ops : tuple of Op
        What it computes.

    Parameters
    ----------
    floating : bool
        Whether it has floating point.
    tiles : TileLibrary
        Places the lanes: one module for all of them. Unless given, each is a module of its own.
    lanes : int
        How many it has.

    Members
    -------
    port : In(pipe_signature(lanes))
        Operands and result. ``opcode`` and ``mode`` come in the cycle before the operands: there is much to decode.
    """

    stages = 1 + FloatLane.latency

    def __init__(self, floating: bool, tiles: TileLibrary | None = None, lanes: int = LANES_PER_SUPERLANE):
        self.floating = floating
        self.lanes = lanes
        self.tiles = tiles or TileLibrary(shared=False)
        self.ops: tuple[isa.Op, ...] = (isa.MUL, isa.REQUANT, *(FloatPipe.ops if floating else ()))
        super().__init__({"port": In(pipe_signature(lanes))})

    def elaborate(self, platform) -> Module:
        m = Module()
        control = register(m, decode(m, self.port.opcode, self.port.mode), "control")
        kind = FloatLane if self.floating else IntegerLane
        for n in range(self.lanes):
            lane = self.tiles.place(m, f"lane{n}", f"product_{kind.__name__.lower()}", kind)
            m.d.comb += [
                lane.control.eq(control),
                lane.a.eq(self.port.a[n]),
                lane.b.eq(self.port.b[n]),
                self.port.result[n].eq(lane.result),
            ]
        return m
