"""A process of `takt_sim.system.rank` that also leaves the CPU time that it did not spend on waiting for others.

On a machine that others use too, that tells how much faster several processes are when each has a core of its own.
"""

import sys
import time
from pathlib import Path
from typing import Any

from takt_sim.system import rank

CPU = Path("build/systems-cpu")
"""Directory of a file per process, with its seconds."""


class Timed:
    """MPI's communicator, with the time taken of all that waits. A barrier before it takes the waiting on itself."""

    def __init__(self, comm: Any) -> None:
        self.comm, self.rank, self.size = comm, comm.rank, comm.size
        self.send = comm.send
        self.waited = 0.0

    def scatter(self, things: Any) -> Any:
        """Wait for process 0, which reads the job."""
        self._wait()
        return self.comm.scatter(things)

    def allgather(self, thing: Any) -> Any:
        """Wait for all."""
        self._wait()
        return self.comm.allgather(thing)

    def alltoall(self, things: Any) -> Any:
        """Wait for all."""
        self._wait()
        return self.comm.alltoall(things)

    def recv(self, source: int) -> Any:
        """Wait for one."""
        begin = time.process_time()
        self.comm.probe(source)
        self.waited += time.process_time() - begin
        return self.comm.recv(source=source)

    def _wait(self) -> None:
        begin = time.process_time()
        self.comm.Barrier()
        self.waited += time.process_time() - begin


def main(job: str, outcome: str) -> int:
    """From file to file; exit status 1 if the run failed."""
    from mpi4py import MPI

    comm = Timed(MPI.COMM_WORLD)
    with rank.threadpool_limits(1):
        status = rank.simulate(comm, Path(job), Path(outcome))  # type: ignore[arg-type]  # it has what is asked for
    CPU.mkdir(parents=True, exist_ok=True)
    (CPU / str(comm.rank)).write_text(str(time.process_time() - comm.waited))
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
