"""Narrow operands of a multiplier move to the top of its 18 bits.

Yosys puts them at the bottom and wires the sign to all bits above: of an int8 number to eleven pins, each a wire for
the router. At the top it takes one. The pins below are constants, which need no wire (nextpnr sets them in the tile),
and the product comes out higher by as many bits.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

OPERAND_BITS, PRODUCT_BITS = 18, 36


def justify(design: dict[str, Any]) -> int:
    """Do it in all modules of a netlist, as yosys' ``write_json`` writes it; by how many bits all operands moved."""
    moved = 0
    for module in design["modules"].values():
        uses = Counter(bit for port in module["ports"].values() for bit in port["bits"])
        for cell in module["cells"].values():
            uses.update(bit for bits in cell["connections"].values() for bit in bits)
        for cell in module["cells"].values():
            if cell["type"] == "MULT18X18D":
                moved += sum(_move(cell["connections"], operand, uses) for operand in "AB")
    return moved


def _move(connections: dict[str, list[Any]], operand: str, uses: Counter[Any]) -> int:
    """Move an operand as far as it, and the product, leave room."""
    pins = [connections[f"{operand}{n}"] for n in range(OPERAND_BITS)]
    copies = next((n for n in range(OPERAND_BITS) if pins[-1 - n] != pins[-1]), 0)
    is_signed = connections.get(f"SIGNED{operand}", ["0"]) != ["0"]
    by = copies - 1 if is_signed else copies if pins[-1] == ["0"] else 0
    product = [connections[f"P{n}"] for n in range(PRODUCT_BITS)]
    used = [n for n, bits in enumerate(product) if uses[bits[0]] > 1]
    by = min(by, PRODUCT_BITS - 1 - max(used, default=0))
    if by <= 0:
        return 0
    for n, bits in enumerate([["0"]] * by + pins[: OPERAND_BITS - by]):
        connections[f"{operand}{n}"] = bits
    # At the bottom come out zeros now, on the nets that had copies of the sign at the top and that nobody uses.
    for n, bits in enumerate(product[PRODUCT_BITS - by :] + product[: PRODUCT_BITS - by]):
        connections[f"P{n}"] = bits
    return by
