"""Programs that run together: one for each chip of a topology."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from takt_hw.config import ChipConfig
from takt_sim.system import checker
from takt_sim.system.topology import Topology
from takt_sim.timeline import Timeline

from ..program import MAIN, Program, ProgramError
from ..runtime.proof import loaded_words


@dataclass(frozen=True)
class System:
    """One program for each chip, and how the chips are joined. Whether it is legal, `prove` says.

    Raises
    ------
    ProgramError
        ``<name> must <rule>, not <value>``.
    """

    topology: Topology
    programs: tuple[Program, ...]
    """By the chip's number; each has an entry ``main``."""

    def __post_init__(self) -> None:
        if len(self.programs) != self.topology.chips:
            raise ProgramError(f"programs must be {self.topology.chips}, one for each chip, not {len(self.programs)}")
        for chip, program in enumerate(self.programs):
            if program.config != self.config:
                rule = f"build must be {self.config.name} as on chip 0, not {program.config.name}"
                raise ProgramError(f"chip {chip}: {rule} of another size")
            try:
                program.entry(MAIN)
            except ProgramError as error:
                raise ProgramError(f"chip {chip}: {error}") from None
        require_links(self.config, self.topology)

    @property
    def config(self) -> ChipConfig:
        """The build of all chips."""
        return self.programs[0].config

    @property
    def texts(self) -> tuple[Mapping[str, Sequence[int]], ...]:
        """Of each chip what its queues run, as checker and reference simulator take it."""
        return tuple(program.entry(MAIN).text for program in self.programs)

    @property
    def cycles(self) -> int | None:
        """Cycles until the last chip is done; None if some queue never ends."""
        counts = [program.cycles[MAIN] for program in self.programs]
        return None if None in counts else max(count for count in counts if count is not None)


def prove(system: System) -> tuple[Timeline, ...]:
    """The timeline of each chip. IllegalProgram, with chip, queue and cycle, if the checker refuses the system."""
    programs = system.programs
    defined = {chip: program.defined for chip, program in enumerate(programs)}
    images = {chip: loaded_words(program) for chip, program in enumerate(programs)}
    return tuple(checker.check(system.config, system.topology, system.texts, defined, images))


def require_links(config: ChipConfig, topology: Topology) -> None:
    """ProgramError if a cable ends at a link that the build does not have."""
    for port in topology.peers:
        if port.link >= config.links:
            raise ProgramError(f"{topology.name}: link must be one of the {config.links} of {config.name}, not {port}")
