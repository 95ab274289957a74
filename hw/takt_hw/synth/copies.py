"""Registers with many loads get copies, each for loads that lie together.

A net across the device takes longer than a cycle, and no placement makes one with a thousand loads short. A copy takes
the same value at the same edge, so that it changes no cycle: the way to the copies has a cycle, and that to the loads
another. Loads whose names are alike are of one lane, column or bank, and lie together (docs/design/synthesis.md).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from .macros import CONTROLS

Cell = dict[str, Any]

Pin = tuple[str, str, int]
"""A cell, one of its ports, and the bit of that."""

LOADS = 64
"""Of one register, at most. One with up to half as many again is left alone."""

_APART = {"DP16KD": 4, "MULT18X18D": 8}
"""Cells that stand so far apart that one of their pins counts for several."""


def copy_registers(module: dict[str, Any], loads: int = LOADS) -> int:
    """Copy registers of a flat module, as yosys' ``write_json`` writes it; how many there are more.

    What comes from another clock or from outside is not copied, nor is what is set or reset without a clock: copies
    of that could differ. Enables and resets of multipliers stay with the register itself: neighbours share their wires.
    """
    cells: dict[str, Cell] = module["cells"]
    driver: dict[int, str] = {}
    sinks: dict[int, list[Pin]] = defaultdict(list)
    for name, cell in cells.items():
        for port, bits in cell["connections"].items():
            for n, bit in enumerate(bits):
                if isinstance(bit, str):
                    continue
                if cell["port_directions"][port] == "output":
                    driver[bit] = name
                else:
                    sinks[bit].append((name, port, n))
    named = {bit for net in module["netnames"].values() for bit in net["bits"] if not isinstance(bit, str)}
    free = max(named | set(driver) | set(sinks), default=1) + 1
    more = 0
    for bit, pins in sinks.items():
        name = driver.get(bit, "")
        if name not in cells or not _may_be_copied(cells, driver, name):
            continue
        pins = [pin for pin in pins if cells[pin[0]]["type"] != "MULT18X18D" or not pin[1].startswith(CONTROLS)]
        for n, group in enumerate(_groups(cells, pins, loads)[1:]):
            connections = {port: list(bits) for port, bits in cells[name]["connections"].items()}
            cells[f"{name}_copy{n}"] = cells[name] | {"connections": connections | {"Q": [free]}}
            for sink, port, index in group:
                cells[sink]["connections"][port][index] = free
            free += 1
            more += 1
    return more


def _may_be_copied(cells: dict[str, Cell], driver: dict[int, str], name: str) -> bool:
    cell = cells[name]
    if cell["type"] != "TRELLIS_FF" or cell["parameters"].get("SRMODE") == "ASYNC":
        return False
    source = cells.get(driver.get(cell["connections"]["DI"][0], ""))
    if source is None:
        return False
    clocks = [bits for port, bits in source["connections"].items() if port.startswith("CLK") and bits[0] != "0"]
    return source["type"] != "TRELLIS_IO" and all(clock == cell["connections"]["CLK"] for clock in clocks)


def _groups(cells: dict[str, Cell], pins: Sequence[Pin], loads: int) -> list[list[Pin]]:
    """The pins in groups of about as many loads, those alike together; one group if they are few."""
    weights = {pin: _APART.get(cells[pin[0]]["type"], 1) for pin in pins}
    total = sum(weights.values())
    if 2 * total <= 3 * loads:
        return [list(pins)]
    count = -(-total // loads)
    groups: list[list[Pin]] = [[] for _ in range(count)]
    before = 0
    for pin in sorted(pins, key=_by_numbers):
        groups[before * count // total].append(pin)
        before += weights[pin]
    return [group for group in groups if group]


def _by_numbers(pin: Pin) -> list[tuple[int, int, str]]:
    """A key that puts numbers in names in their order."""
    name, port, bit = pin
    parts = re.split(r"(\d+)", f"{name} {port}")
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts] + [(1, bit, "")]
