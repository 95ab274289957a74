"""Several chips' RTL and the reference simulator, running the same random legal programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ...reference import Result
from ...system.generate import RandomSystem, random_system
from ...system.reference import ReferenceSystem
from ..lockstep import compare_memories, compare_runs
from .run import SPARE_CYCLES, SystemRtl


def lockstep(
    chips: SystemRtl,
    seeds: Sequence[int],
    *,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Run the programs of some seeds on chips whose links are up, and on the reference simulator.

    After each program the cycle counts, all memory writes with their cycles, and the fault flags of every chip are
    compared; at the end all words that were written. ``progress`` is called with each seed.

    Returns
    -------
    int
        Memory writes compared.

    Raises
    ------
    Disagreement
        They differ.
    SimulationError, FrameError, RequestError
        As `SystemRtl`.
    """
    config, topology = chips.config, chips.topology
    reference = ReferenceSystem(config, topology)
    compared = 0
    written: list[dict[str, set[int]]] = [{} for _ in range(topology.chips)]
    for seed in seeds:
        program = random_system(config, topology, seed)
        words = [_load(reference, chip, program) for chip in range(topology.chips)]
        expected = reference.run(program.programs)
        longest = max(result.cycles for result in expected)
        chips.load(program.programs, words)
        chips.start()
        found = chips.finish(max_cycles=longest + SPARE_CYCLES)
        for chip, (theirs, ours) in enumerate(zip(expected, found.chips, strict=True)):
            compare_runs(f"{topology.name}, seed {seed}, chip {chip}", theirs, ours)
            _note(theirs, written[chip])
            compared += len(ours.writes)
        if progress is not None:
            progress(seed)
    for chip, places in enumerate(written):
        memory = reference.chips[chip].memory
        compare_memories(f"{topology.name}, chip {chip}", memory, chips.read(chip, places))
    return compared


def _load(reference: ReferenceSystem, chip: int, program: RandomSystem) -> dict[str, dict[int, bytes]]:
    """Load a chip of the reference simulator; the same words for the RTL."""
    words: dict[str, dict[int, bytes]] = {}
    for name, defined in program.defined[chip].items():
        image, addresses = program.memory[chip][name], np.flatnonzero(defined)
        reference.chips[chip].memory[name][addresses] = image[addresses]
        words[name] = {int(address): image[address].tobytes() for address in addresses}
    return words


def _note(result: Result, written: dict[str, set[int]]) -> None:
    for write in result.writes:
        written.setdefault(write.slice, set()).add(write.address)
