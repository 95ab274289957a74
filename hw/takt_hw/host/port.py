"""The host port: request frames in, host bus operations, response frames out."""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFO, SyncFIFOBuffered
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..config import ChipConfig
from ..isa.host import MAX_BEATS
from .bus import HostBus
from .frame import BEAT_BITS
from .receiver import Receiver
from .server import Server

STAGE_BEATS = 2
"""Beats held at each pin: enough for one per cycle. Logic that hangs on an input pin is slow, on a board and
in simulation, where it is evaluated at both edges of the clock."""


class HostPort(wiring.Component):
    """Serve a host's frames: load memory and text, start, report, read back.

    ``docs/manual/host.md`` has the rules, ``takt_hw.isa.host`` the frames. A frame is received while the one before
    is served, so WRITE_MEM runs at one beat per cycle, less a few cycles per frame; READ_MEM likewise.

    Parameters
    ----------
    config : ChipConfig
        The build.

    Members
    -------
    rx : In(stream.Signature(128))
        Beats from the host.
    rx_abandon : In(1)
        Pulsed when no more beats of the frame under way will come: it ends as BAD_CRC, and a header is next.
    tx : Out(stream.Signature(128))
        Beats to the host.
    bus : Out(HostBus())
        Memories, queues and sequencer.
    running : In(1)
        High while a program runs, from 2 cycles after ``bus.start`` at the latest.
    done : In(1)
        A program has run since reset and ended.
    cycles : In(64)
        Cycle count of the last program.
    faults : In(16)
        Fault flags.
    errors : In(128)
        Payload of an ERRORS response.
    """

    rx: In(stream.Signature(BEAT_BITS))
    rx_abandon: In(1)
    tx: Out(stream.Signature(BEAT_BITS))
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
        m.submodules.buffer = buffer = Memory(shape=BEAT_BITS, depth=MAX_BEATS, init=[])
        m.submodules.receiver = receiver = Receiver(self._config.pipelined)
        m.submodules.server = server = Server(self._config)
        m.submodules.rx_stage = rx_stage = SyncFIFO(width=BEAT_BITS, depth=STAGE_BEATS)
        m.submodules.tx_stage = tx_stage = SyncFIFO(width=BEAT_BITS, depth=STAGE_BEATS)
        wiring.connect(m, wiring.flipped(self.rx), rx_stage.w_stream)
        wiring.connect(m, rx_stage.r_stream, receiver.i)
        wiring.connect(m, receiver.store, buffer.write_port())
        wiring.connect(m, receiver.o, server.i)
        wiring.connect(m, server.load, buffer.read_port())
        if self._config.pipelined:
            # what the server says is worked out in the same cycle
            m.submodules.said = said = SyncFIFOBuffered(width=BEAT_BITS, depth=1)
            wiring.connect(m, server.o, said.w_stream)
            wiring.connect(m, said.r_stream, tx_stage.w_stream)
        else:
            wiring.connect(m, server.o, tx_stage.w_stream)
        wiring.connect(m, tx_stage.r_stream, wiring.flipped(self.tx))
        wiring.connect(m, server.bus, wiring.flipped(self.bus))
        m.d.comb += [
            receiver.abandon.eq(self.rx_abandon),
            server.running.eq(self.running),
            server.done.eq(self.done),
            server.cycles.eq(self.cycles),
            server.faults.eq(self.faults),
            server.errors.eq(self.errors),
        ]
        return m
