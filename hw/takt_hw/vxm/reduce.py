"""LANE_SUM, LANE_MAX and LANE_ARGMAX: a tree within each superlane, and one over the superlanes.

Neighbours meet in lane order on every level, so the order of a floating-point sum does not depend on
how many superlanes there are.
"""

from __future__ import annotations

from functools import partial

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .. import isa
from ..config import LANES_PER_SUPERLANE, ChipConfig
from ..isa.operands import DEST_BITS, STREAM_BITS
from ..streams import BITS, DRIVE, TAP, dispatch_layout, later
from . import operand, pipelined_operand, pipelined_tree, tree
from .operand import PLANES, is_sent
from .pipe import RESULT
from .pipelined_alu import send
from .tree import Entry, Mode, flushed, key

LEVELS = (LANES_PER_SUPERLANE - 1).bit_length()
"""Levels of the tree within a superlane."""

INDEX_BITS = LEVELS
"""Bits of a lane's number within its superlane."""

OPERATION = {"is_sum": 1, "is_float": 1, "is_argmax": 1}
"""What travels with the numbers."""


def node_latency(config: ChipConfig) -> int:
    """Cycles of one level."""
    return pipelined_tree.NODE_LATENCY if config.pipelined else tree.NODE_LATENCY


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
        Cycles from ``control`` to ``drive``: the operand's registers, the levels, and what the
        `ReduceNetwork` takes.
    held_latency : int
        Cycles from ``control`` until held results are taken.

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
        self.pipelined = config.pipelined
        self.node_latency = node_latency(config)
        self.late = config.mending_cycles
        self.held_latency = pipelined_operand.HELD_LATENCY + self.late if config.pipelined else 0
        self.operand_latency = pipelined_operand.OPERAND_LATENCY + 1 if config.pipelined else 1
        levels = self.node_latency * LEVELS + ReduceNetwork.latency_of(config)
        self.latency = self.late + self.operand_latency + levels
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
        control = later(m, self.control, self.late, "control")
        valid, word = control.valid, control.word
        opcode = word[: isa.OPCODE_BITS]
        operation = {
            "is_sum": opcode == isa.LANE_SUM.code,
            "is_float": word[isa.REDUCE_KIND.bits] == isa.REDUCE_KIND.choices.index("f32"),
            "is_argmax": opcode == isa.LANE_ARGMAX.code,
        }
        stages = self.operand_latency + self.node_latency * LEVELS
        valids, modes = _pipeline(m, valid, operation, stages, "stage")
        taps = [getattr(self, f"a{p}") for p in range(PLANES)]
        if self.pipelined:
            take = partial(pipelined_operand.register_operand, valid=valid)
            asked = self.control
            if self.late:
                pipelined_operand.tap_operand(m, used=asked.valid, source=asked.word[isa.A.bits], taps=taps)
            else:
                take = partial(take, taps=taps)
        else:
            take = partial(operand.register_operand, taps=taps)
        taken, lacks = take(
            m,
            name="a",
            used=valid,
            source=word[isa.A.bits],
            immediate=word[isa.IMMEDIATE.bits],
            held=self.held,
            holds=self.holds,
            planes=[getattr(self, f"a{p}_data") for p in range(PLANES)],
        )
        m.d.comb += self.undefined.eq(lacks)

        entries = []
        for lane in range(LANES_PER_SUPERLANE):
            value, clean = Signal(32, name=f"value{lane}"), Signal(32, name=f"clean{lane}")
            raw = taken[lane].as_unsigned()
            mode = modes[self.operand_latency - 1 if self.pipelined else self.operand_latency]
            ordered = Mux(mode["is_sum"], clean, key(clean))
            m.d.comb += clean.eq(flushed(raw))
            domain = m.d.sync if self.pipelined else m.d.comb
            domain += value.eq(Mux(mode["is_float"], ordered, raw))
            entries.append(Entry(value, Const(lane, INDEX_BITS)))
        for level in range(LEVELS):
            first = self.operand_latency + self.node_latency * level
            cycles = slice(first, first + self.node_latency)
            entries = _level(m, entries, valids[cycles], modes[cycles], f"level{level}", self.pipelined)
        m.d.comb += [
            self.partial.valid.eq(valids[-1]),
            self.partial.value.eq(entries[0].value),
            self.partial.index.eq(entries[0].index),
            *(getattr(self.partial, name).eq(modes[-1][name]) for name in OPERATION),
        ]

        sending, to = valid & word[isa.VXM_TO.bits][-1], word[isa.VXM_TO.bits]
        drives = [getattr(self, f"drive{p}") for p in range(PLANES)]
        for stage in range(self.latency - self.late - int(self.pipelined)):
            next_sending, next_to = Signal(name=f"sending{stage}"), Signal(DEST_BITS, name=f"to{stage}")
            m.d.sync += [next_sending.eq(sending), next_to.eq(to)]
            sending, to = next_sending, next_to
        if self.pipelined:
            send(m, sending, to, drives, [self.partial.result] * LANES_PER_SUPERLANE)
            return m
        dtype = to[STREAM_BITS:-1]
        for p, drive in enumerate(drives):
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
        Cycles from ``port0``'s numbers to its result: ``superlanes - 1``, those of a node per level, and in a pipelined
        build one for a register behind the tree.

    Members
    -------
    port{k} : In(partial_signature())
        Superlane k, k cycles behind superlane 0.
    """

    def __init__(self, config: ChipConfig):
        self.pipelined = config.pipelined
        self.node_latency = node_latency(config)
        self.superlanes = config.superlanes
        self.levels = config.reduction_levels
        self.latency = self.latency_of(config)
        super().__init__({f"port{k}": In(partial_signature()) for k in range(config.superlanes)})

    @staticmethod
    def latency_of(config: ChipConfig) -> int:
        """As the attribute."""
        return config.superlanes - 1 + node_latency(config) * config.reduction_levels + int(config.pipelined)

    def elaborate(self, platform) -> Module:
        m = Module()
        last = self.superlanes - 1
        newest = getattr(self, f"port{last}")
        operation = {name: getattr(newest, name) for name in OPERATION}
        valids, modes = _pipeline(m, newest.valid, operation, self.node_latency * self.levels, "stage")

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
            cycles = slice(self.node_latency * level, self.node_latency * (level + 1))
            entries = _level(m, entries, valids[cycles], modes[cycles], f"level{level}", self.pipelined)

        (total,), mode = entries, modes[-1]
        number = Mux(mode["is_float"] & ~mode["is_sum"], key(total.value), total.value)
        result: Value = Mux(mode["is_argmax"], total.index, number)
        if self.pipelined:
            registered = Signal(32, name="result", reset_less=True)
            m.d.sync += registered.eq(result)
            result = registered
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


def _level(m: Module, entries: list[Entry], valids: list, modes: list[dict], name: str, pipelined: bool) -> list[Entry]:
    """Joins neighbours; ``valids`` and ``modes`` are of a node's cycles. What has no neighbour waits as long."""
    joined = []
    of_node = [Mode(mode["is_sum"], mode["is_float"]) for mode in modes]
    for n in range(0, len(entries) - 1, 2):
        a, b = entries[n : n + 2]
        if pipelined:
            joined.append(pipelined_tree.node(m, a, b, of_node, f"{name}_{n}"))
        else:
            joined.append(tree.node(m, a, b, valids, of_node, f"{name}_{n}"))
    if len(entries) % 2:
        alone = entries[-1]
        for stage, valid in enumerate(valids):
            value = Signal(32, name=f"{name}_alone{stage}", reset_less=True)
            index = Signal(len(alone.index), name=f"{name}_alone{stage}_index", reset_less=True)
            with m.If(valid):
                m.d.sync += [value.eq(alone.value), index.eq(alone.index)]
            alone = Entry(value, index)
        joined.append(alone)
    return joined
