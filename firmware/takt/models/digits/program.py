"""The instruction stream: one START reads all weights and one image from MEM and leaves ten logits in MEM.

No latency is typed here: every dispatch follows from another by the timing law. docs/design/digits.md draws
the schedule and counts its cycles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from takt_hw import isa
from takt_hw.config import ChipConfig, Kind
from takt_hw.isa import Alu, Direction, DType, Immediate, Stream, TypedStream

from ...asm import Builder, BuildError
from ...program import Program, Run
from ...schedule import flight, skew
from .layout import Layout, NoRoom, Tile, cut
from .quantize import QuantizedNetwork

PIXELS, LOGITS = "pixels", "logits"
"""Names of the input (int8 [64]) and output (int32 [10]) tensors."""

RECTIFY, REQUANT = "VXM.alu0", "VXM.alu1"
"""The two ALUs that a vector of hidden units passes through; in a build with one, that twice."""

SUMS = Stream(0, Direction.WEST)
UNITS = Stream(0, Direction.EAST)


def emit(config: ChipConfig, network: QuantizedNetwork) -> Program:
    """The program of a network on a build.

    Raises
    ------
    NoRoom
        If the build has no MXM with enough MEM slices west of it, or the network is too large.
    """
    emitter = Emitter(config, cut(config, network))
    ready = [emitter.units_ready(slot) for slot in emitter.slots if slot.tile.last]
    for tile in emitter.layout.output:
        emitter.place(tile, ready[tile.part])
    emitter.weights()
    emitter.hidden_layer(network)
    emitter.output_layer()
    return emitter.tensors(network).build()


@dataclass(frozen=True)
class Slot:
    """A tile's place in time: dispatches of its first LW, its IW and its ABC."""

    tile: Tile
    load: int
    install: int
    apply: int


