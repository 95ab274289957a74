"""Programs on several chips' RTL: bring-up, start, and what each chip did."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from takt_hw.config import ChipConfig
from takt_hw.isa.host import Command

from ...system.checker.cables import latency_needed
from ...system.programs import Programs, of_chip
from ...system.topology import Port, Topology
from ..build import BUILD_ROOT, Variant
from ..frames import Request
from ..host import Places, Words, payloads
from ..run import MAX_CYCLES, RtlResult, Write
from ..session import SimulationError
from ..trace import Sample, vectors
from .build import DELAY, build_system
from .host import LinkCounts, LinkHost, LinkState, link_counts, link_state
from .session import ChipLink, SystemSession, random_clocks

BRING_UP_CYCLES = 50_000
"""Links that are not up after so many cycles never will be."""

POLL_CYCLES = 500

SETTLE_CYCLES = 6_000
"""Cycles in which the lengths of links are watched once all are aligned: at 200 ppm a clock of phase takes 2500."""

SPARE_CYCLES = 20_000
"""Cycles that chips may take beyond a program's: they are started one after the other, and wait for epochs."""

MAX_PAUSE = 400
"""Cycles between the STARTs of two chips, at most."""


class LinkError(Exception):
    """A link that does not come up, or is longer than declared: one message that names it."""


@dataclass(frozen=True)
class SystemResult:
    """What one run did."""

    chips: list[RtlResult]
    """By number. ``seconds`` and ``simulated_cycles`` of each are those of all."""

    counts: dict[Port, LinkCounts]
    """What came over each link since the links were brought up."""

    states: dict[Port, LinkState]
    """How each link was at the end."""


