"""``python -m tests.formal``: prove properties of the RTL with open tools; ``--mutants`` shows that proofs can fail."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table
from tqdm import tqdm

from .catalog import PROOFS
from .proof import Mutant, Proof
from .report import LIMIT, Result, prove, questions, refute, write
from .tools import missing

REPORT = Path(__file__).parents[2] / "build/formal.json"


def main() -> int:
    """Command line; exit status 1 if something does not hold or a mutant is not refuted."""
    parser = argparse.ArgumentParser(prog="python -m tests.formal", description=__doc__.split(": ", 1)[1])
    parser.add_argument("names", nargs="*", metavar="NAME", help="proofs to run; all if none is named")
    parser.add_argument("--list", action="store_true", help="say what there is, and run nothing")
    parser.add_argument("--mutants", action="store_true", help="plant faults as well and see each refuted")
    parser.add_argument("--limit", type=float, default=LIMIT, help="seconds for one question (%(default).0f)")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in PROOFS]
    if unknown:
        parser.error(f"NAME must be one of {', '.join(PROOFS)}, not {unknown[0]!r}")
    chosen = [PROOFS[name] for name in arguments.names or PROOFS]
    if arguments.list:
        _list(chosen)
        return 0
    if missing():
        parser.error(f"{', '.join(missing())} must be installed: see docs/design/formal.md")
    results = _run(chosen, arguments.mutants, arguments.limit)
    write(results, REPORT)
    _summary(results)
    return not all(result.good for result in results)


def _run(chosen: list[Proof], mutants: bool, limit: float) -> list[Result]:
    broken: list[tuple[Proof, Mutant]] = [(proof, mutant) for proof in chosen for mutant in proof.mutants if mutants]
    results: list[Result] = []
    total = sum(len(questions(proof)) for proof in chosen) + len(broken)
    with tqdm(total=total, unit="question", disable=not sys.stderr.isatty()) as bar:
        for proof in chosen:
            bar.set_description(proof.name)
            for result in prove(proof, limit):
                results.append(result)
                bar.update()
        for proof, mutant in broken:
            bar.set_description(f"{proof.name}, broken")
            results.append(refute(proof, mutant, limit))
            bar.update()
    return results


def _list(chosen: list[Proof]) -> None:
    table = Table("proof", "property", "cycles", "induction", "mutants")
    for proof in chosen:
        table.add_row(proof.name, proof.what, str(proof.depth), str(proof.induction or "-"), str(len(proof.mutants)))
    Console().print(table)


def _summary(results: list[Result]) -> None:
    table = Table("proof", "method", "cycles", "seconds", "answer")
    for result in results:
        answer = "refuted" if result.method == "mutant" else "holds"
        said = f"{answer if result.good else 'NOT ' + answer}{': ' + result.said if result.said else ''}"
        table.add_row(result.proof, result.method, str(result.steps), f"{result.seconds:.1f}", said)
    Console().print(table)
    bad = sum(not result.good for result in results)
    print(f"formal: {len(results) - bad} of {len(results)} answers are as they must be; {REPORT.name} has them")


if __name__ == "__main__":
    sys.exit(main())
