"""Registers beside a multiplier or a block RAM become its own: yosys leaves them outside, for area and long wires.

The ECP5's MULT18X18D has a register for each operand and one for the product (Lattice TN1267), and a DP16KD one behind
each port (TN1264). A register outside is *plain* if it takes a new value in every clock and begins with 0, as those
inside do. That of an operand may have an enable.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

Cell = dict[str, Any]

_CONSTANTS = ("0", "1", "x", "z")

_ENABLES = {"A": "CE1", "B": "CE2"}
"""Of a multiplier's four the one that enables an operand's register; CE0 is 1."""


def absorb(design: dict[str, Any]) -> int:
    """Do it in all modules of a netlist, as yosys' ``write_json`` writes it; registers that are gone."""
    return sum(_Module(module).absorb() for module in design["modules"].values())


class _Module:
    """One module, its plain registers and those with an enable, and how often each net is named."""

    def __init__(self, module: dict[str, Any]) -> None:
        self.cells: dict[str, Cell] = module["cells"]
        self.uses = Counter(bit for port in module["ports"].values() for bit in port["bits"])
        for cell in self.cells.values():
            self.uses.update(bit for bits in cell["connections"].values() for bit in bits)
        self.registers = {name: c["connections"] for name, c in self.cells.items() if _is_like_inside(c)}
        self.enables = {name: _enable(self.cells[name]) for name in self.registers}
        self.by_input = {c["DI"][0]: name for name, c in self.registers.items() if self.enables[name] is None}
        self.by_output = {connections["Q"][0]: name for name, connections in self.registers.items()}

    def absorb(self) -> int:
        gone: set[str] = set()
        for cell in self.cells.values():
            # results first: what their registers hold may be an operand of a multiplier
            if cell["type"] == "MULT18X18D":
                gone |= self._results(cell, "P", "CLK0", {"CE0": "1", "RST0": "0"}, "REG_OUTPUT_CLK", "CLK0")
            elif cell["type"] == "DP16KD" and not _is_one_wide(cell):
                for side in "AB":
                    enable = {f"OCE{side}": "1"}
                    gone |= self._results(cell, f"DO{side}", f"CLK{side}", enable, f"REGMODE_{side}", "OUTREG")
        operands: set[str] = set()
        for cell in self.cells.values():
            if cell["type"] == "MULT18X18D":
                for operand in "AB":
                    operands |= self._operand(cell, operand, gone)
        gone |= {name for name in operands if self.uses[self.registers[name]["Q"][0]] == 1}
        for name in gone:
            del self.cells[name]
        return len(gone)

    def _results(self, cell: Cell, port: str, clock: str, ties: dict[str, str], parameter: str, value: str) -> set[str]:
        """Take in the registers behind a port, if they take all of it and nothing else does; their names."""
        connections = cell["connections"]
        names = [name for name in _bits(cell, port) if self.uses[connections[name][0]] > 1]
        registers = [self.by_input.get(connections[name][0]) for name in names]
        alone = all(self.uses[connections[name][0]] == 2 for name in names)
        if not names or not alone or not self._clocked(cell, registers, clock, ties):
            return set()
        for name, register in zip(names, registers, strict=True):
            assert register is not None
            connections[name] = self.registers[register]["Q"]
        cell["parameters"][parameter] = value
        return {register for register in registers if register is not None}

    def _operand(self, cell: Cell, operand: str, gone: set[str]) -> set[str]:
        """Take what goes into the registers of an operand in place of what they hold; their names."""
        connections = cell["connections"]
        names = [name for name in _bits(cell, operand) if connections[name][0] not in _CONSTANTS]
        registers = [self.by_output.get(connections[name][0]) for name in names]
        ties: dict[str, Any] = {"CE0": "1", "RST0": "0"}
        enables = {self.enables[register] for register in registers if register is not None}
        if not names or gone.intersection(registers) or len(enables) != 1:
            return set()
        (enable,) = enables
        if enable is not None:
            ties[_ENABLES[operand]] = enable
        if not self._clocked(cell, registers, "CLK0", ties):
            return set()
        for name, register in zip(names, registers, strict=True):
            assert register is not None
            before = self.registers[register]["DI"]
            self.uses[connections[name][0]] -= 1
            self.uses[before[0]] += 1
            connections[name] = before
        cell["parameters"][f"REG_INPUT{operand}_CLK"] = "CLK0"
        if enable is not None:
            cell["parameters"][f"REG_INPUT{operand}_CE"] = _ENABLES[operand]
        return {register for register in registers if register is not None}

    def _clocked(self, cell: Cell, registers: Iterable[str | None], clock: str, ties: dict[str, Any]) -> bool:
        """Whether all registers are there, with one clock, the cell's if it has one; then it has that."""
        clocks = {None if register is None else self.registers[register]["CLK"][0] for register in registers}
        clocks |= {bit for bit in cell["connections"].get(clock, ()) if bit not in _CONSTANTS}
        if len(clocks) != 1 or None in clocks:
            return False
        for port, bit in ({clock: clocks.pop()} | ties).items():
            cell["connections"][port] = [bit]
            cell["port_directions"][port] = "input"
        return True


def _bits(cell: Cell, port: str) -> list[str]:
    """The names that the bits of a port have."""
    return [name for name in cell["connections"] if name.startswith(port) and name[len(port) :].isdigit()]


def _is_one_wide(ram: Cell) -> bool:
    """Whether both ports of a block RAM are one of 36 bits."""
    return any(int(ram["parameters"][f"DATA_WIDTH_{side}"], 2) > 18 for side in "AB")


def _is_like_inside(cell: Cell) -> bool:
    """Whether a cell is a plain register, or one but for its enable."""
    if cell["type"] != "TRELLIS_FF":
        return False
    parameters, connections = cell["parameters"], cell["connections"]
    return (
        parameters["CEMUX"].strip() in ("1", "CE")
        and (parameters["CLKMUX"].strip(), parameters["REGSET"].strip()) == ("CLK", "RESET")
        and connections.get("LSR", ["0"]) == ["0"]
        and connections["DI"][0] not in _CONSTANTS
    )


def _enable(register: Cell) -> Any:
    """The net that enables a register; None if it takes a new value in every clock."""
    return register["connections"]["CE"][0] if register["parameters"]["CEMUX"].strip() == "CE" else None
