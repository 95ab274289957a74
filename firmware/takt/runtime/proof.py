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
    """The checker's verdict on every entry."""
    verdicts = []
    defined = program.defined
    for entry in program.entries:
        assumed = {name: words.copy() for name, words in defined.items()}
        try:
            timeline = check(program.config, entry.text, assumed)
        except IllegalProgram as error:
            verdicts.append(Verdict(entry.name, assumed, None, error.violations))
            continue
        mark_writes(defined, timeline)
        verdicts.append(Verdict(entry.name, assumed, timeline))
    return verdicts


def mark_writes(defined: Defined, timeline: Timeline) -> None:
    """Let the words that a run writes count as holding a value."""
    for dispatch in timeline.dispatches:
        if dispatch.instruction.op is isa.WRITE:
            defined[dispatch.queue.slice][dispatch.instruction["address"]] = True
