"""The serving half of the host port: framed requests in, host bus operations and response frames out."""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.memory import ReadPort
from amaranth.lib.wiring import In, Out

from ..config import ChipConfig
from ..isa import host
from ..isa.host import Command, Status
from .bus import HostBus, read_latency
from .frame import (
    BEAT_BITS,
    CRC32_BITS,
    CRC32_START,
    HEADER_CRC_BITS,
    Header,
    Summing,
    crc32_of,
    header_crc,
    is_one_of,
)
from .receiver import BUFFER_ADDRESS_BITS, Request
from .verdict import Verdict

READ_AHEAD = 8
"""Words asked for and not yet sent, at most: a word needs `read_latency` + 3 cycles from being asked for to the host.
A pipelined build, whose words need more, sends them more slowly anyway."""

Identity = data.StructLayout({"version": 16, "superlanes": 16, "zero": 32, "digest": 64})
"""Payload beat of an IDENTIFY response."""

Report = data.StructLayout({"running": 1, "done": 1, "zero": 14, "faults": 16, "zeros": 32, "cycles": 64})
"""Payload beat of a STATUS response."""


class State(enum.Enum):
    """What the server does in this cycle."""

    IDLE = 0
    ACT = 1
    WRITE = 2
    SEAL = 3
    """Compute the CRC of the response header."""
    HEADER = 4
    PAYLOAD = 5
    TRAILER = 6


