"""The network on several chips, by column or by layer: the same logits, bit for bit, as on one.

`by_column`: every chip has some of the hidden units and some of the classes. It works out its units, all chips give
theirs to all others, and each works out its logits.

`pipeline.by_layer`: a line of chips, each with what comes next: of two, hidden and output layer; of four, the first and
the second half of the pixels, then the first and the second vector of hidden units. Sums of a half travel on as int32.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from takt_hw import isa
from takt_hw.config import ChipConfig
from takt_hw.isa import Alu, Direction, DType, Stream, TypedStream
from takt_sim.system.topology import Topology

from ...collectives.chains import Chain, Parts
from ...collectives.ways import hop, is_full
from ...program import Memory, Run
from ...schedule import flight
from ...system import System, SystemBuilder
from .layout import Tile, columns
from .program import LOGITS, PIXELS, UNITS, Emitter
from .quantize import QuantizedNetwork

OUTWARD = Stream(7, Direction.WEST)
"""What hidden units take to the links."""

TO_LINKS = "VXM.alu2"
"""The ALU that makes hidden units for the links of those that another makes for the array."""


@dataclass(frozen=True)
class Split:
    """The network as programs for several chips: one START of all classifies one image."""

    system: System
    pixels: Mapping[int, tuple[int, int]]
    """By chip, first and count of the pixels in its tensor `PIXELS`, as a flat image has them."""
    classes: Mapping[int, tuple[int, int]]
    """By chip, first and count of the classes whose logits are in its tensor `LOGITS`."""

    def load(self, image: NDArray[np.int8]) -> dict[int, Memory]:
        """By chip, the memory words of an image [pixels]."""
        lanes = self.system.config.lanes
        return {
            chip: self.system.programs[chip].tensor(PIXELS).pack(image[first : first + count], lanes)
            for chip, (first, count) in self.pixels.items()
        }

    def places(self) -> dict[int, dict[str, list[int]]]:
        """By chip and slice, the addresses of all words that `logits` reads."""
        found: dict[int, dict[str, list[int]]] = {}
        for chip in self.classes:
            for name, address in self.system.programs[chip].tensor(LOGITS).words():
                found.setdefault(chip, {}).setdefault(name, []).append(address)
        return found

    def logits(self, read: Callable[[int, str, int], bytes]) -> NDArray[np.int64]:
        """[classes], from a function that reads the word of a chip and slice at an address."""
        lanes = self.system.config.lanes
        values = np.zeros(sum(count for _, count in self.classes.values()), np.int64)
        for chip, (first, count) in self.classes.items():
            tensor = self.system.programs[chip].tensor(LOGITS)
            values[first : first + count] = tensor.unpack(lambda s, a: read(chip, s, a), lanes)  # noqa: B023
        return values


def by_column(config: ChipConfig, topology: Topology, network: QuantizedNetwork) -> Split:
    """Tensor parallel, with an all-gather of the hidden units. The topology must be fully connected.

    Raises
    ------
    NoRoom
        If the network does not fit the build that way.
    ValueError
        If some chips are not joined.
    """
    if not is_full(topology):
        raise ValueError(f"{topology.name} must be fully connected")
    system, parts = SystemBuilder(config, topology), Parts(config)
    chips = range(topology.chips)
    layouts = columns(config, network, topology.chips)
    emitters = [
        Emitter(config, layout, builder, system.start) for layout, builder in zip(layouts, system.chips, strict=True)
    ]
    sent: dict[tuple[int, int], int] = {}
    for chip, emitter in enumerate(emitters):
        scaled = emitter.rectified(emitter.slots[-1]) + emitter.to_requant
        emitter.requant(scaled, TO_LINKS, TypedStream(OUTWARD, DType.I8), Alu(0), network)
        for other in (other for other in chips if other != chip):
            link = hop(topology, chip, other).source.link
            sent[chip, other] = send_units(emitter, parts, TO_LINKS, scaled, link)
    for chip, emitter in enumerate(emitters):
        ready = emitter.units_ready(emitter.slots[-1])
        for tile in emitter.layout.output:
            if tile.part == chip:
                emitter.place(tile, ready)
            else:
                way = hop(topology, tile.part, chip)
                receive_units(emitter, parts, tile, sent[tile.part, chip] + way.latency, way.target.link)
        emitter.weights()
        emitter.hidden_layer(network)
        emitter.output_layer()
    pixels, shares = network.hidden.shape[0], np.array_split(np.arange(network.output.shape[1]), topology.chips)
    for emitter, share in zip(emitters, shares, strict=True):
        declare(emitter, pixels, len(share))
    return Split(
        system.build(),
        dict.fromkeys(chips, (0, pixels)),
        {chip: (int(share[0]), len(share)) for chip, share in enumerate(shares)},
    )


def send_units(emitter: Emitter, parts: Parts, queue: str, scaled: int, link: int) -> int:
    """Send the units that a REQUANT of ``queue`` makes for the links in a cycle. The SEND's cycle."""
    send = parts.link("send", link)
    at = scaled + flight(emitter.config, queue, isa.REQUANT, send, isa.SEND)
    emitter.builder.at(at, send, isa.SEND, src=OUTWARD)
    return at


def receive_units(emitter: Emitter, parts: Parts, tile: Tile, earliest: int, link: int) -> int:
    """Place a tile of the output layer that is applied to units from another chip. The RECEIVE's cycle."""
    receive = parts.link("receive", link)
    reaches = flight(emitter.config, receive, isa.RECEIVE, emitter.activate, isa.ABC)
    # not while the weights of the tile after it load: they take all the streams
    free = emitter.next(tile).install + emitter.config.weight_blocks + 1
    slot = emitter.place(tile, max(earliest + reaches, free))
    emitter.builder.at(slot.apply - reaches, receive, isa.RECEIVE, dst=UNITS)
    return slot.apply - reaches


def dispatch(emitter: Emitter, cycle: int, chain: Chain) -> int:
    """Dispatch a chain from a cycle on. The cycle of its last dispatch."""
    for item in chain:
        emitter.builder.at(cycle + item.cycle, item.queue, item.op, **item.operands)
    return cycle + max(item.cycle for item in chain)


def declare(emitter: Emitter, pixels: int = 0, classes: int = 0) -> None:
    """Declare the tensors that a chip has."""
    if pixels:
        image = Run(emitter.sources[-1], emitter.pixel_address, emitter.layout.pixel_vectors)
        emitter.builder.input(PIXELS, (pixels,), DType.I8.text, [image])
    if classes:
        places = [Run(name, emitter.logit_address) for name in emitter.logit_slices()]
        emitter.builder.output(LOGITS, (classes,), DType.I32.text, places)
