"""Takes weights and activations from the streams and feeds one row of supercells."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .. import isa
from ..config import LANES_PER_SUPERLANE, ChipConfig
from ..streams import BITS, TAP, dispatch_layout, later
from . import exact
from .supercell import feed_layout


class Feeder(wiring.Component):
    """Executes LW, LW_HIGH, IW, IW_FP16, ABC and ABC_FP16 for one plane in one superlane.

    Attributes
    ----------
    latency : int
        Cycles from ``weights`` or ``activate`` to ``feed``: 1, and as many as what comes from the streams is late.

    Members
    -------
    weights, activate : In(dispatch_layout)
        The instructions of the two queues, one cycle after their dispatch in this superlane.
    clear : In(1)
        A program begins: nothing is loaded or installed.
    weights_tap{n}, activations_tap : Out(TAP)
        Stream operands; data come back in ``weights_tap{n}_data`` and ``activations_tap_data``, ``mending_cycles`` of
        the configuration later.
    activations_high_tap : Out(TAP)
        Only in builds with fp16: the high bytes of fp16 activations, come back in ``activations_high_tap_data``.
    feed : Out(feed_layout)
        To the first supercell of the row.
    undefined : Out(1)
        Installs of a buffer not wholly loaded, activations without installed weights of a type to go with them, or
        either of them while the columns of the last activations still take turns.
    """

    def __init__(self, config: ChipConfig):
        self.config = config
        self.latency = 1 + config.mending_cycles
        super().__init__(
            {
                "weights": In(dispatch_layout(isa.MXM_WEIGHTS.word_bits)),
                "activate": In(dispatch_layout(isa.MXM_ACTIVATE.word_bits)),
                "clear": In(1),
                "activations_tap": Out(TAP),
                "activations_tap_data": In(BITS),
                "feed": Out(feed_layout(config)),
                "undefined": Out(1),
            }
            | ({"activations_high_tap": Out(TAP), "activations_high_tap_data": In(BITS)} if config.mxm_float else {})
            | {f"weights_tap{n}": Out(TAP) for n in range(config.weight_streams)}
            | {f"weights_tap{n}_data": In(BITS) for n in range(config.weight_streams)}
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        config = self.config
        weights = later(m, self.weights, config.mending_cycles, "weights")
        activates = later(m, self.activate, config.mending_cycles, "activate")
        opcode = activates.word[: isa.OPCODE_BITS]
        load = weights.valid
        install = Signal()
        activate = Signal()
        m.d.comb += [
            install.eq(activates.valid & (opcode == isa.IW.code)),
            activate.eq(activates.valid & (opcode == isa.ABC.code)),
        ]
        takes = activate
        if config.mending_cycles:
            takes = self.activate.valid & (self.activate.word[: isa.OPCODE_BITS] == isa.ABC.code)
        if config.mxm_float:
            activate_fp16 = Signal()
            m.d.comb += activate_fp16.eq(self.activate.valid & (opcode == isa.ABC_FP16.code))
            takes = activate | activate_fp16
            self._take_fp16(m, activate_fp16)
        m.d.comb += [
            self.activations_tap.valid.eq(takes),
            self.activations_tap.stream.eq(self.activate.word[isa.ACTIVATIONS.bits]),
        ]
        block = weights.word[isa.BLOCK.bits]
        loads = {"load": load}
        installs = {"int8": install}
        if config.mxm_fp16:
            high = Signal()
            install_fp16 = Signal()
            m.d.comb += [
                high.eq(self.weights.word[: isa.OPCODE_BITS] == isa.LW_HIGH.code),
                install_fp16.eq(self.activate.valid & (opcode == isa.IW_FP16.code)),
            ]
            loads = {"load": load & ~high, "load_high": load & high}
            installs["fp16"] = install_fp16
            m.d.sync += self.feed.install_fp16.eq(install_fp16)
        m.d.sync += [self.feed[name].eq(bit) for name, bit in loads.items()]
        m.d.sync += [self.feed.install.eq(Cat(*installs.values()).any()), self.feed.activate.eq(activate)]
        # data need no reset: it would have to reach a thousand registers in one cycle
        activations = Signal.like(self.feed.activations, name="activations", reset_less=True)
        m.d.comb += self.feed.activations.eq(activations)
        with m.If(activate | self.config.pipelined):
            m.d.sync += activations.eq(self.activations_tap_data)
        with m.If(load | self.config.pipelined):
            m.d.sync += self.feed.block.eq(block)
        low = (config.weight_streams - 1).bit_length()
        for n in range(config.weight_streams):
            tap = getattr(self, f"weights_tap{n}")
            first = self.weights.word[isa.WEIGHTS.bits]
            # the first is a multiple of their number, so a pipelined build saves the carries
            stream = Cat(Const(n, low), first[low:]) if config.pipelined else first + n
            m.d.comb += [tap.valid.eq(self.weights.valid), tap.stream.eq(stream)]
            column = Signal.like(self.feed.weights[n], name=f"column{n}", reset_less=True)
            m.d.comb += self.feed.weights[n].eq(column)
            with m.If(load | self.config.pipelined):
                m.d.sync += column.eq(getattr(self, f"weights_tap{n}_data"))

        loaded = {name: Signal(config.weight_blocks, name=f"{name}ed") for name in loads}
        installed = {name: Signal(name=f"installed_{name}") for name in installs}
        for name, bit in loads.items():
            with m.If(bit):
                m.d.sync += loaded[name].bit_select(block, 1).eq(1)
        for name, bit in installs.items():
            with m.If(bit):
                m.d.sync += [held.eq(name == other) for other, held in installed.items()]
        with m.If(self.clear):
            m.d.sync += [held.eq(0) for held in (*loaded.values(), *installed.values())]
        lacks = (install & ~loaded["load"].all()) | (activate & ~installed["int8"])
        if config.mxm_float:
            lacks |= activate_fp16 & ~Cat(installed[name] for name in _fp16_goes_with(config)).any()
        if config.mxm_fp16:
            lacks |= install_fp16 & ~(loaded["load"].all() & loaded["load_high"].all())
        busy = activate
        for n in range(1, config.mxm_turns):
            busy, before = Signal(name=f"busy{n}"), busy
            m.d.sync += busy.eq(before)
            lacks |= (install | activate) & busy
        m.d.comb += self.undefined.eq(lacks)
        return m

    def _take_fp16(self, m: Module, activate_fp16: Signal) -> None:
        """The two streams of ABC_FP16, taken apart once for the whole row of supercells."""
        low, high = self.activations_tap_data, self.activations_high_tap_data
        numbers = []
        for lane in range(LANES_PER_SUPERLANE):
            number = Signal(16, name=f"fp16_{lane}")
            m.d.comb += number.eq(Cat(low.word_select(lane, 8), high.word_select(lane, 8)))
            numbers.append(number)
        m.d.comb += [
            self.activations_high_tap.valid.eq(activate_fp16),
            self.activations_high_tap.stream.eq(self.activate.word[isa.ACTIVATIONS.bits] + 1),
        ]
        m.d.sync += self.feed.activate_fp16.eq(activate_fp16)
        with m.If(activate_fp16):
            m.d.sync += [self.feed.operands[name].eq(part) for name, part in exact.take_apart(numbers).items()]


def _fp16_goes_with(config: ChipConfig) -> list[str]:
    """Types of weights that fp16 activations are multiplied by."""
    return ["int8"] * config.mxm_fp16_int8 + ["fp16"] * config.mxm_fp16
