"""Whether a netlist can be what was meant: it must have cells, of the kinds wanted and of no others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .netlist import BOARD_PRIMITIVES, LATCH, PRIMITIVES, Netlist

WANTED = ("LUT4", "TRELLIS_FF", "MULT18X18D", "DP16KD")
"""Cells without which no chip is: its products are in multipliers and its memory in block RAMs."""


def problems(
    netlist: Netlist, *, wanted: Sequence[str] = WANTED, allowed: Sequence[str] = (*PRIMITIVES, *BOARD_PRIMITIVES)
) -> Iterator[str]:
    """What is wrong, a line each; none if nothing is.

    Loops and drivers are not looked for here: see ``check`` of `mapping.synthesize`.

    Parameters
    ----------
    netlist : Netlist
        What synthesis made.
    wanted : sequence of str
        Cell types that must be there.
    allowed : sequence of str
        Cell types that may be there.
    """
    cells = netlist.totals[netlist.top]
    if not cells.total():
        yield f"{netlist.top} must have cells, not none"
        return
    for name, total in netlist.totals.items():
        if not total.total():
            yield f"{name} must have cells, not none"
    for name in wanted:
        if not cells[name]:
            yield f"{netlist.top} must have cells of type {name}, not none"
    for name, body in netlist.modules.items():
        for cell, count in body.cells.items():
            if LATCH.match(cell):
                yield f"{name} must have no latches, not {count} of type {cell}"
            elif cell not in allowed:
                yield f"{name} must be made of cells of the device, not {count} of type {cell}"
