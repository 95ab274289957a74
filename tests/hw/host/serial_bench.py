"""Drives a HostPort behind SLIP in Amaranth's simulator, and says what it should answer."""

import binascii
import zlib
from dataclasses import replace
from itertools import pairwise

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from takt_hw.config import ChipConfig
from takt_hw.host.bus import HostBus
from takt_hw.host.port import HostPort
from takt_hw.host.slip import SlipReceiver, SlipTransmitter
from takt_hw.isa.host import BEAT_BYTES, CARRIES_PAYLOAD, MAGIC, MAX_BEATS, Status
from takt_hw.isa.slip import END, ESCAPE, ESCAPED_END, ESCAPED_ESCAPE
from takt_sim.tb.frames import Response, responses
from takt_sim.tb.slip import Unwrapper

from .bench import CONFIG, STROBES

QUIET_CYCLES = 8 * MAX_BEATS
"""No answer takes as long to begin: after so many cycles without a byte the conversation is over."""

GAP = 4
"""Cycles from byte to byte."""

ANSWER_CYCLES = 400
"""Within so many cycles a short answer has been sent, at four cycles per byte."""

NO_STOP_BIT = 0x100
"""Added to a byte: its stop bit was missing."""


class Port(wiring.Component):
    """A HostPort behind SLIP, without the line's bits."""

    data: In(8)
    valid: In(1)
    bad: In(1)
    o: Out(stream.Signature(8))
    bus: Out(HostBus())

    def __init__(self, config: ChipConfig):
        self._config = config
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        m.submodules.receiver = receiver = SlipReceiver()
        m.submodules.transmitter = transmitter = SlipTransmitter()
        m.submodules.port = port = HostPort(self._config)
        wiring.connect(m, receiver.o, port.rx)
        wiring.connect(m, port.tx, transmitter.i)
        wiring.connect(m, transmitter.o, wiring.flipped(self.o))
        wiring.connect(m, port.bus, wiring.flipped(self.bus))
        m.d.comb += [
            receiver.data.eq(self.data),
            receiver.valid.eq(self.valid),
            receiver.bad.eq(self.bad),
            port.rx_abandon.eq(receiver.abandon),
        ]
        return m


class Bench:
    """A Port, pipelined or not; `talk` may be called any number of times, each from reset.

    Attributes
    ----------
    operations : list of str
        Names of all bus operations but reads, in order.
    """

    def __init__(self, pipelined: bool = False) -> None:
        self._dut = Port(replace(CONFIG, pipelined=pipelined))
        self._used = False
        self.operations: list[str] = []
        self._simulator = Simulator(self._dut)
        self._simulator.add_clock(1e-6)
        self._simulator.add_testbench(self._send, background=True)
        self._simulator.add_testbench(self._watch_bus, background=True)
        self._simulator.add_testbench(self._receive)

    def talk(self, symbols: list[int], *, patient: bool = True, byte_cycles: int = 4) -> list[Response]:
        """Send bytes, one every GAP cycles; a byte that comes back takes ``byte_cycles``.

        A sender that is ``patient`` waits after each frame until its answer is there: frames that are shorter than
        their answers would else come faster than these can leave. Returns the answers, which must be good frames.
        """
        self._symbols, self._patient, self._byte_cycles = symbols, patient, byte_cycles
        self._found = bytearray()
        self.operations.clear()
        if self._used:
            self._simulator.reset()
        self._used = True
        self._simulator.run()
        frames = Unwrapper().take(bytes(self._found))
        assert None not in frames
        return responses(b"".join(frames))

    async def _send(self, ctx) -> None:
        dut = self._dut
        for before, symbol in pairwise([END, *self._symbols]):
            ctx.set(dut.data, symbol & 0xFF)
            ctx.set(dut.bad, symbol >> 8)
            ctx.set(dut.valid, 1)
            await ctx.tick()
            ctx.set(dut.valid, 0)
            await ctx.tick().repeat(GAP - 1)
            if self._patient and symbol == END != before:
                await ctx.tick().repeat(ANSWER_CYCLES)

    async def _receive(self, ctx) -> None:
        dut = self._dut
        quiet = 0
        while quiet < QUIET_CYCLES:
            ctx.set(dut.o.ready, 1)
            _, _, valid, byte, coming = await ctx.tick().sample(dut.o.valid, dut.o.payload, dut.valid)
            quiet = 0 if valid or coming else quiet + 1
            if valid:
                self._found.append(byte)
                ctx.set(dut.o.ready, 0)
                if self._byte_cycles > 1:
                    await ctx.tick().repeat(self._byte_cycles - 1)

    async def _watch_bus(self, ctx) -> None:
        bus = self._dut.bus
        async for _, _, *strobes in ctx.tick().sample(*(getattr(bus, name) for name in STROBES)):
            self.operations += [name for name, now in zip(STROBES, strobes, strict=True) if now]


def chunks(symbols: list[int]) -> list[tuple[bytes, bool]]:
    """What stands between the ENDs: the bytes, and whether something was wrong with them. What follows an illegal
    escape or a missing stop bit is left out, and so is what follows the last END."""
    found = []
    data, escaped, spoiled = bytearray(), False, False
    for symbol in symbols:
        if symbol == END:
            if data or escaped or spoiled:
                found.append((bytes(data), escaped or spoiled))
            data, escaped, spoiled = bytearray(), False, False
        elif spoiled:
            continue
        elif symbol & NO_STOP_BIT or (escaped and symbol not in (ESCAPED_END, ESCAPED_ESCAPE)):
            escaped, spoiled = False, True
        elif escaped:
            data.append({ESCAPED_END: END, ESCAPED_ESCAPE: ESCAPE}[symbol])
            escaped = False
        elif symbol == ESCAPE:
            escaped = True
        else:
            data.append(symbol)
    return found


def framing(data: bytes, spoiled: bool) -> list[tuple[Status, bytes]]:
    """What the manual says of the frames in one chunk, before anybody looks at what they ask: the status and the header
    of each that is answered."""
    beats = [data[n : n + BEAT_BYTES] for n in range(0, len(data), BEAT_BYTES)]
    if spoiled or (beats and len(beats[-1]) < BEAT_BYTES):
        whole = beats[: len(data) // BEAT_BYTES]
        beats = [*whole, b"\xff" * BEAT_BYTES]
    answers, hunting = [], False
    while beats:
        header = beats.pop(0)
        count = int.from_bytes(header[12:14], "little") if header[2] in CARRIES_PAYLOAD else 0
        good_sum = header[14:] == binascii.crc_hqx(header[:14], 0).to_bytes(2, "little")
        if header[:2] != MAGIC.to_bytes(2, "little") or header[7] or not good_sum:
            if not hunting:
                answers.append((Status.BAD_HEADER, header))
            hunting = True
        elif count > MAX_BEATS:
            answers.append((Status.BAD_COUNT, header))
            hunting = True
        else:
            hunting = False
            body, beats = beats[: count + 1], beats[count + 1 :]
            wanted = zlib.crc32(b"".join([header, *body[:-1]])).to_bytes(BEAT_BYTES, "little")
            whole = len(body) == count + 1 and body[-1] == wanted
            answers.append((Status.OK if whole else Status.BAD_CRC, header))
    return answers
