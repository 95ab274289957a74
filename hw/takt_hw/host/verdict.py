"""May a well-framed request be served? The checks of docs/manual/host.md that follow the CRC's, in their order."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .. import isa
from ..config import ChipConfig
from ..isa import host
from ..isa.host import Command, Status
from .frame import Header, is_one_of

MEM_COMMANDS = (Command.WRITE_MEM, Command.READ_MEM)
QUEUE_COMMANDS = (Command.WRITE_TEXT, Command.ENTRY)
BEAT_COMMANDS = (Command.WRITE_MEM, Command.READ_MEM, Command.WRITE_TEXT)
WHILE_RUNNING = (Command.IDENTIFY, Command.STATUS, Command.ERRORS, Command.LINK)

REPORT_BEATS = 2
"""Payload beats that LINK can ask for."""


class Verdict(wiring.Component):
    """Check the fields of a request.

    Parameters
    ----------
    config : ChipConfig
        The build.

    Attributes
    ----------
    latency : int
        Cycles from ``header`` to ``status``: 0, and 2 in a pipelined build. ``running`` counts a cycle before that.

    Members
    -------
    header : In(Header)
        A request's header.
    running : In(1)
        A program is running.
    status : Out(8)
        OK, or the first check that fails.
    """

    header: In(Header)
    running: In(1)
    status: Out(8)

    def __init__(self, config: ChipConfig):
        self._config = config
        self.latency = 2 if config.pipelined else 0
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        config = self._config
        header = self.header
        of_mem = is_one_of(header.command, MEM_COMMANDS)
        of_queue = is_one_of(header.command, QUEUE_COMMANDS)

        bad_target = Signal()
        bad_address = Signal()
        words = Signal(range(max(config.mem_words, config.queue_words) + 1))
        with m.If(of_mem):
            targets = len(config.mem_slices)
            m.d.comb += bad_target.eq((header.target >= targets) | (header.superlane >= config.superlanes))
            m.d.comb += words.eq(config.mem_words)
        with m.Elif(of_queue):
            m.d.comb += bad_target.eq((header.target >= len(isa.queues(config))) | (header.superlane != 0))
            m.d.comb += words.eq(config.queue_words)
        with m.Elif(header.command == Command.LINK):
            missing = header.target >= config.links if config.links else 1
            m.d.comb += bad_target.eq(missing | (header.superlane != 0) | (header.count != 0))
            m.d.comb += bad_address.eq(header.address >= REPORT_BEATS)
        with m.Elif(header.command == Command.ALIGN):
            m.d.comb += bad_target.eq(Cat(header.target, header.superlane, header.count).any())
            m.d.comb += bad_address.eq(header.address > config.links)
        with m.Else():
            used = Cat(header.target, header.superlane, header.address, header.count)
            m.d.comb += bad_target.eq(used.any())

        bad_count = (header.count == 0) | (header.count > host.MAX_BEATS)
        found = [
            (Status.BAD_COMMAND, ~is_one_of(header.command, Command)),
            (Status.BUSY, self.running & ~is_one_of(header.command, WHILE_RUNNING)),
            (Status.BAD_TARGET, bad_target),
            (Status.BAD_COUNT, is_one_of(header.command, BEAT_COMMANDS) & bad_count),
            (Status.BAD_ADDRESS, bad_address),
        ]
        found = [(status, self._later(m, wrong)) for status, wrong in found]
        past = self._later(m, header.address + header.count)
        counted, limit = self._later(m, header.count != 0), self._later(m, words)
        status: Value = Mux(counted & (past > limit), Status.BAD_ADDRESS, Status.OK)
        for wrong_status, wrong in reversed(found):
            status = Mux(wrong, wrong_status, status)
        m.d.comb += self.status.eq(self._later(m, status))
        return m

    def _later(self, m: Module, value: Value) -> Value:
        """The value, through a register in a pipelined build."""
        if not self._config.pipelined:
            return value
        register = Signal.like(value, name="checked", reset_less=True)
        m.d.sync += register.eq(value)
        return register
