"""Random legal programs for systems: vectors that are sent, received, computed with, stored and sent on.

Each chip has a plan of its own, of the kind that random programs for one chip are made on (`takt_sim.generate`). A
transfer is planned on two of them at once, or on more if it is sent on.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass
from functools import cache
from random import Random

import numpy as np

from takt_hw import isa
from takt_hw.config import ChipConfig
from takt_hw.isa import Instruction, Queue

from ..generate import image
from ..generate.compose import Composer
from ..generate.plan import step
from ..generate.vector import STREAMS
from ..latency import d_func, d_skew
from ..timeline import Timeline
from .checker import check
from .phases import PhasedPlan, Phases, write
from .topology import Port, Topology

MAX_FORWARDS = 3
"""Times that one vector is sent on."""


@dataclass(frozen=True)
class RandomSystem:
    """Legal programs and the memory that they start from, by chip."""

    programs: list[dict[str, list[int]]]
    """128-bit words by queue name."""

    memory: list[dict[str, np.ndarray]]
    """uint8[mem_words, lanes] by MEM slice."""

    defined: list[dict[str, np.ndarray]]
    """bool[mem_words] by MEM slice: the words of ``memory`` that need loading. The programs read no others."""

    timelines: list[Timeline]


def random_system(
    config: ChipConfig, topology: Topology, seed: int, *, phases: int = 3, length: int = 200, idle: int = 0
) -> RandomSystem:
    """The legal programs of a seed.

    Parameters
    ----------
    config : ChipConfig
        Build of all chips.
    topology : Topology
        Chips and cables, two chips at least.
    seed : int
        Decides everything else.
    phases : int
        Times between two alignments, at least 1: RUNTIME_DESKEWs are one less. 2 or 3 fit the queues of a small build.
    length : int
        Cycles of each phase in which something is dispatched, at least 1.
    idle : int
        Further cycles at the beginning of each phase, in which the clocks drift apart.

    Raises
    ------
    ValueError
        If the topology has no cable, the build no links, or a number is too small.
    IllegalProgram
        If the phases are longer than the drift budget allows.
    """
    if not topology.cables:
        raise ValueError(f"topology must have cables, not be {topology.name}")
    if not config.links:
        raise ValueError(f"config must have links, not be {config.name}")
    for name, value, least in (("phases", phases, 1), ("length", length, 1), ("idle", idle, 0)):
        if value < least:
            raise ValueError(f"{name} must be at least {least}, not {value!r}")
    random = Random(seed)
    times = Phases(config, topology, phases, length, idle, random)
    chips = [_Chip(config, times, chip, random) for chip in range(topology.chips)]
    _Author(config, topology, chips, random).write(phases * length)
    programs = [write(config, topology, times, chip.plan, chip.number, random) for chip in chips]
    memory, defined = [chip.memory for chip in chips], [chip.defined for chip in chips]
    return RandomSystem(programs, memory, defined, check(config, topology, programs, defined, memory))


class _Chip:
    """One chip's plan."""

    def __init__(self, config: ChipConfig, times: Phases, number: int, random: Random) -> None:
        self.number = number
        self.random = random
        windows = image.windows(config, random)
        self.memory = image.fill(config, windows, False, random.getrandbits(32))
        self.defined = {name: np.zeros(config.mem_words, bool) for name in self.memory}
        for name, banks in windows.items():
            for bank in banks:
                self.defined[name][bank.start : bank.stop] = True
        known = {name: words.copy() for name, words in self.defined.items()}
        self.plan = PhasedPlan(config, times.chips[number], known)
        self.composer = Composer(self.plan, windows, random, False)

    def cycle(self) -> int:
        """Any cycle of any phase."""
        return self.random.choice(self.random.choice(self.plan.phases))


@cache
def _ends(config: ChipConfig, op: isa.Op) -> dict[int, Queue]:
    """Queues that have SEND, or RECEIVE, by link."""
    return {queue.link: queue for queue in isa.queues(config) if op in queue.unit.ops}


