"""The network on a line of chips, layer after layer. `split` says what that is."""

from __future__ import annotations

from dataclasses import replace

from takt_hw import isa
from takt_hw.config import ChipConfig
from takt_hw.isa import Alu, Direction, DType, Stream, TypedStream
from takt_sim.system.topology import Topology

from ...collectives import Vectors
from ...collectives.chains import Parts
from ...collectives.ways import Hop, hop
from ...schedule import flight
from ...system import SystemBuilder
from .layout import Layout, NoRoom, cut
from .program import SUMS, UNITS, Emitter, Slot
from .quantize import QuantizedNetwork
from .split import OUTWARD, TO_LINKS, Split, declare, dispatch, receive_units, send_units

ADD_SUMS, RECTIFY_SUMS = "VXM.alu0", "VXM.alu1"

PARTIAL = TypedStream(Stream(4, Direction.EAST), DType.I32)
"""What sums of another chip take from MEM to the VXM."""


def by_layer(config: ChipConfig, topology: Topology, network: QuantizedNetwork) -> Split:
    """A pipeline of 2 or 4 chips, each of which must be joined to the next.

    Raises
    ------
    NoRoom
        If the network does not fit the build that way.
    ValueError
        If the topology has another number of chips, or lacks a cable.
    """
    if topology.chips not in (2, 4):
        raise ValueError(f"chips must be 2 or 4, not {topology.chips}")
    line = [hop(topology, chip, chip + 1) for chip in range(topology.chips - 1)]
    system = SystemBuilder(config, topology)
    stage = _two if topology.chips == 2 else _four
    return stage(system, network, cut(config, network), line)


def _two(system: SystemBuilder, network: QuantizedNetwork, layout: Layout, line: list[Hop]) -> Split:
    config, parts = system.config, Parts(system.config)
    hidden = replace(layout, output=())
    first = Emitter(config, hidden, system.chips[0], system.start, OUTWARD, config.packet_cycles)
    first.weights()
    first.hidden_layer(network)
    sent = [
        send_units(first, parts, first.scaler, first.rectified(slot) + first.to_requant, line[0].source.link)
        for slot in first.slots
        if slot.tile.last
    ]
    second = Emitter(config, Layout((), layout.output, ()), system.chips[1], system.start)
    for tile in layout.output:
        receive_units(second, parts, tile, sent[tile.part] + line[0].latency, line[0].target.link)
    second.weights()
    second.output_layer()
    declare(first, network.hidden.shape[0])
    declare(second, classes=network.output.shape[1])
    return Split(system.build(), {0: (0, network.hidden.shape[0])}, {1: (0, network.output.shape[1])})


def _four(system: SystemBuilder, network: QuantizedNetwork, layout: Layout, line: list[Hop]) -> Split:
    if len(layout.thresholds) != 2 or layout.pixel_vectors % 2:
        rule = "2 vectors of hidden units and an even number of pixel vectors"
        raise NoRoom(f"network must have {rule}, not {len(layout.thresholds)} and {layout.pixel_vectors}")
    stages = _Stages(system, network, layout)
    sums = stages.half_sums(line[0])
    units = stages.rest_of_sums(sums, line[0], line[1])
    logits, second = stages.first_logits(units, line[1], line[2])
    stages.all_logits(logits, second, line[2])
    pixels, half = network.hidden.shape[0], layout.pixel_vectors // 2 * system.config.lanes
    split = {0: (0, half), 1: (half, pixels - half)}
    for chip, (_, count) in split.items():
        declare(stages.emitters[chip], count)
    declare(stages.emitters[3], classes=network.output.shape[1])
    return Split(system.build(), split, {3: (0, network.output.shape[1])})


