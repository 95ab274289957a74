"""Simulators of several chips: the chip is compiled once, as a library, whatever it is joined to.

Each chip is a model of its own below the one that holds the wires. So a system of eight takes as long to compile as
one of two.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from takt_hw.config import BUILDS, ChipConfig

from ...system.topology import Topology
from ..build import BUILD_ROOT, Simulator, Variant, compiled, digest, emitted, flags, locked
from ..verilator import TOP, VerilatorRunner

CHIP = "chip"
"""Name of a chip's module in a system."""

DELAY = 4
"""Registers in each wire unless told otherwise."""

PRECISION = "1fs"
"""Least step of time: a millionth of a clock period is ten thousand of it."""


@dataclass(frozen=True)
class SystemSimulator(Simulator):
    """A compiled simulator of several chips."""

    wiring: Topology
    """What is joined. Wires 2n and 2n + 1 are those of cable n, from its first end and from its second."""

    delay: int
    """Registers in each wire."""


def build_system(
    config: ChipConfig,
    wiring: Topology,
    variant: Variant = Variant.CHECKED,
    *,
    delay: int = DELAY,
    root: Path = BUILD_ROOT,
) -> SystemSimulator:
    """The simulator of chips of a named build and their cables; compiled now if that has not been done before.

    Raises
    ------
    BuildError
        No C++ compiler, or the chips do not compile.
    ValueError
        If ``config`` is none of the named builds, has too few links for ``wiring``, or ``variant`` is neither FAST nor
        CHECKED.
    """
    if BUILDS.get(config.name) != config:
        raise ValueError(f"config must be one of {', '.join(BUILDS)}, not {config.name!r}")
    if variant not in (Variant.FAST, Variant.CHECKED):
        raise ValueError(f"variant must be fast or checked, not {variant.value}")
    if (links := max((port.link for port in wiring.peers), default=-1) + 1) > config.links:
        raise ValueError(f"{wiring.name}: links must be at most {config.links} of {config.name}, not {links}")
    cables = [f"{c.a.chip}.{c.a.link}-{c.b.chip}.{c.b.link}" for c in wiring.cables]
    command = ["takt_hw.system", config.name, "--chips", str(wiring.chips), "--delay", str(delay), *variant.arguments]
    command += ["--part", "wires", *(part for cable in cables for part in ("--cable", cable))]
    library = _library(config, variant, root)
    kind = digest(*map(str.encode, command))[:6]
    place = (root / f"{config.name}-{variant.name.lower()}-{wiring.chips}-{kind}").absolute()
    with locked(place):
        verilog = emitted(place, f"the wires of {wiring.chips} {config.name}", command)

        def make(work: Path) -> None:
            VerilatorRunner().compile(
                verilog,
                work,
                optimize=variant.optimize,
                waves=False,
                flips=False,
                log_file=place / "compile.log",
                precision=PRECISION,
                libraries=[library],
            )

        parts = [verilog.read_bytes(), library.parent.name.encode(), PRECISION.encode(), *flags(variant)]
        said = f"{place.name}: compiling {wiring.chips} chips' wires"
        directory = compiled(place, "simulator", parts, make, (TOP,), said)
    return SystemSimulator(directory, config, variant, wiring, delay)


def _library(config: ChipConfig, variant: Variant, root: Path) -> Path:
    """The compiled chip."""
    place = (root / f"{config.name}-{variant.name.lower()}-library").absolute()
    with locked(place):
        command = ["takt_hw.system", config.name, "--part", "chip", *variant.arguments]
        verilog = emitted(place, config.name, command)

        def make(work: Path) -> None:
            VerilatorRunner().compile_library(
                verilog,
                work,
                CHIP,
                optimize=variant.optimize,
                log_file=place / "compile.log",
                precision=PRECISION,
            )

        names = (f"lib{CHIP}.a", f"lib{CHIP}.sv")
        said = f"{place.name}: compiling the chip; this takes a minute or two, once"
        parts = [verilog.read_bytes(), PRECISION.encode(), *flags(variant)]
        return compiled(place, "library", parts, make, names, said) / names[0]
