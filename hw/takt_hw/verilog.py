"""Writes a build's Verilog: ``python -m takt_hw.verilog nano -o build/nano.v``.

What the text must look like to simulate fast is in docs/design/verilog.md.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from amaranth._toolchain.yosys import find_yosys
from amaranth.back import rtlil
from amaranth.lib import wiring

from .chip import Chip
from .config import BUILDS, ChipConfig
from .tiles import TileLibrary

TOP = "takt"
"""Name of the chip's module."""

# opt_dff turns "next value, or the old one" into a register with an enable, which simulates about three
# times faster than the full-width multiplexer that Amaranth's own Verilog back end leaves.
_PASSES = """
proc
opt_expr
opt_clean
opt_dff
opt_expr
opt_clean
wreduce t:$add t:$sub t:$mul t:$shl t:$sshl
opt_clean
write_verilog -norename -noattr
"""


def convert(component: wiring.Component, name: str, tiles: TileLibrary) -> str:
    """Verilog of a component as module ``name``, with the tiles that it placed in ``tiles``."""
    pending = {name: component}
    script, done = "", set()
    while pending:
        module, part = pending.popitem()
        text = rtlil.convert(part, name=module, emit_src=False)
        script += f"read_rtlil <<end_of_rtlil\n{text}\nend_of_rtlil\n"
        done.add(module)
        pending |= {tile: body for tile, body in tiles.tiles.items() if tile not in done}
    yosys = find_yosys(lambda version: version >= (0, 40))
    verilog = yosys.run(["-q", "-"], script + _PASSES)
    return _readable(verilog)


def _readable(verilog: str) -> str:
    """Mends two habits of the back end."""
    # GTKWave refuses made-up names with a path in them, Icarus functions that begin with a dollar.
    verilog = re.sub(r"\\\$(auto|procmux)\$(?:[^ ]*\$)?(\d+) ", r"\1_\2 ", verilog)

    # A sign extension comes as a list of equal bits. As a replication it is one term in Verilator's C++.
    def replicate(match: re.Match[str]) -> str:
        return f"{{{match[0].count(',') + 1}{{{match[1]}}}}}"

    return re.sub(r"(\\?[\w$.]+ ?\[\d+\])(?:, \1){2,}", replicate, verilog)


def emit(config: ChipConfig, *, checks: bool = False, trace: bool = False) -> str:
    """Verilog of a whole chip; every kind of tile is one module, instantiated where it is needed.

    Parameters
    ----------
    config : ChipConfig
        The build.
    checks, trace : bool
        As in `Chip`.
    """
    tiles = TileLibrary()
    return convert(Chip(config, checks=checks, trace=trace, tiles=tiles), TOP, tiles)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Write a build's Verilog.")
    parser.add_argument("build", choices=sorted(BUILDS))
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--checks", action="store_true", help="report collisions and undefined values as fault flags")
    parser.add_argument("--trace", action="store_true", help="add ports that show dispatches and memory writes")
    arguments = parser.parse_args()
    text = emit(BUILDS[arguments.build], checks=arguments.checks, trace=arguments.trace)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(text)


if __name__ == "__main__":
    main()
