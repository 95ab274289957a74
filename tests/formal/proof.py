"""What a proof is: a harness round one module of the chip, how far it is unrolled, and faults that it must notice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from amaranth.hdl import Module

HARDWARE = Path(__file__).parents[2] / "hw"
"""Root of the hardware's Python, whose modules the harnesses stand round."""


@dataclass(frozen=True)
class Mutant:
    """One way to break what is proved: ``old`` becomes ``new`` in a file below hw/takt_hw."""

    what: str
    path: str
    old: str
    new: str


@dataclass(frozen=True)
class Proof:
    """One harness and what is asked of the solver about it."""

    name: str
    """Names the proof on the command line."""

    what: str
    """The property, in words."""

    build: Callable[[Module], None]
    """Fills an empty module with the harness: what is proved, free values at its inputs, Assert, Assume and Cover."""

    depth: int
    """Cycles from reset in which no assertion fails, whatever the free values are (bounded model checking)."""

    induction: int | None = None
    """If so many cycles in a row are good, the next is: with ``depth`` at least as much, the property holds for ever.
    None: proved for ``depth`` cycles alone, and ``note`` says why."""

    cover: int | None = None
    """Cycles within which every Cover must be reached; ``depth`` if not given."""

    assumed: str = "nothing"
    """What the harness takes for granted of the module's surroundings."""

    note: str = ""
    """Why there is no induction, or what is smaller here than in the chip."""

    mutants: tuple[Mutant, ...] = ()
    """Faults that the proof must refute. Each is planted in a copy of the hardware."""

    def __post_init__(self) -> None:
        if self.depth < 1:
            raise ValueError(f"depth must be at least 1, not {self.depth!r}")
        if self.induction is None and self.depth > 1 and not self.note:
            raise ValueError(f"note of {self.name} must say why there is no induction, not {self.note!r}")
        if self.induction is not None and not 1 <= self.induction <= self.depth:
            raise ValueError(f"induction must be from 1 to depth, not {self.induction!r}")
