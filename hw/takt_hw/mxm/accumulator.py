"""The accumulators of one plane, for the 16 columns of one superlane."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .. import isa
from ..config import LANES_PER_SUPERLANE
from ..isa.operands import STREAM_BITS
from ..streams import DRIVE, dispatch_layout
from .supercell import SUMS

PLANES = isa.DType.I32.streams


class Accumulator(wiring.Component):
    """Executes ACC: adds products up and sends the sums to four streams.

    Parameters
    ----------
    accumulators : int
        Vectors that are accumulated, a power of two.

    Attributes
    ----------
    latency : int
        Cycles from ``control`` to ``drive``: 1.

    Members
    -------
    control : In(dispatch_layout)
        The instruction, one cycle after its dispatch in this superlane.
    clear : In(1)
        A program begins: no accumulator is set.
    product, product_valid : In(SUMS), In(1)
        The product that ``control`` takes in the same cycle.
    drive{p} : Out(DRIVE)
        Byte plane p of the sums.
    undefined : Out(1)
        No product, or nothing to add to.
    """

    latency = 1

    def __init__(self, accumulators: int):
        self.accumulators = accumulators
        super().__init__(
            {
                "control": In(dispatch_layout(isa.MXM_ACCUMULATE.word_bits)),
                "clear": In(1),
                "product": In(SUMS),
                "product_valid": In(1),
                "undefined": Out(1),
            }
            | {f"drive{p}": Out(DRIVE) for p in range(PLANES)}
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.sums = memory = Memory(shape=SUMS, depth=self.accumulators, init=[])
        write = memory.write_port()
        read = memory.read_port(domain="comb")
        word = self.control.word
        address = word[isa.ACCUMULATOR.bits][: write.addr.shape().width]
        add = word[isa.ACC_MODE.bits] == isa.ACC_MODE.choices.index("add")
        m.d.comb += [
            read.addr.eq(address),
            write.addr.eq(address),
            write.en.eq(self.control.valid),
        ]
        sums = Signal(SUMS, reset_less=True)
        for lane in range(LANES_PER_SUPERLANE):
            m.d.comb += write.data[lane].eq((self.product[lane] + Mux(add, read.data[lane], 0))[:32])
        to = Signal(isa.ACC_TO.width)
        sending = Signal()
        m.d.sync += sending.eq(self.control.valid & word[isa.ACC_TO.bits][-1])
        with m.If(self.control.valid):
            m.d.sync += [sums.eq(write.data), to.eq(word[isa.ACC_TO.bits])]
        for p in range(PLANES):
            drive = getattr(self, f"drive{p}")
            m.d.comb += [
                drive.valid.eq(sending),
                drive.stream.eq(to[:STREAM_BITS] + p),
                drive.data.eq(Cat(sums[lane].word_select(p, 8) for lane in range(LANES_PER_SUPERLANE))),
            ]

        is_set = Signal(self.accumulators)
        with m.If(self.control.valid):
            m.d.sync += is_set.bit_select(address, 1).eq(1)
        with m.If(self.clear):
            m.d.sync += is_set.eq(0)
        lacks = ~self.product_valid | (add & ~is_set.bit_select(address, 1))
        m.d.comb += self.undefined.eq(self.control.valid & lacks)
        return m
