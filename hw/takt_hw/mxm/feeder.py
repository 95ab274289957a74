"""Takes weights and activations from the streams and feeds one row of supercells."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .. import isa
from ..config import ChipConfig
from ..streams import BITS, TAP, dispatch_layout
from .supercell import feed_layout


class Feeder(wiring.Component):
    """Executes LW, IW and ABC for one plane in one superlane.

    Attributes
    ----------
    latency : int
        Cycles from ``weights`` or ``activate`` to ``feed``: 1.

    Members
    -------
    weights, activate : In(dispatch_layout)
        The instructions of the two queues, one cycle after their dispatch in this superlane.
    clear : In(1)
        A program begins: nothing is loaded or installed.
    weights_tap{n}, activations_tap : Out(TAP)
        Stream operands; data come back in ``weights_tap{n}_data`` and ``activations_tap_data``.
    feed : Out(feed_layout)
        To the first supercell of the row.
    undefined : Out(1)
        IW of a buffer not wholly loaded, or ABC without installed weights.
    """

    latency = 1

    def __init__(self, config: ChipConfig):
        self.weight_streams = config.weight_streams
        self.weight_blocks = config.weight_blocks
        super().__init__(
            {
                "weights": In(dispatch_layout(isa.MXM_WEIGHTS.word_bits)),
                "activate": In(dispatch_layout(isa.MXM_ACTIVATE.word_bits)),
                "clear": In(1),
                "activations_tap": Out(TAP),
                "activations_tap_data": In(BITS),
                "feed": Out(feed_layout(config.weight_streams, config.weight_blocks)),
                "undefined": Out(1),
            }
            | {f"weights_tap{n}": Out(TAP) for n in range(config.weight_streams)}
            | {f"weights_tap{n}_data": In(BITS) for n in range(config.weight_streams)}
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        opcode = self.activate.word[: isa.OPCODE_BITS]
        load = self.weights.valid
        install = Signal()
        activate = Signal()
        m.d.comb += [
            install.eq(self.activate.valid & (opcode == isa.IW.code)),
            activate.eq(self.activate.valid & (opcode == isa.ABC.code)),
            self.activations_tap.valid.eq(activate),
            self.activations_tap.stream.eq(self.activate.word[isa.ACTIVATIONS.bits]),
        ]
        block = self.weights.word[isa.BLOCK.bits]
        m.d.sync += [self.feed.load.eq(load), self.feed.install.eq(install), self.feed.activate.eq(activate)]
        with m.If(activate):
            m.d.sync += self.feed.activations.eq(self.activations_tap_data)
        with m.If(load):
            m.d.sync += self.feed.block.eq(block)
        for n in range(self.weight_streams):
            tap = getattr(self, f"weights_tap{n}")
            m.d.comb += [tap.valid.eq(load), tap.stream.eq(self.weights.word[isa.WEIGHTS.bits] + n)]
            with m.If(load):
                m.d.sync += self.feed.weights[n].eq(getattr(self, f"weights_tap{n}_data"))

        loaded = Signal(self.weight_blocks)
        installed = Signal()
        with m.If(load):
            m.d.sync += loaded.bit_select(block, 1).eq(1)
        with m.If(install):
            m.d.sync += installed.eq(1)
        with m.If(self.clear):
            m.d.sync += [loaded.eq(0), installed.eq(0)]
        m.d.comb += self.undefined.eq((install & ~loaded.all()) | (activate & ~installed))
        return m
