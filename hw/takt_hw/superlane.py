"""One superlane: the whole row, 16 lanes high. The chip is a stack of these."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from . import isa
from .config import ChipConfig, Kind
from .isa import Queue
from .mem.bank_pair import BankPair
from .mxm.accumulator import PLANES, Accumulator
from .mxm.feeder import Feeder
from .mxm.supercell import SUMS, feed_layout
from .streams import BITS, DRIVE, TAP, StreamPosition, dispatch_layout
from .sxm import crossing, local
from .tiles import TileLibrary
from .vxm.alu import RESULT, VxmAlu

FAULTS = ("collision", "undefined_stream", "bank_conflict", "undefined_result", "undefined_product")
"""Checks of a superlane, in the order of the host's fault bits."""


CONTROL_LATENCY = 1
"""Cycles from an instruction's dispatch in a superlane until its slice acts on it."""


def member_name(queue_or_slice: str) -> str:
    """A queue's or slice's name as part of a port's name."""
    return queue_or_slice.replace(".", "_")


@dataclass
class _Place:
    """What one position's slices put on and take from its streams, gathered while they are built."""

    drives: list = field(default_factory=list)
    drive_ranges: list[range] = field(default_factory=list)
    taps: list = field(default_factory=list)
    tap_ranges: list[range] = field(default_factory=list)

    def drive(self, port, numbers: range) -> None:
        self.drives.append(port)
        self.drive_ranges.append(numbers)

    def tap(self, port, taken, numbers: range) -> None:
        self.taps.append((port, taken))
        self.tap_ranges.append(numbers)


