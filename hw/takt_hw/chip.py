"""The chip: instruction control, superlanes, MXM planes, SXM networks and the host port."""

from __future__ import annotations

from functools import partial

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from . import isa, sequencer
from .c2c.aligner import Aligner
from .c2c.counter import AlignedCounter
from .c2c.link import Link
from .c2c.pipelined_aligner import PipelinedAligner
from .c2c.word import wire_bits
from .config import ChipConfig, Kind
from .host.bus import read_latency
from .host.port import HostPort
from .icu.clockwork import Clockwork
from .isa.host import Fault
from .mem.errors import ErrorLog
from .mxm.plane import Plane
from .streams import BITS
from .superlane import CHECKS, FAULTS, Superlane, queue_ports
from .sxm import crossing
from .tiles import TileLibrary
from .vxm.reduce import ReduceNetwork


class Chip(wiring.Component):
    """One whole chip.

    Parameters
    ----------
    config : ChipConfig
        The build.
    checks : bool
        Look for what a legal program never does and report it as fault flags. Off in synthesis. Flags that hang
        on data are there in any case.
    trace : bool
        Add ports that show dispatches and memory writes.
    tiles : TileLibrary
        Collects the tiles to emit beside the chip.

    Members
    -------
    rx, tx : In(stream.Signature(128)), Out(stream.Signature(128))
        Host frames; docs/manual/host.md.
    rx_abandon : In(1)
        Pulsed when no more beats of the frame under way will come: it ends as BAD_CRC, and a header is next.
    running, done : Out(1)
        A program runs; one has ended.
    link{n}_i_wire, link{n}_o_wire, link{n}_wire_clk : In(wire_bits(config)), Out(wire_bits(config)), In(1)
        The wires of each link; what comes in is of the other chip's clock, ``wire_clk``.
    faults : Out(16)
        Fault flags since the last CLEAR, bits of `takt_hw.isa.host.Fault`.
    trace__cycle, trace__dispatch : Out(32), Out(queues)
        With trace: the cycle being dispatched in superlane 0, and the queues that dispatch in it.
    word_{queue} : Out(word_bits)
        With trace: the instruction being dispatched.
    trace__write, trace__address, trace__data : Out
        With trace: memory writes; item ``slice * superlanes + superlane`` of each.
    """

    def __init__(
        self, config: ChipConfig, *, checks: bool = False, trace: bool = False, tiles: TileLibrary | None = None
    ):
        self.config = config
        self.checks = checks
        self.traced = trace
        self.tiles = tiles or TileLibrary(shared=False)
        self.tiles.copies_reset = config.pipelined
        ports: dict = {
            "rx": In(stream.Signature(BITS)),
            "rx_abandon": In(1),
            "tx": Out(stream.Signature(BITS)),
            "running": Out(1),
            "done": Out(1),
            "faults": Out(16),
        }
        for n in range(config.links):
            ports[f"link{n}_i_wire"] = In(wire_bits(config))
            ports[f"link{n}_o_wire"] = Out(wire_bits(config))
            ports[f"link{n}_wire_clk"] = In(1)
        if trace:
            writers = len(config.mem_slices) * config.superlanes
            ports |= {
                "trace": Out(
                    wiring.Signature(
                        {
                            "cycle": Out(32),
                            "dispatch": Out(len(isa.queues(config))),
                            "write": Out(writers),
                            "address": Out(writers * 16),
                            "data": Out(writers * BITS),
                        }
                    )
                )
            }
            ports |= {f"word_{name}": Out(queue.unit.word_bits) for queue, name in queue_ports(config)}
        super().__init__(ports)

    def elaborate(self, platform) -> Module:
        m = Module()
        config = self.config
        m.submodules.host = host = HostPort(config)
        m.submodules.clockwork = clockwork = Clockwork(config, sequencer.late(config))
        wiring.connect(m, host.rx, wiring.flipped(self.rx))
        wiring.connect(m, wiring.flipped(self.tx), host.tx)
        flags = Signal(len(self.faults))
        m.d.comb += [
            host.rx_abandon.eq(self.rx_abandon),
            clockwork.start.eq(host.bus.start),
            host.running.eq(clockwork.running),
            host.done.eq(clockwork.done),
            host.cycles.eq(clockwork.cycles),
            host.faults.eq(flags),
            self.running.eq(clockwork.running),
            self.done.eq(clockwork.done),
            self.faults.eq(flags),
        ]
        queues = sequencer.place_queues(m, self.tiles, config, host.bus, clockwork)
        dispatches = {name: icu.dispatch for name, icu in queues.items()}
        clear = host.bus.start
        if config.pipelined:  # a program's first cycle is far enough for a register on the way
            clear = Signal()
            m.d.sync += clear.eq(host.bus.start)
        superlanes = self._superlanes(m, host.bus, clear, dispatches)
        conflicts = sequencer.place_fetch_ports(m, self.tiles, config, host.bus, clear, queues, superlanes)
        self._planes(m, superlanes)
        self._networks(m, superlanes)
        self._faults(m, flags, host.bus.fault_clear, clockwork.running, superlanes, queues, conflicts)
        if config.links:
            self._links(m, flags, host.bus, clear, clockwork, queues, superlanes)
        if config.ecc:
            self._errors(m, flags, host, superlanes)
        if self.traced:
            self._trace(m, clockwork, dispatches, superlanes)
        return m

    def _superlanes(self, m: Module, bus, clear: Value, dispatches: dict) -> list:
        config = self.config
        # Which slice is meant is worked out here, so that in the slices nothing but the choice is behind a register.
        chosen = Cat(bus.slice == n for n in range(len(config.mem_slices)))
        reads, writes = (Signal(max(1, len(chosen)), name=f"host_{name}") for name in ("reads", "writes"))
        address = Signal(16, reset_less=True)
        number = Signal(5, reset_less=True)
        write_data = Signal(BITS, reset_less=True)
        m.d.sync += [
            reads.eq(chosen & bus.mem_read.replicate(len(chosen))),
            writes.eq(chosen & bus.mem_write.replicate(len(chosen))),
            address.eq(bus.address),
            number.eq(bus.superlane),
            write_data.eq(bus.write_data),
        ]
        superlanes = []
        build = partial(Superlane, config, self.tiles, checks=self.checks, shows=self.traced)
        for k in range(config.superlanes):
            ports = self.tiles.place(m, f"superlane{k}", "superlane", build)
            here = (
                (number == k).replicate(len(reads))
                if config.superlanes > 1
                else Const((1 << len(reads)) - 1, len(reads))
            )
            m.d.comb += [
                ports.clear.eq(clear),
                ports.host_read.eq(reads & here),
                ports.host_write.eq(writes & here),
                ports.host_address.eq(address),
                ports.host_data.eq(write_data),
            ]
            for _, name in queue_ports(config):
                below = dispatches[name] if k == 0 else getattr(superlanes[-1], f"o_{name}")
                m.d.comb += getattr(ports, f"i_{name}").eq(below)
            superlanes.append(ports)
        # Registered once before the superlanes, in them until one cycle before the last, and once here.
        answering = number
        for _ in range(read_latency(config) - 2):
            previous, answering = answering, Signal.like(number)
            m.d.sync += answering.eq(previous)
        with m.Switch(answering):
            for k, ports in enumerate(superlanes):
                with m.Case(k):
                    m.d.sync += bus.read_data.eq(ports.host_read_data)
        return superlanes

    def _planes(self, m: Module, superlanes: list) -> None:
        for s in self.config.slices:
            if s.kind is not Kind.MXM:
                continue
            plane = self.tiles.place(m, s.name, "mxm_plane", partial(Plane, self.config, self.tiles))
            for k, ports in enumerate(superlanes):
                m.d.comb += [
                    getattr(plane, f"feed{k}").eq(getattr(ports, f"feed_{s.name}")),
                    getattr(ports, f"product_{s.name}").eq(getattr(plane, f"product{k}")),
                    getattr(ports, f"product_{s.name}_valid").eq(getattr(plane, f"product{k}_valid")),
                ]
                if self.config.mxm_float:
                    m.d.comb += getattr(ports, f"product_{s.name}_is_fp16").eq(getattr(plane, f"product{k}_is_fp16"))

    def _networks(self, m: Module, superlanes: list) -> None:
        for s in self.config.slices:
            if s.kind is not Kind.SXM:
                continue
            for unit, build in (("shift", crossing.shift_network), ("permute", crossing.permute_network)):
                network = self.tiles.place(m, f"{s.name}_{unit}", f"sxm_{unit}_network", partial(build, self.config))
                for k, ports in enumerate(superlanes):
                    wiring.connect(m, getattr(network, f"port{k}"), getattr(ports, f"{unit}_{s.name}"))

        if self.config.vxm_reductions:
            m.submodules.reduce = network = ReduceNetwork(self.config)
            for k, ports in enumerate(superlanes):
                wiring.connect(m, getattr(network, f"port{k}"), ports.reduce)

    def _links(
        self, m: Module, flags: Signal, bus, clear: Value, clockwork: Clockwork, queues: dict, superlanes: list
    ) -> None:
        """Links to other chips, the counter that is aligned over one of them, and who waits for it."""
        config = self.config
        m.submodules.counter = counter = AlignedCounter(config.pipelined)
        m.submodules.aligner = aligner = (PipelinedAligner if config.pipelined else Aligner)(config)
        align = queues[next(name for queue, name in queue_ports(config) if queue.unit is isa.C2C_ALIGN)]
        parent = Signal(range(config.links + 1))  # 0: none
        with m.If(bus.align):
            m.d.sync += parent.eq(bus.place)
        restart = Signal()
        m.d.sync += restart.eq(bus.align)
        m.d.comb += [
            counter.restart.eq(restart),
            counter.root.eq(parent == 0),
            aligner.control.eq(align.dispatch),
            aligner.elapsed.eq(clockwork.elapsed),
            aligner.time.eq(counter.count),
            aligner.clear.eq(clear),
            aligner.restart.eq(restart),
            align.resume.eq(aligner.resume),
            clockwork.align.eq(aligner.resume),
            clockwork.cycle.eq(aligner.cycle),
        ]
        dispatches = {(queue.unit.name, queue.link): queues[name].dispatch.valid for queue, name in queue_ports(config)}
        lost, conflict = Signal(config.links), Signal(config.links)
        for n in range(config.links):
            link = self.tiles.place(m, f"link{n}", "c2c_link", partial(Link, config))
            sends = Signal(2 + config.mending_cycles, name=f"link{n}_sends")
            receives = Signal(name=f"link{n}_receives")
            m.d.sync += [sends.eq(Cat(dispatches["send", n], sends)), receives.eq(dispatches["receive", n])]
            m.d.comb += [
                link.wire_clk.eq(getattr(self, f"link{n}_wire_clk")),
                link.i_wire.eq(getattr(self, f"link{n}_i_wire")),
                getattr(self, f"link{n}_o_wire").eq(link.o_wire),
                link.clear.eq(clear),
                link.restart.eq(restart),
                link.time.eq(counter.count),
                link.aligned.eq(counter.aligned),
                link.send.eq(sends[-1]),
                link.receive.eq(receives),
                link.notify.eq(aligner.notify[n]),
                aligner.notifies[n].eq(link.notifies),
                aligner.up[n].eq(link.bearing.up),
                lost[n].eq(link.lost),
                conflict[n].eq(link.conflict),
            ]
            for k, ports in enumerate(superlanes):
                m.d.comb += [
                    getattr(link, f"vector{k}").eq(getattr(ports, f"vector_link{n}")),
                    getattr(ports, f"part_link{n}").eq(getattr(link, f"part{k}")),
                ]
            with m.If(parent == n + 1):
                m.d.comb += counter.parent.eq(link.bearing)
            with m.If(bus.link == n):
                m.d.sync += bus.report.eq(Mux(bus.place[0], link.counts, link.state))
        seen = {Fault.LINK_LOST: lost.any(), Fault.LINK_CONFLICT: conflict.any(), Fault.DRIFT: aligner.drift}
        self._keep(m, flags, seen, clockwork.running)

    def _faults(
        self, m: Module, flags: Signal, clear, running, superlanes: list, queues: dict, conflicts: list
    ) -> None:
        """Sticky flags of what any superlane or queue finds while a program runs."""
        seen = {
            Fault[name.upper()]: Cat(ports.faults[n] for ports in superlanes).any()
            for n, name in enumerate(FAULTS)
            if self.checks or name not in CHECKS
        }
        if self.checks:
            seen[Fault.ILLEGAL_INSTRUCTION] = Cat(icu.illegal for icu in queues.values()).any()
            seen[Fault.QUEUE_DRY] = Cat(icu.dry for icu in queues.values()).any()
            seen[Fault.FETCH_CONFLICT] = Cat(*conflicts).any()
        self._keep(m, flags, seen, running)
        with m.If(clear):
            m.d.sync += flags.eq(0)

    def _keep(self, m: Module, flags: Signal, seen: dict, running) -> None:
        """Set flags; in an FPGA a cycle later, since what is seen comes a long way."""
        for fault, now in seen.items():
            found = now & running
            if self.config.pipelined:
                found = Signal(name=f"found_{fault.name.lower()}")
                m.d.sync += found.eq(now & running)
            with m.If(found):
                m.d.sync += flags[fault].eq(1)

    def _errors(self, m: Module, flags: Signal, host: HostPort, superlanes: list) -> None:
        """Flipped bits: also those that the host meets while no program runs."""
        m.submodules.errors = log = ErrorLog(self.config.superlanes)
        m.d.comb += [log.clear.eq(host.bus.fault_clear), host.errors.eq(log.report)]
        m.d.comb += [getattr(log, f"errors{k}").eq(ports.errors) for k, ports in enumerate(superlanes)]
        with m.If(log.uncorrectable):
            m.d.sync += flags[Fault.UNCORRECTABLE].eq(1)

    def _trace(self, m: Module, clockwork: Clockwork, dispatches: dict, superlanes: list) -> None:
        names = [s.name for s in self.config.mem_slices]
        writers = [(name, ports) for name in names for ports in superlanes]
        m.d.comb += [
            self.trace.cycle.eq(clockwork.elapsed - 1),
            self.trace.dispatch.eq(Cat(dispatch.valid for dispatch in dispatches.values())),
            self.trace.write.eq(Cat(getattr(ports, f"write_{name}") for name, ports in writers)),
            self.trace.data.eq(Cat(getattr(ports, f"write_data_{name}") for name, ports in writers)),
        ]
        for n, (name, ports) in enumerate(writers):
            m.d.comb += self.trace.address.word_select(n, 16).eq(getattr(ports, f"write_address_{name}"))
        for name, dispatch in dispatches.items():
            m.d.comb += getattr(self, f"word_{name}").eq(dispatch.word)
