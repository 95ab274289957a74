"""The SXM operations that cross superlanes: SHIFT, ROTATE and PERMUTE."""

from __future__ import annotations

from collections.abc import Callable

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .. import isa
from ..config import LANES_PER_SUPERLANE, ChipConfig
from ..isa import Field, Unit
from ..isa.operands import STREAM_BITS
from ..streams import BITS, DRIVE, TAP, any_of, dispatch_layout

Cross = Callable[[list[Value], Value], Value]
"""From operand vectors of all lanes and the instruction to the result vector, or to what `Finish` makes it of."""

Finish = Callable[[Value], Value]
"""From what is in the register between two cycles to the result vector."""


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
        Cycles from ``control`` to ``drive``: 2 + superlanes - 1, and what the configuration adds.

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

    def __init__(self, unit: Unit, sources: list[tuple[Field, int]], config: ChipConfig):
        self.unit = unit
        self.sources = [(field, n) for field, count in sources for n in range(count)]
        self.latency = 2 + config.superlanes - 1 + config.crossing_cycles
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

    Parameters
    ----------
    config : ChipConfig
        Its number of superlanes.
    unit : Unit
        The queues' unit.
    operands : int
        Streams that an instruction takes.
    cross : Cross
        What is done.
    finish : Finish, optional
        What is done in a second cycle.

    Attributes
    ----------
    latency : int
        Cycles from ``port0``'s operands to its result: superlanes, and one if there is something to finish.

    Members
    -------
    port{k} : In(crossing_signature)
        Superlane k, k cycles behind superlane 0.
    """

    def __init__(self, config: ChipConfig, unit: Unit, operands: int, cross: Cross, finish: Finish | None = None):
        self.superlanes = config.superlanes
        self.latency = config.superlanes + (finish is not None)
        self.operands = operands
        self.cross = cross
        self.finish = finish
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
        crossed = self.cross([Cat(parts) for parts in vectors], newest.word)
        if self.finish is None:
            m.d.sync += valid.eq(newest.valid)
            with m.If(newest.valid):
                m.d.sync += result.eq(crossed)
        else:
            half_way, half_valid = Signal(len(crossed), reset_less=True), Signal()
            m.d.sync += [half_way.eq(crossed), half_valid.eq(newest.valid)]
            m.d.sync += [result.eq(self.finish(half_way)), valid.eq(half_valid)]
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
    return CrossingPort(isa.SXM_SHIFT, [(isa.SXM_FROM, 1)], config)


def shift_network(config: ChipConfig) -> CrossingNetwork:
    """Moves all lanes by ``amount``; zeros come in with SHIFT, what goes out at the other end with ROTATE."""
    if config.pipelined:
        return _shift_in_two_cycles(config)

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


def _shift_in_two_cycles(config: ChipConfig) -> CrossingNetwork:
    """The same: all lanes around by half of the bits of the distance, then by the others; then zeros where need be."""
    bits = (config.lanes - 1).bit_length()
    first = bits // 2

    def around(vector: Value, distance: Value, places: range) -> Value:
        for n, place in enumerate(places):
            moved = 8 * (1 << place)
            vector = Mux(distance[n], Cat(vector[-moved:], vector[:-moved]), vector)
        return vector

    def cross(operands: list[Value], word: Value) -> Value:
        amount = word[isa.AMOUNT.bits].as_signed()
        distance = Mux(amount < 0, amount + config.lanes, amount)[:bits]
        rotates = word[: isa.OPCODE_BITS] == isa.ROTATE.code
        stays = Cat(rotates | ((distance <= lane) ^ (amount < 0)) for lane in range(config.lanes))
        return Cat(around(operands[0], distance, range(first)), distance[first:], stays)

    def finish(half_way: Value) -> Value:
        vector, rest = half_way[: 8 * config.lanes], half_way[8 * config.lanes :]
        stays = Cat(bit.replicate(8) for bit in rest[bits - first :])
        return around(vector, rest, range(first, bits)) & stays

    return CrossingNetwork(config, isa.SXM_SHIFT, 1, cross, finish)


def permute_port(config: ChipConfig) -> CrossingPort:
    """One superlane's share of PERMUTE."""
    sources = [(isa.SXM_FROM, 1), (isa.WIDE_MAP, config.map_streams)]
    return CrossingPort(isa.SXM_PERMUTE, sources, config)


def permute_network(config: ChipConfig) -> CrossingNetwork:
    """Lane i of the result is the lane that lane i of the map names; 0 if it names none."""
    if config.pipelined:
        return _permute_in_two_cycles(config)

    def cross(operands: list[Value], word: Value) -> Value:
        source, *maps = operands
        index_bits = (config.lanes - 1).bit_length()
        moved = []
        for lane in range(config.lanes):
            number = Cat(lane_map.word_select(lane, 8) for lane_map in maps)
            moved.append(Mux(number < config.lanes, source.word_select(number[:index_bits], 8), 0))
        return Cat(moved)

    return CrossingNetwork(config, isa.SXM_PERMUTE, 1 + config.map_streams, cross)


def _permute_in_two_cycles(config: ChipConfig) -> CrossingNetwork:
    """The same: what each superlane has at that place within it, and then that of the right superlane."""
    lanes, blocks = config.lanes, config.superlanes
    place_bits = (LANES_PER_SUPERLANE - 1).bit_length()

    def cross(operands: list[Value], word: Value) -> Value:
        source, *maps = operands
        numbers = [Cat(lane_map.word_select(lane, 8) for lane_map in maps) for lane in range(lanes)]
        found, named = [], []
        for number in numbers:
            places = [number[:place_bits] == n for n in range(LANES_PER_SUPERLANE)]
            for block in range(blocks):
                part = source.word_select(block, BITS)
                found.append(any_of([(place, part.word_select(n, 8)) for n, place in enumerate(places)]))
                named.append(number[place_bits:] == block)
        return Cat(*found, *named)

    def finish(half_way: Value) -> Value:
        found, named = half_way[: 8 * lanes * blocks], half_way[8 * lanes * blocks :]
        choices = [(named[n], found.word_select(n, 8)) for n in range(lanes * blocks)]
        return Cat(any_of(choices[lane * blocks : (lane + 1) * blocks]) for lane in range(lanes))

    return CrossingNetwork(config, isa.SXM_PERMUTE, 1 + config.map_streams, cross, finish)