class Superlane(wiring.Component):
    """Stream registers and slices of one superlane.

    Instructions are registered on entry: the registers drive this superlane's slices and go on to the
    next superlane, so each superlane runs one cycle behind the one below.

    Members
    -------
    i_{queue}, o_{queue} : In(dispatch_layout), Out(dispatch_layout)
        Instructions in the cycle of their dispatch in this superlane and, one cycle later, in the next.
    clear : In(1)
        A program begins.
    host_read, host_write, host_slice, host_address, host_data : In
        Host access to one MEM slice while no program runs.
    host_read_data : Out(BITS)
        Two cycles after ``host_read``.
    feed_{plane}, product_{plane}, product_{plane}_valid : Out(feed_layout), In(SUMS), In(1)
        To and from each MXM plane.
    shift_{slice}, permute_{slice} : Out(crossing_signature)
        To and from the networks of each SXM.
    write_{slice}, write_address_{slice}, write_data_{slice} : Out
        Memory writes, in the cycle in which memory changes.
    faults : Out(len(FAULTS))
        With checks: what went wrong in this cycle.
    """

    def __init__(self, config: ChipConfig, tiles: TileLibrary, *, checks: bool):
        self.config = config
        self.tiles = tiles
        self.checks = checks
        address_bits = (config.mem_words - 1).bit_length()
        ports: dict = {
            "clear": In(1),
            "host_read": In(1),
            "host_write": In(1),
            "host_slice": In(range(len(config.mem_slices))),
            "host_address": In(address_bits),
            "host_data": In(BITS),
            "host_read_data": Out(BITS),
            "faults": Out(len(FAULTS)),
        }
        for queue in isa.queues(config):
            ports[f"i_{member_name(queue.name)}"] = In(dispatch_layout(queue.unit.word_bits))
            ports[f"o_{member_name(queue.name)}"] = Out(dispatch_layout(queue.unit.word_bits))
        for s in config.slices:
            if s.kind is Kind.MXM:
                ports[f"feed_{s.name}"] = Out(feed_layout(config.weight_streams, config.weight_blocks))
                ports[f"product_{s.name}"] = In(SUMS)
                ports[f"product_{s.name}_valid"] = In(1)
            elif s.kind is Kind.SXM:
                ports[f"shift_{s.name}"] = Out(crossing.shift_signature(config))
                ports[f"permute_{s.name}"] = Out(crossing.permute_signature(config))
            elif s.kind is Kind.MEM:
                ports[f"write_{s.name}"] = Out(1)
                ports[f"write_address_{s.name}"] = Out(address_bits)
                ports[f"write_data_{s.name}"] = Out(BITS)
        super().__init__(ports)

    def elaborate(self, platform) -> Module:
        m = Module()
        config = self.config
        self._controls(m)
        places = [_Place() for _ in config.row]
        faults: dict[str, list] = {name: [] for name in FAULTS}
        host_data = []
        for s in config.slices:
            place = places[s.position]
            match s.kind:
                case Kind.MEM:
                    host_data.append(self._mem(m, s.name, place, faults))
                case Kind.VXM:
                    self._vxm(m, place, faults)
                case Kind.MXM:
                    self._mxm(m, s.name, place, faults)
                case Kind.SXM:
                    self._sxm(m, s.name, place)
        self._row(m, places, faults)
        self._host_read(m, host_data)
        if self.checks:
            m.d.comb += self.faults.eq(Cat(Cat(*faults[name]).any() for name in FAULTS))
        return m

    def _control(self, queue_name: str):
        """The instruction that a queue's unit executes: one cycle after dispatch."""
        return getattr(self, f"o_{member_name(queue_name)}")

    def _controls(self, m: Module) -> None:
        for queue in isa.queues(self.config):
            arriving = getattr(self, f"i_{member_name(queue.name)}")
            control = self._control(queue.name)
            m.d.sync += control.valid.eq(arriving.valid)
            with m.If(arriving.valid):
                m.d.sync += control.word.eq(arriving.word)

    def _numbers(self, first: int = 0, step: int = 1) -> range:
        return range(first, self.config.streams, step)

    def _plane_numbers(self, plane: int) -> range:
        """Streams that can carry one byte plane; a one-byte element can travel on any."""
        return self._numbers() if plane == 0 else self._numbers(plane, isa.DType.I32.streams)

    def _mem(self, m: Module, name: str, place: _Place, faults: dict):
        banks = self.tiles.place(m, name, "mem_banks", partial(BankPair, self.config.mem_words))
        reads, writes = self._control(f"{name}.read"), self._control(f"{name}.write")
        number = next(n for n, s in enumerate(self.config.mem_slices) if s.name == name)
        hosted = Signal(name=f"{name}_hosted")
        arriving = Signal(BITS, name=f"{name}_arriving")
        tap = Signal(TAP, name=f"{name}_tap")
        drive = Signal(DRIVE, name=f"{name}_drive")
        m.d.comb += [
            hosted.eq(self.host_slice == number),
            tap.valid.eq(writes.valid),
            tap.stream.eq(writes.word[isa.WRITE_FROM.bits]),
            banks.read.eq(reads.valid | (self.host_read & hosted)),
            banks.read_address.eq(reads.word[isa.ADDRESS.bits]),
            banks.write.eq(writes.valid | (self.host_write & hosted)),
            banks.write_address.eq(writes.word[isa.ADDRESS.bits]),
            banks.write_data.eq(arriving),
        ]
        with m.If(self.host_read):
            m.d.comb += banks.read_address.eq(self.host_address)
        with m.If(self.host_write):
            m.d.comb += [banks.write_address.eq(self.host_address), banks.write_data.eq(self.host_data)]
        drive_valid = Signal(name=f"{name}_drive_valid")
        drive_stream = Signal(len(drive.stream), name=f"{name}_drive_stream")
        m.d.sync += [drive_valid.eq(reads.valid), drive_stream.eq(reads.word[isa.READ_TO.bits])]
        m.d.comb += [
            drive.valid.eq(drive_valid),
            drive.stream.eq(drive_stream),
            drive.data.eq(banks.read_data),
            getattr(self, f"write_{name}").eq(writes.valid),
            getattr(self, f"write_address_{name}").eq(writes.word[isa.ADDRESS.bits]),
            getattr(self, f"write_data_{name}").eq(arriving),
        ]
        place.tap(tap, arriving, self._numbers())
        place.drive(drive, self._numbers())
        faults["bank_conflict"].append(banks.conflict)
        return banks.read_data

    def _vxm(self, m: Module, place: _Place, faults: dict) -> None:
        build = partial(VxmAlu, self.config.vxm_alus)
        alus = [self.tiles.place(m, f"alu{n}", "vxm_alu", build) for n in range(self.config.vxm_alus)]
        held = Signal(data.ArrayLayout(RESULT, len(alus)))
        holds = Signal(len(alus))
        for n, alu in enumerate(alus):
            m.d.comb += [
                held[n].eq(alu.result),
                holds[n].eq(alu.has_result),
                alu.control.eq(self._control(f"VXM.alu{n}")),
                alu.clear.eq(self.clear),
                alu.held.eq(held),
                alu.holds.eq(holds),
            ]
            for plane in range(RESULT.elem_shape.width // 8):
                for operand in "ab":
                    tap = getattr(alu, f"{operand}{plane}")
                    place.tap(tap, getattr(alu, f"{operand}{plane}_data"), self._plane_numbers(plane))
                place.drive(getattr(alu, f"drive{plane}"), self._plane_numbers(plane))
            faults["undefined_result"].append(alu.undefined)

    def _mxm(self, m: Module, name: str, place: _Place, faults: dict) -> None:
        config = self.config
        m.submodules[f"{name}_feeder"] = feeder = Feeder(config)
        m.submodules[f"{name}_accumulator"] = accumulator = Accumulator(config.accumulators)
        m.d.comb += [
            feeder.weights.eq(self._control(f"{name}.weights")),
            feeder.activate.eq(self._control(f"{name}.activate")),
            feeder.clear.eq(self.clear),
            getattr(self, f"feed_{name}").eq(feeder.feed),
            accumulator.control.eq(self._control(f"{name}.accumulate")),
            accumulator.clear.eq(self.clear),
            accumulator.product.eq(getattr(self, f"product_{name}")),
            accumulator.product_valid.eq(getattr(self, f"product_{name}_valid")),
        ]
        place.tap(feeder.activations_tap, feeder.activations_tap_data, self._numbers())
        for n in range(config.weight_streams):
            numbers = self._numbers(n, config.weight_streams)
            place.tap(getattr(feeder, f"weights_tap{n}"), getattr(feeder, f"weights_tap{n}_data"), numbers)
        for plane in range(PLANES):
            place.drive(getattr(accumulator, f"drive{plane}"), self._numbers(plane, PLANES))
        faults["undefined_product"] += [feeder.undefined, accumulator.undefined]

    def _sxm(self, m: Module, name: str, place: _Place) -> None:
        config = self.config
        size = config.transpose_size
        movers = {
            "select": local.selector(),
            "distribute": local.distributor(),
            "transpose": local.transposer(size),
            "shift": crossing.shift_port(config),
            "permute": crossing.permute_port(config),
        }
        for unit, mover in movers.items():
            m.submodules[f"{name}_{unit}"] = mover
            m.d.comb += mover.control.eq(self._control(f"{name}.{unit}"))
            for n, (_, offset) in enumerate(mover.sources):
                count = 1 + max(other for source, other in mover.sources if source is mover.sources[n][0])
                place.tap(getattr(mover, f"tap{n}"), getattr(mover, f"tap{n}_data"), self._numbers(offset, count))
            for n in range(size if unit == "transpose" else 1):
                place.drive(
                    getattr(mover, f"drive{n}"), self._numbers(n, size) if unit == "transpose" else self._numbers()
                )
        wiring.connect(m, movers["shift"].network, wiring.flipped(getattr(self, f"shift_{name}")))
        wiring.connect(m, movers["permute"].network, wiring.flipped(getattr(self, f"permute_{name}")))

    def _row(self, m: Module, places: list[_Place], faults: dict) -> None:
        positions = []
        for n, (kind, place) in enumerate(zip(self.config.row, places, strict=True)):
            build = partial(
                StreamPosition,
                streams=self.config.streams,
                drives=place.drive_ranges,
                taps=place.tap_ranges,
                checks=self.checks,
            )
            position = self.tiles.place(m, f"position{n}", f"streams_{kind.value}", build)
            positions.append(position)
            m.d.comb += [getattr(position, f"drive{d}").eq(port) for d, port in enumerate(place.drives)]
            for t, (port, taken) in enumerate(place.taps):
                m.d.comb += [getattr(position, f"tap{t}").eq(port), taken.eq(getattr(position, f"tap{t}_data"))]
            faults["collision"].append(position.collision)
            faults["undefined_stream"].append(position.undefined)
        for west, east in zip(positions, positions[1:], strict=False):
            m.d.comb += [east.i_east.eq(west.o_east), west.i_west.eq(east.o_west)]

    def _host_read(self, m: Module, host_data: list) -> None:
        slice_read = Signal.like(self.host_slice)
        m.d.sync += slice_read.eq(self.host_slice)
        with m.Switch(slice_read):
            for n, value in enumerate(host_data):
                with m.Case(n):
                    m.d.sync += self.host_read_data.eq(value)


def queue_ports(config: ChipConfig) -> list[tuple[Queue, str]]:
    """Each queue with its name as part of a port's name."""
    return [(queue, member_name(queue.name)) for queue in isa.queues(config)]
