"""Block RAMs and multipliers change places after placement, so that their wires are short.

nextpnr spreads these over the few rows that have them by a rule of its own, and what it moves afterwards are LUTs and
registers alone: the two block RAMs of an instruction queue can come to stand at opposite ends of the device. All of a
kind are alike, and nothing else stands in their sites, so they can be exchanged at will: an assignment problem, of
which the best solution is known (SciPy's ``linear_sum_assignment``).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

KINDS = ("DP16KD", "MULT18X18D")

CONTROLS = ("CLK", "CE", "RST")
"""Ports of a multiplier, of which four in a row have the same few wires."""

_LATE = 8
"""A pin of a block RAM without a register behind it counts for so many: 5.8 ns of a cycle are gone inside."""

_WIDE = 70
"""Pins of a net that is too wide for a cell's place to matter."""

_PLACE = re.compile(r"X(\d+)/Y(\d+)/")


def exchange(module: dict[str, Any]) -> dict[str, float]:
    """Exchange cells of a module that nextpnr placed, as its ``--write`` writes it.

    Returns, for each of `KINDS`, the length of their wires as a fraction of what it was, late ones weighted.
    """
    cells: dict[str, dict[str, Any]] = module["cells"]
    places = {name: np.array(place) for name, cell in cells.items() if (place := place_of(cell)) is not None}
    nets: dict[int, list[str]] = defaultdict(list)
    for name, cell in cells.items():
        for port, bits in cell["connections"].items():
            if "CLK" not in port:
                for bit in bits:
                    if isinstance(bit, int):
                        nets[bit].append(name)
    return {kind: _exchange(cells, places, nets, kind) for kind in KINDS}


def fix(module: dict[str, Any], placed: Mapping[str, Any]) -> None:
    """Fix cells of `KINDS` of a module to where they are in ``placed``, the same one as nextpnr placed it."""
    for name, cell in placed["cells"].items():
        if cell["type"] in KINDS:
            module["cells"][name]["attributes"]["BEL"] = cell["attributes"]["NEXTPNR_BEL"]


def _exchange(cells: Mapping[str, Any], places: dict, nets: Mapping[int, list[str]], kind: str) -> float:
    alike: dict[tuple, list[str]] = defaultdict(list)
    for name in places:
        if cells[name]["type"] == kind:
            alike[_controls(cells[name])].append(name)
    before = after = 0.0
    for names in alike.values():
        was, now = _assign(cells, places, nets, names)
        before, after = before + was, after + now
    return after / before if before else 1.0


def _assign(
    cells: Mapping[str, Any], places: dict, nets: Mapping[int, list[str]], names: Sequence[str]
) -> tuple[float, float]:
    """Exchange some cells; the length of their wires before and after."""
    movable = {name: n for n, name in enumerate(names)}
    sites = [cells[name]["attributes"]["NEXTPNR_BEL"] for name in movable]
    there = np.array([places[name] for name in movable])
    length = np.zeros((len(movable), len(sites)))
    for pins in nets.values():
        mine = [name for name in pins if name in movable]
        others = [places[name] for name in pins if name in places and name not in movable]
        if mine and others and len(pins) <= _WIDE:
            away = np.abs(there - np.mean(others, axis=0)).sum(axis=1)
            for name in mine:
                length[movable[name]] += away * (_LATE if _is_late(cells[name]) else 1)
    chosen = linear_sum_assignment(length)[1]
    for n, site in enumerate(chosen):
        cells[names[n]]["attributes"]["NEXTPNR_BEL"] = sites[site]
        places[names[n]] = there[site]
    return float(np.trace(length)), float(length[np.arange(len(names)), chosen].sum())


def _controls(cell: Mapping[str, Any]) -> tuple:
    """Nets that neighbouring multipliers share: only those with the same can change places."""
    if cell["type"] != "MULT18X18D":
        return ()
    return tuple(sorted((port, *bits) for port, bits in cell["connections"].items() if port.startswith(CONTROLS)))


def place_of(cell: Mapping[str, Any]) -> tuple[int, int] | None:
    """Column and row of the tile that a cell was placed in, if it was."""
    match = _PLACE.match(cell["attributes"].get("NEXTPNR_BEL", ""))
    return (int(match[1]), int(match[2])) if match else None


def _is_late(cell: Mapping[str, Any]) -> bool:
    modes = {cell["parameters"].get(f"REGMODE_{side}", "NOREG").strip() for side in "AB"}
    return cell["type"] == "DP16KD" and "OUTREG" not in modes