class Server(wiring.Component):
    """Check a request's fields, do what it asks, answer it. One request at a time.

    A request takes 5 cycles and one per payload beat, if the response is taken at once. In a pipelined build each beat
    of the response takes `PIECES` + 2 cycles, the header twice that.

    Parameters
    ----------
    config : ChipConfig
        The build.

    Members
    -------
    i : In(stream.Signature(Request))
        Requests. Each is taken when the one before has been answered.
    load : Out(ReadPort.Signature)
        Payload buffer, read with a latency of 1: beat n in the cycle 2 + n after the request is taken.
    o : Out(stream.Signature(128))
        Beats to the host.
    bus, running, done, cycles, faults, errors
        As those of the HostPort.
    """

    i: In(stream.Signature(Request))
    load: Out(ReadPort.Signature(addr_width=BUFFER_ADDRESS_BITS, shape=BEAT_BITS).flip())
    o: Out(stream.Signature(BEAT_BITS))
    bus: Out(HostBus())
    running: In(1)
    done: In(1)
    cycles: In(64)
    faults: In(16)
    errors: In(BEAT_BITS)

    def __init__(self, config: ChipConfig):
        self._config = config
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        m.submodules.verdict = verdict = Verdict(self._config)
        m.submodules.words = words = SyncFIFO(width=BEAT_BITS, depth=READ_AHEAD)

        state = Signal(State)
        request = Signal(Request)
        header = request.header
        address = Signal(16)
        number = Signal(range(host.MAX_BEATS))
        to_do = Signal(range(host.MAX_BEATS + 1))
        to_send = Signal(range(host.MAX_BEATS + 1))
        reply = Signal(BEAT_BITS)
        sum16 = Signal(HEADER_CRC_BITS)
        sum32 = Signal(CRC32_BITS)

        # A request stays at ``i`` until the verdict on it has come.
        considered = Signal()
        if self._config.pipelined:
            waiting = Signal(verdict.latency + 1)
            with m.If((state == State.IDLE) & self.i.valid & ~considered):
                m.d.sync += waiting.eq(Cat(1, waiting))
            with m.Else():
                m.d.sync += waiting.eq(0)
            m.d.comb += considered.eq(waiting[-1])
        else:
            m.d.comb += considered.eq(1)

        report = Signal(Report)
        acts = Signal()
        reads = Signal()
        writes = Signal()
        m.d.comb += [
            acts.eq((state == State.ACT) & (request.status == Status.OK)),
            reads.eq(header.command == Command.READ_MEM),
            writes.eq(is_one_of(header.command, host.CARRIES_PAYLOAD)),
            report.running.eq(self.running),
            report.done.eq(self.done),
            report.faults.eq(self.faults),
            report.cycles.eq(self.cycles),
            verdict.header.eq(self.i.payload.header),
            verdict.running.eq(self.running),
            self.i.ready.eq((state == State.IDLE) & considered),
        ]

        # The bus. Reads and writes reach it one cycle after they are decided: the payload buffer takes that long.
        ask = Signal()
        ahead = Signal(range(READ_AHEAD + 1))
        arriving = Signal(read_latency(self._config))
        m.d.comb += [
            ask.eq((to_do != 0) & reads & (ahead != READ_AHEAD)),
            self.load.addr.eq(number),
            self.load.en.eq(1),
            self.bus.slice.eq(header.target),
            self.bus.queue.eq(header.target),
            self.bus.superlane.eq(header.superlane),
            self.bus.write_data.eq(self.load.data),
            self.bus.entry_start.eq(header.address),
            self.bus.entry_count.eq(header.count),
            self.bus.link.eq(header.target),
            self.bus.place.eq(header.address),
            words.w_data.eq(self.bus.read_data),
            words.w_en.eq(arriving[-1]),
        ]
        m.d.sync += [
            self.bus.mem_read.eq(ask),
            self.bus.mem_write.eq((state == State.WRITE) & (header.command == Command.WRITE_MEM)),
            self.bus.text_write.eq((state == State.WRITE) & (header.command == Command.WRITE_TEXT)),
            self.bus.address.eq(address),
            arriving.eq(Cat(self.bus.mem_read, arriving)),
            ahead.eq(ahead + ask - (words.r_rdy & words.r_en)),
        ]
        # A pipelined build takes a cycle from knowing to doing: the whole chip hears it.
        strobes = m.d.sync if self._config.pipelined else m.d.comb
        strobes += [
            self.bus.entry_write.eq(acts & (header.command == Command.ENTRY)),
            self.bus.start.eq(acts & (header.command == Command.START)),
            self.bus.entry_clear.eq(acts & (header.command == Command.CLEAR)),
            self.bus.fault_clear.eq(acts & (header.command == Command.CLEAR)),
            self.bus.align.eq(acts & (header.command == Command.ALIGN)),
        ]
        with m.If(ask | (state == State.WRITE)):
            m.d.sync += [address.eq(address + 1), number.eq(number + 1), to_do.eq(to_do - 1)]

        # The response.
        answer = Signal(Header)
        sent = Signal()
        offered = Signal()  # a payload beat is there
        settled = Signal()  # what is shown of the response is part of the sums
        m.d.comb += [
            answer.eq(header),
            answer.magic.eq(host.MAGIC),
            answer.command.eq(header.command + host.RESPONSE),
            answer.status.eq(request.status),
            answer.count.eq(to_send),
            answer.crc.eq(sum16),
            sent.eq(self.o.valid & self.o.ready),
            words.r_en.eq((state == State.PAYLOAD) & reads & self.o.ready & settled),
            offered.eq(~reads | words.r_rdy),
        ]
        if self._config.pipelined:
            there = (state == State.SEAL) | (state == State.HEADER) | ((state == State.PAYLOAD) & offered)
            summing = Summing(m, self.o.payload, there)
            m.d.comb += [settled.eq(summing.done), summing.restart.eq(sent | ((state == State.SEAL) & settled))]
            with m.If(state == State.SEAL):
                summing.of_header(sum16)
            with m.Else():
                summing.of_frame(sum32)
        else:
            summed = Signal(BEAT_BITS)
            m.d.comb += [settled.eq(1), summed.eq(self.o.payload ^ sum32)]
            with m.If(state == State.SEAL):
                m.d.sync += sum16.eq(header_crc(answer))
            with m.If(sent):
                m.d.sync += sum32.eq(crc32_of(summed))

        with m.Switch(state):
            with m.Case(State.IDLE):
                with m.If(self.i.valid & self.i.ready):
                    m.d.sync += [request.eq(self.i.payload), state.eq(State.ACT)]
                    with m.If(self.i.payload.status == Status.OK):
                        m.d.sync += request.status.eq(verdict.status)
            with m.Case(State.ACT):
                m.d.sync += [
                    address.eq(header.address),
                    number.eq(0),
                    to_send.eq(0),
                    sum32.eq(CRC32_START),
                    sum16.eq(0),
                ]
                m.d.sync += state.eq(State.SEAL)
                with m.If(acts):
                    with m.If(writes):
                        m.d.sync += [to_do.eq(header.count), state.eq(State.WRITE)]
                    with m.Elif(reads):
                        m.d.sync += [to_do.eq(header.count), to_send.eq(header.count)]
                    with m.Elif(header.command == Command.IDENTIFY):
                        m.d.sync += [to_send.eq(1), reply.eq(self._identity())]
                    with m.Elif(header.command == Command.STATUS):
                        m.d.sync += [to_send.eq(1), reply.eq(report)]
                    with m.Elif(header.command == Command.ERRORS):
                        m.d.sync += [to_send.eq(1), reply.eq(self.errors)]
                    with m.Elif(header.command == Command.LINK):
                        m.d.sync += to_send.eq(1)  # its beat is there in the next cycle
            with m.Case(State.WRITE):
                with m.If(to_do == 1):
                    m.d.sync += state.eq(State.SEAL)
            with m.Case(State.SEAL):
                m.d.comb += self.o.payload.eq(answer)
                with m.If(settled):
                    m.d.sync += state.eq(State.HEADER)
                with m.If(header.command == Command.LINK):
                    m.d.sync += reply.eq(self.bus.report)
            with m.Case(State.HEADER):
                m.d.comb += [self.o.valid.eq(settled), self.o.payload.eq(answer)]
                with m.If(sent):
                    m.d.sync += state.eq(State.TRAILER)
                    with m.If(to_send != 0):
                        m.d.sync += state.eq(State.PAYLOAD)
            with m.Case(State.PAYLOAD):
                m.d.comb += [self.o.valid.eq(offered & settled), self.o.payload.eq(reply)]
                with m.If(reads):
                    m.d.comb += self.o.payload.eq(words.r_data)
                with m.If(sent):
                    m.d.sync += to_send.eq(to_send - 1)
                    with m.If(to_send == 1):
                        m.d.sync += state.eq(State.TRAILER)
            with m.Case(State.TRAILER):
                m.d.comb += [self.o.valid.eq(1), self.o.payload.eq(~sum32)]
                with m.If(sent):
                    m.d.sync += state.eq(State.IDLE)

        return m

    def _identity(self) -> Const:
        """Payload beat of an IDENTIFY response."""
        digest = int.from_bytes(self._config.digest, "little")
        return Identity.const(
            {"version": host.PROTOCOL_VERSION, "superlanes": self._config.superlanes, "digest": digest}
        )
