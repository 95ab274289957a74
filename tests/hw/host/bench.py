"""Drives a HostPort in Amaranth's simulator, and says what it should do."""

from __future__ import annotations

import random
import struct
from collections import deque
from dataclasses import dataclass, field, replace

from amaranth.sim import Simulator

from takt_hw import isa
from takt_hw.config import NANO, ChipConfig, Kind
from takt_hw.host.bus import read_latency
from takt_hw.host.frame import PIECES
from takt_hw.host.port import HostPort
from takt_hw.isa.host import BEAT_BYTES, CARRIES_PAYLOAD, MAX_BEATS, PROTOCOL_VERSION, RESPONSE, Command, Status
from takt_sim.tb.frames import Request, Response

CONFIG = ChipConfig(name="small", superlanes=2, mem_words=128, queue_words=64, row=(*NANO.row, Kind.C2C), c2c_links=3)
PIPELINED = replace(CONFIG, name="small_pipelined", pipelined=True)
"""The like, pipelined."""

QUIET_CYCLES = 3 * MAX_BEATS
"""No answer takes as long: after so many cycles without a beat the conversation is over."""

ANSWER_CYCLES = 2 * MAX_BEATS
"""More than any answer takes, but not with stalls a long one."""

SLOW = PIECES + 2
"""Cycles of a beat in a pipelined build."""

STROBES = ("mem_write", "text_write", "entry_write", "entry_clear", "fault_clear", "start", "align")


@dataclass
class Pins:
    """Values of the pins beside the streams and the bus."""

    running: int = 0
    done: int = 0
    cycles: int = 0
    faults: int = 0
    errors: int = 0


@dataclass
class Bench:
    """A HostPort with memory behind its bus; `talk` may be called any number of times, each from reset."""

    config: ChipConfig = CONFIG
    memory: dict[tuple[int, int, int], bytes] = field(default_factory=dict)
    """Words by slice, superlane and address."""
    operations: list[tuple] = field(default_factory=list)
    """Name and operands of every bus operation but reads, in order."""
    beats: list[tuple[int, bytes]] = field(default_factory=list)
    """Cycle and content of each beat that came back."""

    def __post_init__(self) -> None:
        self._used = False
        self._pace = SLOW if self.config.pipelined else 1
        self._dut = HostPort(self.config)
        self._simulator = Simulator(self._dut)
        self._simulator.add_clock(1e-6)
        self._simulator.add_testbench(self._send, background=True)
        self._simulator.add_testbench(self._serve_bus, background=True)
        self._simulator.add_testbench(self._receive)

    def talk(
        self, data: bytes, *, pins: Pins | None = None, seed: int | None = None, abandon_at: int | None = None
    ) -> bytes:
        """Send ``data``, with random stalls on both sides if there is a ``seed``; returns all that came back.

        After ``abandon_at`` beats the sender gives up on the frame under way, and goes on when it has been answered.
        """
        self._data = data
        self._abandon_at = abandon_at
        self._pins = pins or Pins()
        self._rng = random.Random(seed)
        self._stalls = seed is not None
        self.operations.clear()
        self.beats.clear()
        if self._used:
            self._simulator.reset()
        self._used = True
        self._simulator.run()
        return b"".join(beat for _, beat in self.beats)

    def _stall(self) -> bool:
        return self._stalls and self._rng.random() < 0.4

    async def _send(self, ctx) -> None:
        for name, value in vars(self._pins).items():
            ctx.set(getattr(self._dut, name), value)
        rx = self._dut.rx
        for n in range(0, len(self._data), BEAT_BYTES):
            while self._stall():
                ctx.set(rx.payload, self._rng.getrandbits(8 * BEAT_BYTES))
                await ctx.tick()
            ctx.set(rx.payload, int.from_bytes(self._data[n : n + BEAT_BYTES], "little"))
            ctx.set(rx.valid, 1)
            await ctx.tick().until(rx.ready)
            ctx.set(rx.valid, 0)
            if n // BEAT_BYTES + 1 == self._abandon_at:
                await self._abandon(ctx)

    async def _abandon(self, ctx) -> None:
        ctx.set(self._dut.rx_abandon, 1)
        await ctx.tick()
        ctx.set(self._dut.rx_abandon, 0)
        for _ in range(self._pace * ANSWER_CYCLES):
            await ctx.tick()

    async def _receive(self, ctx) -> None:
        tx = self._dut.tx
        quiet, cycle, held = 0, 0, None
        while quiet < self._pace * QUIET_CYCLES:
            ready = not self._stall()
            ctx.set(tx.ready, ready)
            sampled = await ctx.tick().sample(tx.valid, tx.payload, self._dut.rx.valid & self._dut.rx.ready)
            _, _, valid, payload, taken = sampled
            assert held is None or (valid, payload) == (1, held), "an offered beat must stay until it is taken"
            held = payload if valid and not ready else None
            quiet = 0 if valid or taken else quiet + 1
            if valid and ready:
                self.beats.append((cycle, payload.to_bytes(BEAT_BYTES, "little")))
            cycle += 1

    async def _serve_bus(self, ctx) -> None:
        bus = self._dut.bus
        names = [*STROBES, "mem_read", "slice", "superlane", "address", "write_data", "queue"]
        names += ["entry_start", "entry_count", "link", "place"]
        latency = read_latency(self.config)
        answers = deque([0] * latency, maxlen=latency)
        async for _, _, *values in ctx.tick().sample(*(getattr(bus, name) for name in names)):
            now = dict(zip(names, values, strict=True))
            place = (now["slice"], now["superlane"], now["address"])
            answer = self._rng.getrandbits(8 * BEAT_BYTES)
            if now["mem_read"]:
                answer = int.from_bytes(self.memory.get(place, bytes(BEAT_BYTES)), "little")
            answers.append(answer)
            ctx.set(bus.read_data, answers[0])
            ctx.set(bus.report, report(now["link"], now["place"]))
            data = now["write_data"].to_bytes(BEAT_BYTES, "little")
            operands = {
                "mem_write": (*place, data),
                "text_write": (now["queue"], now["address"], data),
                "entry_write": (now["queue"], now["entry_start"], now["entry_count"]),
                "align": (now["place"],),
            }
            self.operations += [(name, *operands.get(name, ())) for name in STROBES if now[name]]
            if now["mem_write"]:
                self.memory[place] = data


