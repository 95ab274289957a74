"""A whole program before the checker: its entries in their order, each with the memory that it can count on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from takt_hw import isa
from takt_sim.checker import check
from takt_sim.timeline import IllegalProgram, Timeline, Violation

from ..program import Program

Defined = dict[str, NDArray[np.bool_]]
"""Per memory slice bool [mem_words]: words that hold a value."""


@dataclass(frozen=True)
class Verdict:
    """What the checker says about one entry."""

    entry: str
    assumed: Defined
    """Words taken to hold a value: loaded data, input tensors, what earlier entries write."""

    timeline: Timeline | None
    """What the entry dispatches; None if it is illegal."""

    violations: tuple[Violation, ...] = ()


def judge(program: Program) -> list[Verdict]:
    """The checker's verdict on every entry.

    Instruction text that an entry fetches must be loaded data that no input tensor covers and no entry writes,
    whatever the order in which they run.
    """
    verdicts = []
    defined = program.defined
    image = loaded_words(program)
    for entry in program.entries:
        assumed = {name: words.copy() for name, words in defined.items()}
        try:
            timeline = check(program.config, entry.text, assumed, image)
        except IllegalProgram as error:
            verdicts.append(Verdict(entry.name, assumed, None, error.violations))
            continue
        mark_writes(defined, timeline)
        verdicts.append(Verdict(entry.name, assumed, timeline))
    timelines = [verdict.timeline for verdict in verdicts if verdict.timeline is not None]
    fetched = frozenset[tuple[str, int]]().union(*(timeline.fetched for timeline in timelines))
    return [_without_overwriting(verdict, fetched) for verdict in verdicts]


def loaded_words(program: Program) -> dict[str, dict[int, bytes]]:
    """Loaded words that stay as they are from run to run, as far as the host is concerned."""
    inputs = {word for tensor in program.tensors if tensor.role == "input" for word in tensor.words()}
    return {
        name: {address: word for address, word in words.items() if (name, address) not in inputs}
        for name, words in program.data.items()
    }


def _without_overwriting(verdict: Verdict, fetched: frozenset[tuple[str, int]]) -> Verdict:
    """The verdict; illegal if the entry writes text of any entry."""
    if verdict.timeline is None or not fetched:
        return verdict
    slices = {name for name, _ in fetched}
    broken = tuple(
        d.violation("fetch-text", "address must not be that of a word that some entry fetches text from")
        for d in verdict.timeline.dispatches
        if (d.instruction.op in WRITES and (d.queue.slice, d.instruction["address"]) in fetched)
        or (d.instruction.op is isa.SCATTER and d.queue.slice in slices)
    )
    return Verdict(verdict.entry, verdict.assumed, None, broken) if broken else verdict


WRITES = (isa.WRITE, isa.WRITE_MASKED)
"""What changes a memory word that it names."""


def mark_writes(defined: Defined, timeline: Timeline) -> None:
    """Let the words that a run writes count as holding a value. Where a SCATTER writes is not known: nowhere."""
    for dispatch in timeline.dispatches:
        if dispatch.instruction.op is isa.WRITE:
            defined[dispatch.queue.slice][dispatch.instruction["address"]] = True
