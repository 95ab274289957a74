"""``python -m takt_sim.functions``: whether the coefficients and the manual's tables of errors are fresh.

``--write`` measures and writes the tables, ``--fit`` works the coefficients out again and writes them.
"""

from __future__ import annotations

import argparse
import csv
import io
import math
import re
import sys
from pathlib import Path

from takt_hw.isa.functions import COEFFICIENTS, Row

from .chains import CHAINS, error, formula_error
from .fit import fitted
from .measure import SIGNIFICAND, Figure, all_measured

PAGE = Path(__file__).resolve().parents[3] / "docs" / "manual" / "functions.md"
POINTS = 1_000_000
CHAIN_POINTS = 200_000
BEGIN, END = "<!-- measured: {} -->", "<!-- end of {} -->"


def coefficients_text() -> str:
    """The file of coefficients."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Row._fields)
    writer.writerows(fitted())
    return text.getvalue()


def stated(value: float) -> str:
    """An error in ULP as the manual states it: rounded up to hundredths."""
    return f"{math.ceil(value * 100) / 100:.2f}"


def errors_table(figures: dict[tuple[str, str], Figure]) -> str:
    """The functions' errors."""
    lines = [
        "| function | fp32: ULP | found at | operands | fp16: ULP | found at | operands |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in dict.fromkeys(name for name, _ in figures):
        cells = []
        for to in SIGNIFICAND:
            figure = figures[name, to]
            cells += [stated(figure.ulp), f"{figure.at:.7g}", f"{figure.points:,}"]
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def chains_table() -> str:
    """The sequences and their errors."""
    lines = ["| function | instructions | operand | largest error |", "|---|---|---|---|"]
    for chain in CHAINS:
        found = []
        for low, high in chain.ranges:
            largest = error(chain, low, high, CHAIN_POINTS)
            text = f"{stated(largest)} ULP" if chain.relative else f"{largest:.1e}"
            if not chain.relative:
                text += f"; {formula_error(chain, low, high, CHAIN_POINTS):.0e} of it by rounding"
            found.append((f"{low:.3g} … {high:.3g}", text))
        steps = ", ".join(f"`{step}`" for step in chain.steps)
        lines.append(
            f"| {chain.name} | {steps} | {'<br>'.join(r for r, _ in found)} | {'<br>'.join(e for _, e in found)} |"
        )
    return "\n".join(lines)


def with_section(page: str, name: str, text: str) -> str:
    """A page with a measured section replaced. ValueError if it has none of that name."""
    begin, end = BEGIN.format(name), END.format(name)
    if begin not in page or end not in page:
        raise ValueError(f"{PAGE.name} must have a section between {begin} and {end}")
    return re.sub(f"{re.escape(begin)}.*?{re.escape(end)}", lambda _: f"{begin}\n{text}\n{end}", page, flags=re.DOTALL)


def main() -> int:
    """Command line; exit status 1 if something is stale."""
    parser = argparse.ArgumentParser(prog="python -m takt_sim.functions", description=__doc__)
    parser.add_argument("--fit", action="store_true", help="write the coefficients")
    parser.add_argument("--write", action="store_true", help="write the manual's tables")
    arguments = parser.parse_args()
    coefficients = coefficients_text()
    if arguments.fit:
        COEFFICIENTS.write_text(coefficients)
    if COEFFICIENTS.read_text() != coefficients:
        print(f"functions: {COEFFICIENTS.name} is stale; run python -m takt_sim.functions --fit", file=sys.stderr)
        return 1
    page = PAGE.read_text()
    measured = with_section(page, "errors", errors_table(all_measured(POINTS)))
    measured = with_section(measured, "chains", chains_table())
    if arguments.write:
        PAGE.write_text(measured)
    elif page != measured:
        print(f"functions: {PAGE.name} is stale; run python -m takt_sim.functions --write", file=sys.stderr)
        return 1
    print("functions: coefficients and the manual's errors are fresh")
    return 0


if __name__ == "__main__":
    sys.exit(main())
