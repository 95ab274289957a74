"""LUTs and registers of a placed design that can move, and the slices that are free for them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .delays import Delays
from .timing import plain

_SITE = re.compile(r"X(\d+)/Y(\d+)/SLICE([A-D])\.(K|FF)([01])$")
_PLACE = re.compile(r"X(\d+)/Y(\d+)/")

_TIED = ("OFX", "FXA", "FXB", "F1", "M", "FCI", "FCO")
"""Ports of a LUT whose wires tie it to others beside it."""

_CONTROLS = ("CLK", "LSR", "CE")
_SETTINGS = ("CLKMUX", "LSRMUX", "CEMUX", "SRMODE")

Tile = tuple[int, int]
Slice = tuple[int, int, str]

Control = tuple
"""Nets and settings of a register's clock, reset and enable."""


@dataclass
class Unit:
    """What moves together: a LUT, a register, or a register and the LUT that is its input."""

    cells: list[str]
    place: Tile
    control: Control | None
    lut: bool
    inputs: list[int] = field(default_factory=list)
    """Wires that come from elsewhere; ``outputs`` go there, ``within`` stay inside. Numbers of arcs."""
    outputs: list[int] = field(default_factory=list)
    within: list[int] = field(default_factory=list)

    @property
    def arcs(self) -> list[int]:
        """Wires whose delays depend on its place."""
        return [*self.inputs, *self.outputs]


class Sites:
    """Where cells are, and which slices are free.

    Parameters
    ----------
    cells : mapping
        Of a module that nextpnr placed.

    Attributes
    ----------
    places : dict
        Tile of each cell.
    """

    def __init__(self, cells: Mapping[str, Any]) -> None:
        self.places: dict[str, Tile] = {}
        self._moved: dict[str, str] = {}
        taken: set[Slice] = set()
        fillers: set[Slice] = set()
        memories: set[Tile] = set()
        tiles: set[Tile] = set()
        controls: dict[Tile, set[Control]] = defaultdict(set)
        for name, cell in cells.items():
            bel = cell["attributes"].get("NEXTPNR_BEL", "")
            if not (match := _PLACE.match(bel)):
                continue
            place = int(match[1]), int(match[2])
            self.places[plain(name)] = place
            if cell["type"] == "TRELLIS_RAMW":
                memories.add(place)
            if match := _SITE.match(bel):
                tiles.add(place)
                (fillers if _is_filler(cell) else taken).add((*place, match[3]))
                if match[4] == "FF":
                    controls[place].add(control_of(cell))
        # the registers of a slice whose LUTs are to stay empty are free
        slices = sorted({(*place, letter) for place in tiles - memories for letter in "ABCD"} - taken)
        self._slices = slices
        self._xy = np.array([s[:2] for s in slices], dtype=int).reshape(-1, 2)
        self._open = {True: np.array([s not in fillers for s in slices], dtype=bool)}
        self._open[False] = np.ones(len(slices), dtype=bool)
        self._controls = controls
        self._fits: dict[Control, np.ndarray] = {}

    def free_for(self, unit: Unit) -> np.ndarray:
        """Numbers of the slices that it can go to."""
        free = self._open[unit.lut]
        if unit.control is not None:
            if unit.control not in self._fits:
                alone = {unit.control}
                self._fits[unit.control] = np.array([self._controls[s[:2]] <= alone for s in self._slices], dtype=bool)
            free = free & self._fits[unit.control]
        return np.flatnonzero(free)

    def places_of(self, slices: np.ndarray) -> np.ndarray:
        """Their tiles."""
        return self._xy[slices]

    def take(self, unit: Unit, number: int) -> None:
        """Put a unit into a slice. Where it was nothing can go: it may have had neighbours there."""
        x, y, letter = self._slices[number]
        for free in self._open.values():
            free[number] = False
        if unit.control is not None:
            self._controls[x, y].add(unit.control)
            for control, fits in self._fits.items():
                if control != unit.control:
                    fits[(self._xy == (x, y)).all(axis=1)] = False
        unit.place = x, y
        for name in unit.cells:
            self.places[name] = x, y
            self._moved[name] = f"X{x}/Y{y}/SLICE{letter}"

    def write(self, cells: Mapping[str, Any]) -> None:
        """Tell nextpnr."""
        for name, cell in cells.items():
            if slice_ := self._moved.get(plain(name)):
                cell["attributes"]["NEXTPNR_BEL"] = f"{slice_}.{'FF0' if cell['type'] == 'TRELLIS_FF' else 'K0'}"


def units_of(cells: Mapping[str, Any], delays: Delays, sites: Sites) -> list[Unit]:
    """All that can move."""
    at = {bel: name for name, cell in cells.items() if _SITE.match(bel := cell["attributes"].get("NEXTPNR_BEL", ""))}
    arcs: dict[str, list[int]] = defaultdict(list)
    tied = set()
    for n, (source, target) in delays.wires.items():
        if target[1] in _TIED and target[1] != "M":
            tied.add(source[0])
        if target[1] != "CLK":
            for name in {source[0], target[0]}:
                arcs[name].append(n)

    def is_alone(lut: str) -> bool:
        cell = cells[lut]
        wired = any(cell["connections"].get(port) for port in _TIED)
        return not (wired or "MODE" in cell["parameters"] or _is_filler(cell) or plain(lut) in tied)

    units = []
    for bel, name in at.items():
        cell, lut, control = cells[name], None, None
        if cell["type"] == "TRELLIS_FF":
            control = control_of(cell)
            if _is_fed_beside(cell):
                lut = at.get(bel.replace(".FF", ".K"))
                if lut is None or cells[lut]["connections"].get("F") != cell["connections"]["DI"]:
                    continue
        elif cell["type"] == "TRELLIS_COMB":
            lut = name
            beside = at.get(bel.replace(".K", ".FF"))
            if beside is not None and _is_fed_beside(cells[beside]):
                continue
        else:
            continue
        if lut is not None and not is_alone(lut):
            continue
        members = {plain(name), *([] if lut is None else [plain(lut)])}
        unit = Unit(sorted(members), sites.places[plain(name)], control, lut is not None)
        for arc in dict.fromkeys(arc for member in sorted(members) for arc in arcs[member]):
            source, target = delays.wires[arc]
            inside = source[0] in members, target[0] in members
            (unit.within if all(inside) else unit.outputs if inside[0] else unit.inputs).append(arc)
        units.append(unit)
    return units


def control_of(cell: Mapping[str, Any]) -> Control:
    """What the registers of one tile have in common here."""
    nets = (tuple(cell["connections"].get(port, ())) for port in _CONTROLS)
    return (*nets, *(cell["parameters"].get(name, "").strip() for name in _SETTINGS))


def _is_fed_beside(register: Mapping[str, Any]) -> bool:
    """Whether its input is the output of the LUT beside it."""
    return register["parameters"].get("SD", "").strip() == "1"


def _is_filler(cell: Mapping[str, Any]) -> bool:
    """Whether it is a LUT that only keeps its site empty."""
    return cell["type"] == "TRELLIS_COMB" and "MODE" not in cell["parameters"] and not any(cell["connections"].values())
