"""What a netlist is made of: cells by module and, along the chip's hierarchy, by slice."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

PRIMITIVES = ("LUT4", "CCU2C", "PFUMX", "L6MUX21", "TRELLIS_FF", "TRELLIS_DPR16X4", "MULT18X18D", "DP16KD")
"""Cells of the ECP5 that the chip is made of."""

BOARD_PRIMITIVES = (
    "TRELLIS_IO",
    "EHXPLLL",
    "DELAYG",
    "IDDRX1F",
    "ODDRX1F",
    "OFS1P3DX",
    "IFS1P3DX",
    "OB",
    "IB",
    "BB",
    "OBZ",
    "GSR",
)
"""Cells at the edge of a board's design."""

_LUTS = {"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 4}
"""TRELLIS_COMBs, each a LUT4 and what is with it, of a cell; its multiplexers cost nothing more."""

LATCH = re.compile(r"\$_?(?:a?dlatch|sr)|.*\$_(?:DLATCH|SR)_|.*DLATCH|FL1P3", re.IGNORECASE)


@dataclass(frozen=True)
class Area:
    """What cells take of a device."""

    comb: int = 0
    ff: int = 0
    mult18: int = 0
    bram: int = 0

    @classmethod
    def of(cls, cells: Counter[str]) -> Area:
        """Of so many cells of each type, before packing."""
        return cls(
            sum(cells[name] * luts for name, luts in _LUTS.items()),
            cells["TRELLIS_FF"],
            cells["MULT18X18D"],
            cells["DP16KD"],
        )


@dataclass
class Body:
    """One module of a netlist."""

    cells: Counter[str] = field(default_factory=Counter)
    """Primitives by type."""

    instances: dict[str, str] = field(default_factory=dict)
    """Modules in it, by the name of the instance."""


@dataclass
class Netlist:
    """Cells of each module."""

    top: str
    modules: dict[str, Body]

    @classmethod
    def read(cls, path: Path) -> Netlist:
        """From a JSON file of yosys. The file of a whole chip takes seconds and a GB or two."""
        with open(path) as file:
            return cls.of(json.load(file))

    @classmethod
    def of(cls, design: dict) -> Netlist:
        """From the content of such a file. ValueError if it has no top."""
        own = {name: module for name, module in design["modules"].items() if not is_black_box(module)}
        tops = [name for name, module in own.items() if int(module["attributes"].get("top", "0"), 2)]
        if len(tops) != 1:
            raise ValueError(f"top must be one module, not {tops!r}")
        modules = {}
        for name, module in own.items():
            body = modules[name] = Body()
            for instance, cell in module["cells"].items():
                if cell["type"] in own:
                    body.instances[instance] = cell["type"]
                elif cell["type"] != "$scopeinfo":
                    body.cells[cell["type"]] += 1
        return cls(tops[0], modules)

    @classmethod
    def of_summary(cls, content: dict) -> Netlist:
        """From what `summary` made."""
        bodies = content["modules"].items()
        return cls(content["top"], {name: Body(Counter(cells), instances) for name, (cells, instances) in bodies})

    def summary(self) -> dict:
        """For JSON: thousands of times less than the netlist's own."""
        return {"top": self.top, "modules": {name: [body.cells, body.instances] for name, body in self.modules.items()}}

    @cached_property
    def totals(self) -> dict[str, Counter[str]]:
        """Cells of each module with all that is in it."""
        done: dict[str, Counter[str]] = {}

        def total(name: str) -> Counter[str]:
            if name not in done:
                body = self.modules[name]
                done[name] = sum((total(inner) for inner in body.instances.values()), Counter(body.cells))
            return done[name]

        total(self.top)
        return done

    def walk(self, name: str | None = None, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
        """Every instance: the names on the way to it, from the top's on down, and its module."""
        name = name or self.top
        yield path, name
        for instance, inner in self.modules[name].instances.items():
            yield from self.walk(inner, (*path, *instance.split(".")))

    def by_slice(self) -> dict[str, Area]:
        """Area of each slice, and of what is none, by `slice_of`'s names; what they add up to is all."""
        cells: dict[str, Counter[str]] = {}
        for path, name in self.walk():
            cells.setdefault(slice_of(path), Counter()).update(self.modules[name].cells)
        areas = {name: Area.of(found) for name, found in cells.items()}
        return {name: areas[name] for name in sorted(areas, key=_order) if areas[name] != Area()}


def is_black_box(module: dict) -> bool:
    """Whether a module stands for a cell of the device."""
    attributes = module["attributes"]
    return any(int(attributes.get(kind, "0"), 2) for kind in ("blackbox", "whitebox"))


_SLICES = (
    (re.compile(r"(MEM_[WE]\d+)(?:_\w+)?$"), "{}"),
    (re.compile(r"alu(\d+)(?:_\w+)?$"), "VXM ALU {}"),
    (re.compile(r"reducer?$"), "VXM reduction"),
    (re.compile(r"(MXM_[WE]\d+)(?:_\w+)?$"), "{}"),
    (re.compile(r"(SXM_[WE])(?:_\w+)?$"), "{}"),
    (re.compile(r"position(\d+)(?:_\w+)?$"), "streams {}"),
    (re.compile(r"queue_(MEM|MXM|SXM)_\w+?_(\w+)$"), "queues {} {}"),
    (re.compile(r"queue_(VXM)_(alu|reduce)\w*$"), "queues {} {}"),
    (re.compile(r"queue_(C2C)\w*$"), "queues {}"),
    (re.compile(r"queue_\w+$"), "queues other"),
    (re.compile(r"(?:fetch\d+|clockwork)$"), "ICU"),
    (re.compile(r"host$"), "host"),
    (re.compile(r"(?:link\d+(?:_[io])?|aligner|counter)$"), "C2C"),
    (re.compile(r"(?:uart|serial|slip|line)\w*$"), "UART"),
    (re.compile(r"errors$"), "ECC log"),
)

_ORDER = ("MEM", "VXM", "MXM", "SXM", "C2C", "streams", "queues", "ICU", "host", "UART")


def slice_of(path: Sequence[str]) -> str:
    """The slice that an instance belongs to, by the outermost of the names on the way to it that tells."""
    for name in path:
        for pattern, form in _SLICES:
            if match := pattern.match(name):
                return form.format(*match.groups())
    if any(name.startswith("superlane") for name in path):
        return "superlane control"
    return "chip" if "chip" in path else "top"


def _order(name: str) -> tuple[int, str]:
    for place, kind in enumerate(_ORDER):
        if name.startswith(kind):
            return place, name
    return len(_ORDER), name
