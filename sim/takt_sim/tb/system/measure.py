"""Traffic on several chips, with bits flipped on the wires: what each link makes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

from takt_hw.config import ChipConfig
from takt_hw.isa.host import Fault

from ...reference import Result
from ...system.checker import check
from ...system.reference import ReferenceSystem
from ...system.topology import Port, Topology
from ...system.traffic import Traffic
from .host import LinkCounts, LinkState
from .judge import Verdict, judge
from .run import SPARE_CYCLES, SystemRtl


@dataclass
class LinkFigures:
    """What one direction of a cable has shown, at the end where vectors are received."""

    verdict: Verdict
    corrected: int = 0
    """Packets in which a bit was mended."""
    uncorrectable: int = 0
    """Packets with more flipped bits."""
    late: int = 0
    """Vectors that arrived after their RECEIVE."""
    shortest: int = 0
    longest: int = 0
    """Lengths measured, in cycles."""

    def add(self, verdict: Verdict, counts: LinkCounts, late: int, state: LinkState) -> None:
        """Add what a run has shown."""
        self.verdict.add(verdict)
        self.corrected += counts.corrected
        self.uncorrectable += counts.uncorrectable
        self.late += late
        self.shortest, self.longest = state.shortest, state.longest


@dataclass
class Figures:
    """What all links have shown at one bit error rate."""

    ber: float
    links: dict[Port, LinkFigures]
    faults: int = 0
    """Flags that some chip has raised."""
    flipped_bits: int = 0
    cycles: int = 0
    """Of the longest program, once."""
    simulated_cycles: int = 0
    seconds: float = 0.0

    @property
    def totals(self) -> dict[str, int]:
        """Sums over all links."""
        links = list(self.links.values())
        sums = Verdict()
        for link in links:
            sums.add(link.verdict)
        return asdict(sums) | {
            name: sum(getattr(link, name) for link in links) for name in ("corrected", "uncorrectable", "late")
        }

    @property
    def wrong(self) -> list[str]:
        """What must not be, as text."""
        totals = self.totals
        harmless = 1 << Fault.LINK_LOST if self.ber else 0
        raised = [fault.name for fault in Fault if self.faults & ~harmless & (1 << fault)]
        never = ["misplaced", "duplicated", "reordered", "silent", "late", *([] if self.ber else ["lost"])]
        return [f"{name} must be 0, not {totals[name]}" for name in never if totals[name]] + [
            f"no fault may be raised, not {name}" for name in raised
        ]


@dataclass(frozen=True)
class Expectation:
    """Traffic that is proved legal, and what the reference simulator makes of it."""

    plan: Traffic
    results: list[Result]
    links: list[dict[tuple[str, int], Port]]
    """Of each chip, the link that each slice and address is written from."""

    @property
    def cycles(self) -> int:
        """Of the longest program."""
        return max(result.cycles for result in self.results)


def expect(config: ChipConfig, topology: Topology, plan: Traffic) -> Expectation:
    """What traffic is to do. IllegalProgram if the checker refuses it."""
    check(config, topology, plan.programs)
    reference = ReferenceSystem(config, topology)
    for chip, images in zip(reference.chips, plan.memory, strict=True):
        for name, words in images.items():
            chip.memory[name][:] = words
    links: list[dict[tuple[str, int], Port]] = [{} for _ in range(topology.chips)]
    for port, (name, addresses) in plan.places.items():
        links[port.chip] |= {(name, address): port for address in addresses}
    return Expectation(plan, reference.run(plan.programs), links)


def measure(
    chips: SystemRtl,
    expectation: Expectation,
    runs: int,
    *,
    ber: float,
    seed: int = 1,
    progress: Callable[[int], object] | None = None,
) -> Figures:
    """Run the traffic some times on chips whose links are up and whose memory is loaded, with bits flipped at a rate.

    ``progress`` is called after each run with the vectors that it had. Errors as `SystemRtl`.
    """
    plan = expectation.plan
    figures = Figures(ber, {port: LinkFigures(Verdict()) for port in plan.places})
    figures.cycles = expectation.cycles
    begun, seconds = chips.session.cycles, chips.session.seconds
    chips.session.disturb(ber, seed)
    counts, states = chips.counts(), chips.states()
    for _ in range(runs):
        chips.load(plan.programs)
        chips.start()
        result = chips.finish(max_cycles=figures.cycles + SPARE_CYCLES)
        for chip, (expected, found) in enumerate(zip(expectation.results, result.chips, strict=True)):
            figures.faults |= found.faults
            mine = [port for port in plan.places if port.chip == chip]
            lost = {port: result.counts[port].lost - counts[port].lost for port in mine}
            for port, verdict in judge(expected, found, expectation.links[chip], lost).items():
                late = result.states[port].late - states[port].late
                came = result.counts[port].since(counts[port])
                figures.links[port].add(verdict, came, late, result.states[port])
        counts, states = result.counts, result.states
        if progress is not None:
            progress(plan.vectors)
    figures.flipped_bits = chips.session.disturb(0.0)
    figures.simulated_cycles = chips.session.cycles - begun
    figures.seconds = chips.session.seconds - seconds
    return figures
