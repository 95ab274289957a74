"""What a program dispatches, as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from takt_hw.isa import Instruction, Queue

from ..violation import Violation

Text = Mapping[str, Sequence[int]]
"""Instruction words that the host loads, 128 bits each, by queue name. A queue that is not named is empty."""

Memory = Mapping[str, Mapping[int, bytes] | NDArray[np.uint8]]
"""What memory holds before the program, by MEM slice: words by address, or uint8[mem_words, lanes]. Words that
are not there are not known."""


@dataclass(frozen=True, slots=True)
class Dispatch:
    """One slice instruction in the cycle that it leaves its queue."""

    cycle: int
    queue: Queue
    index: int
    """Number of the word that caused it, along the queue's text: the instruction's own, or the REPEAT's."""

    repetition: int
    """0 for the instruction's own word, 1 to ``count`` within a REPEAT."""

    instruction: Instruction
    """With the stride field as this repetition, and the loops around it, have it."""

    def violation(self, rule: str, message: str) -> Violation:
        """This instruction breaks ``rule``."""
        return _violation(self, rule, message)


@dataclass(frozen=True, slots=True)
class Control:
    """One instruction that every queue has, and the cycles that it occupies its queue."""

    cycle: int
    cycles: int
    queue: Queue
    index: int
    instruction: Instruction

    def violation(self, rule: str, message: str) -> Violation:
        """This instruction breaks ``rule``."""
        return _violation(self, rule, message)


def _violation(by: Dispatch | Control, rule: str, message: str) -> Violation:
    return Violation(rule, by.queue.name, by.queue.slice, by.cycle, str(by.instruction), message, by.index)


@dataclass(frozen=True)
class Timeline:
    """Everything that a program dispatches."""

    dispatches: tuple[Dispatch, ...]
    """Slice instructions, by cycle and then by the queue's index."""

    control: tuple[Control, ...]
    """Control instructions, in the same order."""

    ends: dict[str, int]
    """Cycle in which each queue's next instruction would be dispatched, for every queue of the build."""

    cycles: int
    """Cycle count of the program: the latest end plus ``superlanes``."""

    fetched: frozenset[tuple[str, int]] = field(default=frozenset())
    """Memory words that instruction text came from: slice and address."""
