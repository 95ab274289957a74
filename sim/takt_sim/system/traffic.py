"""Programs that keep every link of a system busy in both directions, for as long as wanted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from takt_hw import isa
from takt_hw.config import ChipConfig, Slice
from takt_hw.isa import Direction, Instruction, Queue, Stream

from ..latency import d_func, d_skew
from ..timeline import MAX_DISPATCHES
from .startup import startup
from .topology import Cable, Port, Topology

DISPATCHES_PER_VECTOR = 4
"""Of a chip that sends as many vectors as it receives: READ and SEND, RECEIVE and WRITE."""

SPARE = 8
"""Cycles between the last WRITE of a phase and the realignment after it, at least."""

VECTORS_PER_RUN = 1 << 16
"""Vectors in one program, at most: it is run again for more."""


@dataclass(frozen=True)
class Traffic:
    """Programs of all chips, and how much they send."""

    programs: list[dict[str, list[int]]]
    """128-bit words by queue name, of each chip."""

    memory: list[dict[str, np.ndarray]]
    """Of each chip and MEM slice that is read, uint8[mem_words, lanes]. No two words are alike."""

    places: dict[Port, tuple[str, range]]
    """Where what comes over a link is written: a slice, and the addresses that are gone through again and again."""

    phases: int
    """Times between two alignments."""

    phase_vectors: int
    """Vectors that each link brings in one phase."""

    @property
    def vectors(self) -> int:
        """Vectors of one run, over all links."""
        return self.phases * self.phase_vectors * len(self.places)

    def words(self, chip: int) -> dict[str, dict[int, bytes]]:
        """The memory words of a chip as a host loads them."""
        return {name: {n: word.tobytes() for n, word in enumerate(words)} for name, words in self.memory[chip].items()}


def parallel(cables: int, latency: int, ppm: int) -> Topology:
    """Two chips, joined link by link."""
    joined = tuple(Cable(Port(0, n), Port(1, n), latency) for n in range(cables))
    return Topology(f"2 chips, {cables} cables", 2, joined, ppm)


def traffic(
    config: ChipConfig, topology: Topology, vectors: int, *, seed: int = 1, phase_cycles: int | None = None
) -> Traffic:
    """Programs in which every link sends a vector every `packet_cycles`.

    READ, SEND, RECEIVE, WRITE, each in a loop of its own. As often as the drift budget wants, all queues are parked in
    SYNC, the chip realigns, and NOTIFY releases them.

    Parameters
    ----------
    config : ChipConfig
        Build of all chips.
    topology : Topology
        Chips and cables.
    vectors : int
        Wanted of one run, over all links; rounded up to whole phases.
    seed : int
        Decides the data.
    phase_cycles : int, optional
        Cycles from one alignment to the next, by default as many as the topology's ``ppm`` allows. The checker refuses
        more.

    Raises
    ------
    ValueError
        If there are more links than streams or MEM slices can serve, no vector fits in a phase, or ``vectors`` is not
        from 1 to what one program can dispatch.
    """
    if vectors < 1:
        raise ValueError(f"vectors must be at least 1, not {vectors!r}")
    plans = [_Plan(config, topology, chip) for chip in range(topology.chips)]
    sends = {port: plan.sends[port] for plan in plans for port in plan.ports}
    for plan in plans:
        plan.meet(sends)
    deskew = isa.deskew_minimum(config)
    if phase_cycles is None:
        phase_cycles = int(config.link_drift / (2e-6 * topology.ppm)) if topology.ppm else 65_536
    around = max(plan.last for plan in plans) + SPARE
    room = min(phase_cycles - deskew, 65_535) - around - d_func(isa.NOTIFY, config) - 2
    span = min(plan.span for plan in plans)
    wanted = -(-vectors // len(topology.peers))
    inner = min(span, (room - 1) // config.packet_cycles)
    if inner < 1:
        raise ValueError(f"phase_cycles must leave room for a vector, not be {phase_cycles}")
    phases = -(-wanted // (inner * (room // (1 + inner * config.packet_cycles))))
    outer = -(-wanted // (phases * inner))
    inner = -(-wanted // (phases * outer))
    most = max(len(plan.ports) for plan in plans) * DISPATCHES_PER_VECTOR * inner * outer * phases
    if most > MAX_DISPATCHES:
        raise ValueError(f"vectors must take at most {MAX_DISPATCHES} dispatches of a chip, not {most}")
    loops = _Loops(inner, outer, phases, around + outer * (1 + inner * config.packet_cycles), deskew)
    programs = [plan.program(loops) for plan in plans]
    random = np.random.default_rng(seed)
    memory = [
        {s.name: random.integers(0, 256, (config.mem_words, config.lanes), np.uint8) for s in plan.readers}
        for plan in plans
    ]
    places = {port: plan.place(port, inner) for plan in plans for port in plan.ports}
    return Traffic(programs, memory, places, phases, inner * outer)


@dataclass(frozen=True)
class _Loops:
    """How often everything is done."""

    inner: int
    outer: int
    phases: int
    length: int
    """Cycles of a phase."""
    deskew: int


class _Plan:
    """Which slices serve which links of a chip, and when within a phase."""

    def __init__(self, config: ChipConfig, topology: Topology, chip: int) -> None:
        self.config, self.topology, self.chip = config, topology, chip
        self.ports = topology.ports[chip]
        half = len(config.mem_slices) // 2
        self.writers, self.readers = config.mem_slices[:half], config.mem_slices[half:]
        queues = isa.queues(config)
        self._queues = {(queue.unit.name, queue.link): queue for queue in queues if queue.unit.per_link}
        self._align = next(queue for queue in queues if queue.unit is isa.C2C_ALIGN)
        self.read_by, self.written_by = self._deal(self.readers), self._deal(self.writers)
        deepest = max(len(ports) for served in (self.read_by, self.written_by) for ports in served.values())
        streams = config.links if len({queue.position for queue in self._queues.values()}) > 1 else config.c2c_links
        if deepest > config.packet_cycles - 1 or streams > config.streams:
            raise ValueError(
                f"links must be few enough for the streams and slices of {config.name}, not {config.links}"
            )
        self.span = config.mem_words // deepest
        self.sends = {port: self._send_delay(port) for port in self.ports}
        """Cycles from the beginning of a phase's loops to the first SEND of each link."""
        self.receives: dict[Port, int] = {}
        self.writes: dict[Port, int] = {}

    @property
    def last(self) -> int:
        """Cycles by which the chip's last queue begins its loops after the first."""
        return max(self.writes.values(), default=0)

    def meet(self, sends: dict[Port, int]) -> None:
        """Set when vectors are received and written, from when all chips send: no two at once into one slice."""
        for s, ports in self.written_by.items():
            earliest = []
            for port in ports:
                other, latency = self.topology.peers[port]
                earliest.append(sends[other] + latency + self._receive_to_write(port, s))
            first = max(earliest, default=0)
            for n, port in enumerate(ports):
                self.writes[port] = first + n
                self.receives[port] = first + n - self._receive_to_write(port, s)

    def place(self, port: Port, words: int) -> tuple[str, range]:
        """Where what comes over a link is written."""
        s, n = self._served(self.written_by, port)
        return s.name, range(n * self.span, n * self.span + words)

    def program(self, loops: _Loops) -> dict[str, list[int]]:
        """The words of every queue."""
        text: dict[str, list[int]] = {}
        for s, ports in self.read_by.items():
            reads = [
                isa.READ.make(dst=self._stream(port, s, to_link=True), address=n * self.span)
                for n, port in enumerate(ports)
            ]
            text[f"{s.name}.read"] = self._queue(loops, 0, reads, 1)
        for s, ports in self.written_by.items():
            writes = [
                isa.WRITE.make(src=self._stream(port, s, to_link=False), address=n * self.span)
                for n, port in enumerate(ports)
            ]
            text[f"{s.name}.write"] = self._queue(loops, self.writes[ports[0]], writes, 1)
        for port in self.ports:
            reader, writer = self._served(self.read_by, port)[0], self._served(self.written_by, port)[0]
            send = isa.SEND.make(src=self._stream(port, reader, to_link=True))
            receive = isa.RECEIVE.make(dst=self._stream(port, writer, to_link=False))
            text[self._queues["send", port.link].name] = self._queue(loops, self.sends[port], [send], 0)
            text[self._queues["receive", port.link].name] = self._queue(loops, self.receives[port], [receive], 0)
        align = startup(self.config, self.topology, self.chip)
        if loops.phases > 1:
            align += [
                isa.LOOP.make(count=loops.phases - 1, body=3, stride=0),
                isa.NOP.make(count=loops.length + d_func(isa.NOTIFY, self.config)),
                isa.RUNTIME_DESKEW.make(cycles=loops.deskew),
                isa.NOTIFY.make(),
            ]
        return text | {self._align.name: [instruction.word for instruction in align]}

    def _queue(self, loops: _Loops, delay: int, together: Sequence[Instruction], stride: int) -> list[int]:
        """A queue that does something once per packet, all phases through. The addresses advance by ``stride``."""
        rest = [isa.NOP.make(count=self.config.packet_cycles - len(together))]
        phase = [
            isa.SYNC.make(),
            *([isa.NOP.make(count=delay)] if delay else []),
            isa.LOOP.make(count=loops.outer, body=2 + len(together), stride=0),
            isa.LOOP.make(count=loops.inner, body=1 + len(together), stride=stride),
            *together,
            *rest,
        ]
        again = [isa.LOOP.make(count=loops.phases - 1, body=len(phase), stride=0), *phase] if loops.phases > 1 else []
        return [instruction.word for instruction in (*phase, *again)]

    def _deal(self, slices: tuple[Slice, ...]) -> dict[Slice, list[Port]]:
        """Links by the slice that serves them."""
        served = defaultdict(list)
        for n, port in enumerate(self.ports):
            served[slices[n % len(slices)]].append(port)
        return dict(served)

    @staticmethod
    def _served(served: dict[Slice, list[Port]], port: Port) -> tuple[Slice, int]:
        """The slice that serves a link, and the link's place in it."""
        return next((s, ports.index(port)) for s, ports in served.items() if port in ports)

    def _send_delay(self, port: Port) -> int:
        s, n = self._served(self.read_by, port)
        queue = self._queues["send", port.link]
        return n + d_func(isa.READ, self.config) + _hops(queue, s) - d_skew(isa.SEND, self.config)

    def _receive_to_write(self, port: Port, s: Slice) -> int:
        queue = self._queues["receive", port.link]
        return d_func(isa.RECEIVE, self.config) + _hops(queue, s) - d_skew(isa.WRITE, self.config)

    def _stream(self, port: Port, s: Slice, *, to_link: bool) -> Stream:
        """The stream between a link and a slice."""
        eastward = (self._queues["send", port.link].position > s.position) == to_link
        number = port.link if self.config.links <= self.config.streams else port.link % self.config.c2c_links
        return Stream(number, Direction.EAST if eastward else Direction.WEST)


def _hops(queue: Queue, s: Slice) -> int:
    return abs(queue.position - s.position)
