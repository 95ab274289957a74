"""One of the MPI processes that simulate a system together.

``mpiexec -n N python -m takt_sim.system.rank JOB OUTCOME``: process 0 reads the job file and writes the outcome file;
the others need neither. docs/design/distributed.md says how they keep together.
"""

from __future__ import annotations

import sys
import traceback
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from threadpoolctl import threadpool_limits

from takt_hw import isa

from ..reference import LinkVector, ReferenceChip, ReferenceRun
from ..timeline import IllegalProgram
from .job import NO_DISPATCHES, Failure, Job, Outcome, as_row, pack, unpack, write_outcomes
from .reference import forward
from .topology import Port, Topology
from .violation import ChipViolation

if TYPE_CHECKING:
    from mpi4py.MPI import Comm

ROW = as_row(LinkVector)

Delivery = tuple[int, LinkVector]
"""A vector, and the chip that it is delivered to."""


def chips_of(topology: Topology, rank: int, ranks: int) -> range:
    """Chips that a process runs: neighbours in number, because these have the most cables in common."""
    return range(rank * topology.chips // ranks, (rank + 1) * topology.chips // ranks)


class Failed(Exception):
    """The run is over, in all processes, because of ``failure``."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(str(failure))
        self.failure = failure


class Rank:
    """The chips of one process.

    Parameters
    ----------
    comm : mpi4py.MPI.Comm
        All processes. Each makes its Rank in the same moment, and calls the same methods after it.
    job : Job
        Programs and memory of the chips of this process.

    Raises
    ------
    Failed
        In all processes, if something went wrong in one. If in several, what `ReferenceSystem` would have met first.
    """

    def __init__(self, comm: Comm, job: Job) -> None:
        self.comm = comm
        self.topology = job.topology
        self.window = job.topology.min_latency
        ranks = range(comm.size)
        self.owner = {chip: rank for rank in ranks for chip in chips_of(job.topology, rank, comm.size)}
        self.runs: dict[int, ReferenceRun] = {}
        self.chips = {chip: ReferenceChip(job.config) for chip in job.programs}
        self.failure: Failure | None = None
        self._start(job)
        told = comm.allgather((self.failure, self._end(), self._crossings()))
        self._agree([failure for failure, _, _ in told])
        self.windows = max(-(-end // self.window) for _, end, _ in told)
        self.crossings = frozenset[int]().union(*(crossings for _, _, crossings in told))
        """Numbers of the windows after which the processes exchange vectors."""

    def run(self) -> Iterator[Outcome]:
        """Run all programs to their ends; then what each chip of this process did, in order."""
        outside: list[list[Delivery]] = [[] for _ in range(self.comm.size)]
        for number in range(self.windows):
            if self.failure is None:
                self._window(number, outside)
            if number in self.crossings:
                self._exchange(outside)
                outside = [[] for _ in outside]
        self._agree(self.comm.allgather(self.failure))
        for chip, run in self.runs.items():
            yield Outcome(replace(run.finish(), timeline=NO_DISPATCHES), pack(self.chips[chip].memory))

    def _start(self, job: Job) -> None:
        """Expand the programs; a failure is kept for `_agree`."""
        for number, text in job.programs.items():
            try:
                if number in job.images:
                    unpack(job.images[number], self.chips[number].memory)
                self.runs[number] = self.chips[number].start(text)
            except Exception as error:
                self.failure = _failure(-1, number, error)
                return

    def _end(self) -> int:
        return max((run.end for run in self.runs.values()), default=0)

    def _crossings(self) -> set[int]:
        """Windows in which this process sends to others. The programs fix them: no value can change when it is sent."""
        return {
            d.cycle // self.window
            for number, run in self.runs.items()
            for d in run.timeline.dispatches
            if d.instruction.op is isa.SEND and self._leaves(Port(number, d.queue.link))
        }

    def _leaves(self, port: Port) -> bool:
        """Whether a port's cable leads to another process."""
        return port in self.topology.peers and self.topology.peers[port][0].chip not in self.runs

    def _window(self, number: int, outside: list[list[Delivery]]) -> None:
        """Advance every chip of this process by one window, deliver what stays in it, and keep what goes elsewhere."""
        inside: list[Delivery] = []
        for chip, run in self.runs.items():
            try:
                sent = run.advance((number + 1) * self.window)
            except Exception as error:
                self.failure = _failure(number, chip, error)
                return
            for vector in sent:
                if (there := forward(self.topology, chip, vector)) is not None:
                    (inside if there[0] in self.runs else outside[self.owner[there[0]]]).append(there)
        self._deliver(inside)

    def _exchange(self, outside: list[list[Delivery]]) -> None:
        """Give every process what was sent to its chips, and take what was sent to ours."""
        rows = [[(chip, *ROW(vector)) for chip, vector in vectors] for vectors in outside]
        arrived = self.comm.alltoall([self.failure or part for part in rows])
        self._agree([found for found in arrived if isinstance(found, Failure)])
        for part in arrived:
            self._deliver([(chip, LinkVector(*row)) for chip, *row in part])

    def _deliver(self, vectors: Sequence[Delivery]) -> None:
        by_chip = defaultdict(list)
        for chip, vector in vectors:
            by_chip[chip].append(vector)
        for chip, found in by_chip.items():
            self.runs[chip].deliver(found)

    def _agree(self, failures: Sequence[Failure | None]) -> None:
        """All processes see the same failures, and end with the same one."""
        if found := [failure for failure in failures if failure is not None]:
            raise Failed(min(found, key=lambda failure: (failure.window, failure.chip)))


def _failure(window: int, chip: int, error: Exception) -> Failure:
    if isinstance(error, IllegalProgram):
        return Failure(window, chip, tuple(ChipViolation.of(chip, violation) for violation in error.violations))
    return Failure(window, chip, (), f"{type(error).__name__}: {error}", "".join(traceback.format_exception(error)))


def simulate(comm: Comm, job_path: Path, outcome_path: Path) -> int:
    """What each process does, from file to file; its exit status."""
    shares = None
    if comm.rank == 0:
        job = Job.load(job_path)
        shares = [job.share(chips_of(job.topology, rank, comm.size)) for rank in range(comm.size)]
    share: Job = comm.scatter(shares)
    try:
        rank = Rank(comm, share)
        outcomes = rank.run()
        if comm.rank:
            for outcome in outcomes:
                comm.send(outcome.to_bytes(), 0)
            return 0
        others = (comm.recv(source=owner) for owner in rank.owner.values() if owner)
        write_outcomes(outcome_path, None, chain((outcome.to_bytes() for outcome in outcomes), others))
        return 0
    except Failed as failed:
        if comm.rank == 0:
            write_outcomes(outcome_path, failed.failure, ())
            print(f"takt: {failed}", file=sys.stderr)
        return 1


def main(arguments: Sequence[str]) -> int:
    """``JOB OUTCOME``. Whatever goes wrong here and not in a chip ends all processes."""
    from mpi4py import MPI  # starts MPI, so it must not happen where this module is only read

    try:
        job, outcome = map(Path, arguments)
        # one process per core: threads of numpy would only fight
        with threadpool_limits(1):
            return simulate(MPI.COMM_WORLD, job, outcome)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        drop_shared_memory()
        MPI.COMM_WORLD.Abort(2)
        raise


def drop_shared_memory() -> None:
    """Take away the name of MPICH's segment on this machine, which it leaves behind when it is aborted."""
    maps = Path("/proc/self/maps")
    for line in maps.read_text().splitlines() if maps.exists() else ():
        if "/mpich_shm_" in line:
            Path(line.split(maxsplit=5)[-1]).unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
