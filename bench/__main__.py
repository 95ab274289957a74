"""Time every executor in one run, in turns, and show the figures: a table, and build/bench.json.

``python -m bench [--chip nano] [--rounds 3]``
"""

import argparse
import json
import statistics
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from takt_hw.config import BUILDS, NANO, QUAD

from .arrays import plane, yardstick
from .chips import Cocotb, Harness, Icarus, Reference
from .program import matmul

ROOT = Path("build/bench")
REPORT = Path("build/bench.json")


@dataclass
class Row:
    """One line of the table. ``macs``: multiply-accumulates per simulated cycle, as an average of the run."""

    key: str
    name: str
    macs: float
    measure: Callable[[], float]
    beside: str
    """Key of the row that this one is compared with."""
    cycles_per_second: list[float] = field(default_factory=list)
    """One figure per round."""


def rows(chip: str, stack: ExitStack) -> list[Row]:
    """Build everything that is timed."""
    work = matmul(BUILDS[chip])
    macs = work.macs / work.cycles
    step("cocotb")
    cocotb = stack.enter_context(Cocotb(work, ROOT))
    step("C++ harness")
    harness = Harness(work, ROOT)
    reference = Reference(work)
    found = [
        Row("cocotb", f"{cocotb.name} {chip}", macs, cocotb.cycles_per_second, "harness"),
        Row("harness", f"{harness.name} {chip}", macs, harness.cycles_per_second, "harness"),
        Row("reference", f"{reference.name} {chip}", macs, reference.cycles_per_second, "harness"),
    ]
    if Icarus.is_present():
        step("Icarus")
        icarus = Icarus(work, ROOT)
        found.append(Row("icarus", f"{icarus.name} {chip}", macs, icarus.cycles_per_second, "harness"))
    for config in (NANO, QUAD):
        for make, key in ((yardstick, "yardstick"), (plane, "mxm")):
            step(f"{key} {config.lanes}")
            array = make(config, ROOT)
            beside = f"yardstick_{config.lanes}"
            found.append(Row(f"{key}_{config.lanes}", array.name, array.macs, array.cycles_per_second, beside))
    return found


def step(what: str) -> None:
    """Say what is being built."""
    print(f"bench: building {what}", file=sys.stderr, flush=True)


def ratio(row: Row, beside: Row) -> float:
    """How fast a row is beside another: the median over the rounds, since a busy machine slows both of one round."""
    pairs = zip(row.cycles_per_second, beside.cycles_per_second, strict=True)
    return statistics.median(mine / other for mine, other in pairs)


def show(found: list[Row]) -> None:
    """The table."""
    by_key = {row.key: row for row in found}
    print(f"{'':44}{'cycles/s':>12}{'int8 MAC/s':>13}   beside")
    for row in found:
        cycles = statistics.median(row.cycles_per_second)
        beside = "" if row.beside == row.key else f"{ratio(row, by_key[row.beside]):.2f} × {row.beside}"
        print(f"{row.name:44}{cycles:12,.0f}{cycles * row.macs / 1e9:11.3f} G   {beside}")
    if "icarus" not in by_key:
        print("Icarus: skipped, iverilog is not on the path")


def report(found: list[Row]) -> dict[str, dict[str, float]]:
    """The same figures by key."""
    by_key = {row.key: row for row in found}
    return {
        row.key: {
            "cycles_per_second": statistics.median(row.cycles_per_second),
            "macs_per_second": statistics.median(row.cycles_per_second) * row.macs,
            f"beside_{row.beside}": ratio(row, by_key[row.beside]),
        }
        for row in found
    }


def main() -> int:
    """Command line; exit status 1 if something does not build or run."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Time every executor.")
    parser.add_argument("--chip", choices=["ecp5", "nano", "quad"], default="nano")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with ExitStack() as stack:
        try:
            found = rows(arguments.chip, stack)
            for row in tqdm(found * arguments.rounds, desc="timing", leave=False, file=sys.stderr):
                row.cycles_per_second.append(row.measure())
        except RuntimeError as error:
            print(f"bench: {error}", file=sys.stderr)
            return 1
    show(found)
    REPORT.write_text(json.dumps(report(found), indent=2) + "\n")
    print(f"\nfigures: {REPORT}; medians of {arguments.rounds} rounds, in each of which all ran in turn")
    return 0


if __name__ == "__main__":
    sys.exit(main())
