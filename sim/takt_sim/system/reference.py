"""The reference simulator for systems: chips that run in windows and exchange what they sent between these."""

from __future__ import annotations

from collections.abc import Sequence

from takt_hw.config import ChipConfig

from ..reference import LinkVector, ReferenceChip, Result
from ..reference.run import ReferenceRun
from ..timeline import IllegalProgram, Text
from .programs import Programs, of_chip
from .topology import Port, Topology
from .violation import ChipViolation


def forward(topology: Topology, chip: int, sent: LinkVector) -> tuple[int, LinkVector] | None:
    """Where a chip's vector goes, and the vector as that chip is to be delivered it; None without a cable."""
    peer = topology.peers.get(Port(chip, sent.link))
    if peer is None:
        return None
    other, latency = peer
    return other.chip, LinkVector(other.link, sent.number, sent.cycle + latency, sent.data)


class ReferenceSystem:
    """Chips of one build, joined by cables. Memory starts as zero and keeps its content from program to program.

    Parameters
    ----------
    config : ChipConfig
        The build of all chips.
    topology : Topology
        Chips and cables.

    Attributes
    ----------
    chips : tuple of ReferenceChip
        By number; the host's view of each is its ``memory``.
    """

    def __init__(self, config: ChipConfig, topology: Topology) -> None:
        self.config = config
        self.topology = topology
        self.chips = tuple(ReferenceChip(config) for _ in range(topology.chips))

    def run(self, programs: Programs, window: int | None = None) -> list[Result]:
        """Run a program on every chip, to the end of all. What each did, by the chip's number.

        The checker's rules are taken as kept, as `ReferenceChip.run` does. Results do not depend on ``window``.

        Parameters
        ----------
        programs : Programs
            Words by queue name of each chip.
        window : int, optional
            Cycles that a chip runs on its own, at least 1 and at most ``topology.min_latency``, which is the default.

        Raises
        ------
        IllegalProgram
            With rule ``receive`` if a RECEIVE meets no vector that can have arrived; otherwise as `ReferenceChip.run`.
            Its violations are `ChipViolation`.
        ValueError
            If ``window`` is not in its range.
        """
        longest = self.topology.min_latency
        window = longest if window is None else window
        if not 1 <= window <= longest:
            raise ValueError(f"window must be from 1 to {longest}, not {window!r}")
        runs = [self._start(n, of_chip(programs, n, {})) for n in range(self.topology.chips)]
        end = max(run.end for run in runs)
        for until in range(window, end + window, window):
            self._window(runs, until)
        return [run.finish() for run in runs]

    def _start(self, number: int, text: Text) -> ReferenceRun:
        try:
            return self.chips[number].start(text)
        except IllegalProgram as illegal:
            raise _with_chip(number, illegal) from None

    def _window(self, runs: Sequence[ReferenceRun], until: int) -> None:
        """Advance every chip, then deliver what was sent."""
        under_way = []
        for number, run in enumerate(runs):
            try:
                sent = run.advance(until)
            except IllegalProgram as illegal:
                raise _with_chip(number, illegal) from None
            under_way += [there for vector in sent if (there := forward(self.topology, number, vector)) is not None]
        for number, vector in under_way:
            runs[number].deliver([vector])


def _with_chip(number: int, illegal: IllegalProgram) -> IllegalProgram:
    return IllegalProgram([ChipViolation.of(number, violation) for violation in illegal.violations])
