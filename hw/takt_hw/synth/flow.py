"""One design point: Verilog, synthesis, placement, routing, a bitstream if it has a board, and figures of it all."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..boards import BOARDS, prepare
from ..chip import Chip
from ..config import ChipConfig
from ..tiles import TileLibrary
from ..verilog import TOP, convert
from .checks import problems
from .mapping import FLAT, NETLIST, synthesize
from .netlist import Area, Netlist
from .placing import CROWDED, DEVICE, DEVICE_OPTIONS, TIMED, Channels, place
from .report import AREA
from .tools import Report, Stuck, Tool, ToolError

RESULT = "result.json"

_SUMMARY = "netlist.summary.json"

_SYNTHESIS = ("mapping", "prune", "justify", "absorb", "copies", "macros", "ties")
"""Modules of this package that a netlist depends on."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """What is to be built."""

    config: ChipConfig
    board: str | None = "ulx3s"
    """None places the chip alone, out of context, as for a ULX3S."""
    mhz: float = 75.0
    seed: int = 1
    """With these two `ecp5` was routed: docs/fpga.md."""
    estimate: bool = False
    """Stop after placement."""


SEEDS = (1, 2, 3)
"""What `build_until_reached` tries: a seed and the order of cells are worth 10 % of the clock (docs/fpga.md)."""


class TooLarge(ToolError):
    """A design that its device has no room for.

    Attributes
    ----------
    by_slice : dict[str, Area]
        What each slice takes.
    """

    def __init__(self, chip: str, device: str, lacks: Sequence[str], by_slice: dict[str, Area]):
        super().__init__(f"{chip} must fit an {device}: it needs {', '.join(lacks)}")
        self.by_slice = by_slice


_ROOM = {
    "LFE5U-85F": Area(comb=83_640, ff=83_640, mult18=156, bram=208),
    "LFE5UM5G-45F": Area(comb=43_848, ff=43_848, mult18=72, bram=108),
}
"""What a device has (Lattice FPGA-DS-02012, table 1.1; LUTs and registers as nextpnr counts them)."""

_PACKED_LEAST, _PACKED = 1.07, 1.15
"""LUTs after packing, with those beside LUT RAMs and what legal places cost, for each before it: whole chips had 1.075
to 1.09. At least, and at most."""


@dataclass(frozen=True)
class _Sources:
    """Files of a design, and what nextpnr is to know of its device."""

    files: Sequence[str]
    top: str
    device: str
    options: Sequence[str]
    constraints: str | None
    pack: Sequence[str]


def build(point: Point, root: Path, report: Report = lambda doing: None) -> dict[str, Any]:
    """Build a design point below ``root``; its figures, which are also in `RESULT` in its directory.

    Designs that are alike, as with other seeds, are synthesized once.

    Raises
    ------
    ToolError
        A tool failed, or the netlist is not what was meant.
    ValueError
        The board cannot be that: a frequency its PLL cannot make, more links than it has pins for.
    """
    design = root / f"{point.config.name}-{point.config.digest.hex()[:8]}-{point.board or 'bare'}-{point.mhz:g}mhz"
    design.mkdir(parents=True, exist_ok=True)
    report("writing Verilog")
    sources = _write(point, design)
    seconds = _synthesize(sources, design, report)
    netlist = Netlist.of_summary(json.loads((design / _SUMMARY).read_text()))
    check_room(point, sources.device, netlist.by_slice())
    luts = math.ceil(_PACKED * sum(area.comb for area in netlist.by_slice().values()))
    directory = design / f"seed{point.seed}{'-estimate' if point.estimate else ''}"
    directory.mkdir(exist_ok=True)
    placed = place(
        directory,
        netlist=f"../{FLAT}",
        device=sources.options,
        channels=Channels(sources.device, luts),
        constraints=f"../{sources.constraints}" if sources.constraints else None,
        mhz=point.mhz,
        seed=point.seed,
        estimate=point.estimate,
        options=CROWDED if point.board else TIMED,
        pack=sources.pack,
        report=report,
    )
    result = {
        "device": sources.device,
        "board": point.board,
        "chip": point.config.name,
        "sizes": sizes(point.config),
        "asked_mhz": point.mhz,
        "seed": point.seed,
        "estimate": point.estimate,
        **placed.used,
        "available": placed.available,
        "fmax_mhz": placed.fmax_mhz,
        "clocks_mhz": placed.clocks,
        "macs": point.config.macs,
        "gmac_s": round(point.config.macs * placed.fmax_mhz / 1e3, 3),
        "worst_paths": [path.as_dict() for path in placed.worst_paths],
        "by_slice": {name: asdict(area) for name, area in netlist.by_slice().items()},
        "seconds": {"synthesis": round(seconds, 1), "placement": round(placed.seconds, 1)},
        "tools": {tool.value[0]: tool.version for tool in Tool} | {"amaranth": version("amaranth")},
        "directory": str(directory),
    }
    (directory / RESULT).write_text(json.dumps(result, indent=1) + "\n")
    return result


def build_until_reached(
    point: Point, root: Path, report: Report = lambda doing: None, seeds: Sequence[int] = SEEDS
) -> dict[str, Any]:
    """`build` with one seed after the other, until the clock is what was asked for; the fastest if it never is.

    The netlist is made once, so another seed costs what placement and routing do.

    Raises
    ------
    ToolError, ValueError
        As of `build`; `Stuck` only if nextpnr was with every seed.
    """
    results: list[dict[str, Any]] = []
    stuck: Stuck | None = None
    for seed in seeds:

        def report_seed(doing: str, seed: int = seed) -> None:
            report(f"seed {seed}, {doing}")

        try:
            results.append(build(replace(point, seed=seed), root, report_seed))
        except Stuck as error:
            stuck = error
        else:
            if results[-1]["fmax_mhz"] >= point.mhz:
                break
    if not results:
        raise stuck or ValueError("there must be a seed")
    return max(results, key=lambda result: result["fmax_mhz"])


def sizes(config: ChipConfig) -> dict[str, int]:
    """What a table of builds shows of one."""
    return {
        "lanes": config.lanes,
        "planes": sum(s.name.startswith("MXM") for s in config.slices),
        "streams": config.streams,
        "alus": config.vxm_alus,
        "mem_kib": len(config.mem_slices) * config.mem_words * config.lanes // 1024,
        "ecc": int(config.ecc),
    }


def check_room(point: Point, device: str, by_slice: dict[str, Area]) -> None:
    """TooLarge if something runs out, LUTs once they are packed."""
    room = _ROOM[device]
    needs = {name: sum(getattr(area, name) for area in by_slice.values()) for name in AREA}
    needs["comb"] = math.ceil(_PACKED_LEAST * needs["comb"])
    lacks = [
        f"{needs[name]:,} of {getattr(room, name):,} {heading}"
        for name, heading in AREA.items()
        if needs[name] > getattr(room, name)
    ]
    if lacks:
        raise TooLarge(point.config.name, device, lacks, by_slice)


def _write(point: Point, directory: Path) -> _Sources:
    if point.board is None:
        tiles = TileLibrary()
        (directory / "chip.v").write_text(convert(Chip(point.config, tiles=tiles), TOP, tiles))
        return _Sources(("chip.v",), TOP, DEVICE, DEVICE_OPTIONS, None, ())
    if point.board not in BOARDS:
        raise ValueError(f"board must be one of {', '.join(BOARDS)}, not {point.board!r}")
    project = prepare(point.board, point.config, point.mhz, directory)
    return _Sources(
        project.sources, project.top, project.device, project.place_options, project.constraints, project.pack_options
    )


def _synthesize(sources: _Sources, directory: Path, report: Report) -> float:
    """Make the netlist, unless it is there; seconds that making it took, whenever that was."""
    key = hashlib.sha256(Tool.YOSYS.version.encode())
    own = (Path(__file__).with_name(f"{name}.py") for name in _SYNTHESIS)
    for path in (*(directory / name for name in sources.files), *own):
        key.update(path.read_bytes())
    summary = directory / _SUMMARY
    with suppress(OSError, ValueError, KeyError):
        known = json.loads(summary.read_text())
        if known["key"] == key.hexdigest() and (directory / NETLIST).exists() and (directory / FLAT).exists():
            return known["seconds"]
    seconds = synthesize(sources.files, sources.top, directory, report=report)
    report("reading the netlist")
    begin = time.perf_counter()
    netlist = Netlist.read(directory / NETLIST)
    wrong = list(problems(netlist))
    if wrong:
        raise ToolError("; ".join(wrong))
    seconds += time.perf_counter() - begin
    summary.write_text(json.dumps(netlist.summary() | {"key": key.hexdigest(), "seconds": seconds}))
    return seconds