class Emitter:
    """Places tiles one after the other, those of the hidden layer first, then emits what each needs.

    Weight stream j always comes from the same MEM slice. The weight streams are hardly ever idle while tiles load,
    so an image's vectors ride along: each takes the place of a weight column that the tile does not use. Where the
    same slices hold the thresholds, tiles leave those the cycle that they need.

    Parameters
    ----------
    config : ChipConfig
        The build.
    layout : Layout
        All that this chip does of the network.
    builder : Builder, optional
        Where instructions go; a new one by default.
    start : int
        First cycle in which something may be dispatched.
    units : Stream
        Where vectors of hidden units leave the VXM.
    spacing : int
        Least cycles from one vector of hidden units to the next.
    """

    def __init__(
        self,
        config: ChipConfig,
        layout: Layout,
        builder: Builder | None = None,
        start: int = 0,
        units: Stream = UNITS,
        spacing: int = 1,
    ):
        self.config, self.layout, self.builder, self.units = config, layout, builder or Builder(config), units
        plane, self.sources, self.threshold_slices = _slices(config)
        # The first that the slices of the lowest byte can name: in most builds stream 0.
        self.sums = Stream(self._first(f"{self.logit_slices()[0]}.write"), Direction.WEST)
        self.thresholds = Stream(self._first(f"{self.threshold_slices[0]}.read"), Direction.EAST)
        self.load, self.activate, self.accumulate = (
            f"{plane}.{unit.name}" for unit in (isa.MXM_WEIGHTS, isa.MXM_ACTIVATE, isa.MXM_ACCUMULATE)
        )
        self.to_accumulate = flight(config, self.activate, isa.ABC, self.accumulate, isa.ACC)
        self.to_rectify = flight(config, self.accumulate, isa.ACC, RECTIFY, isa.MAX)
        self.scaler = REQUANT if config.vxm_alus > 1 else RECTIFY
        self.to_requant = max(isa.VXM_CHAIN(config), config.vxm_turns)
        self.to_apply = flight(config, self.scaler, isa.REQUANT, self.activate, isa.ABC)
        self.pixel_address = (len(layout.hidden) + len(layout.output)) * config.weight_blocks
        self.threshold_address = self.pixel_address + layout.pixel_vectors
        self.logit_address = config.bank_words
        if self.threshold_address + len(layout.thresholds) > config.bank_words:
            raise NoRoom(f"network must fit {config.bank_words} words of each MEM slice")
        if len(layout.thresholds) >= config.accumulators:
            raise NoRoom(f"network must need at most {config.accumulators} accumulators")
        self.first_load = start + max(self._read_ahead(name, self.load, isa.LW) for name in self.sources)
        spacing = max(spacing, config.vxm_turns)
        if self.scaler == RECTIFY:  # the REQUANT of one vector lands before the MAX of the next
            lands = self.to_requant + isa.MULTIPLY_CHAIN(config) - isa.VXM_CHAIN(config)
            spacing = max(spacing, config.vxm_turns + lands)
        self.slots: list[Slot] = []
        # Cycles that an LW, or the ABC of an image's vector, must leave to thresholds that come from the same slice.
        self.no_loads: set[int] = set()
        self.no_pixels: set[int] = set()
        done = 0
        for tile in layout.hidden:
            earliest = self.next(tile).apply
            slot = self.place(tile, max(earliest, done + spacing) if tile.last and done else earliest)
            if tile.last:
                done = slot.apply
                self._leave_room(self.rectified(slot))

    def place(self, tile: Tile, ready: int = 0) -> Slot:
        """The next tile, as early as the weight buffer, the array and its activations, there in ``ready``, allow."""
        self.slots.append(self.next(tile, ready))
        return self.slots[-1]

    def next(self, tile: Tile, ready: int = 0) -> Slot:
        """Where `place` would put a tile.

        A tile loads once the buffer's last content is installed, is installed once the array has taken the last
        activation, and is applied in the cycle after or, at the latest of all, when its activation is ready.
        """
        blocks = self.config.weight_blocks
        if not self.slots:
            load = self._loads_from(self.first_load)
            install = load + blocks
        else:
            last = self.slots[-1]
            load = self._loads_from(max(last.load + blocks, last.install))
            install = max(load + blocks, last.apply + self.config.mxm_turns)
            if ready and ready <= install:
                raise NoRoom(f"hidden units must reach the array after cycle {install}, not in {ready}")
        apply = max(ready, install + 1)
        if len(self.slots) < len(self.layout.hidden):
            following = self._loads_from(max(load + blocks, install))
            while not self._leaves_pixel(apply, following):
                apply += 1
        return Slot(tile, load, install, apply)

    def _loads_from(self, cycle: int) -> int:
        """The first cycle from one on in which a tile can begin to load."""
        while not self.no_loads.isdisjoint(range(cycle, cycle + self.config.weight_blocks)):
            cycle += 1
        return cycle

    def _leaves_pixel(self, apply: int, load: int) -> bool:
        """Whether the image's vector for an ABC in one cycle finds room beside the tile that loads from another on."""
        tiles = [*self.layout.hidden, *self.layout.output][len(self.slots) + 1 :]
        block = apply + skew(self.config, isa.ABC) - load - skew(self.config, isa.LW)
        beside = bool(tiles) and 0 <= block < self.config.weight_blocks
        taken = beside and tiles[0].weights[:, (block + 1) * self.config.weight_streams - 1].any()
        return apply not in self.no_pixels and not taken

    def _leave_room(self, cycle: int) -> None:
        """Keep loads and pixels out of the way of the thresholds for a MAX in a cycle."""
        for name in set(self.threshold_slices) & set(self.sources):
            read = cycle - self._read_ahead(name, RECTIFY, isa.MAX)
            self.no_loads.add(read + self._read_ahead(name, self.load, isa.LW))
            if name == self.sources[-1]:
                self.no_pixels.add(read + self._read_ahead(name, self.activate, isa.ABC))

    def rectified(self, slot: Slot) -> int:
        """Cycle of the MAX that takes the sums of a slot's accumulator, which it finishes."""
        return slot.apply + self.to_accumulate + self.to_rectify

    def units_ready(self, slot: Slot) -> int:
        """Cycle in which the hidden units that a slot finishes can be applied."""
        return self.rectified(slot) + self.to_requant + self.to_apply

    def _first(self, queue: str) -> int:
        """Lowest stream that a queue's slice can name."""
        return isa.queue_by_name(self.config)[queue].streams.start

    def _read_ahead(self, name: str, queue: str, op: isa.Op) -> int:
        """Cycles by which a slice's READ precedes the instruction that takes the word."""
        return flight(self.config, f"{name}.read", isa.READ, queue, op)

    def _read(self, name: str, address: int, stream: Stream, cycle: int, queue: str, op: isa.Op) -> None:
        """Read a word for the instruction that ``queue`` dispatches in ``cycle``."""
        at = cycle - self._read_ahead(name, queue, op)
        try:
            self.builder.at(at, f"{name}.read", isa.READ, dst=stream, address=address)
        except BuildError as error:
            raise NoRoom(f"schedule must leave {name}.read, cycle {at} to one READ: {error}") from None

    def weights(self) -> None:
        """LW and IW of every tile, and the words that they load."""
        blocks, width = self.config.weight_blocks, self.config.weight_streams
        hidden = len(self.layout.hidden)
        pixels = {slot.apply + skew(self.config, isa.ABC) for slot in self.slots[:hidden]}
        for index, slot in enumerate(self.slots):
            for block in range(blocks):
                cycle = slot.load + block
                columns = slot.tile.weights[:, block * width : (block + 1) * width]
                self.builder.at(cycle, self.load, isa.LW, src=Stream(0, Direction.EAST), block=block)
                rides_along = cycle + skew(self.config, isa.LW) in pixels
                if rides_along and columns[:, -1].any():
                    raise NoRoom(f"tile {index} must leave the last column of block {block} to the image")
                for stream, name in enumerate(self.sources[: width - rides_along]):
                    address = index * blocks + block
                    self.builder.data(name, address, columns[:, stream].astype(np.uint8))
                    self._read(name, address, Stream(stream, Direction.EAST), cycle, self.load, isa.LW)
            self.builder.at(slot.install, self.activate, isa.IW)

    def hidden_layer(self, network: QuantizedNetwork) -> None:
        """Pixels through the array; finished sums through threshold and scale, and back towards the array."""
        for slot in self.slots[: len(self.layout.hidden)]:
            self.apply(slot, self.pixel(slot), self.sums if slot.tile.last else None)
            if slot.tile.last:
                self._rectify(slot.tile.sums, self.rectified(slot), network)

    def pixel(self, slot: Slot) -> Stream:
        """Read the pixels that a slot applies, and say on which stream."""
        stream = Stream(self.config.weight_streams - 1, Direction.EAST)
        address = self.pixel_address + slot.tile.part
        self._read(self.sources[-1], address, stream, slot.apply, self.activate, isa.ABC)
        return stream

    def _rectify(self, vector: int, cycle: int, network: QuantizedNetwork) -> None:
        """One vector of hidden units: ``max(sums, threshold)``, then scaled to int8. MEM sees none of it."""
        self.threshold(vector, cycle, RECTIFY)
        sums, threshold = TypedStream(self.sums, DType.I32), TypedStream(self.thresholds, DType.I32)
        self.builder.at(cycle, RECTIFY, isa.MAX, dst=None, a=sums, b=threshold)
        self.requant(cycle + self.to_requant, self.scaler, TypedStream(self.units, DType.I8), Alu(0), network)

    def requant(self, cycle: int, queue: str, dst: TypedStream, rectified: Alu, network: QuantizedNetwork) -> None:
        """Scale what an ALU holds to int8."""
        multiplier = Immediate(network.multiplier)
        self.builder.at(cycle, queue, isa.REQUANT, dst=dst, a=rectified, b=multiplier, shift=network.shift)

    def threshold(self, vector: int, cycle: int, queue: str) -> None:
        """Let a vector's threshold meet the MAX that a queue dispatches in a cycle."""
        address = self.threshold_address + vector
        planes = self.layout.thresholds[vector].astype("<i4").view(np.uint8).reshape(-1, DType.I32.streams)
        for plane, stream in enumerate(self.thresholds.group(DType.I32.streams)):
            name = self.threshold_slices[plane]
            self.builder.data(name, address, planes[:, plane])
            self._read(name, address, stream, cycle, queue, isa.MAX)

    def output_layer(self) -> None:
        """Hidden units through the array; finished sums, which are the logits, to the MEM slices nearest to it."""
        for slot in self.slots[len(self.layout.hidden) :]:
            accumulated = self.apply(slot, UNITS, self.sums if slot.tile.last else None)
            if slot.tile.last:
                self.store(accumulated, self.logit_address)

    def store(self, accumulated: int, address: int) -> int:
        """Write the sums that an ACC dispatched in a cycle sends out. The cycle of the last WRITE."""
        last = 0
        for name, stream in zip(self.logit_slices(), self.sums.group(DType.I32.streams), strict=True):
            at = accumulated + flight(self.config, self.accumulate, isa.ACC, f"{name}.write", isa.WRITE)
            self.builder.at(at, f"{name}.write", isa.WRITE, src=stream, address=address)
            last = max(last, at)
        return last

    def tensors(self, network: QuantizedNetwork) -> Builder:
        """Declare the image and the logits."""
        pixels, classes = network.hidden.shape[0], network.output.shape[1]
        image = Run(self.sources[-1], self.pixel_address, self.layout.pixel_vectors)
        self.builder.input(PIXELS, (pixels,), DType.I8.text, [image])
        planes = [Run(name, self.logit_address) for name in self.logit_slices()]
        return self.builder.output(LOGITS, (classes,), DType.I32.text, planes)

    def logit_slices(self) -> Sequence[str]:
        """Where logits are written, one slice per byte."""
        return self.sources[-DType.I32.streams :]

    def apply(self, slot: Slot, stream: Stream, dst: Stream | None) -> int:
        """ABC and ACC of a tile, its sums to ``dst``. The cycle of the ACC."""
        tile = slot.tile
        self.builder.at(slot.apply, self.activate, isa.ABC, src=stream)
        at = slot.apply + self.to_accumulate
        mode = "first" if tile.first else "add"
        self.builder.at(at, self.accumulate, isa.ACC, address=tile.sums, mode=mode, dst=dst)
        return at


def _slices(config: ChipConfig) -> tuple[str, list[str], list[str]]:
    """The easternmost MXM plane, the MEM slices that feed it, one per weight stream, and four west of the VXM.

    Both lists from west to east: the last is the nearest.
    """
    planes = [s for s in config.slices if s.kind is Kind.MXM]
    feeding = [s.name for s in config.mem_slices if planes and s.position < planes[-1].position]
    wanted = max(config.weight_streams, DType.I32.streams)
    if len(feeding) < wanted:
        raise NoRoom(f"build must have {wanted} MEM slices west of an MXM, not {len(feeding)}")
    western = [s.name for s in config.mem_slices if s.position < config.slice_by_name["VXM"].position]
    if len(western) < DType.I32.streams:
        raise NoRoom(f"build must have {DType.I32.streams} MEM slices west of the VXM, not {len(western)}")
    return planes[-1].name, feeding[-wanted:], western[-DType.I32.streams :]
