"""The accumulators of one plane for an FPGA, for the 16 columns of one superlane."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib.memory import Memory

from .. import isa
from ..config import LANES_PER_SUPERLANE, ChipConfig
from ..isa.operands import STREAM_BITS
from .accumulator import PLANES, SUMS, Accumulator

_PLACE_BITS = (PLANES - 1).bit_length()


class PipelinedAccumulator(Accumulator):
    """An `Accumulator` of int32 alone that takes instruction and product into registers first.

    In the next cycle the accumulator is read, and in the one after added to and written; an instruction that follows
    one on the same accumulator takes its sum. DRAIN writes nothing: it leaves a mark, and what an accumulator with a
    mark holds counts as 0 until the next ACC. ``next_drive{p}`` is what ``drive{p}`` names in the next cycle.
    """

    ahead = True

    def __init__(self, config: ChipConfig):
        if config.mxm_float:
            raise ValueError("config must have no fp16 in the MXM")
        super().__init__(config)

    def elaborate(self, platform) -> Module:
        m = Module()
        address_bits = (self.accumulators - 1).bit_length()
        word = self.control.word
        drain, add = Signal(), Signal()
        m.d.comb += [
            drain.eq(word[: isa.OPCODE_BITS] == isa.DRAIN.code),
            add.eq(word[isa.ACC_MODE.bits] == isa.ACC_MODE.choices.index("add")),
        ]
        self._check(m, word[isa.ACCUMULATOR.bits][:address_bits], drain, add)

        # The first cycle: instruction and product.
        adds, drains, keeps = Signal(), Signal(), Signal()
        address = Signal(address_bits)
        product = Signal(SUMS, reset_less=True)
        m.d.sync += [
            adds.eq(self.control.valid & ~drain),
            drains.eq(self.control.valid & drain),
            keeps.eq(add | drain),
            address.eq(word[isa.ACCUMULATOR.bits]),
            product.eq(self.product.int32),
        ]

        # The second: what is held.
        drained = Signal(self.accumulators)
        with m.If(adds | drains):
            m.d.sync += drained.bit_select(address, 1).eq(drains)
        m.submodules.sums = memory = Memory(shape=SUMS, depth=self.accumulators, init=[])
        write, read = memory.write_port(), memory.read_port(domain="comb")
        late, held = Signal(SUMS, reset_less=True), Signal(SUMS, reset_less=True)
        kept, follows = Signal(), Signal()
        m.d.comb += read.addr.eq(address)
        m.d.sync += [
            write.addr.eq(address),
            write.en.eq(adds),
            kept.eq(keeps & ~drained.bit_select(address, 1)),
            follows.eq(write.en & (write.addr == address)),
            late.eq(Mux(drains, 0, product)),
            held.eq(read.data),
        ]

        # The third: the sum.
        result = Signal(SUMS, reset_less=True)
        for lane in range(LANES_PER_SUPERLANE):
            old = Mux(follows, result[lane], held[lane]) & kept.replicate(32)
            m.d.comb += write.data[lane].eq(late[lane] + old)
        m.d.sync += result.eq(write.data)

        sending, to = self.control.valid & word[isa.ACC_TO.bits][-1], word[isa.ACC_TO.bits][:STREAM_BITS]
        for n in range(self.latency):
            coming = sending, to
            next_sending, next_to = Signal(name=f"sending{n}"), Signal(STREAM_BITS, name=f"to{n}")
            m.d.sync += [next_sending.eq(sending), next_to.eq(to)]
            sending, to = next_sending, next_to
        for p in range(PLANES):
            drive = getattr(self, f"drive{p}")
            m.d.comb += [
                drive.valid.eq(sending),
                drive.stream.eq(Cat(Const(p, _PLACE_BITS), to[_PLACE_BITS:])),
                getattr(self, f"next_drive{p}").valid.eq(coming[0]),
                getattr(self, f"next_drive{p}").stream.eq(Cat(Const(p, _PLACE_BITS), coming[1][_PLACE_BITS:])),
                drive.data.eq(Cat(result[lane].word_select(p, 8) for lane in range(LANES_PER_SUPERLANE))),
            ]
        return m
