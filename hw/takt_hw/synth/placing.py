"""Placement, routing and the bitstream, with nextpnr and ecppack."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .channels import MOST_WIRES, is_block, leave, measure
from .macros import KINDS, exchange, fix
from .mapping import FLAT
from .relocate import relocate
from .timing import TimingPath, worst_paths
from .tools import Report, Stuck, Tool, ToolError, run

DEVICE = "LFE5U-85F"

DEVICE_OPTIONS = ("--85k", "--package", "CABGA381", "--speed", "6")
"""nextpnr's for the ULX3S-85F, for a chip without a board."""

TIMED = ("--placer", "heap", "--router", "router2")
"""For a part alone, whose wires are short: as fast as can be."""

CROWDED = ("--placer", "static", "--router", "router2")
"""For a whole chip, which has to be routed at all: docs/design/synthesis.md."""

_LOG, _REPORT, _SDF, _CONFIG = "nextpnr.log", "report.json", "delays.sdf", "routed.config"

_NETLIST, _PLACED = "netlist.placement.json", "placed.json"

_AIM_MHZ = 75
"""What nextpnr is asked for at least, of every clock: docs/design/synthesis.md."""

_RELOCATIONS = 4
"""Times that cells on slow paths move, at most: what one leaves is free for the next."""

_WORTH = 0.99
"""Part of the slowest path that one of them must leave at most for another to be tried."""

_ASKED = (0.95, 0.87, 0.8)
"""Parts of the frequency estimated after placement that the router is asked for, one after the other until it ends. At
last it may be late: short wires are slower than they were estimated, so a small part alone may not come so far."""

BITSTREAM = "takt.bit"

_MOST_ITERATIONS = 1_500
"""Of nextpnr's static placer. `ecp5` takes 560; on one of little but multipliers and block RAMs it goes on for ever."""

_MOST_PASSES = 150
"""Of its router, since fewer wires than ever were taken twice: `ecp5` waited for up to 37, with the last wire."""

_MOST_LATE_PASSES = 50
"""The same, while some connections are too slow."""

_ITERATION = re.compile(r"Info: +iter=(\d+) steplen")
_PASS = re.compile(r"Info: +iter=\d+ wires=\d+ overused=(\d+) overuse=\d+(?: tmgfail=(\d+))?")

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
            late = int(routing[2] or 0)
            wrong = int(routing[1]) + late
            if self._fewest is None or wrong < self._fewest:
                self._fewest, self._since = wrong, 0
            else:
                self._since += 1
            if self._since >= (_MOST_LATE_PASSES if late else _MOST_PASSES):
                what = "taken twice, or connections late," if late else "taken twice"
                return f"{self._fewest:,} wires stayed {what} for {self._since} passes; try another SEED or MHZ"
        return None


@dataclass(frozen=True)
class Channels:
    """What there must be room for beside rows of empty LUTs."""

    device: str
    """Lattice's name of it, as ``LFE5U-85F``."""
    luts: int
    """How many there are at most, once they are packed."""


@dataclass(frozen=True)
class Placed:
    """What came of one placement."""

    used: dict[str, int]
    """Of comb, ff, mult18 and bram; without LUTs that are left empty."""
    available: dict[str, int]
    fmax_mhz: float
    """Of the slowest clock: links run at the chip's. An estimate if nothing was routed."""
    clocks: dict[str, float]
    """MHz of every clock; none if nothing was routed."""
    worst_paths: list[TimingPath]
    seconds: float