class _Stages:
    """The four chips of a line. Each method is one, and says when what it sends leaves."""

    def __init__(self, system: SystemBuilder, network: QuantizedNetwork, layout: Layout):
        self.config, self.network, self.parts = system.config, network, Parts(system.config)
        half = layout.pixel_vectors // 2
        low, high = (
            tuple(
                replace(t, part=t.part % half, first=t.part % half == 0, last=t.part % half == half - 1)
                for t in layout.hidden
                if t.part // half == which
            )
            for which in (0, 1)
        )
        layouts = [Layout(low, (), ()), Layout(high, (), layout.thresholds)]
        layouts += [Layout((), (replace(tile, sums=0, first=True, last=True),), ()) for tile in layout.output]
        self.emitters = [
            Emitter(self.config, part, builder, system.start)
            for part, builder in zip(layouts, system.chips, strict=True)
        ]

    def half_sums(self, out: Hop) -> list[int]:
        """Chip 0: sums of the first half of the pixels, by vector of hidden units."""
        emitter = self.emitters[0]
        emitter.weights()
        written = []
        for slot in emitter.slots:
            accumulated = self._pixels(emitter, slot)
            if slot.tile.last:
                written.append(emitter.store(accumulated, emitter.logit_address + slot.tile.sums))
        begin, sent = max(written) + 1, []
        for vector in range(len(written)):
            place = Vectors(tuple(emitter.logit_slices()), emitter.logit_address + vector, 1)
            sent.append(self._send(emitter, begin, place, out))
            begin += DType.I32.streams * self.config.packet_cycles
        return sent

    def rest_of_sums(self, arrived: list[int], way_in: Hop, out: Hop) -> list[int]:
        """Chip 1: those of the second half, both added up, rectified and scaled."""
        emitter, sent = self.emitters[1], []
        emitter.weights()
        for slot in emitter.slots:
            self._pixels(emitter, slot, None)
        for vector, cycle in enumerate(arrived):
            place, written = self._receive(emitter, cycle, way_in, vector)
            drained = flight(self.config, emitter.accumulate, isa.DRAIN, ADD_SUMS, isa.ADD)
            at = max(written + 1 + self._read_ahead(place), drained)
            emitter.builder.at(at - drained, emitter.accumulate, isa.DRAIN, address=vector, dst=SUMS)
            self._add(emitter, at, place, None)
            rectify = at + isa.VXM_CHAIN(self.config)
            emitter.threshold(vector, rectify, RECTIFY_SUMS)
            threshold = TypedStream(Stream(0, Direction.EAST), DType.I32)
            emitter.builder.at(rectify, RECTIFY_SUMS, isa.MAX, dst=None, a=Alu(0), b=threshold)
            scaled = rectify + isa.VXM_CHAIN(self.config)
            emitter.requant(scaled, TO_LINKS, TypedStream(OUTWARD, DType.I8), Alu(1), self.network)
            sent.append(send_units(emitter, self.parts, TO_LINKS, scaled, out.source.link))
        return sent

    def first_logits(self, units: list[int], way_in: Hop, out: Hop) -> tuple[int, int]:
        """Chip 2: what the first vector of hidden units adds to the logits; the second goes on as it is."""
        emitter = self.emitters[2]
        receive_units(emitter, self.parts, emitter.layout.output[0], units[0] + way_in.latency, way_in.target.link)
        emitter.weights()
        written = emitter.store(emitter.apply(emitter.slots[0], UNITS, SUMS), emitter.logit_address)
        place = Vectors(tuple(emitter.logit_slices()), emitter.logit_address, 1)
        sent = self._send(emitter, written + 1, place, out)
        onward = self.parts.receive(way_in.target.link, None, 1, [out.source.link], 0)
        through = onward[-1].cycle
        free = sent + DType.I32.streams * self.config.packet_cycles
        second = max(units[1] + way_in.latency, free - through)
        dispatch(emitter, second, onward)
        return sent, second + through

    def all_logits(self, logits: int, second: int, way_in: Hop) -> None:
        """Chip 3: what the second adds, and both added up."""
        emitter = self.emitters[3]
        place, written = self._receive(emitter, logits, way_in, 0)
        summed = flight(self.config, emitter.activate, isa.ABC, emitter.accumulate, isa.ACC)
        summed += flight(self.config, emitter.accumulate, isa.ACC, ADD_SUMS, isa.ADD)
        reaches = flight(
            self.config, self.parts.link("receive", way_in.target.link), isa.RECEIVE, emitter.activate, isa.ABC
        )
        earliest = max(second + way_in.latency, written + 1 + self._read_ahead(place) - summed - reaches)
        receive_units(emitter, self.parts, emitter.layout.output[0], earliest, way_in.target.link)
        emitter.weights()
        emitter.apply(emitter.slots[0], UNITS, SUMS)
        self._add(emitter, emitter.slots[0].apply + summed, place, emitter.logit_address)

    def _pixels(self, emitter: Emitter, slot: Slot, dst: Stream | None = SUMS) -> int:
        """One vector of pixels through the array. The cycle of the ACC."""
        stream = emitter.pixel(slot)
        return emitter.apply(slot, stream, dst if slot.tile.last else None)

    def _send(self, emitter: Emitter, cycle: int, place: Vectors, out: Hop) -> int:
        chain = self.parts.send(place, [out.source.link], OUTWARD.index)
        dispatch(emitter, cycle, chain)
        return cycle + min(item.cycle for item in chain if item.op is isa.SEND)

    def _receive(self, emitter: Emitter, sent: int, way: Hop, number: int) -> tuple[Vectors, int]:
        """Where four planes are put that the other end sends from a cycle on, and the cycle of the last WRITE."""
        place = Vectors(tuple(emitter.threshold_slices), self.config.bank_words + number, 1)
        chain = self.parts.receive(way.target.link, place, place.planes, [], 0)
        return place, dispatch(emitter, sent + way.latency, chain)

    def _read_ahead(self, place: Vectors) -> int:
        return max(flight(self.config, f"{name}.read", isa.READ, ADD_SUMS, isa.ADD) for name in place.slices)

    def _add(self, emitter: Emitter, at: int, place: Vectors, address: int | None) -> None:
        """Add what lies in memory to the sums that arrive in a cycle; into memory if there is an address."""
        for name, stream in zip(place.slices, PARTIAL.stream.group(place.planes), strict=True):
            read = at - flight(self.config, f"{name}.read", isa.READ, ADD_SUMS, isa.ADD)
            emitter.builder.at(read, f"{name}.read", isa.READ, dst=stream, address=place.address)
        dst = None if address is None else TypedStream(Stream(0, Direction.EAST), DType.I32)
        emitter.builder.at(at, ADD_SUMS, isa.ADD, dst=dst, a=TypedStream(SUMS, DType.I32), b=PARTIAL)
        if dst is None or address is None:
            return
        for name, stream in zip(emitter.logit_slices(), dst.stream.group(place.planes), strict=True):
            written = at + flight(self.config, ADD_SUMS, isa.ADD, f"{name}.write", isa.WRITE)
            emitter.builder.at(written, f"{name}.write", isa.WRITE, src=stream, address=address)
