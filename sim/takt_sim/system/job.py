"""What processes that simulate a system together are given, and what they leave: two files of plain pickled data."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from itertools import starmap
from operator import attrgetter
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy as np

from takt_hw.config import ChipConfig

from ..reference import LinkVector, Result, Write
from ..timeline import IllegalProgram, Text, Timeline
from ..violation import Violation
from .programs import Programs, of_chip
from .topology import Topology

Memory = Mapping[str, np.ndarray]
"""Memory of a chip as `ReferenceChip` has it: uint8[mem_words, lanes] by MEM slice."""

Image = dict[str, tuple[np.ndarray, np.ndarray]]
"""The same without zeros: of each slice the addresses of all other words, int64[n], and these, uint8[n, lanes]."""


@dataclass(frozen=True)
class Job:
    """Programs for a system of chips, or for some of its chips."""

    config: ChipConfig
    topology: Topology
    programs: dict[int, Text]
    """By chip, of all chips of the job."""
    images: dict[int, Image]
    """Memory before the run. Chips that are not there have zeros."""

    @staticmethod
    def of(config: ChipConfig, topology: Topology, programs: Programs, memory: Sequence[Memory] | None = None) -> Job:
        """All chips of a system; ``memory`` by chip, zeros unless given.

        Raises
        ------
        ValueError
            If ``memory`` is not there for every chip.
        """
        if memory is not None and len(memory) != topology.chips:
            raise ValueError(f"memory must be there for {topology.chips} chips, not {len(memory)}")
        nothing: Text = {}
        texts: dict[int, Text] = {
            chip: {name: list(words) for name, words in of_chip(programs, chip, nothing).items()}
            for chip in range(topology.chips)
        }
        return Job(config, topology, texts, {chip: pack(found) for chip, found in enumerate(memory or ())})

    def share(self, chips: Iterable[int]) -> Job:
        """The part that concerns some chips."""
        chips = list(chips)
        programs = {chip: self.programs[chip] for chip in chips}
        images = {chip: self.images[chip] for chip in chips if chip in self.images}
        return Job(self.config, self.topology, programs, images)

    def save(self, path: Path) -> None:
        """Write a job file."""
        path.write_bytes(pickle.dumps(self))

    @staticmethod
    def load(path: Path) -> Job:
        """Read a job file. It is pickled: read none that others could have written."""
        job = pickle.loads(path.read_bytes())
        if not isinstance(job, Job):
            raise ValueError(f"{path} must hold a job, not {type(job).__name__}")
        return job


@dataclass(frozen=True)
class Failure:
    """Why a run ended early."""

    window: int
    """Number of the window in which it happened; -1 before the first."""
    chip: int
    violations: tuple[Violation, ...] = ()
    """Of an IllegalProgram."""
    error: str = ""
    """Type and message of any other error."""
    traceback: str = ""

    def __str__(self) -> str:
        if self.violations:
            return str(IllegalProgram(self.violations))
        return f"chip {self.chip} must be simulated to its end, not raise {self.error}"

    def throw(self) -> NoReturn:
        """Raise what it stands for: IllegalProgram, or RuntimeError with the traceback as a note."""
        if self.violations:
            raise IllegalProgram(self.violations)
        error = RuntimeError(str(self))
        error.add_note(self.traceback)
        raise error


@dataclass(frozen=True)
class Outcome:
    """What one chip did, and its memory after the run."""

    result: Result
    """Its timeline is `NO_DISPATCHES`: sending one takes as long as the run, and longer than making it anew."""
    image: Image

    def to_bytes(self) -> bytes:
        """Pickled as plain tuples, which takes a third of the time."""
        r = self.result
        events = [list(map(as_row(kind), found)) for kind, found in zip(_EVENTS, _events(r), strict=True)]
        return pickle.dumps((r.cycles, r.faults, events, self.image))

    @staticmethod
    def read(file: BinaryIO) -> Outcome:
        """What `to_bytes` made."""
        cycles, faults, events, image = pickle.load(file)
        writes, sent, received = (list(starmap(kind, rows)) for kind, rows in zip(_EVENTS, events, strict=True))
        return Outcome(Result(cycles, writes, NO_DISPATCHES, faults, sent, received), image)


_EVENTS = (Write, LinkVector, LinkVector)


def _events(result: Result) -> tuple[list[Any], ...]:
    return result.writes, result.sent, result.received


@cache
def as_row(kind: type[Any]) -> Callable[[Any], tuple[Any, ...]]:
    """From a dataclass's object the tuple that it can be made of again."""
    return attrgetter(*(f.name for f in fields(kind)))


NO_DISPATCHES = Timeline((), (), {}, 0)
"""Stands for a timeline that was left behind."""


def write_outcomes(path: Path, failure: Failure | None, outcomes: Iterable[bytes]) -> None:
    """Write an outcome file: the failure or None, then each chip's outcome as bytes, by chip."""
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        pickle.dump(failure, file)
        file.writelines(outcomes)
    part.replace(path)  # so that no half of it is ever taken for the whole


def read_outcomes(path: Path) -> list[Outcome]:
    """Read an outcome file, by chip.

    Raises
    ------
    IllegalProgram, RuntimeError
        What ended the run early, if something did.
    """
    outcomes: list[Outcome] = []
    with path.open("rb") as file:
        failure = pickle.load(file)
        if failure is not None:
            failure.throw()
        while file.peek(1):
            outcomes.append(Outcome.read(file))
    return outcomes


def pack(memory: Memory) -> Image:
    """Memory without its zeros."""
    found = {}
    for name, words in memory.items():
        rows = np.flatnonzero(np.ascontiguousarray(words).view(np.uint64).any(axis=1))
        found[name] = rows, words[rows]
    return found


def unpack(image: Image, memory: Memory) -> None:
    """Make memory what it was when it was packed."""
    for name, words in memory.items():
        words[np.flatnonzero(words.view(np.uint64).any(axis=1))] = 0
        rows, found = image[name]
        words[rows] = found
