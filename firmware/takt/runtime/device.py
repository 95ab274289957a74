"""The interface to a chip, whatever stands behind it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from takt_hw.config import ChipConfig
from takt_hw.isa.host import Fault
from takt_sim.checker import check
from takt_sim.timeline import IllegalProgram

from ..program import MAIN, Memory, Program
from .proof import Defined, Verdict, judge, mark_writes


class DeviceError(ValueError):
    """A call that a device refuses: one line that names the rule."""


@dataclass(frozen=True)
class RunResult:
    """How a run ended."""

    cycles: int
    faults: tuple[str, ...] = ()
    """Names of the fault flags that this run raised. A legal program raises none but, by its data, ADDRESS_RANGE."""


def fault_names(flags: int) -> tuple[str, ...]:
    """Names of the fault flags that are set."""
    return tuple(fault.name for fault in Fault if flags >> fault & 1)


@dataclass(frozen=True)
class Job:
    """One run with its own inputs, for `Device.run_jobs`."""

    inputs: Mapping[str, NDArray[np.generic]] = field(default_factory=dict)
    outputs: tuple[str, ...] | None = None
    """Tensors to read after the run; every output of the program if None."""

    entry: str = MAIN


@dataclass(frozen=True)
class JobResult:
    """What one job gave."""

    run: RunResult
    outputs: dict[str, NDArray[np.generic]]


@dataclass(frozen=True)
class Difference:
    """A memory word that is not what the program expects after a run."""

    slice: str
    address: int
    expected: bytes
    found: bytes

    def __str__(self) -> str:
        expected, found = (np.frombuffer(word, np.int8).tolist() for word in (self.expected, self.found))
        return f"{self.slice} {self.address:#x} must be {expected}, not {found}"


class Device(ABC):
    """One chip that holds at most one program.

    `load` proves the program legal with the checker before anything reaches the chip, under the assumption
    that all inputs are written and entries run in their order; `run` proves it again, if that is not so.
    Memory keeps its content from run to run.

    A backend gives `write_words`, `read_words`, `_load` and `_run`. One that starts a simulation for
    every batch overrides `run_jobs`, which then costs one start for all jobs.

    Parameters
    ----------
    config : ChipConfig
        The build.

    Raises
    ------
    DeviceError
        From any method: no program, another chip's program, a tensor or entry that is not there.
    IllegalProgram
        From `load` and `run`: what the checker refuses.
    """

    def __init__(self, config: ChipConfig):
        self.config = config
        self._program: Program | None = None
        self._defined: Defined = {}
        self._verdicts: dict[str, Verdict] = {}

    @property
    def program(self) -> Program:
        """The program that is loaded."""
        if self._program is None:
            raise DeviceError("program must be loaded first")
        return self._program

    def load(self, program: Program) -> None:
        """Check a program, put its text and data on the chip. Memory words not loaded count as undefined."""
        if program.config.digest != self.config.digest:
            raise DeviceError(f"program must be for {self.config.name}, not {program.config.name}")
        verdicts = {}
        for verdict in judge(program):
            if verdict.timeline is None:
                raise IllegalProgram(verdict.violations)
            predicted = program.cycles[verdict.entry]
            if verdict.timeline.cycles != predicted:
                raise DeviceError(f"entry {verdict.entry} must take {predicted} cycles, not {verdict.timeline.cycles}")
            verdicts[verdict.entry] = verdict
        self._verdicts = verdicts
        self._defined = {s.name: np.zeros(self.config.mem_words, np.bool_) for s in self.config.mem_slices}
        self._load(program)
        self._program = program
        self._write(program.data)

    def write_tensor(self, name: str, array: NDArray[np.generic]) -> None:
        """Write an input tensor."""
        tensor = self.program.tensor(name)
        if tensor.role != "input":
            raise DeviceError(f"tensor {name} must be an input, not an {tensor.role}")
        try:
            words = tensor.pack(array, self.config.lanes)
        except ValueError as error:
            raise DeviceError(f"tensor {error}") from None
        self._write(words)

    def read_tensor(self, name: str) -> NDArray[np.generic]:
        """Read a tensor as int8 or int32 array."""
        return self.program.tensor(name).unpack(self._read_word, self.config.lanes)

    def run(self, entry: str = MAIN) -> RunResult:
        """Run an entry to its end."""
        text = self.program.entry(entry).text
        verdict = self._verdicts[entry]
        timeline = verdict.timeline
        if timeline is None or any((words & ~self._defined[name]).any() for name, words in verdict.assumed.items()):
            timeline = check(self.config, text, self._defined, self.program.data)
        result = self._run(entry)
        mark_writes(self._defined, timeline)
        return result

    def run_jobs(self, jobs: Sequence[Job]) -> list[JobResult]:
        """Run jobs one after the other: write their inputs, run, read their outputs."""
        results = []
        for job in jobs:
            for name, array in job.inputs.items():
                self.write_tensor(name, array)
            run = self.run(job.entry)
            results.append(JobResult(run, {name: self.read_tensor(name) for name in self._outputs(job)}))
        return results

    def differences(self, entry: str = MAIN) -> list[Difference]:
        """Words that are not what the program expects after a run of the entry."""
        return [
            Difference(name, address, word, found)
            for name, words in self.program.entry(entry).expected.items()
            for address, word in words.items()
            if (found := self._read_word(name, address)) != word
        ]

    @abstractmethod
    def write_words(self, words: Memory) -> None:
        """Put words into the chip's memory."""

    @abstractmethod
    def read_words(self, slice: str, address: int, count: int = 1) -> NDArray[np.uint8]:
        """Memory words as uint8 [count, lanes]."""

    @abstractmethod
    def _load(self, program: Program) -> None:
        """Take a checked program's text; its data follow by `write_words`."""

    @abstractmethod
    def _run(self, entry: str) -> RunResult:
        """Run an entry of the loaded program, known to be legal."""

    def _outputs(self, job: Job) -> tuple[str, ...]:
        """Tensors that a job wants."""
        every = tuple(tensor.name for tensor in self.program.tensors if tensor.role == "output")
        return every if job.outputs is None else job.outputs

    def _write(self, words: Memory) -> None:
        self.write_words(words)
        for name, content in words.items():
            self._defined[name][list(content)] = True

    def _read_word(self, name: str, address: int) -> bytes:
        return self.read_words(name, address)[0].tobytes()