class SystemRtl:
    """Several simulated chips, each with a clock of its own. A context manager; memory keeps its content.

    Parameters
    ----------
    config : ChipConfig
        A named build.
    topology : Topology
        Cables that the program uses.
    directory : Path
        Where logs go.
    wiring : Topology, optional
        Cables that are there, at least those of ``topology``, which is the default.
    ppm : float, optional
        How far off nominal clocks are, ``topology.ppm`` by default.
    seed : int
        Decides clocks, phases, and when which chip is reset and started.
    variant, delay, root
        As in `build_system`.

    Raises
    ------
    BuildError, ValueError
        On construction, as `build_system`; ValueError also if a cable of ``topology`` is not there.
    SimulationError, FrameError, RequestError
        From any method: the simulation failed, or a chip refused.
    """

    def __init__(
        self,
        config: ChipConfig,
        topology: Topology,
        *,
        directory: Path,
        wiring: Topology | None = None,
        ppm: float | None = None,
        seed: int = 1,
        variant: Variant = Variant.CHECKED,
        delay: int = DELAY,
        root: Path = BUILD_ROOT,
    ) -> None:
        self.config = config
        self.topology = topology
        self.wiring = wiring or topology
        self.wires = {
            port: 2 * n + side
            for n, cable in enumerate(self.wiring.cables)
            for side, port in enumerate((cable.a, cable.b))
        }
        """Of each port the wire that begins there."""
        for port, (other, _) in topology.peers.items():
            if port not in self.wiring.peers or self.wiring.peers[port][0] != other:
                raise ValueError(f"wiring must have a cable from {port} to {other}, as the topology has")
        if topology.chips != self.wiring.chips:
            raise ValueError(f"wiring must have {topology.chips} chips, not {self.wiring.chips}")
        self.delay = delay
        self.clocks = random_clocks(topology.chips, topology.ppm if ppm is None else ppm, seed)
        self.session = SystemSession(build_system(config, self.wiring, variant, delay=delay, root=root), directory)
        self._random = random.Random(seed)
        self._hosts = [LinkHost(config, ChipLink(self.session, chip)) for chip in range(topology.chips)]
        self._names = [s.name for s in config.mem_slices]
        self._started: list[int] = []

    def __enter__(self) -> SystemRtl:
        self.session.__enter__()
        self.reset()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.session.__exit__(kind, error, traceback)

    def reset(self) -> None:
        """Reset all chips. Links must be brought up again; memory keeps its content."""
        senders = {wire: port.chip for port, wire in self.wires.items()}
        self.session.power(self.clocks, [senders[wire] for wire in sorted(senders)])
        self._started = []

    def bring_up(self, limit: int = BRING_UP_CYCLES) -> dict[Port, LinkState]:
        """Align all chips, wait until every link is up, and refuse links that are too long. How the links are then.

        Raises
        ------
        LinkError
            Not all links are up and aligned after ``limit`` cycles, or one is longer than its cable's latency allows.
        """
        begin = self.session.cycles
        for chip, host in enumerate(self._hosts):
            host.identify()
            parent = self.topology.parents.get(chip)
            host.align(None if parent is None else parent.link)
        while True:
            self.session.let_pass(POLL_CYCLES)
            states = self.states()
            missing = [port for port, state in states.items() if not (state.up and state.aligned)]
            if not missing:
                break
            if self.session.cycles - begin >= limit:
                first = min(missing, key=lambda port: states[port].up)  # what is not even up is the cause
                raise LinkError(self._missing(first, states[first], limit))
        self.session.let_pass(SETTLE_CYCLES)
        states = self.states()
        self.check_lengths(states)
        return states

    def check_lengths(self, states: Mapping[Port, LinkState]) -> None:
        """LinkError if a link has been longer than its cable's declared latency allows."""
        for port, state in states.items():
            other, declared = self.topology.peers[port]
            if (needed := self.latency_needed(state)) > declared:
                raise LinkError(
                    f"{port}: declared latency of the cable to {other} must be at least {needed} cycles "
                    f"for a length of {state.longest}, not {declared}"
                )

    def latency_needed(self, state: LinkState) -> int:
        """Latency in cycles that a link like this must be declared to have."""
        return latency_needed(self.config, self.topology, state.longest)

    def load(self, programs: Programs, memory: Mapping[int, Words] | Sequence[Words] = ()) -> None:
        """Load a program, and memory words, into each chip. Fault flags are cleared."""
        requests = {}
        for chip, host in enumerate(self._hosts):
            words = of_chip(memory, chip, {})
            requests[chip] = [*host.text_requests(of_chip(programs, chip, {})), *host.write_requests(words)]
        self._ask_all(requests)
        self._started = []

    def write(self, chip: int, words: Words) -> None:
        """Write memory words of a chip."""
        self._hosts[chip].run(words, start=False)

    def read(self, chip: int, places: Places) -> dict[str, dict[int, bytes]]:
        """Read memory words of a chip."""
        return self._hosts[chip].collect(places)[1]

    def start(self, chips: Sequence[int] | None = None) -> None:
        """START chips, all of them by default, in any order and with pauses between them."""
        order = list(range(self.topology.chips) if chips is None else chips)
        self._random.shuffle(order)
        for chip in order:
            self.session.let_pass(self._random.randint(1, MAX_PAUSE))
            self._hosts[chip].start()
            self._started.append(chip)

    def finish(
        self, read: Mapping[int, Places] | Sequence[Places] = (), *, max_cycles: int = MAX_CYCLES
    ) -> SystemResult:
        """Wait until all chips are done. What they did.

        Raises
        ------
        SimulationError
            Some chip has not ended after ``max_cycles``, or was never started. The chips must be reset then.
        """
        cycles, seconds = self.session.cycles, self.session.seconds
        answers = dict(zip(self._started, self.session.wait_for(self._started, max_cycles), strict=True))
        never = [chip for chip in range(self.topology.chips) if chip not in answers]
        late = [chip for chip, (ended, _) in sorted(answers.items()) if not ended]
        if never or late:
            reasons = [f"{_chips(late)} not ended"] if late else []
            reasons += [f"{_chips(never)} never been started"] if never else []
            raise SimulationError(f"all chips must end within {max_cycles} cycles, but {' and '.join(reasons)}")
        collected = [host.collect(of_chip(read, chip, {})) for chip, host in enumerate(self._hosts)]
        used = self.session.cycles - cycles, self.session.seconds - seconds
        chips = [
            RtlResult(status.cycles, status.faults, memory, self._writes(answers[chip][1]), *used)
            for chip, (status, memory) in enumerate(collected)
        ]
        return SystemResult(chips, self.counts(), self.states())

    def run(
        self,
        programs: Programs,
        memory: Mapping[int, Words] | Sequence[Words] = (),
        read: Mapping[int, Places] | Sequence[Places] = (),
        *,
        max_cycles: int = MAX_CYCLES,
    ) -> SystemResult:
        """Load, start and finish in one."""
        self.load(programs, memory)
        self.start()
        return self.finish(read, max_cycles=max_cycles)

    def states(self) -> dict[Port, LinkState]:
        """How all links are."""
        return {port: link_state(answer) for port, answer in self._ask_links(0).items()}

    def counts(self) -> dict[Port, LinkCounts]:
        """What came over all links since they were brought up."""
        return {port: link_counts(answer) for port, answer in self._ask_links(1).items()}

    def cut(self, sender: Port, is_cut: bool = True, *, after: int = 0) -> None:
        """Cut the wire that begins at ``sender``, or join it again, in so many cycles."""
        self.session.cut(self.wires[sender], is_cut, after=after)

    def _ask_all(self, requests: Mapping[int, Sequence[Request]]) -> dict[int, list[bytes]]:
        """Payloads of each chip's answers to requests that all chips get at the same time."""
        tagged = {chip: self._hosts[chip].tagged(asked) for chip, asked in requests.items() if asked}
        questions = [(chip, b"".join(request.frame for request in t), len(t)) for chip, t in tagged.items()]
        answers = self.session.exchange_with(questions)
        return {chip: payloads(asked, answer) for (chip, asked), answer in zip(tagged.items(), answers, strict=True)}

    def _ask_links(self, address: int) -> dict[Port, bytes]:
        """The answer to LINK with an address, of every link."""
        asked = {
            chip: [Request(command=Command.LINK, target=port.link, address=address) for port in ports]
            for chip, ports in self.topology.ports.items()
        }
        answers = self._ask_all(asked)
        return {port: answers[port.chip][n] for ports in self.topology.ports.values() for n, port in enumerate(ports)}

    def _writes(self, samples: list[Sample]) -> list[Write]:
        return [
            Write(cycle, self._names[n], at, word, reached)
            for cycle, n, at, word, reached in vectors(samples, self.config.superlanes)
        ]

    def _missing(self, port: Port, state: LinkState, limit: int) -> str:
        other, _ = self.topology.peers[port]
        if not state.up:
            return f"{port}: must hear {other} and be heard within {limit} cycles; the cable or the other chip is dead"
        return f"{port}: counter must be aligned with the root's within {limit} cycles, by way of {other}"


def _chips(numbers: Sequence[int]) -> str:
    several = len(numbers) > 1
    return f"chip{'s' if several else ''} {', '.join(map(str, numbers))} {'have' if several else 'has'}"
