"""The reference simulator for systems in several processes, on one machine or on many.

``python -m takt_sim.system.distributed JOB OUTCOME [--processes N] [--hostfile FILE]`` runs what `Job.save` wrote.
How the processes keep together: docs/design/distributed.md.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import takt_hw
import takt_sim
from takt_hw.config import ChipConfig

from ..reference import ReferenceChip, Result
from ..timeline import IllegalProgram, expand
from .job import Job, Memory, Outcome, read_outcomes, unpack
from .programs import Programs
from .topology import Topology

RANK = "takt_sim.system.rank"
"""Module that each process runs."""


def run_distributed(
    config: ChipConfig, topology: Topology, programs: Programs, processes: int = 2, *,
    memory: Sequence[Memory] | None = None, hostfile: Path | None = None, timelines: bool = False,
    rank_module: str = RANK,
) -> list[Result]:  # fmt: skip
    """Run a program on every chip, to the end of all: as `ReferenceSystem.run`, bit for bit, in several processes.

    Parameters
    ----------
    config : ChipConfig
        The build of all chips.
    topology : Topology
        Chips and cables.
    programs : Programs
        Words by queue name of each chip.
    processes : int
        How many, from 1 to as many as there are chips. More than cores are slow: they wait without sleeping.
    memory : sequence of dict of str to ndarray, optional
        Of each chip, as ``ReferenceSystem.chips[n].memory``. It is changed, unless the run fails. Zeros if not given.
    hostfile : Path, optional
        Machines to run on, in the form that MPICH's mpiexec takes. The first must be this one.
    timelines : bool
        Whether results come with their timelines, which this process makes anew, one after the other. Without, they are
        `NO_DISPATCHES`; all other fields are the same.
    rank_module : str
        What each process runs, if not `takt_sim.system.rank`: a module that calls what that calls, and measures it.

    Returns
    -------
    list of Result
        What each did, by the chip's number.

    Raises
    ------
    IllegalProgram
        As `ReferenceSystem.run`, with the same violations.
    ValueError
        If ``processes`` is not in its range, or ``memory`` not there for every chip.
    RuntimeError
        If the processes cannot be started, one dies, or one raises anything else.
    """
    if not 1 <= processes <= topology.chips:
        raise ValueError(f"processes must be from 1 to {topology.chips}, one per chip, not {processes!r}")
    job = Job.of(config, topology, programs, memory)
    with tempfile.TemporaryDirectory(prefix="takt-") as directory:
        path = Path(directory, "job")
        job.save(path)
        outcomes = run_job(path, Path(directory, "outcome"), processes, hostfile, rank_module)
    results = [outcome.result for outcome in outcomes]
    if timelines:
        for chip, result in enumerate(results):
            before = ReferenceChip(config).memory if memory is None else memory[chip]
            result.timeline = expand(config, job.programs[chip], before)
    if memory is not None:
        for outcome, words in zip(outcomes, memory, strict=True):
            unpack(outcome.image, words)
    return results


def run_job(
    job: Path, outcome: Path, processes: int, hostfile: Path | None = None, rank_module: str = RANK
) -> list[Outcome]:
    """Run a job file, leave an outcome file, and read it. Raises as `run_distributed` does."""
    command = [_mpiexec(), *(("-f", str(hostfile)) if hostfile else ()), "-n", str(processes)]
    command += [sys.executable, "-m", rank_module, str(job), str(outcome)]
    # what this process can import, the others must: it need not have been installed
    roots = [str(Path(package.__path__[0]).parent) for package in (takt_hw, takt_sim)]
    path = os.pathsep.join([*roots, *filter(None, [os.environ.get("PYTHONPATH")])])
    outcome.unlink(missing_ok=True)
    environment = os.environ | {"PYTHONPATH": path}
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )  # fmt: skip
    if done.returncode and not outcome.exists():
        raise RuntimeError(f"all processes must end by themselves, not with status {done.returncode}:\n{_said(done)}")
    return read_outcomes(outcome)


def _said(done: subprocess.CompletedProcess[str]) -> str:
    """What the processes said before the first of MPICH's banners, or all if there was nothing else."""
    text = (done.stderr + done.stdout).strip()
    return text.split("\n\n====")[0].strip() or text


def _mpiexec() -> str:
    """MPICH's, as its wheel installs it beside Python; else whatever is on the path."""
    beside = Path(sys.executable).parent / "mpiexec"
    found = str(beside) if beside.exists() else shutil.which("mpiexec")
    if found is None:
        raise RuntimeError("mpiexec must be installed beside Python, not missing; the package mpich brings it")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; exit status 1 and one message if something goes wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m takt_sim.system.distributed", description="Simulate a system of chips."
    )
    parser.add_argument("job", type=Path)
    parser.add_argument("outcome", type=Path, help="file to leave the results in")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--hostfile", type=Path, help="machines, a line each; the first is this one")
    given = parser.parse_args(arguments)
    try:
        outcomes = run_job(given.job, given.outcome, given.processes, given.hostfile)
    except (IllegalProgram, RuntimeError) as error:
        print(f"takt: {error}", file=sys.stderr)
        return 1
    for chip, outcome in enumerate(outcomes):
        r = outcome.result
        print(f"chip {chip}: {r.cycles} cycles, {len(r.writes)} writes, {len(r.sent)} sent, {len(r.received)} received")
    return 0


if __name__ == "__main__":
    sys.exit(main())
