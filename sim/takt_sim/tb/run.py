"""Batches of programs on the RTL: ``run_rtl`` builds what is needed, simulates, and says what happened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from takt_hw import isa
from takt_hw.config import ChipConfig

from .build import BUILD_ROOT, Variant, build
from .errors import ErrorReport, Flip
from .host import Host, Places, Text, Words
from .session import Session, SimulationError
from .trace import vectors

MAX_CYCLES = 10_000_000
"""A program that runs longer than this is taken to have no end, unless told otherwise."""


@dataclass(frozen=True)
class Run:
    """One START of a program."""

    load: Words = field(default_factory=dict)
    """Memory words to write before."""

    read: Places = field(default_factory=dict)
    """Memory words to read after."""


@dataclass(frozen=True)
class Job:
    """A program and the runs that it is to make."""

    text: Text
    runs: Sequence[Run] = (Run(),)


@dataclass(frozen=True)
class Write:
    """One memory word changing, in superlane-0 time."""

    cycle: int
    slice: str
    address: int
    data: bytes
    """One byte per lane."""

    superlanes: tuple[int, ...] = ()
    """The superlanes that a SCATTER reached at this address, whose lanes ``data`` holds; all if empty."""


@dataclass(frozen=True)
class RtlResult:
    """What one run did."""

    cycles: int
    """Cycle count of the program."""

    faults: int
    """Fault flags since the text was loaded, bits of ``takt_hw.isa.host.Fault``. A build without checks raises only
    those that hang on data."""

    memory: dict[str, dict[int, bytes]]
    """Words read back, by MEM slice and address."""

    writes: list[Write]
    """Memory writes by cycle, then from west to east, then by address; empty in a build without trace."""

    simulated_cycles: int
    """Clock cycles simulated for this run, loading and reading back included."""

    seconds: float
    """Wall time of these cycles."""


class RtlChip:
    """One simulated chip that holds at most one program. A context manager; memory keeps its content.

    Parameters
    ----------
    config : ChipConfig
        A named build.
    variant : Variant
        What to compile into the simulator.
    directory : Path
        Where logs and waves go.
    root : Path
        Where simulators are kept.

    Raises
    ------
    BuildError, ValueError
        On construction, as `build`.
    SimulationError, FrameError, RequestError
        From any method: the simulation failed, or the chip refused.
    """

    def __init__(
        self, config: ChipConfig, variant: Variant = Variant.FAST, *, directory: Path, root: Path = BUILD_ROOT
    ) -> None:
        self.config = config
        self.session = Session(build(config, variant, root=root), directory)
        self._host = Host(config, self.session)
        self._names = [s.name for s in config.mem_slices]
        self._text: Text = {}
        self._spent = False

    def __enter__(self) -> RtlChip:
        self.session.__enter__()
        self._host.identify()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.session.__exit__(kind, error, traceback)

    def load_text(self, text: Text) -> None:
        """Hold another program."""
        self._host.load_text(text)
        self._text, self._spent = text, False

    def write(self, words: Words) -> None:
        """Write memory words."""
        self._host.run(words, start=False)

    def read(self, places: Places) -> dict[str, dict[int, bytes]]:
        """Read memory words."""
        return self._host.collect(places)[1]

    def errors(self) -> ErrorReport:
        """What the check bits have shown since the text was loaded."""
        return self._host.errors()

    def run(
        self,
        run: Run = Run(),  # noqa: B008 - it is frozen
        *,
        max_cycles: int = MAX_CYCLES,
        flips: Sequence[Flip] = (),
    ) -> RtlResult:
        """Run the program once, flipping bits on the way. SimulationError if it does not end within ``max_cycles``.

        Text that was fetched may have taken the place of text that the host loaded; it is then loaded again.
        """
        if self._spent:
            self.load_text(self._text)
        self._spent = any(_fetches(words) for words in self._text.values())
        cycles, seconds = self.session.cycles, self.session.seconds
        if flips:
            self.session.flip(flips)
        self._host.run(run.load)
        ended, samples = self.session.wait(max_cycles)
        if not ended:
            raise SimulationError(f"the program must end within {max_cycles} cycles")
        status, memory = self._host.collect(run.read)
        return RtlResult(
            status.cycles,
            status.faults,
            memory,
            [
                Write(cycle, self._names[n], at, word, reached)
                for cycle, n, at, word, reached in vectors(samples, self.config.superlanes)
            ],
            self.session.cycles - cycles,
            self.session.seconds - seconds,
        )


def _fetches(words: Sequence[int]) -> bool:
    """Whether an IFETCH is among a queue's words."""
    return any(word & ((1 << isa.OPCODE_BITS) - 1) == isa.IFETCH.code for word in words)


def run_rtl(
    config: ChipConfig,
    jobs: Sequence[Job],
    *,
    variant: Variant = Variant.FAST,
    directory: Path = Path("build/run"),
    root: Path = BUILD_ROOT,
    max_cycles: int = MAX_CYCLES,
    progress: Callable[[int, int], None] | None = None,
) -> list[list[RtlResult]]:
    """Run jobs one after the other in one simulation; memory keeps its content throughout.

    Parameters
    ----------
    config, variant, directory, root
        As in `RtlChip`.
    jobs : sequence of Job
        What to run.
    max_cycles : int
        Longest run.
    progress : callable
        Called after each run with the number of runs made and of all runs.

    Returns
    -------
    list of list of RtlResult
        For each job its runs.

    Raises
    ------
    BuildError, SimulationError, FrameError, RequestError, ValueError
        As `RtlChip`.
    """
    total = sum(len(job.runs) for job in jobs)
    results: list[list[RtlResult]] = []
    made = 0
    with RtlChip(config, variant, directory=directory, root=root) as chip:
        for job in jobs:
            chip.load_text(job.text)
            results.append([])
            for run in job.runs:
                results[-1].append(chip.run(run, max_cycles=max_cycles))
                made += 1
                if progress is not None:
                    progress(made, total)
    return results
