"""Placement, routing and the bitstream, with nextpnr and ecppack."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .macros import exchange
from .mapping import FLAT
from .timing import TimingPath, worst_paths
from .tools import Report, Tool, ToolError, run

DEVICE = "LFE5U-85F"

DEVICE_OPTIONS = ("--85k", "--package", "CABGA381", "--speed", "6")
"""nextpnr's for the ULX3S-85F, for a chip without a board."""

TIMED = ("--placer", "heap", "--router", "router2")
"""For a part alone, whose wires are short: as fast as can be."""

CROWDED = ("--placer", "static", "--router", "router2")
"""For a whole chip, which has to be routed at all: docs/design/synthesis.md."""

_LOG, _REPORT, _SDF, _CONFIG = "nextpnr.log", "report.json", "delays.sdf", "routed.config"

_PLACED = "placed.json"

BITSTREAM = "takt.bit"

_MOST_ITERATIONS = 1_500
"""Of nextpnr's static placer. `ecp5` takes 560; on one of little but multipliers and block RAMs it goes on for ever."""

_MOST_PASSES = 50
"""Of its router, since fewer wires than ever were taken twice: `ecp5` has waited for 4."""

_ITERATION = re.compile(r"Info: +iter=(\d+) steplen")
_PASS = re.compile(r"Info: +iter=\d+ wires=\d+ overused=(\d+)")

_CELLS = {"comb": "TRELLIS_COMB", "ff": "TRELLIS_FF", "mult18": "MULT18X18D", "bram": "DP16KD"}


class Patience:
    """Tells when nextpnr goes on without coming nearer to an end, from what it says."""

    def __init__(self) -> None:
        self._fewest: int | None = None
        self._since = 0

    def __call__(self, line: str) -> str | None:
        """Why it should be stopped after this line, if it should."""
        if placing := _ITERATION.match(line):
            if int(placing[1]) > _MOST_ITERATIONS:
                return f"placement must end within {_MOST_ITERATIONS:,} iterations; try another SEED"
        elif routing := _PASS.match(line):
            wires = int(routing[1])
            if self._fewest is None or wires < self._fewest:
                self._fewest, self._since = wires, 0
            else:
                self._since += 1
            if self._since >= _MOST_PASSES:
                return f"{self._fewest:,} wires stayed taken twice for {_MOST_PASSES} passes; try another SEED or MHZ"
        return None


@dataclass(frozen=True)
class Placed:
    """What came of one placement."""

    used: dict[str, int]
    """Of comb, ff, mult18 and bram."""
    available: dict[str, int]
    fmax_mhz: float
    """Of the chip's clock; if nothing was routed an estimate, of the slowest."""
    clocks: dict[str, float]
    """MHz of every clock; none if nothing was routed."""
    worst_paths: list[TimingPath]
    seconds: float


def place(
    directory: Path,
    *,
    netlist: str = FLAT,
    device: Sequence[str] = DEVICE_OPTIONS,
    constraints: str | None = None,
    mhz: float,
    seed: int = 1,
    estimate: bool = False,
    options: Sequence[str] = TIMED,
    pack: Sequence[str] = ("--compress",),
    report: Report = lambda doing: None,
    timeout: float | None = None,
) -> Placed:
    """Place and route a netlist in ``directory``, and with constraints also write `BITSTREAM` there.

    Parameters
    ----------
    netlist, constraints : str
        Files, relative to ``directory``. Without constraints it is placed out of context: no pins, and no bitstream.
    device, options, pack : sequence of str
        For nextpnr, and for ecppack.
    mhz : float
        What the clocks should reach. One that does not is no error.
    seed : int
        Of the placement.
    estimate : bool
        Stop after placement: an estimate in minutes, where routing takes hours.
    report, timeout
        As of `tools.run`.

    Raises
    ------
    ToolError
        It does not fit, cannot be routed, is stuck (`Patience`), or took too long.
    """
    always = [*device, "--seed", str(seed), "--freq", f"{mhz:g}", "--timing-allow-fail", *options]
    always += ["--lpf", constraints] if constraints else ["--out-of-context"]
    arguments = [*always, "--json", netlist, "--no-route", "--write", _PLACED]
    seconds = run(
        Tool.NEXTPNR, arguments, directory, log="placement.log", report=report, stuck=Patience(), timeout=timeout
    )
    report("exchanging block RAMs and multipliers")
    placed = json.loads((directory / _PLACED).read_text())
    exchange(next(module for module in placed["modules"].values() if "top" in module["attributes"]))
    (directory / _PLACED).write_text(json.dumps(placed))
    routed = constraints is not None and not estimate
    arguments = [*always, "--json", _PLACED, "--no-pack", "--no-place", "--report", _REPORT, "--sdf", _SDF]
    arguments += ["--no-route"] if estimate else ["--textcfg", _CONFIG] if routed else []
    seconds += run(Tool.NEXTPNR, arguments, directory, log=_LOG, report=report, stuck=Patience(), timeout=timeout)
    (directory / _PLACED).unlink()
    report("tracing the slowest paths")
    try:
        paths = worst_paths(directory / _SDF)
    finally:
        (directory / _SDF).unlink(missing_ok=True)  # hundreds of megabytes
    if routed:
        arguments = [*pack, "--input", _CONFIG, "--bit", BITSTREAM]
        seconds += run(Tool.ECPPACK, arguments, directory, log="ecppack.log", report=report, timeout=timeout)
    found = json.loads((directory / _REPORT).read_text())["utilization"]
    used, available = ({name: found[cell][of] for name, cell in _CELLS.items()} for of in ("used", "available"))
    if not paths:
        raise ToolError("the design must have a clock, with registers at both ends of some path")
    clocks = frequencies((directory / _LOG).read_text())
    achieved = {name: reached for name, (reached, _) in clocks.items()}
    # Of what is not routed nextpnr says nothing. Of a board's clocks the chip's is the one that was asked for that
    # frequency, to the rounding of a PLL.
    asked = min(clocks.values(), key=lambda clock: (round(abs(clock[1] - mhz), 1), clock[0]), default=None)
    fmax = asked[0] if asked else round(1e3 / paths[0].ns, 2)
    return Placed(used, available, fmax, achieved, paths, seconds)


def frequencies(log: str) -> dict[str, tuple[float, float]]:
    """MHz that each clock reaches, and that were asked for, by its net: what nextpnr said last of it.

    Its report has them only once a design is routed.
    """
    lines = re.findall(r"Max frequency for clock\s+'([^']+)': ([\d.]+) MHz \(\w+ at ([\d.]+) MHz\)", log)
    return {name: (float(reached), float(asked)) for name, reached, asked in lines}