class _Author:
    """Fills the plans of all chips with transfers, and with work that needs no other chip."""

    def __init__(self, config: ChipConfig, topology: Topology, chips: list[_Chip], random: Random) -> None:
        self.config = config
        self.topology = topology
        self.chips = chips
        self.random = random
        self.traffic: dict[Port, list[tuple[int, int]]] = {port: [] for port in topology.peers}
        """(cycle of SEND, cycle of RECEIVE) of the vectors over each link, in their order."""
        self.sent: list[tuple[Port, tuple[int, int]]] = []
        """All of them, in the order in which they were planned."""

    def write(self, cycles: int) -> None:
        """As many vectors as the links can be brought to carry, and some other work."""
        ports = sorted(self.traffic)
        for port in ports * (1 + cycles // self.config.packet_cycles):
            self._try_transfer(port)
        for chip in self.chips:
            for _ in range(cycles // 10):
                mark = chip.plan.mark()
                done = chip.composer.operate(self.random.choice(chip.composer.operators), chip.cycle())
                if not done or not chip.composer.settle(chip.plan.issued[-1]):
                    chip.plan.rollback(mark)

    def _try_transfer(self, port: Port) -> None:
        """Send something over a link and do something with it; all or nothing."""
        mark = self._mark()
        if not self._transfer(port, self._cycle(port), None, 0):
            self._rollback(mark)

    def _mark(self) -> tuple[int, list[tuple[int, int]]]:
        return len(self.sent), [chip.plan.mark() for chip in self.chips]

    def _rollback(self, mark: tuple[int, list[tuple[int, int]]]) -> None:
        for port, vector in self.sent[mark[0] :]:
            self.traffic[port].remove(vector)
        del self.sent[mark[0] :]
        for chip, planned in zip(self.chips, mark[1], strict=True):
            chip.plan.rollback(planned)

    def _cycle(self, port: Port) -> int:
        """Any cycle, or the first after another SEND of the link, so that packets are close."""
        vectors = self.traffic[port]
        if vectors and self.random.random() < 0.5:
            return self.random.choice(vectors)[0] + self.config.packet_cycles
        return self.chips[port.chip].cycle()

    def _transfer(self, port: Port, cycle: int, bits: int | None, forwards: int) -> bool:
        """Plan a SEND in ``cycle`` of stream ``bits``, or of any, its RECEIVE, and what comes of it."""
        sender, queue = self.chips[port.chip], _ends(self.config, isa.SEND)[port.link]
        peer, latency = self.topology.peers[port]
        receives = cycle + latency + self.random.choice((0, 0, 0, 1, 2, self.random.randrange(200)))
        if not self._fits(port, cycle, receives):
            return False
        if bits is None:
            bits = self._source(sender, queue, cycle + d_skew(isa.SEND, self.config))
        if bits is None or not sender.plan.issue(queue, cycle, Instruction(isa.SEND, {"src": STREAMS[bits]}), (bits,)):
            return False
        insort(self.traffic[port], (cycle, receives))
        self.sent.append((port, (cycle, receives)))
        return self._receive(peer, receives, forwards)

    def _source(self, sender: _Chip, queue: Queue, taken: int) -> int | None:
        """A stream that has a value for the SEND."""
        fed = sender.composer.fed[queue.position]
        bits = self.random.choice(fed) if fed else None
        return bits if bits is not None and sender.composer.supply(bits, queue.position, taken, 0) else None

    def _fits(self, port: Port, sends: int, receives: int) -> bool:
        """Whether the link can carry one more vector, and the other end hold it until it is received."""
        vectors = self.traffic[port]
        n = bisect_left(vectors, (sends, receives))
        apart = self.config.packet_cycles
        if n and (vectors[n - 1][0] + apart > sends or vectors[n - 1][1] >= receives):
            return False
        if n < len(vectors) and (sends + apart > vectors[n][0] or receives >= vectors[n][1]):
            return False
        every = [*vectors[:n], (sends, receives), *vectors[n:]]
        slack = 2 * self.config.link_drift + 2 * self.topology.depth - self.config.packet_words
        size = self.config.link_buffer
        return all(before[1] + slack <= later[0] for before, later in zip(every, every[size:], strict=False))

    def _receive(self, port: Port, cycle: int, forwards: int) -> bool:
        """Plan a RECEIVE, and that its vector is sent on, or stored, or computed with."""
        chip, queue = self.chips[port.chip], _ends(self.config, isa.RECEIVE)[port.link]
        filled = cycle + d_func(isa.RECEIVE, self.config)
        free = chip.composer.free_streams(queue.position, filled, 1)
        if free is None:
            return False
        bits = free[0]
        if not chip.plan.issue(queue, cycle, Instruction(isa.RECEIVE, {"dst": STREAMS[bits]}), (), (bits,)):
            return False
        received = chip.plan.issued[-1]
        onward = forwards < MAX_FORWARDS and self.random.random() < 0.4
        sent_on = onward and self._forward(port.chip, bits, queue.position, filled, forwards)
        return chip.composer.settle(received) or sent_on

    def _forward(self, chip: int, bits: int, position: int, filled: int, forwards: int) -> bool:
        """Send a value that has just been received on over another link, if one is free."""
        mark = self._mark()
        port = self.random.choice(self.topology.ports[chip])
        way = step(bits) * (_ends(self.config, isa.SEND)[port.link].position - position)
        if way >= 0 and self._transfer(port, filled + way - d_skew(isa.SEND, self.config), bits, forwards + 1):
            return True
        self._rollback(mark)
        return False
