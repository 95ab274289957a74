"""One superlane: the whole row, 16 lanes high. The chip is a stack of these."""

from __future__ import annotations

from functools import partial

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from . import isa
from .config import ChipConfig, Kind
from .isa import Queue
from .mem.errors import ERROR, ERRORS, ErrorCollector
from .mem.pipelined import PipelinedMemSlice
from .mem.pipelined_ecc import PipelinedEccMemSlice
from .mem.secded import Corrector, encode
from .mem.slice import MemSlice
from .mxm.accumulator import PLANES, Accumulator
from .mxm.feeder import Feeder
from .mxm.pipelined_accumulator import PipelinedAccumulator
from .mxm.supercell import feed_layout, sums_layout
from .place import Place
from .streams import BITS, DRIVE, TAP, StreamPosition, any_of, dispatch_layout
from .sxm import crossing, local
from .tiles import TileLibrary
from .vxm.alu import RESULT, VxmAlu
from .vxm.pipelined_alu import PipelinedVxmAlu
from .vxm.reduce import LaneReducer, partial_signature

CHECKS = ("collision", "undefined_stream", "bank_conflict", "undefined_result", "undefined_product")
"""Faults that only a build with checks looks for."""

FAULTS = (*CHECKS, "address_range")
"""Faults of a superlane, by the names of the host's fault bits."""

CONTROL_LATENCY = 1
"""Cycles from an instruction's dispatch in a superlane until its slice acts on it."""


def member_name(queue_or_slice: str) -> str:
    """A queue's or slice's name as part of a port's name."""
    return queue_or_slice.replace(".", "_")


