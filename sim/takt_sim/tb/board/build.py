"""Simulators of a board: the chip's RTL behind its serial line, compiled once."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from takt_hw.config import BUILDS, ChipConfig

from ..build import BUILD_ROOT, Simulator, Variant, compiled, emitted, flags, locked
from ..verilator import TOP, VerilatorRunner

FAST_LINE = Fraction(4)
"""Cycles per bit of the fastest line that there is: the one to test with."""

TRUE_LINE = Fraction(100, 3)
"""Cycles per bit at 3 Mbaud and 100 MHz."""


def build_board(
    config: ChipConfig,
    clocks_per_bit: Fraction = FAST_LINE,
    *,
    host_clocks_per_bit: Fraction | None = None,
    root: Path = BUILD_ROOT,
) -> Simulator:
    """The simulator of a named build on a board; compiled now if that has not been done before.

    Parameters
    ----------
    config : ChipConfig
        A named build.
    clocks_per_bit : Fraction
        Length of the board's bits in cycles.
    host_clocks_per_bit : Fraction
        That of the host's bits; the same if not given.
    root : Path
        Where simulators are kept.

    Raises
    ------
    BuildError
        No C++ compiler, or the board does not compile.
    ValueError
        If ``config`` is none of the named builds.
    """
    if BUILDS.get(config.name) != config:
        raise ValueError(f"config must be one of {', '.join(BUILDS)}, not {config.name!r}")
    lines = {"clocks-per-bit": clocks_per_bit, "host-clocks-per-bit": host_clocks_per_bit or clocks_per_bit}
    arguments = [part for name, value in lines.items() for part in (f"--{name}", str(value))]
    place = (root / f"{config.name}-board").absolute()

    with locked(place):
        verilog = emitted(place, f"a board with {config.name}", ["takt_hw.boards.bench", config.name, *arguments])

        def make(work: Path) -> None:
            VerilatorRunner().compile(
                verilog, work, optimize="-O1", waves=False, flips=False, log_file=place / "compile.log"
            )

        said = f"{place.name}: compiling the simulator; this takes a minute or two, once"
        parts = [verilog.read_bytes(), *flags(Variant.FAST), b"-O1"]
        return Simulator(compiled(place, "simulator", parts, make, (TOP,), said), config, Variant.FAST)
