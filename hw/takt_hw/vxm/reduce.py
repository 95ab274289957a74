"""LANE_SUM, LANE_MAX and LANE_ARGMAX: a tree within each superlane, and one over the superlanes.

Neighbours meet in lane order on every level, so the order of a floating-point sum does not depend on
how many superlanes there are.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .. import isa
from ..config import LANES_PER_SUPERLANE, ChipConfig
from ..isa.operands import DEST_BITS, STREAM_BITS
from ..streams import BITS, DRIVE, TAP, dispatch_layout
from .operand import PLANES, is_sent, register_operand
from .pipe import RESULT
from .tree import NODE_LATENCY, Entry, Mode, flushed, key, node

LEVELS = (LANES_PER_SUPERLANE - 1).bit_length()
"""Levels of the tree within a superlane."""

INDEX_BITS = LEVELS
"""Bits of a lane's number within its superlane."""

OPERATION = {"is_sum": 1, "is_float": 1, "is_argmax": 1}
"""What travels with the numbers."""


def partial_signature() -> wiring.Signature:
    """Between one superlane and the tree over the superlanes: its own result one way, that of all the other."""
    return wiring.Signature(
        {"valid": Out(1), "value": Out(32), "index": Out(INDEX_BITS), "result": In(32)}
        | {name: Out(width) for name, width in OPERATION.items()}
    )


