"""What ``make synth`` prints of a design point, and of many."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from .timing import TimingPath

AREA = {"comb": "LUT", "ff": "FF", "mult18": "MULT18", "bram": "block RAM"}
"""Headings of the areas."""

WANTED = ("device", "comb", "ff", "mult18", "bram", "fmax_mhz", "macs", "gmac_s", "worst_paths")
"""What a result has at least, for whoever reads `build/synth.json`."""


def store(result: Mapping[str, Any], path: Path) -> None:
    """Write a result as JSON. ValueError if something is missing."""
    missing = [name for name in WANTED if name not in result]
    if missing:
        raise ValueError(f"a result must have {', '.join(missing)}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n")


def area_table(title: str, by_slice: Mapping[str, Mapping[str, int]]) -> Table:
    """A row for each slice, with its areas by the keys of AREA."""
    table = Table(title=title, title_justify="left")
    table.add_column("slice")
    for heading in AREA.values():
        table.add_column(heading, justify="right")
    for name, area in by_slice.items():
        table.add_row(name, *(f"{area[key]:,}" if area[key] else "" for key in AREA))
    return table


def show(result: Mapping[str, Any], console: Console) -> None:
    """Print a result: area of each slice, frequency, the slowest paths."""
    where = f"on {result['board']}" if result["board"] else "alone"
    table = area_table(f"{result['chip']} {where}, {result['device']}", result["by_slice"])
    table.add_section()
    table.add_row("after packing", *(f"{result[key]:,}" for key in AREA))
    available = result["available"]
    table.add_row("available", *(f"{available[key]:,}" for key in AREA))
    table.add_row("used", *(f"{result[key] / available[key]:.0%}" for key in AREA))
    console.print(table)
    kind = "estimated after placement" if result["estimate"] else "after routing"
    console.print(
        f"Fmax {result['fmax_mhz']:.1f} MHz {kind}, seed {result['seed']}, asked for {result['asked_mhz']:g}: "
        f"{result['macs']} MACs x Fmax = {result['gmac_s']:.1f} GMAC/s"
    )
    console.print("slowest paths, one for each bus of registers:")
    for path in result["worst_paths"]:
        console.print(f"  {TimingPath(**path)}", highlight=False, soft_wrap=True, markup=False)


_SIZES = {"lanes": "lanes", "planes": "planes", "streams": "streams", "alus": "ALUs"}


def tabulate(results: Sequence[Mapping[str, Any]], varied: Sequence[str], console: Console) -> None:
    """Print many results, a row each. One that failed has ``error`` instead of figures.

    Parameters
    ----------
    results : sequence of mapping
        Each with ``point``, what was varied, by name.
    varied : sequence of str
        Names of what was varied.
    """
    table = Table(title="design points", title_justify="left")
    extra = [name for name in varied if name != "seed" and name not in _SIZES]
    headings = ["chip", *_SIZES.values(), *extra, "seed", *AREA.values(), "Fmax MHz", "GMAC/s"]
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "chip" else "right")
    failed = []
    for result in results:
        point = result["point"]
        row = [result["chip"], *(str(result["sizes"].get(key, "")) for key in _SIZES)]
        row += [*(str(point[name]) for name in extra), str(result["seed"])]
        if "error" in result:
            failed.append(f"{_named(point)}: {result['error']}")
            row += [*("" for _ in AREA), "failed", ""]
        else:
            mark = "~" if result["estimate"] else ""
            row += [*(f"{result[key]:,}" for key in AREA), f"{mark}{result['fmax_mhz']:.1f}", f"{result['gmac_s']:.1f}"]
        table.add_row(*row)
    console.print(table)
    for line in failed:
        console.print(f"failed: {line}", markup=False, highlight=False, soft_wrap=True)


def _named(point: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in point.items()) or "the build as it is"