def place(
    directory: Path,
    *,
    netlist: str = FLAT,
    device: Sequence[str] = DEVICE_OPTIONS,
    channels: Channels | None = None,
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
    channels : Channels, optional
        What is known for rows to be left empty. None are without it.
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
    always = [*device, "--seed", str(seed), "--freq", f"{max(mhz, _AIM_MHZ):g}", "--timing-allow-fail", *options]
    always += ["--lpf", constraints] if constraints else ["--out-of-context"]

    def nextpnr(*arguments: str, log: str) -> None:
        run(Tool.NEXTPNR, [*always, *arguments], directory, log=log, report=report, stuck=Patience(), timeout=timeout)

    begin = time.perf_counter()
    blocks = _place_cells(directory, json.loads((directory / netlist).read_text()), channels, nextpnr, report)
    timed = ["--json", _PLACED, "--no-pack", "--no-place", "--sdf", _SDF]
    for _ in range(_RELOCATIONS):
        nextpnr(*timed, "--no-route", log="estimate.log")
        before_ns, after_ns = _relocate_placed(directory, report)
        if not after_ns < _WORTH * before_ns:
            break
    estimated_mhz = 1e3 / after_ns
    routed = constraints is not None and not estimate
    timed += ["--report", _REPORT]
    if estimate:
        nextpnr(*timed, "--no-route", log=_LOG)
    else:
        timed += ["--textcfg", _CONFIG] if routed else []
        for part in _ASKED:
            _ask(directory, part * estimated_mhz)
            with suppress(Stuck):
                nextpnr(*timed, "--tmg-ripup", log=_LOG)
                break
        else:
            nextpnr(*timed, log=_LOG)
    (directory / _PLACED).unlink()
    report("tracing the slowest paths")
    try:
        paths = worst_paths(directory / _SDF)
    finally:
        (directory / _SDF).unlink(missing_ok=True)  # hundreds of megabytes
    if routed:
        arguments = [*pack, "--input", _CONFIG, "--bit", BITSTREAM]
        run(Tool.ECPPACK, arguments, directory, log="ecppack.log", report=report, timeout=timeout)
    found = json.loads((directory / _REPORT).read_text())["utilization"]
    found["TRELLIS_COMB"]["used"] -= blocks
    used, available = ({name: found[cell][of] for name, cell in _CELLS.items()} for of in ("used", "available"))
    if not paths:
        raise ToolError("the design must have a clock, with registers at both ends of some path")
    clocks = frequencies((directory / _LOG).read_text())
    # of what is not routed nextpnr says nothing
    fmax = min(clocks.values(), default=round(1e3 / paths[0].ns, 2))
    return Placed(used, available, fmax, clocks, paths, time.perf_counter() - begin)


def _place_cells(
    directory: Path,
    design: dict[str, Any],
    channels: Channels | None,
    nextpnr: Callable[..., None],
    report: Report,
) -> int:
    """Place a design as `_PLACED`; LUTs that are left empty.

    Twice if it has block RAMs or multipliers, which are then fixed; and once more, around the same of these, if wires
    are crowded somewhere.
    """

    def place_once(log: str) -> bool:
        _write(design, directory / _NETLIST)
        nextpnr("--json", _NETLIST, "--no-route", "--write", _PLACED, log=log)
        (directory / _NETLIST).unlink()
        return _exchange_placed(directory, report)

    top = _top(design)
    if channels:
        leave(top, channels.device, channels.luts)
    if place_once("placement.log"):
        fix(top, _read_placed(directory))
        place_once("placement2.log")
        placed = _read_placed(directory)
        if channels and (crowding := measure(placed, channels.device)).max() > MOST_WIRES:
            fix(top, placed)
            leave(top, channels.device, _luts(placed), crowding)
            place_once("placement3.log")
    return sum(map(is_block, top["cells"]))


def _top(design: dict[str, Any]) -> dict[str, Any]:
    return next(module for module in design["modules"].values() if "top" in module["attributes"])


def _read_placed(directory: Path) -> dict[str, Any]:
    return _top(json.loads((directory / _PLACED).read_text()))


def _luts(placed: Mapping[str, Any]) -> int:
    """LUTs of what is placed, those aside that keep rows empty."""
    return sum(cell["type"] == "TRELLIS_COMB" and not is_block(name) for name, cell in placed["cells"].items())


def _write(design: dict[str, Any], path: Path) -> None:
    path.write_text(json.dumps(design))


def _exchange_placed(directory: Path, report: Report) -> bool:
    """Exchange block RAMs and multipliers of what is placed; whether there are any."""
    report("exchanging block RAMs and multipliers")
    design = json.loads((directory / _PLACED).read_text())
    exchange(_top(design))
    _write(design, directory / _PLACED)
    return any(cell["type"] in KINDS for cell in _top(design)["cells"].values())


def _relocate_placed(directory: Path, report: Report) -> tuple[float, float]:
    """Move cells on the slowest paths of what is placed; the slowest before and after, in ns."""
    report("moving cells on the slowest paths")
    design = json.loads((directory / _PLACED).read_text())
    found = relocate(_top(design), directory / _SDF)
    _write(design, directory / _PLACED)
    return found


def _ask(directory: Path, mhz: float) -> None:
    """Set the frequency that is asked of what is placed. That in the file counts, not ``--freq``."""
    design = json.loads((directory / _PLACED).read_text())
    _top(design)["settings"]["target_freq"] = f"{mhz * 1e6:f}"
    _write(design, directory / _PLACED)


def frequencies(log: str) -> dict[str, float]:
    """MHz that each clock reaches, by its net: what nextpnr said last of it.

    Its report has them only once a design is routed.
    """
    lines = re.findall(r"Max frequency for clock\s+'([^']+)': ([\d.]+) MHz \(\w+ at [\d.]+ MHz\)", log)
    return {name: float(reached) for name, reached in lines}
