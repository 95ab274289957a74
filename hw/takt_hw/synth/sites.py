"""LUTs, registers and block RAMs of a placed design that can move, and the sites that are free for them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .delays import Delays
from .timing import is_clock, plain

_SITE = re.compile(r"X(\d+)/Y(\d+)/SLICE([A-D])\.(K|FF)([01])$")
_RAM = re.compile(r"X(\d+)/Y(\d+)/(EBR\d)$")
_PLACE = re.compile(r"X(\d+)/Y(\d+)/")

_TIED = ("OFX", "FXA", "FXB", "F1", "M", "FCI", "FCO")
"""Ports of a LUT whose wires tie it to others beside it."""

_PART = {"TRELLIS_COMB": ".K0", "TRELLIS_FF": ".FF0"}
"""Of its slice, for what moves there alone or with its other half."""

_CONTROLS = ("CLK", "LSR", "CE")
_SETTINGS = ("CLKMUX", "LSRMUX", "CEMUX", "SRMODE")

_MARGIN = 8
"""Tiles."""

Tile = tuple[int, int]
Site = tuple[int, int, str]
"""A tile's column and row, and a letter of its slices or the name of its block RAM."""

Control = tuple
"""Nets and settings of a register's clock, reset and enable."""


@dataclass
class Unit:
    """What moves together: a LUT, a register, a register and the LUT that is its input, or a block RAM."""

    cells: list[str]
    place: Tile
    control: Control | None
    kind: str
    """``lut``, with or without a register, ``register`` or ``ram``: it needs a site that is free for that."""
    inputs: list[int] = field(default_factory=list)
    """Wires that come from elsewhere; ``outputs`` go there, ``within`` stay inside. Numbers of arcs."""
    outputs: list[int] = field(default_factory=list)
    within: list[int] = field(default_factory=list)

    @property
    def arcs(self) -> list[int]:
        """Wires whose delays depend on its place."""
        return [*self.inputs, *self.outputs]


class Sites:
    """Where cells are, and which slices and block RAMs are free.

    Parameters
    ----------
    cells : mapping
        Of a module that nextpnr placed.

    Attributes
    ----------
    places : dict
        Tile of each cell.
    moved : dict
        Site of each cell that was moved.
    """

    def __init__(self, cells: Mapping[str, Any]) -> None:
        self.places: dict[str, Tile] = {}
        self.moved: dict[str, str] = {}
        taken: set[Site] = set()
        fillers: set[Site] = set()
        rams: dict[Site, str] = {}
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
            if match := _RAM.match(bel):
                rams[*place, match[3]] = plain(name)
            if match := _SITE.match(bel):
                tiles.add(place)
                (fillers if _is_filler(cell) else taken).add((*place, match[3]))
                if match[4] == "FF":
                    controls[place].add(control_of(cell))
        # the registers of a slice whose LUTs are to stay empty are free
        slices = sorted({(*place, letter) for place in tiles - memories for letter in "ABCD"} - taken)
        # every row with block RAMs has them in the same columns
        self._sites = [*slices, *sorted({(x, y, name) for x, _, name in rams for _, y, _ in rams})]
        self._xy = np.array([s[:2] for s in self._sites], dtype=int).reshape(-1, 2)
        self._in_tile: dict[Tile, list[int]] = defaultdict(list)
        for n, (x, y, _) in enumerate(self._sites):
            self._in_tile[x, y].append(n)
        self._at = {rams[s]: n for n, s in enumerate(self._sites) if s in rams}
        is_slice = np.arange(len(self._sites)) < len(slices)
        self._open = {
            "lut": is_slice & np.array([s not in fillers for s in self._sites], dtype=bool),
            "register": is_slice,
            "ram": ~is_slice & np.array([s not in rams for s in self._sites], dtype=bool),
        }
        self._controls = controls
        self._fits: dict[Control, np.ndarray] = {}

    def free_for(self, unit: Unit, around: Sequence[Tile] = ()) -> np.ndarray:
        """Numbers of the sites that it can go to, all or those of the rectangle that holds some tiles and a margin."""
        free = self._open[unit.kind]
        if around:
            low, high = np.min(around, axis=0) - _MARGIN, np.max(around, axis=0) + _MARGIN
            free = free & ((self._xy >= low) & (self._xy <= high)).all(axis=1)
        if unit.control is not None:
            if unit.control not in self._fits:
                alone = {unit.control}
                self._fits[unit.control] = np.array([self._controls[s[:2]] <= alone for s in self._sites], dtype=bool)
            free = free & self._fits[unit.control]
        return np.flatnonzero(free)

    def places_of(self, sites: np.ndarray) -> np.ndarray:
        """Their tiles."""
        return self._xy[sites]

    def take(self, unit: Unit, number: int) -> None:
        """Put a unit into a site. Where a LUT or a register was nothing can go: it may have had neighbours there."""
        x, y, _ = self._sites[number]
        for free in self._open.values():
            free[number] = False
        if unit.kind == "ram":
            self._open["ram"][self._at[unit.cells[0]]] = True
            self._at[unit.cells[0]] = number
        if unit.control is not None:
            self._controls[x, y].add(unit.control)
            for control, fits in self._fits.items():
                if control != unit.control:
                    fits[self._in_tile[x, y]] = False
        self._put(unit, number)

    def exchange(self, one: Unit, other: Unit) -> None:
        """Exchange two block RAMs."""
        numbers = self._at[other.cells[0]], self._at[one.cells[0]]
        for unit, number in zip((one, other), numbers, strict=True):
            self._at[unit.cells[0]] = number
            self._put(unit, number)

    def _put(self, unit: Unit, number: int) -> None:
        x, y, part = self._sites[number]
        unit.place = x, y
        for name in unit.cells:
            self.places[name] = x, y
            self.moved[name] = f"X{x}/Y{y}/{part if unit.kind == 'ram' else f'SLICE{part}'}"


def write(moved: Mapping[str, str], cells: Mapping[str, Any]) -> None:
    """Tell nextpnr where cells moved to: `Sites.moved`."""
    for name, cell in cells.items():
        if site := moved.get(plain(name)):
            cell["attributes"]["NEXTPNR_BEL"] = site + _PART.get(cell["type"], "")


def units_of(cells: Mapping[str, Any], delays: Delays, sites: Sites) -> list[Unit]:
    """All that can move."""
    bels = {name: cell["attributes"].get("NEXTPNR_BEL", "") for name, cell in cells.items()}
    at = {bel: name for name, bel in bels.items() if _SITE.match(bel) or _RAM.match(bel)}
    arcs: dict[str, list[int]] = defaultdict(list)
    tied = set()
    for n, (source, target) in delays.wires.items():
        if target[1] in _TIED and target[1] != "M":
            tied.add(source[0])
        if not is_clock(target[1]):
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
        elif cell["type"] != "DP16KD":
            continue
        if lut is not None and not is_alone(lut):
            continue
        members = {plain(name), *([] if lut is None else [plain(lut)])}
        kind = "ram" if cell["type"] == "DP16KD" else "register" if lut is None else "lut"
        unit = Unit(sorted(members), sites.places[plain(name)], control, kind)
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