class Superlane(wiring.Component):
    """Stream registers and slices of one superlane.

    Instructions are registered on entry: the registers drive this superlane's slices and go on to the
    next superlane, so each superlane runs one cycle behind the one below.

    Members
    -------
    i_{queue}, o_{queue} : In(dispatch_layout), Out(dispatch_layout)
        Instructions in the cycle of their dispatch in this superlane and, one cycle later, in the next.
    i_fetch{position}, o_fetch{position} : In(TAP), Out(TAP)
        Take a stream's bytes as instruction text, and one cycle later in the next superlane.
    fetched{position} : Out(fetch_bits(config, position))
        The low bits of what was taken last, from the cycle after.
    clear : In(1)
        A program begins.
    host_read, host_write : In(len(config.mem_slices))
        Host access to one MEM slice while no program runs.
    host_address, host_data : In
        A word of it, and what that becomes.
    host_read_data : Out(BITS)
        Two cycles after ``host_read``, and ``config.memory_cycles``, and ``config.mending_cycles``.
    feed_{plane}, product_{plane}, product_{plane}_valid : Out(feed_layout), In(sums_layout), In(1)
        To and from each MXM plane; with fp16 also ``product_{plane}_is_fp16``.
    shift_{slice}, permute_{slice} : Out(crossing_signature)
        To and from the networks of each SXM.
    vector_link{n}, part_link{n} : Out(BITS), In(BITS)
        Of each link: what the last SEND took, from two cycles after its dispatch in this superlane, and
        ``config.mending_cycles``, on; what a RECEIVE puts on its stream, two cycles after its dispatch.
    reduce : Out(partial_signature())
        To and from the VXM's tree over the superlanes, if the build has one.
    write_{slice}, write_address_{slice}, write_data_{slice} : Out
        Memory writes, in the table's cycle; with ``shows``, in a pipelined build.
    faults : Out(len(FAULTS))
        What went wrong in this cycle; CHECKS only with checks.
    errors : Out(ERRORS)
        With ECC: flipped bits that were met in the cycle before.
    """

    def __init__(self, config: ChipConfig, tiles: TileLibrary, *, checks: bool, shows: bool = True):
        self.config = config
        self.tiles = tiles
        self.checks = checks
        self.shows = shows
        address_bits = (config.mem_words - 1).bit_length()
        ports: dict = {
            "clear": In(1),
            "host_read": In(max(1, len(config.mem_slices))),  # at least a bit: Verilog has no ports of none
            "host_write": In(max(1, len(config.mem_slices))),
            "host_address": In(address_bits),
            "host_data": In(BITS),
            "host_read_data": Out(BITS),
            "faults": Out(len(FAULTS)),
        }
        if config.vxm_reductions:
            ports["reduce"] = Out(partial_signature())
        if config.ecc:
            ports["errors"] = Out(ERRORS)
        for queue in isa.queues(config):
            ports[f"i_{member_name(queue.name)}"] = In(dispatch_layout(queue.unit.word_bits))
            ports[f"o_{member_name(queue.name)}"] = Out(dispatch_layout(queue.unit.word_bits))
        for position in range(config.positions):
            ports[f"i_fetch{position}"] = In(TAP)
            ports[f"o_fetch{position}"] = Out(TAP)
            ports[f"fetched{position}"] = Out(fetch_bits(config, position))
        for n in range(config.links):
            ports[f"vector_link{n}"] = Out(BITS)
            ports[f"part_link{n}"] = In(BITS)
        for s in config.slices:
            if s.kind is Kind.MXM:
                ports[f"feed_{s.name}"] = Out(feed_layout(config))
                ports[f"product_{s.name}"] = In(sums_layout(config))
                ports[f"product_{s.name}_valid"] = In(1)
                if config.mxm_float:
                    ports[f"product_{s.name}_is_fp16"] = In(1)
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
        places = [Place() for _ in config.row]
        for position, place in enumerate(places):
            place.slice = next(number for number, s in enumerate(config.slices) if s.position == position)
            self._fetch(m, position, place)
        faults: dict[str, list] = {name: [] for name in FAULTS}
        errors: list[tuple[int, Value]] = []
        host_data = []
        host_word = self.host_data
        if config.ecc:
            host_word = Signal(config.stream_bits)
            m.d.comb += host_word.eq(encode(self.host_data))
        for number, s in enumerate(config.slices):
            place = places[s.position]
            place.slice = number
            match s.kind:
                case Kind.MEM:
                    host_data.append(self._mem(m, s.name, place, host_word, faults, errors))
                case Kind.VXM:
                    self._vxm(m, place, faults)
                case Kind.MXM:
                    self._mxm(m, s.name, place, faults)
                case Kind.SXM:
                    self._sxm(m, s.name, place)
                case Kind.C2C:
                    self._c2c(m, s.name, place)
        self._row(m, places, faults, errors)
        if config.ecc:
            m.submodules.errors = collector = ErrorCollector(
                [number for number, _ in errors], pipelined=config.pipelined
            )
            m.d.comb += [getattr(collector, f"error{n}").eq(error) for n, (_, error) in enumerate(errors)]
            m.d.comb += self.errors.eq(collector.errors)
        self._host_read(m, host_data)
        for n, name in enumerate(FAULTS):
            if self.checks or name not in CHECKS:
                m.d.comb += self.faults[n].eq(Cat(*faults[name]).any())
        return m

    def _control(self, queue_name: str):
        """The instruction that a queue's unit executes: one cycle after dispatch."""
        return getattr(self, f"o_{member_name(queue_name)}")

    def _controls(self, m: Module) -> None:
        for queue in isa.queues(self.config):
            arriving = getattr(self, f"i_{member_name(queue.name)}")
            control = self._control(queue.name)
            word = Signal(queue.unit.word_bits, name=f"word_{member_name(queue.name)}", reset_less=True)
            m.d.comb += control.word.eq(word)
            m.d.sync += control.valid.eq(arriving.valid)
            with m.If(arriving.valid):
                m.d.sync += word.eq(arriving.word)

    def _fetch(self, m: Module, position: int, place: Place) -> None:
        """Instruction text for the queues of one position."""
        arriving, tap = getattr(self, f"i_fetch{position}"), getattr(self, f"o_fetch{position}")
        fetched = getattr(self, f"fetched{position}")
        taken = Signal(BITS, name=f"text{position}")
        texts = next(queue.text for queue in isa.queues(self.config) if queue.position == position)
        place.tap(tap, taken, texts, late=True)
        m.d.sync += tap.valid.eq(arriving.valid)
        with m.If(arriving.valid):
            m.d.sync += tap.stream.eq(arriving.stream)
        text = Signal.like(fetched, name=f"fetched_text{position}", reset_less=True)
        m.d.comb += fetched.eq(text)
        with m.If(self._when_mended(m, tap.valid, f"fetch{position}")):
            m.d.sync += text.eq(taken)

    def _when_mended(self, m: Module, valid: Value, name: str) -> Value:
        """``valid`` of a tap, when what was taken is there."""
        if not self.config.mending_cycles:
            return valid
        mended = Signal(name=f"{name}_mended")
        m.d.sync += mended.eq(valid)
        return mended

    def _numbers(self, first: int = 0, step: int = 1) -> range:
        return range(first, self.config.streams, step)

    def _plane_numbers(self, plane: int) -> range:
        """Streams that can carry one byte plane: groups of n streams are aligned to n.

        A pipelined build's VXM always deals with groups of four.
        """
        if self.config.pipelined:
            return self._numbers(plane, PLANES)
        smallest = min(dtype.streams for dtype in isa.DType if dtype.streams > plane)
        return self._numbers(plane, smallest)

    def _mem(self, m: Module, name: str, place: Place, host_word: Value, faults: dict, errors: list):
        if self.config.pipelined:
            kind = PipelinedEccMemSlice if self.config.ecc else PipelinedMemSlice
            build = partial(kind, self.config.mem_words, shows=self.shows)
        else:
            kind, build = MemSlice, partial(MemSlice, self.config.mem_words, ecc=self.config.ecc, shows=self.shows)
        memory = self.tiles.place(m, name, "mem_slice", build)
        number = next(n for n, s in enumerate(self.config.mem_slices) if s.name == name)
        m.d.comb += [
            memory.reads.eq(self._control(f"{name}.read")),
            memory.writes.eq(self._control(f"{name}.write")),
            memory.host_read.eq(self.host_read[number]),
            memory.host_write.eq(self.host_write[number]),
            memory.host_address.eq(self.host_address),
            memory.host_data.eq(self.host_data if kind.encodes else host_word),
            getattr(self, f"write_{name}").eq(memory.write),
            getattr(self, f"write_address_{name}").eq(memory.write_address),
            getattr(self, f"write_data_{name}").eq(memory.write_data),
        ]
        reads, writes = (isa.queue_by_name(self.config)[f"{name}.{unit}"] for unit in ("read", "write"))
        takes = {"gathered": reads.takes, "arriving": writes.takes, "chosen": writes.takes}
        if "gathered" not in kind.taps and reads.takes is not None and writes.takes is not None:
            takes["chosen"] = reads.takes | writes.takes
        for tap in kind.taps:
            taken = getattr(memory, f"{tap}_data")
            raw = tap == "arriving"
            place.tap(getattr(memory, tap), taken, writes.streams, among=takes[tap], raw=raw, late=not raw)
        if kind.marks:
            place.tap(memory.chosen, memory.marked_data, writes.streams, among=writes.takes, lanes=True)
        ahead = getattr(memory, "next_drive", None)
        place.drive(memory.drive, reads.streams, among=reads.puts, raw=True, ahead=ahead)
        if self.config.ecc:
            errors += [(place.slice, getattr(memory, f"{word}_error")) for word in kind.mended]
        faults["bank_conflict"].append(memory.bank_conflict)
        faults["address_range"].append(memory.address_range)
        return memory.read_data

    def _vxm(self, m: Module, place: Place, faults: dict) -> None:
        alus = []
        for n in range(self.config.vxm_alus):
            floating = n < self.config.vxm_float_alus
            has = {"floating": floating, "functions": n < self.config.vxm_function_alus}
            tile = "_".join(["vxm_alu", *(name for name, there in has.items() if there)])
            if self.config.pipelined:
                shared = {"floating": floating, "tiles": self.tiles, "turns": self.config.vxm_turns}
                shared["late"] = self.config.mending_cycles
                build = partial(PipelinedVxmAlu, self.config.vxm_alus, **shared)
            else:
                build = partial(VxmAlu, self.config.vxm_alus, **has)
            alus.append(self.tiles.place(m, f"alu{n}", tile, build))
        held = Signal(data.ArrayLayout(RESULT, len(alus)))
        holds = Signal(len(alus))
        for n, alu in enumerate(alus):
            queue = isa.queue_by_name(self.config)[f"VXM.alu{n}"]
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
                    taken = getattr(alu, f"{operand}{plane}_data")
                    place.tap(tap, taken, self._plane_numbers(plane), among=queue.takes, late=True)
                ahead = getattr(alu, f"next_drive{plane}", None)
                place.drive(getattr(alu, f"drive{plane}"), self._plane_numbers(plane), among=queue.puts, ahead=ahead)
            faults["undefined_result"].append(alu.undefined)
        if self.config.vxm_reductions:
            self._reduce(m, place, held, holds, faults)

    def _reduce(self, m: Module, place: Place, held, holds, faults: dict) -> None:
        reducer = self.tiles.place(m, "reducer", "lane_reducer", partial(LaneReducer, self.config))
        m.d.comb += [
            reducer.control.eq(self._control("VXM.reduce")),
            reducer.held.eq(held),
            reducer.holds.eq(holds),
        ]
        wiring.connect(m, reducer.partial, wiring.flipped(self.reduce))
        for plane in range(RESULT.elem_shape.width // 8):
            taken = getattr(reducer, f"a{plane}_data")
            place.tap(getattr(reducer, f"a{plane}"), taken, self._plane_numbers(plane), late=True)
            place.drive(getattr(reducer, f"drive{plane}"), self._plane_numbers(plane))
        faults["undefined_result"].append(reducer.undefined)

    def _mxm(self, m: Module, name: str, place: Place, faults: dict) -> None:
        config = self.config
        m.submodules[f"{name}_feeder"] = feeder = Feeder(config)
        accumulator = PipelinedAccumulator(config) if config.pipelined else Accumulator(config)
        m.submodules[f"{name}_accumulator"] = accumulator
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
        queues = isa.queue_by_name(config)
        take = partial(place.tap, among=queues[f"{name}.activate"].takes, late=True)
        take(feeder.activations_tap, feeder.activations_tap_data, self._numbers())
        if config.mxm_float:
            m.d.comb += accumulator.product_is_fp16.eq(getattr(self, f"product_{name}_is_fp16"))
            take(feeder.activations_high_tap, feeder.activations_high_tap_data, self._numbers(1, 2))
        for n in range(config.weight_streams):
            numbers = self._numbers(n, config.weight_streams)
            among = queues[f"{name}.weights"].takes
            taken = getattr(feeder, f"weights_tap{n}_data")
            place.tap(getattr(feeder, f"weights_tap{n}"), taken, numbers, among=among, late=True)
        among = queues[f"{name}.accumulate"].puts
        for plane in range(PLANES):
            ahead = getattr(accumulator, f"next_drive{plane}", None)
            numbers = self._numbers(plane, PLANES)
            place.drive(getattr(accumulator, f"drive{plane}"), numbers, among=among, ahead=ahead)
        faults["undefined_product"] += [feeder.undefined, accumulator.undefined]

    def _sxm(self, m: Module, name: str, place: Place) -> None:
        config = self.config
        size = config.transpose_size
        movers = {
            "select": local.selector(),
            "distribute": local.distributor(one_hot=config.pipelined),
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

    def _c2c(self, m: Module, name: str, place: Place) -> None:
        """One C2C: what the sending ends take from the streams, and the receiving ends put there."""
        for queue in isa.queues(self.config):
            if queue.slice != name or not queue.unit.per_link:
                continue
            control = self._control(queue.name)
            if queue.unit is isa.C2C_SEND:
                tap = Signal(TAP, name=f"send{queue.link}")
                taken = Signal(BITS, name=f"taken{queue.link}")
                place.tap(tap, taken, queue.streams, among=queue.takes, late=True)
                m.d.comb += [tap.valid.eq(control.valid), tap.stream.eq(control.word[isa.SEND_FROM.bits])]
                vector = Signal(BITS, name=f"vector{queue.link}", reset_less=True)
                m.d.comb += getattr(self, f"vector_link{queue.link}").eq(vector)
                with m.If(self._when_mended(m, control.valid, f"send{queue.link}")):
                    m.d.sync += vector.eq(taken)
            else:
                drive = Signal(DRIVE, name=f"receive{queue.link}")
                ahead = Signal(TAP, name=f"receives{queue.link}")
                place.drive(drive, queue.streams, among=queue.puts, ahead=ahead if self.config.pipelined else None)
                known = m.d.sync if self.config.receive_cycles else m.d.comb
                known += [ahead.valid.eq(control.valid), ahead.stream.eq(control.word[isa.RECEIVE_TO.bits])]
                m.d.sync += [drive.valid.eq(ahead.valid), drive.stream.eq(ahead.stream)]
                m.d.comb += drive.data.eq(getattr(self, f"part_link{queue.link}"))

    def _row(self, m: Module, places: list[Place], faults: dict, errors: list) -> None:
        positions = []
        tiles: dict[str, list] = {}
        for n, (kind, place) in enumerate(zip(self.config.row, places, strict=True)):
            # Positions of other builds are to be alike: there Verilator's time counts, not LUTs.
            come = isa.arriving(isa.queues(self.config), n) if self.config.pipelined else None
            aheads = [ahead is not None for ahead in place.aheads]
            build = partial(
                StreamPosition,
                streams=self.config.streams,
                drives=place.drive_ranges,
                taps=place.tap_ranges,
                drives_among=place.drives_among,
                taps_among=place.taps_among,
                drives_ahead=aheads,
                arriving=come,
                tap_bits=None if self.config.ecc else [len(taken) for _, taken in place.taps],
                tap_lanes=place.lane_taps,
                bits=self.config.stream_bits,
                checks=self.checks,
                one_hot=self.config.pipelined,
            )
            alike = tiles.setdefault(kind.value, [])
            ranges = (come, place.drive_ranges, place.drives_among, aheads, place.tap_ranges, place.taps_among)
            if ranges not in alike:
                alike.append(ranges)
            tile = f"streams_{kind.value}" + (f"_{alike.index(ranges)}" if alike[0] != ranges else "")
            position = self.tiles.place(m, f"position{n}", tile, build)
            positions.append(position)
            for d, (port, raw) in enumerate(zip(place.drives, place.raw_drives, strict=True)):
                drive = getattr(position, f"drive{d}")
                m.d.comb += [
                    drive.valid.eq(port.valid),
                    drive.stream.eq(port.stream),
                    drive.data.eq(port.data if raw or not self.config.ecc else encode(port.data)),
                ]
                if (ahead := place.aheads[d]) is not None:
                    m.d.comb += getattr(position, f"next_drive{d}").eq(ahead)
            for t, (port, taken) in enumerate(place.taps):
                word = getattr(position, f"tap{t}_data")
                if self.config.ecc and not place.raw_taps[t]:
                    valid = port.valid
                    if place.late_taps[t] and self.config.mending_cycles:
                        valid = self._when_mended(m, valid, f"position{n}_tap{t}")
                        now, word = word, Signal(self.config.stream_bits, name=f"position{n}_tap{t}", reset_less=True)
                        m.d.sync += word.eq(now)
                    word, error = self._mended(m, f"position{n}_tap{t}", word, valid)
                    errors.append((place.tap_owners[t], error))
                m.d.comb += [getattr(position, f"tap{t}").eq(port), taken.eq(word)]
            faults["collision"].append(position.collision)
            faults["undefined_stream"].append(position.undefined)
        for west, east in zip(positions, positions[1:], strict=False):
            m.d.comb += [east.i_east.eq(west.o_east), west.i_west.eq(east.o_west)]

    def _mended(self, m: Module, name: str, word: Value, taken: Value) -> tuple[Value, Value]:
        """The data of a stream register, and its error if it is taken in this cycle."""
        build = partial(Corrector, one_hot=self.config.pipelined)
        corrector = self.tiles.place(m, f"{name}_corrector", "corrector", build, clocked=False)
        error = Signal(ERROR, name=f"{name}_error")
        m.d.comb += [
            corrector.i.eq(word),
            error.single.eq(taken & corrector.single),
            error.double.eq(taken & corrector.double),
            error.counted.eq(1),
        ]
        return corrector.o, error

    def _host_read(self, m: Module, host_data: list) -> None:
        asked = self.host_read
        for n in range(1 + self.config.memory_cycles + self.config.mending_cycles):
            asked, before = Signal.like(self.host_read, name=f"host_reads{n}"), asked
            m.d.sync += asked.eq(before)
        word = Signal(BITS, name="host_word", reset_less=True)
        m.d.comb += self.host_read_data.eq(word)
        m.d.sync += word.eq(any_of([(asked[n], value) for n, value in enumerate(host_data)]))


def fetch_bits(config: ChipConfig, position: int) -> int:
    """Bits of the longest instruction word that a queue at this position stores."""
    return max(queue.unit.word_bits for queue in isa.queues(config) if queue.position == position)


def queue_ports(config: ChipConfig) -> list[tuple[Queue, str]]:
    """Each queue with its name as part of a port's name."""
    return [(queue, member_name(queue.name)) for queue in isa.queues(config)]
