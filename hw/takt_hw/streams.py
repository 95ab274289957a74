"""Stream registers: one position of the row, for one superlane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .config import LANES_PER_SUPERLANE
from .isa import Direction, Stream
from .isa.operands import STREAM_BITS

BITS = 8 * LANES_PER_SUPERLANE
"""Bits of one stream in one superlane."""


def dispatch_layout(word_bits: int) -> data.StructLayout:
    """What a queue sends to a slice: an instruction word, and whether it is dispatched this cycle."""
    return data.StructLayout({"valid": 1, "word": word_bits})


def later(m: Module, control: data.View, cycles: int, name: str) -> data.View:
    """What a queue sent, some cycles later."""
    for n in range(cycles):
        before, control = control, Signal(control.shape(), name=f"{name}_later{n}")
        word = Signal(len(control.word), name=f"{name}_word{n}", reset_less=True)
        valid = Signal(name=f"{name}_valid{n}")
        m.d.sync += [valid.eq(before.valid), word.eq(before.word)]
        m.d.comb += [control.valid.eq(valid), control.word.eq(word)]
    return control


def timed_streams(streams: int, bits: int = BITS) -> data.StructLayout:
    """All streams of one direction between two positions. No stalling: the schedule answers for timing.

    ``taken`` says that somebody has consumed the value; only checks look at it.
    """
    return data.StructLayout({"data": data.ArrayLayout(bits, streams), "valid": streams, "taken": streams})


def drive_layout(bits: int) -> data.StructLayout:
    """One producer of one stream: ``data`` is in the register one cycle later."""
    return data.StructLayout({"valid": 1, "stream": STREAM_BITS, "data": bits})


DRIVE = drive_layout(BITS)
"""A producer of data without check bits."""

TAP = data.StructLayout({"valid": 1, "stream": STREAM_BITS})
"""One consumer of one stream: its data is there in the same cycle."""


class StreamPosition(wiring.Component):
    """The stream registers of one position, with the slices that put and take values there.

    Parameters
    ----------
    streams : int
        Streams per direction.
    drives, taps : sequence of range
        For each producer and consumer, the stream numbers that it can name, in either direction.
        A range of one alignment keeps the multiplexers as small as the instruction set allows.
    drives_among, taps_among : sequence of frozenset of Stream, optional
        Of those, the streams that each can name; all if not given, or None.
    drives_ahead : sequence of bool, optional
        Producers that say a cycle before, in ``next_drive``, what they will drive, so that selects are registers; none
        if not given.
    arriving : frozenset of Stream, optional
        Those that a neighbour can have something on; all if not given.
    tap_bits : sequence of int, optional
        Low bits that each consumer takes; all if not given.
    tap_lanes : sequence of bool, optional
        Consumers that take no data, but a bit for each lane: whether it is not 0. None if not given.
    bits : int
        Bits of a register.
    checks : bool
        Look for collisions and undefined values.
    one_hot : bool
        Multiplexers of AND and OR behind decoded selects: half the LUTs of an FPGA, but slow to simulate. What has one
        source takes that, selected or not: of what is not valid nobody looks at the data.

    Attributes
    ----------
    latency : int
        Cycles from ``i`` or ``drive`` to ``o``: 1.

    Members
    -------
    i_east, i_west : In(timed_streams(streams))
        From the western and the eastern neighbour.
    o_east, o_west : Out(timed_streams(streams))
        The registers.
    drive{n} : In(drive_layout(bits))
        Producers. A driven register takes the driven value in place of its neighbour's.
    next_drive{n} : In(TAP)
        Of a producer ahead: ``valid`` and ``stream`` of ``drive{n}`` in the next cycle.
    tap{n}, tap{n}_data : In(TAP), Out(tap_bits[n])
        Consumers.
    collision, undefined : Out(1)
        With checks: a register had two producers, or replaced a value that nobody took;
        a tap met no value.
    """

    latency = 1

    def __init__(
        self,
        *,
        streams: int,
        drives: Sequence[range],
        taps: Sequence[range],
        drives_among: Sequence[frozenset[Stream] | None] | None = None,
        taps_among: Sequence[frozenset[Stream] | None] | None = None,
        drives_ahead: Sequence[bool] | None = None,
        arriving: frozenset[Stream] | None = None,
        tap_bits: Sequence[int] | None = None,
        tap_lanes: Sequence[bool] | None = None,
        bits: int = BITS,
        checks: bool,
        one_hot: bool = False,
    ):
        self.bits = bits
        self.streams = streams
        self.drives = tuple(drives)
        self.taps = tuple(taps)
        self.drives_among = tuple(drives_among or [None] * len(self.drives))
        self.taps_among = tuple(taps_among or [None] * len(self.taps))
        self.drives_ahead = tuple(drives_ahead or [False] * len(self.drives))
        self.arriving = arriving
        self.tap_bits = (bits,) * len(self.taps) if tap_bits is None else tuple(tap_bits)
        self.tap_lanes = (False,) * len(self.taps) if tap_lanes is None else tuple(tap_lanes)
        self.checks = checks
        self.one_hot = one_hot
        layout = timed_streams(streams, bits)
        super().__init__(
            {"i_east": In(layout), "i_west": In(layout), "o_east": Out(layout), "o_west": Out(layout)}
            | {f"drive{n}": In(drive_layout(bits)) for n in range(len(drives))}
            | {f"next_drive{n}": In(TAP) for n, ahead in enumerate(self.drives_ahead) if ahead}
            | {f"tap{n}": In(TAP) for n in range(len(taps))}
            | {f"tap{n}_data": Out(bits) for n, bits in enumerate(self.tap_bits)}
            | {"collision": Out(1), "undefined": Out(1)}
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        data = [list(self._registers(direction).data) for direction in Direction]
        lanes = [[_lanes(m, word) for word in words] if any(self.tap_lanes) else [] for words in data]
        for n, numbers in enumerate(self.taps):
            tap, bits = getattr(self, f"tap{n}"), self.tap_bits[n]
            words = lanes if self.tap_lanes[n] else data
            named = {way: _numbers(numbers, self.taps_among[n], way) for way in Direction}
            flows = {
                way: {number: words[way][number][:bits] for number in named[way]} for way in Direction if named[way]
            }
            if not flows:
                taken = Const(0, bits)
            elif self.one_hot:
                taken = self._gated(m, n, numbers.step, flows)
            else:
                picked = [pick(tap.stream[:5], flow) for flow in flows.values()]
                taken = Mux(tap.stream[5], picked[-1], picked[0])
            m.d.comb += getattr(self, f"tap{n}_data").eq(taken)

        collisions, undefined = [], []
        for direction in Direction:
            registers = self._registers(direction)
            incoming = self.i_east if direction is Direction.EAST else self.i_west
            hits = self._one_hot(m, "drive", self.drives_ahead, direction)
            for number in range(self.streams):
                value = Signal(self.bits, name=f"s{number}{direction.letter}", reset_less=True)
                m.d.comb += registers.data[number].eq(value)
                driven_by = [
                    n
                    for n, (numbers, among) in enumerate(zip(self.drives, self.drives_among, strict=True))
                    if number in _numbers(numbers, among, direction)
                ]
                if self.one_hot:
                    sources = [(hits[n][number], getattr(self, f"drive{n}").data) for n in driven_by]
                    if not sources or self.arriving is None or Stream(number, direction) in self.arriving:
                        stays = ~Cat(hits[n][number] for n in driven_by).any()
                        sources.append((stays, incoming.data[number]))
                    m.d.sync += value.eq(_one_of(sources))
                else:
                    m.d.sync += value.eq(incoming.data[number])
                    for n in driven_by:
                        with m.If(hits[n][number]):
                            m.d.sync += value.eq(getattr(self, f"drive{n}").data)
            driven, several = _union(m, hits, self.streams, f"driven_{direction.letter}")
            valid = Signal(self.streams, name=f"valid_{direction.letter}")
            m.d.sync += valid.eq(incoming.valid | driven)
            m.d.comb += registers.valid.eq(valid)
            if self.checks:
                takes, _ = _union(
                    m, self._one_hot(m, "tap", [False] * len(self.taps), direction), self.streams, "takes"
                )
                taken = Signal(self.streams, name=f"taken_{direction.letter}")
                m.d.sync += taken.eq(incoming.taken & ~driven)
                m.d.comb += registers.taken.eq(taken | takes)
                undefined.append((takes & ~valid).any())
                collisions.append((several | (driven & incoming.valid & ~incoming.taken)).any())
        if self.checks:
            m.d.comb += [self.collision.eq(Cat(*collisions).any()), self.undefined.eq(Cat(*undefined).any())]
        return m

    def _gated(self, m: Module, n: int, step: int, flows: Mapping[Direction, Mapping[int, Value]]) -> Value:
        """What a tap takes, under one decoded select for each register that it can name."""
        stream, low = getattr(self, f"tap{n}").stream, (step - 1).bit_length()
        choices = []
        for direction, flow in flows.items():
            for number in flow:
                select = Signal(name=f"tap{n}_{number}{direction.letter}")
                named = stream[low : (self.streams - 1).bit_length()] == number >> low
                m.d.comb += select.eq(named & (stream[-1] == direction))
                choices.append((select, flow[number]))
        return _one_of(choices)

    def _registers(self, direction: Direction):
        return self.o_east if direction is Direction.EAST else self.o_west

    def _one_hot(self, m: Module, kind: str, ahead: Sequence[bool], direction: Direction) -> list[Signal]:
        """For each drive or tap, the stream of one direction that it names this cycle, as one bit of a vector."""
        vectors = []
        for n, earlier in enumerate(ahead):
            port = getattr(self, f"next_{kind}{n}" if earlier else f"{kind}{n}")
            vector = Signal(self.streams, name=f"{kind}{n}_{direction.letter}")
            named = port.valid & (port.stream[-1] == direction)
            domain = m.d.sync if earlier else m.d.comb
            domain += vector.eq(named << port.stream[: (self.streams - 1).bit_length()])
            vectors.append(vector)
        return vectors


def _numbers(numbers: range, among: frozenset[Stream] | None, way: Direction) -> list[int]:
    """Numbers of the streams of one direction that a producer or consumer can name."""
    return [number for number in numbers if among is None or Stream(number, way) in among]


def pick(index: Value, choices: Mapping[int, Value]) -> Value:
    """The choice that an index names; any of them if it names none.

    A tree of two-way multiplexers. A Switch would become one wide case over all choices, which takes
    Verilator longer to compile and to run.
    """
    if len(choices) == 1:
        return next(iter(choices.values()))
    low = {n >> 1: choice for n, choice in choices.items() if not n & 1}
    high = {n >> 1: choice for n, choice in choices.items() if n & 1}
    if not low or not high:
        return pick(index[1:], low or high)
    return Mux(index[0], pick(index[1:], high), pick(index[1:], low))


def _lanes(m: Module, word: Value) -> Signal:
    """Which lanes of a word are not 0."""
    lanes = Signal(LANES_PER_SUPERLANE)
    m.d.comb += lanes.eq(Cat(word.word_select(n, 8).any() for n in range(LANES_PER_SUPERLANE)))
    return lanes


def _one_of(choices: Sequence[tuple[Value, Value]]) -> Value:
    """The value that is selected, and any if none is: for few choices that takes fewer inputs than `any_of`."""
    if len(choices) > 4:
        return any_of(choices)
    if len(choices) == 1:
        return choices[0][1]
    half = len(choices) // 2
    selected = Cat(select for select, _ in choices[:half]).any()
    return Mux(selected, _one_of(choices[:half]), _one_of(choices[half:]))


def any_of(choices: Sequence[tuple[Value, Value]]) -> Value:
    """The value that is selected; 0 if none is. As a tree."""
    terms = [value & select.replicate(len(value)) for select, value in choices]
    while len(terms) > 1:
        terms = [reduce(or_, terms[n : n + 2]) for n in range(0, len(terms), 2)]
    return terms[0]


def _union(m: Module, vectors: Sequence[Value], width: int, name: str) -> tuple[Signal, Signal]:
    """Bits that are set in any of some vectors, and those that are set in more than one."""
    union, several = Signal(width, name=name), Signal(width, name=f"{name}_twice")
    seen, twice = Const(0, width), Const(0, width)
    for vector in vectors:
        seen, twice = seen | vector, twice | (seen & vector)
    m.d.comb += [union.eq(seen), several.eq(twice)]
    return union, several
