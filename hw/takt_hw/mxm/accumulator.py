"""The accumulators of one plane, for the 16 columns of one superlane."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .. import isa
from ..config import LANES_PER_SUPERLANE, ChipConfig
from ..isa.operands import STREAM_BITS
from ..streams import DRIVE, TAP, dispatch_layout
from . import exact
from .rounding import NEARLY_ROUNDED, find_window, round_window
from .supercell import sums_layout

PLANES = isa.DType.I32.streams

SUMS = data.ArrayLayout(32, LANES_PER_SUPERLANE)
"""int32 sums, or the lowest 32 bits of exact sums: one per column."""

UPPER = data.StructLayout(
    {
        "middle": data.ArrayLayout(32, LANES_PER_SUPERLANE),
        "high": data.ArrayLayout(64, LANES_PER_SUPERLANE),
        "special": exact.SPECIAL,
    }
)
"""What an exact sum has beyond SUMS: two's complement of 128 bits in all, in units of 2**-48."""


@dataclass
class _Ports:
    """The word of a memory at this cycle's address, and what replaces it."""

    read: data.View
    write: data.View


class Accumulator(wiring.Component):
    """Executes ACC and DRAIN: adds products up and sends the sums to four streams.

    A build with fp16 keeps 128 bits per column and rounds what leaves, which takes two cycles more.
    32 bits of them also hold the int32 sums, which travel along as they are.

    Parameters
    ----------
    config : ChipConfig
        Its number of accumulators, and whether its MXM has fp16.

    Attributes
    ----------
    latency : int
        Cycles from ``control`` to ``drive``: 1, and what rounding or more registers take.

    Members
    -------
    control : In(dispatch_layout)
        The instruction, one cycle after its dispatch in this superlane.
    clear : In(1)
        A program begins: no accumulator is set.
    product, product_valid : In(sums_layout), In(1)
        The product that ``control`` takes in the same cycle.
    product_is_fp16 : In(1)
        Only in builds with fp16: the product is an exact sum.
    drive{p} : Out(DRIVE)
        Byte plane p of the sums.
    undefined : Out(1)
        No product, nothing to add to or to drain, or a sum of the other kind to add to, which is replaced.
    """

    ahead = False

    def __init__(self, config: ChipConfig):
        self.accumulators = config.accumulators
        self.fp16 = config.mxm_float
        self.latency = 1 + config.accumulate_cycles
        super().__init__(
            {
                "control": In(dispatch_layout(isa.MXM_ACCUMULATE.word_bits)),
                "clear": In(1),
                "product": In(sums_layout(config)),
                "product_valid": In(1),
                "undefined": Out(1),
            }
            | ({"product_is_fp16": In(1)} if self.fp16 else {})
            | {f"drive{p}": Out(DRIVE) for p in range(PLANES)}
            | {f"next_drive{p}": Out(TAP) for p in range(PLANES) if self.ahead}
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        word = self.control.word
        address = word[isa.ACCUMULATOR.bits][: (self.accumulators - 1).bit_length()]
        drain = Signal()
        add = Signal()
        m.d.comb += [
            drain.eq(word[: isa.OPCODE_BITS] == isa.DRAIN.code),
            add.eq(word[isa.ACC_MODE.bits] == isa.ACC_MODE.choices.index("add")),
        ]
        sending = [Signal(name=f"sending{n}") for n in range(self.latency)]
        held_fp16 = self._check(m, address, drain, add)
        lowest = self._memory(m, "sums", SUMS, address, self.control.valid)
        sums = Signal(SUMS, reset_less=True)
        with m.If(self.control.valid):
            m.d.sync += sums.eq(Mux(drain, lowest.read, lowest.write))
        if self.fp16:
            result = self._exact(m, lowest, sums, held_fp16, address, drain, add, sending)
        else:
            for lane in range(LANES_PER_SUPERLANE):
                total = (self.product.int32[lane] + Mux(add, lowest.read[lane], 0))[:32]
                m.d.comb += lowest.write[lane].eq(Mux(drain, 0, total))
            result = sums

        to = word[isa.ACC_TO.bits]
        for n, now in enumerate([self.control.valid, *sending[:-1]]):
            m.d.sync += sending[n].eq(now & to[-1])
            to, before = Signal(isa.ACC_TO.width, name=f"to{n}"), to
            with m.If(now):
                m.d.sync += to.eq(before)
        for p in range(PLANES):
            drive = getattr(self, f"drive{p}")
            m.d.comb += [
                drive.valid.eq(sending[-1]),
                drive.stream.eq(to[:STREAM_BITS] + p),
                drive.data.eq(Cat(result[lane].word_select(p, 8) for lane in range(LANES_PER_SUPERLANE))),
            ]
        return m

    def _check(self, m: Module, address, drain: Signal, add: Signal) -> Signal:
        """Which accumulators are set, and to what; whether the one of this cycle holds an exact sum."""
        is_set = Signal(self.accumulators)
        held_fp16 = Signal()
        with m.If(self.control.valid):
            m.d.sync += is_set.bit_select(address, 1).eq(1)
        with m.If(self.clear):
            m.d.sync += is_set.eq(0)
        lacks = (~drain & ~self.product_valid) | ((add | drain) & ~is_set.bit_select(address, 1))
        if self.fp16:
            is_fp16, is_int32 = Signal(self.accumulators), Signal(self.accumulators)  # neither after DRAIN
            with m.If(self.control.valid):
                m.d.sync += [
                    is_fp16.bit_select(address, 1).eq(~drain & self.product_is_fp16),
                    is_int32.bit_select(address, 1).eq(~drain & ~self.product_is_fp16),
                ]
            with m.If(self.clear):
                m.d.sync += [is_fp16.eq(0), is_int32.eq(0)]
            m.d.comb += held_fp16.eq(is_fp16.bit_select(address, 1))
            other = Mux(self.product_is_fp16, is_int32.bit_select(address, 1), held_fp16)
            lacks = lacks | (add & other)
        m.d.comb += self.undefined.eq(self.control.valid & lacks)
        return held_fp16

    def _exact(self, m: Module, lowest: _Ports, sums, held_fp16: Signal, address, drain, add, sending):
        """Both kinds of sums, and what leaves: fp32 numbers, or the int32 sums two cycles later."""
        arriving, product = self.product_is_fp16, self.product
        writes, keep = Signal(), Signal()
        upper = self._memory(m, "upper", UPPER, address, writes)
        m.d.comb += [
            writes.eq(self.control.valid & (drain | arriving)),
            # after DRAIN no sum is an exact one, and all parts are zero
            keep.eq(add & (held_fp16 == arriving)),
        ]
        for lane in range(LANES_PER_SUPERLANE):
            low, high = (Signal(64, name=f"{name}{lane}") for name in ("low", "high"))
            # a signed and two unsigned words of 32 bits, and a carry; exactly as wide as the sum that Amaranth makes of
            # them: wreduce would split a wider one, which Verilator then takes for a loop
            middle = Signal(signed(36), name=f"middle{lane}")
            apart = Signal(signed(32), name=f"apart{lane}")
            all_, above = product.low[lane], product.high[lane]
            m.d.comb += [
                # what is below the high limb, in units of 2**32 (exact.py)
                apart.eq(all_[32:] - above[:32]),
                low.eq(Mux(arriving, all_[:32], product.int32[lane]) + Mux(keep, lowest.read[lane], 0)),
                middle.eq(apart + above[:32] + Mux(keep, upper.read.middle[lane], 0) + low[32]),
                high.eq(above[32:].as_signed() + Mux(keep, upper.read.high[lane], 0) + middle[32:].as_signed()),
                lowest.write[lane].eq(Mux(drain, 0, low[:32])),
                upper.write.middle[lane].eq(Mux(drain, 0, middle[:32])),
                upper.write.high[lane].eq(Mux(drain, 0, high)),
            ]
        for name, _ in exact.SPECIAL:
            kept = Mux(keep, upper.read.special[name], 0)
            m.d.comb += upper.write.special[name].eq(Mux(drain, 0, product.special[name] | kept))

        leaves, is_fp16 = Signal(), Signal()
        m.d.comb += leaves.eq(Mux(drain, held_fp16, arriving))
        upper_sums = Signal(UPPER, reset_less=True)
        with m.If(self.control.valid):
            m.d.sync += is_fp16.eq(leaves)
        with m.If(self.control.valid & leaves):
            m.d.sync += upper_sums.eq(Mux(drain, upper.read, upper.write))
        return self._rounded(m, sums, upper_sums, is_fp16, sending)

    def _rounded(self, m: Module, sums, upper, is_fp16: Signal, sending: list[Signal]) -> list[Signal]:
        """Two cycles on the way out."""
        result = []
        for lane in range(LANES_PER_SUPERLANE):
            special = {name: upper.special[name][lane] for name, _ in exact.SPECIAL}
            nearly = Signal(NEARLY_ROUNDED, name=f"nearly{lane}", reset_less=True)
            rounded = Signal(32, name=f"rounded{lane}", reset_less=True)
            parts = find_window(m, sums[lane], upper.middle[lane], upper.high[lane], special, is_fp16, f"lane{lane}")
            with m.If(sending[0]):
                m.d.sync += [nearly[name].eq(part) for name, part in parts.items()]
            result32 = round_window(m, nearly, f"lane{lane}")
            with m.If(sending[1]):
                m.d.sync += rounded.eq(result32)
            result.append(rounded)
        return result

    def _memory(self, m: Module, name: str, shape, address, enable) -> _Ports:
        """A memory of one word per accumulator: what the word holds, and what it gets if enabled."""
        m.submodules[name] = memory = Memory(shape=shape, depth=self.accumulators, init=[])
        write, read = memory.write_port(), memory.read_port(domain="comb")
        m.d.comb += [read.addr.eq(address), write.addr.eq(address), write.en.eq(enable)]
        return _Ports(read.data, write.data)
