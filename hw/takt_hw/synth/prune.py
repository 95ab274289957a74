"""Cells that nobody needs, found across modules: synthesis that keeps the hierarchy cannot see past a module's ports.

Such are the registers of a stream that no slice farther on can name, of one that no slice before can have filled, and
of ports that only a bench looks at. A module that stands in several places keeps what is needed in one of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .netlist import PRIMITIVES, is_black_box

Net = int | str
"""A number, or a constant: ``0``, ``1``, ``x`` or ``z``."""

_CONSTANTS = ("0", "1", "x", "z")


def prune(design: dict[str, Any], top: str) -> int:
    """Do it in a netlist, as yosys' ``write_json`` writes it; cells that are gone, counted once per module."""
    modules = {name: module for name, module in design["modules"].items() if not is_black_box(module)}
    flat = _Flat(modules, top)
    constants = flat.constants()
    live = flat.live(constants)
    needed = {(cell.module, cell.name) for n, cell in enumerate(flat.cells) if n in live}
    gone = 0
    for name in {cell.module for cell in flat.cells}:
        _replace(modules[name], flat.common(name, constants))
        cells = modules[name]["cells"]
        for unneeded in [c for c, about in cells.items() if about["type"] in PRIMITIVES and (name, c) not in needed]:
            del cells[unneeded]
            gone += 1
    return gone


def _replace(module: dict[str, Any], constants: Mapping[int, str]) -> None:
    """Put constants in the place of nets that never change, where they are read."""
    for cell in module["cells"].values():
        for port, bits in cell["connections"].items():
            if cell["port_directions"][port] == "input":
                cell["connections"][port] = [constants.get(bit, bit) for bit in bits]


@dataclass(frozen=True)
class _Cell:
    """One cell in one place."""

    module: str
    name: str
    about: dict[str, Any]
    nets: dict[str, list[Net]]

    def inputs(self) -> Iterator[Net]:
        for port, nets in self.nets.items():
            if self.about["port_directions"][port] != "output":
                yield from nets

    def outputs(self) -> Iterator[Net]:
        for port, nets in self.nets.items():
            if self.about["port_directions"][port] != "input":
                yield from nets


class _Flat:
    """All cells of a netlist, with nets that have one name across modules."""

    def __init__(self, modules: Mapping[str, dict[str, Any]], top: str) -> None:
        self._modules = modules
        self._same: dict[Net, Net] = {}
        """Nets that turned out to be another one: a module's input that is also its output."""
        self._count = 0
        self.cells: list[_Cell] = []
        self.nets_of: dict[str, list[dict[Net, Net]]] = defaultdict(list)
        """For each module, and each place it stands in, its own nets' names across modules."""
        self._walk(top, {})
        for cell in self.cells:
            for port, nets in cell.nets.items():
                cell.nets[port] = [self._named(net) for net in nets]
        (outside,) = self.nets_of[top]
        ports = modules[top]["ports"].values()
        self._outputs = [
            self._named(outside[b]) for p in ports if p["direction"] != "input" for b in p["bits"] if b in outside
        ]

    def _walk(self, name: str, nets: dict[Net, Net]) -> None:
        nets |= {constant: constant for constant in _CONSTANTS}
        self.nets_of[name].append(nets)

        def of(bit: Net) -> Net:
            if bit not in nets:
                self._count += 1
                nets[bit] = self._count
            return nets[bit]

        for instance, cell in self._modules[name]["cells"].items():
            connected = {port: [of(bit) for bit in bits] for port, bits in cell["connections"].items()}
            if cell["type"] not in self._modules:
                self.cells.append(_Cell(name, instance, cell, connected))
                continue
            inner: dict[Net, Net] = {}
            for port, about in self._modules[cell["type"]]["ports"].items():
                for bit, net in zip(about["bits"], connected.get(port, ()), strict=False):
                    known = bit if bit in _CONSTANTS else inner.setdefault(bit, net)
                    if known != net:
                        self._same[net] = known
            self._walk(cell["type"], inner)

    def _named(self, net: Net) -> Net:
        while net in self._same:
            net = self._same[net]
        return net

    def constants(self) -> dict[Net, str]:
        """Nets that never change, and what they are."""
        found: dict[Net, str] = {"0": "0", "1": "1"}
        pending = [cell for cell in self.cells if cell.about["type"] in ("LUT4", "TRELLIS_FF")]
        before = -1
        while len(found) != before:
            before = len(found)
            rest = []
            for cell in pending:
                value = _value(cell, found)
                if value is None:
                    rest.append(cell)
                else:
                    found[next(cell.outputs())] = value
            pending = rest
        return found

    def live(self, constants: Mapping[Net, str]) -> set[int]:
        """Places in ``cells`` of those that something outside, or a cell that is none of the chip's, depends on."""
        driver = {net: n for n, cell in enumerate(self.cells) for net in cell.outputs()}
        live = {n for n, cell in enumerate(self.cells) if cell.about["type"] not in PRIMITIVES}
        live |= {driver[net] for net in self._outputs if net in driver}
        pending = list(live)
        while pending:
            cell = self.cells[pending.pop()]
            for net in cell.inputs():
                n = driver.get(net)
                if net not in constants and n is not None and n not in live:
                    live.add(n)
                    pending.append(n)
        return live

    def common(self, module: str, constants: Mapping[Net, str]) -> dict[int, str]:
        """A module's own nets that are the same constant wherever it stands."""
        first, *others = self.nets_of[module]
        values = {bit: constants.get(self._named(net)) for bit, net in first.items() if isinstance(bit, int)}
        return {
            bit: value
            for bit, value in values.items()
            if value is not None and all(constants.get(self._named(nets[bit])) == value for nets in others)
        }


def _value(cell: _Cell, constants: Mapping[Net, str]) -> str | None:
    """What a LUT or a register always puts out; None if that changes."""
    parameters = cell.about["parameters"]
    if cell.about["type"] == "TRELLIS_FF":
        value = "1" if parameters["REGSET"].strip() == "SET" else "0"
        return value if constants.get(cell.nets["DI"][0]) == value else None
    known = [constants.get(cell.nets[port][0]) if port in cell.nets else "0" for port in "ABCD"]
    table = int(parameters["INIT"], 2)
    rows = (n for n in range(16) if all(bit is None or int(bit) == n >> k & 1 for k, bit in enumerate(known)))
    values = {table >> n & 1 for n in rows}
    return str(values.pop()) if len(values) == 1 else None
