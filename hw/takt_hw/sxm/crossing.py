"""The SXM operations that cross superlanes: SHIFT, ROTATE and PERMUTE."""

from __future__ import annotations

from collections.abc import Callable

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .. import isa
from ..config import ChipConfig
from ..isa import Field, Unit
from ..isa.operands import STREAM_BITS
from ..streams import BITS, DRIVE, TAP, dispatch_layout

Cross = Callable[[list[Value], Value], Value]
"""From operand vectors of all lanes and the instruction to the result vector."""


def crossing_signature(operands: int, word_bits: int) -> wiring.Signature:
    """Between one superlane's port and the network: its operands one way, its result the other."""
    return wiring.Signature(
        {"valid": Out(1), "word": Out(word_bits), "operands": Out(BITS * operands), "result": In(BITS)}
    )


class CrossingPort(wiring.Component):
    """One superlane's share of a unit that crosses superlanes: takes operands, sends the result on.

    Attributes
    ----------
    latency : int
        Cycles from ``control`` to ``drive``: 2 + superlanes - 1.

    Members
    -------
    control : In(dispatch_layout)
        The instruction, one cycle after its dispatch in this superlane.
    network : Out(crossing_signature)
        To the network: operands one cycle after ``control``; the result must come back to be sent
        ``latency`` cycles after ``control``.
    tap{n}, drive0 : Out(TAP), Out(DRIVE)
        Operand streams and result stream; operands come back in ``tap{n}_data``.
    """

    def __init__(self, unit: Unit, sources: list[tuple[Field, int]], superlanes: int):
        self.unit = unit
        self.sources = [(field, n) for field, count in sources for n in range(count)]
        self.latency = 2 + superlanes - 1
        super().__init__(
            {
                "control": In(dispatch_layout(unit.word_bits)),
                "network": Out(crossing_signature(len(self.sources), unit.word_bits)),
                "drive0": Out(DRIVE),
            }
            | {f"tap{n}": Out(TAP) for n in range(len(self.sources))}
            | {f"tap{n}_data": In(BITS) for n in range(len(self.sources))}
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        word, valid = self.control.word, self.control.valid
        m.d.sync += self.network.valid.eq(valid)
        with m.If(valid):
            m.d.sync += self.network.word.eq(word)
        for n, (field, offset) in enumerate(self.sources):
            tap = getattr(self, f"tap{n}")
            m.d.comb += [tap.valid.eq(valid), tap.stream.eq(word[field.bits] + offset)]
            with m.If(valid):
                m.d.sync += self.network.operands.word_select(n, BITS).eq(getattr(self, f"tap{n}_data"))
        sending, to = valid, word[isa.SXM_TO.bits]
        for stage in range(self.latency):
            next_sending, next_to = Signal(name=f"sending{stage}"), Signal(STREAM_BITS, name=f"to{stage}")
            m.d.sync += [next_sending.eq(sending), next_to.eq(to)]
            sending, to = next_sending, next_to
        m.d.comb += [
            self.drive0.valid.eq(sending),
            self.drive0.stream.eq(to),
            self.drive0.data.eq(self.network.result),
        ]
        return m


class CrossingNetwork(wiring.Component):
    """Brings the operands of all superlanes together, computes, and staggers the result again.

    Attributes
    ----------
    latency : int
        Cycles from ``port0``'s operands to its result: superlanes.

    Members
    -------
    port{k} : In(crossing_signature)
        Superlane k, k cycles behind superlane 0.
    """

    def __init__(self, config: ChipConfig, unit: Unit, operands: int, cross: Cross):
        self.superlanes = config.superlanes
        self.latency = config.superlanes
        self.operands = operands
        self.cross = cross
        layout = crossing_signature(operands, unit.word_bits)
        super().__init__({f"port{k}": In(layout) for k in range(config.superlanes)})

    def elaborate(self, platform) -> Module:
        m = Module()
        last = self.superlanes - 1
        vectors: list[list[Value]] = [[] for _ in range(self.operands)]
        for k in range(self.superlanes):
            port = getattr(self, f"port{k}")
            together = _delayed(m, port.valid, port.operands, last - k, f"in{k}")[1]
            for n in range(self.operands):
                vectors[n].append(together.word_select(n, BITS))
        newest = getattr(self, f"port{last}")
        result = Signal(BITS * self.superlanes, reset_less=True)
        valid = Signal()
        m.d.sync += valid.eq(newest.valid)
        with m.If(newest.valid):
            m.d.sync += result.eq(self.cross([Cat(parts) for parts in vectors], newest.word))
        for k in range(self.superlanes):
            mine = _delayed(m, valid, result.word_select(k, BITS), k, f"out{k}")[1]
            m.d.comb += getattr(self, f"port{k}").result.eq(mine)
        return m


def _delayed(m: Module, valid: Value, value: Value, cycles: int, name: str) -> tuple[Value, Value]:
    """``value``, ``cycles`` later. Registers change only for valid values."""
    for stage in range(cycles):
        next_valid = Signal(name=f"{name}_valid{stage}")
        next_value = Signal(len(value), name=f"{name}_{stage}", reset_less=True)
        m.d.sync += next_valid.eq(valid)
        with m.If(valid):
            m.d.sync += next_value.eq(value)
        valid, value = next_valid, next_value
    return valid, value


def shift_signature(config: ChipConfig) -> wiring.Signature:
    """Between the ports of SHIFT and ROTATE and their network."""
    return crossing_signature(1, isa.SXM_SHIFT.word_bits)


def permute_signature(config: ChipConfig) -> wiring.Signature:
    """Between PERMUTE's ports and its network."""
    return crossing_signature(1 + config.map_streams, isa.SXM_PERMUTE.word_bits)


def shift_port(config: ChipConfig) -> CrossingPort:
    """One superlane's share of SHIFT and ROTATE."""
    return CrossingPort(isa.SXM_SHIFT, [(isa.SXM_FROM, 1)], config.superlanes)


def shift_network(config: ChipConfig) -> CrossingNetwork:
    """Moves all lanes by ``amount``; zeros come in with SHIFT, what goes out at the other end with ROTATE."""

    def cross(operands: list[Value], word: Value) -> Value:
        """As many lanes out of two vectors, one after the other: the source, and itself again or zeros."""
        (source,) = operands
        amount = word[isa.AMOUNT.bits].as_signed()
        rotates = word[: isa.OPCODE_BITS] == isa.ROTATE.code
        low = Mux(rotates | (amount < 0), source, 0)
        high = Mux(rotates | (amount >= 0), source, 0)
        skipped = Mux(amount < 0, -amount, config.lanes - amount)[: config.lanes.bit_length()]
        return (Cat(low, high) >> Cat(Const(0, 3), skipped))[: len(source)]

    return CrossingNetwork(config, isa.SXM_SHIFT, 1, cross)


def permute_port(config: ChipConfig) -> CrossingPort:
    """One superlane's share of PERMUTE."""
    sources = [(isa.SXM_FROM, 1), (isa.WIDE_MAP, config.map_streams)]
    return CrossingPort(isa.SXM_PERMUTE, sources, config.superlanes)


def permute_network(config: ChipConfig) -> CrossingNetwork:
    """Lane i of the result is the lane that lane i of the map names; 0 if it names none."""

    def cross(operands: list[Value], word: Value) -> Value:
        source, *maps = operands
        index_bits = (config.lanes - 1).bit_length()
        moved = []
        for lane in range(config.lanes):
            number = Cat(lane_map.word_select(lane, 8) for lane_map in maps)
            moved.append(Mux(number < config.lanes, source.word_select(number[:index_bits], 8), 0))
        return Cat(moved)

    return CrossingNetwork(config, isa.SXM_PERMUTE, 1 + config.map_streams, cross)