def report(link: int, place: int) -> int:
    """What the chip behind the bus has to say of a link."""
    return (link + 1) << 120 | (place + 1) << 60


def expected_status(request: Request, config: ChipConfig, running: bool = False) -> Status:
    """What the manual says of a request with good CRCs, and no more beats than fit."""
    mem = request.command in (Command.WRITE_MEM, Command.READ_MEM)
    queue = request.command in (Command.WRITE_TEXT, Command.ENTRY)
    targets = len(config.mem_slices) if mem else len(isa.queues(config)) if queue else 1
    words = config.mem_words if mem else config.queue_words
    counted = mem or request.command == Command.WRITE_TEXT
    if request.command not in set(Command):
        return Status.BAD_COMMAND
    if running and request.command not in (Command.IDENTIFY, Command.STATUS, Command.ERRORS, Command.LINK):
        return Status.BUSY
    if request.command in (Command.LINK, Command.ALIGN):
        last = 1 if request.command == Command.LINK else config.links
        links = config.links if request.command == Command.LINK else 1
        if request.target >= links or request.superlane or request.count:
            return Status.BAD_TARGET
        return Status.OK if request.address <= last else Status.BAD_ADDRESS
    if request.target >= targets or request.superlane >= (config.superlanes if mem else 1):
        return Status.BAD_TARGET
    if not mem and not queue and (request.address or request.count):
        return Status.BAD_TARGET
    if counted and not 0 < request.count <= MAX_BEATS:
        return Status.BAD_COUNT
    if request.count and request.address + request.count > words:
        return Status.BAD_ADDRESS
    return Status.OK


def expected_operations(request: Request) -> list[tuple]:
    """What a good request does on the bus."""
    words = [request.payload[n : n + BEAT_BYTES] for n in range(0, len(request.payload), BEAT_BYTES)]
    address, target = request.address, request.target
    match request.command:
        case Command.WRITE_MEM:
            return [("mem_write", target, request.superlane, address + n, word) for n, word in enumerate(words)]
        case Command.WRITE_TEXT:
            return [("text_write", target, address + n, word) for n, word in enumerate(words)]
        case Command.ENTRY:
            return [("entry_write", target, address, request.count)]
        case Command.CLEAR:
            return [("entry_clear",), ("fault_clear",)]
        case Command.START:
            return [("start",)]
        case Command.ALIGN:
            return [("align", address)]
    return []


def expected_payload(request: Request, config: ChipConfig, memory: dict, pins: Pins) -> bytes:
    """What a good request brings back."""
    match request.command:
        case Command.READ_MEM:
            places = [(request.target, request.superlane, request.address + n) for n in range(request.count)]
            return b"".join(memory.get(place, bytes(BEAT_BYTES)) for place in places)
        case Command.IDENTIFY:
            return struct.pack("<HH4x8s", PROTOCOL_VERSION, config.superlanes, config.digest)
        case Command.STATUS:
            return struct.pack("<HH4xQ", pins.running | pins.done << 1, pins.faults, pins.cycles)
        case Command.ERRORS:
            return pins.errors.to_bytes(BEAT_BYTES, "little")
        case Command.LINK:
            return report(request.target, request.address).to_bytes(BEAT_BYTES, "little")
    return b""


def answer(request: Request, status: int, payload: bytes = b"") -> Response:
    """The response to ``request``."""
    return Response(
        command=request.command + RESPONSE & 0xFF,
        tag=request.tag,
        target=request.target,
        superlane=request.superlane,
        address=request.address,
        status=status,
        payload=payload,
    )


def carried(request: Request) -> Request:
    """``request`` with as many payload beats as its header announces."""
    size = request.count * BEAT_BYTES if request.command in CARRIES_PAYLOAD else 0
    payload = random.Random(request.tag).randbytes(size)
    return Request(**(vars(request) | {"payload": payload}))