class LaneReducer(wiring.Component):
    """One superlane's share of a reduction.

    Attributes
    ----------
    latency : int
        Cycles from ``control`` to ``drive``: the operand's register, the levels, and what the
        `ReduceNetwork` takes.

    Members
    -------
    control : In(dispatch_layout)
        The instruction, one cycle after its dispatch in this superlane.
    held, holds : In(ArrayLayout(RESULT, alus)), In(alus)
        Held results of all ALUs, and which of them hold one.
    a{p} : Out(TAP)
        Byte plane p of the operand; the data come back in ``a{p}_data`` : In(BITS).
    partial : Out(partial_signature())
        To the tree over the superlanes; its result must come back when it is to be sent.
    drive{p} : Out(DRIVE)
        Byte plane p of the result.
    undefined : Out(1)
        The operand was a held result that does not exist.
    """

    def __init__(self, config: ChipConfig):
        self.latency = 1 + NODE_LATENCY * LEVELS + ReduceNetwork.latency_of(config)
        super().__init__(
            {
                "control": In(dispatch_layout(isa.VXM_REDUCE.word_bits)),
                "held": In(data.ArrayLayout(RESULT, config.vxm_alus)),
                "holds": In(config.vxm_alus),
                "partial": Out(partial_signature()),
                "undefined": Out(1),
            }
            | {f"a{p}": Out(TAP) for p in range(PLANES)}
            | {f"a{p}_data": In(BITS) for p in range(PLANES)}
            | {f"drive{p}": Out(DRIVE) for p in range(PLANES)}
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        valid, word = self.control.valid, self.control.word
        opcode = word[: isa.OPCODE_BITS]
        operation = {
            "is_sum": opcode == isa.LANE_SUM.code,
            "is_float": word[isa.REDUCE_KIND.bits] == isa.REDUCE_KIND.choices.index("f32"),
            "is_argmax": opcode == isa.LANE_ARGMAX.code,
        }
        valids, modes = _pipeline(m, valid, operation, 1 + NODE_LATENCY * LEVELS, "stage")
        operand, lacks = register_operand(
            m,
            name="a",
            used=valid,
            source=word[isa.A.bits],
            immediate=word[isa.IMMEDIATE.bits],
            held=self.held,
            holds=self.holds,
            taps=[getattr(self, f"a{p}") for p in range(PLANES)],
            planes=[getattr(self, f"a{p}_data") for p in range(PLANES)],
        )
        m.d.comb += self.undefined.eq(lacks)

        entries = []
        for lane in range(LANES_PER_SUPERLANE):
            value, clean = Signal(32, name=f"value{lane}"), Signal(32, name=f"clean{lane}")
            raw = operand[lane].as_unsigned()
            ordered = Mux(modes[1]["is_sum"], clean, key(clean))
            m.d.comb += [clean.eq(flushed(raw)), value.eq(Mux(modes[1]["is_float"], ordered, raw))]
            entries.append(Entry(value, Const(lane, INDEX_BITS)))
        for level in range(LEVELS):
            first = 1 + NODE_LATENCY * level
            entries = _level(m, entries, valids[first : first + 2], modes[first : first + 2], f"level{level}")
        m.d.comb += [
            self.partial.valid.eq(valids[-1]),
            self.partial.value.eq(entries[0].value),
            self.partial.index.eq(entries[0].index),
            *(getattr(self.partial, name).eq(modes[-1][name]) for name in OPERATION),
        ]

        sending, to = valid & word[isa.VXM_TO.bits][-1], word[isa.VXM_TO.bits]
        for stage in range(self.latency):
            next_sending, next_to = Signal(name=f"sending{stage}"), Signal(DEST_BITS, name=f"to{stage}")
            m.d.sync += [next_sending.eq(sending), next_to.eq(to)]
            sending, to = next_sending, next_to
        dtype = to[STREAM_BITS:-1]
        for p in range(PLANES):
            drive = getattr(self, f"drive{p}")
            m.d.comb += [
                drive.valid.eq(sending & is_sent(dtype, p)),
                drive.stream.eq(to[:STREAM_BITS] + p),
                drive.data.eq(self.partial.result.word_select(p, 8).replicate(BITS // 8)),
            ]
        return m


class ReduceNetwork(wiring.Component):
    """The tree over the superlanes.

    Waits for the last superlane, joins neighbours level by level, and gives the result back to each
    superlane in its own time.

    Attributes
    ----------
    latency : int
        Cycles from ``port0``'s numbers to its result: ``superlanes - 1`` and two per level.

    Members
    -------
    port{k} : In(partial_signature())
        Superlane k, k cycles behind superlane 0.
    """

    def __init__(self, config: ChipConfig):
        self.superlanes = config.superlanes
        self.levels = config.reduction_levels
        self.latency = self.latency_of(config)
        super().__init__({f"port{k}": In(partial_signature()) for k in range(config.superlanes)})

    @staticmethod
    def latency_of(config: ChipConfig) -> int:
        """As the attribute."""
        return config.superlanes - 1 + NODE_LATENCY * config.reduction_levels

    def elaborate(self, platform) -> Module:
        m = Module()
        last = self.superlanes - 1
        newest = getattr(self, f"port{last}")
        operation = {name: getattr(newest, name) for name in OPERATION}
        valids, modes = _pipeline(m, newest.valid, operation, NODE_LATENCY * self.levels, "stage")

        entries = []
        for k in range(self.superlanes):
            port = getattr(self, f"port{k}")
            waiting = Cat(port.value, port.index)
            for stage in range(last - k):
                held = Signal(len(waiting), name=f"waiting{k}_{stage}", reset_less=True)
                m.d.sync += held.eq(waiting)
                waiting = held
            entries.append(Entry(waiting[:32], Cat(waiting[32:], Const(k, max(1, last.bit_length())))))
        for level in range(self.levels):
            first = NODE_LATENCY * level
            entries = _level(m, entries, valids[first : first + 2], modes[first : first + 2], f"level{level}")

        (total,), mode = entries, modes[-1]
        number = Mux(mode["is_float"] & ~mode["is_sum"], key(total.value), total.value)
        result = Mux(mode["is_argmax"], total.index, number)
        for k in range(self.superlanes):
            if k:
                held = Signal(32, name=f"result{k}", reset_less=True)
                m.d.sync += held.eq(result)
                result = held
            m.d.comb += getattr(self, f"port{k}").result.eq(result)
        return m


def _pipeline(m: Module, valid, operation: dict, stages: int, name: str) -> tuple[list, list[dict]]:
    """The instruction now and in each of the next ``stages`` cycles."""
    valids, modes = [valid], [operation]
    for stage in range(stages):
        next_valid = Signal(name=f"{name}{stage}_valid")
        mode = {part: Signal(name=f"{name}{stage}_{part}", reset_less=True) for part in operation}
        m.d.sync += next_valid.eq(valids[-1])
        with m.If(valids[-1]):
            m.d.sync += [register.eq(modes[-1][part]) for part, register in mode.items()]
        valids.append(next_valid)
        modes.append(mode)
    return valids, modes


def _level(m: Module, entries: list[Entry], valids: list, modes: list[dict], name: str) -> list[Entry]:
    """Joins neighbours. What has none waits as long as a node takes."""
    joined = []
    two = [Mode(mode["is_sum"], mode["is_float"]) for mode in modes]
    for n in range(0, len(entries) - 1, 2):
        joined.append(node(m, entries[n], entries[n + 1], valids, two, f"{name}_{n}"))
    if len(entries) % 2:
        alone = entries[-1]
        for stage in range(NODE_LATENCY):
            value = Signal(32, name=f"{name}_alone{stage}", reset_less=True)
            index = Signal(len(alone.index), name=f"{name}_alone{stage}_index", reset_less=True)
            with m.If(valids[stage]):
                m.d.sync += [value.eq(alone.value), index.eq(alone.index)]
            alone = Entry(value, index)
        joined.append(alone)
    return joined
