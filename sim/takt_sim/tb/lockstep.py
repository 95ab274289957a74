"""The RTL and the reference simulator, running the same random legal programs."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import zip_longest
from pathlib import Path

import numpy as np

from takt_hw.config import ChipConfig
from takt_hw.isa.host import Fault

from ..coverage import Coverage
from ..generate import random_program
from ..reference import ReferenceChip, Result
from .build import BUILD_ROOT, Variant
from .host import Text, Words
from .run import RtlChip, RtlResult, Run

SPARE_CYCLES = 1000
"""An RTL that needs so many cycles more than the reference is taken to have no end."""


class Disagreement(Exception):
    """The two executors differ: one message that says in which program and where first."""


def lockstep(
    config: ChipConfig,
    *,
    programs: int,
    seed: int,
    directory: Path,
    root: Path = BUILD_ROOT,
    variant: Variant = Variant.CHECKED,
    progress: Callable[[int], None] | None = None,
    coverage: Coverage | None = None,
) -> int:
    """Run the programs of ``programs`` seeds from ``seed`` on, on both executors.

    After each program the cycle counts, all memory writes with their cycles, and the fault flags are
    compared; at the end all memories. Memory is not cleared between programs. A chip with ECC must meet no error.
    ``variant`` must be one with fault flags and trace. What the programs executed is added to ``coverage``.

    Returns
    -------
    int
        Memory writes compared.

    Raises
    ------
    Disagreement
        They differ.
    BuildError, SimulationError, FrameError, RequestError
        As `RtlChip`.
    ValueError
        If ``programs`` is less than 1.
    """
    if programs < 1:
        raise ValueError(f"programs must be at least 1, not {programs!r}")
    reference = _Reference(config)
    compared = 0
    with ThreadPoolExecutor(1) as other, RtlChip(config, variant, directory=directory, root=root) as chip:
        # The reference is one program ahead of the RTL, which runs in a process of its own.
        ahead = other.submit(reference.run, seed)
        for n in range(seed, seed + programs):
            text, load, expected = ahead.result()
            if n + 1 < seed + programs:
                ahead = other.submit(reference.run, n + 1)
            chip.load_text(text)
            found = chip.run(Run(load), max_cycles=expected.cycles + SPARE_CYCLES)
            compare_runs(f"{config.name}, seed {n}", expected, found)
            compared += len(found.writes)
            errors = chip.errors() if config.ecc else None
            if errors is not None and (errors.corrected or errors.uncorrectable):
                raise Disagreement(f"{config.name}, seed {n}: there must be no flipped bits, as in {errors}")
            if coverage is not None:
                coverage.add(expected.timeline, f"{config.name}, seed {n}")
            if progress is not None:
                progress(n)
        memory = chip.read({s.name: range(config.mem_words) for s in config.mem_slices})
    compare_memories(config.name, reference.memory, memory)
    return compared


def compare_runs(what: str, expected: Result, found: RtlResult) -> None:
    """Disagreement at the first difference between a run on the reference simulator and one on the RTL."""
    for theirs, ours in zip_longest(expected.writes, found.writes):
        reference, rtl = (
            (write.cycle, write.slice, write.address, write.data.hex(), write.superlanes) if write else None
            for write in (theirs, ours)
        )
        if reference != rtl:
            raise Disagreement(f"{what}: write must be {_shown(reference)} as in the reference, not {_shown(rtl)}")
    if expected.cycles != found.cycles:
        raise Disagreement(f"{what}: cycles must be {expected.cycles} as in the reference, not {found.cycles}")
    if expected.faults != found.faults:
        wanted, raised = (
            ", ".join(fault.name for fault in Fault if flags >> fault & 1) or "none"
            for flags in (expected.faults, found.faults)
        )
        raise Disagreement(f"{what}: faults must be {wanted} as in the reference, not {raised}")


def compare_memories(what: str, expected: dict[str, np.ndarray], found: dict[str, dict[int, bytes]]) -> None:
    """Disagreement at the first word that differs."""
    for name, words in found.items():
        for address, word in words.items():
            if expected[name][address].tobytes() != word:
                wanted = expected[name][address].tobytes().hex()
                raise Disagreement(
                    f"{what}: {name} {address:#x} must be {wanted} as in the reference, not {word.hex()}"
                )


def _shown(write: tuple[int, str, int, str, tuple[int, ...]] | None) -> str:
    if write is None:
        return "none"
    cycle, name, address, data, superlanes = write
    where = f" in superlanes {', '.join(map(str, superlanes))}" if superlanes else ""
    return f"{name} {address:#x}{where} in cycle {cycle}: {data}"


class _Reference:
    """The reference simulator with the random programs of a build."""

    def __init__(self, config: ChipConfig) -> None:
        self._config = config
        self._chip = ReferenceChip(config)

    @property
    def memory(self) -> dict[str, np.ndarray]:
        """uint8[mem_words, lanes] by MEM slice."""
        return self._chip.memory

    def run(self, seed: int) -> tuple[Text, Words, Result]:
        """Run the program of a seed: its text, the words to load before, and what it did."""
        program = random_program(self._config, seed)
        load: dict[str, dict[int, bytes]] = {}
        for name, defined in program.defined.items():
            addresses = np.flatnonzero(defined)
            self.memory[name][addresses] = program.memory[name][addresses]
            load[name] = {int(address): program.memory[name][address].tobytes() for address in addresses}
        return program.text, load, self._chip.run(program.text)
