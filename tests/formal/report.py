"""Runs proofs and mutants, and says what came of them."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from .proof import HARDWARE, Mutant, Proof
from .tools import ToolError, Verdict, ask, prepare

LIMIT = 900.0
"""Seconds that one question may take, if nothing else is said."""


@dataclass(frozen=True)
class Result:
    """One question to the solver, and its answer."""

    proof: str
    method: str
    """``bmc``, ``induction``, ``cover``, or ``mutant``."""
    steps: int
    seconds: float
    good: bool
    """It holds; or, for a mutant, it is refuted."""
    said: str
    """Which mutant; what went wrong."""


def questions(proof: Proof) -> list[tuple[str, int]]:
    """Method and steps of all that is asked about a proof."""
    asked = [("bmc", proof.depth), ("cover", proof.cover or proof.depth)]
    return asked if proof.induction is None else [asked[0], ("induction", proof.induction), asked[1]]


def prove(proof: Proof, limit: float = LIMIT) -> Iterator[Result]:
    """Ask everything about a proof."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            prepare(proof, folder)
        except ToolError as error:
            yield Result(proof.name, "prepare", 0, 0.0, False, str(error))
            return
        for method, steps in questions(proof):
            yield _asked(proof, folder, method, steps, limit)


def refute(proof: Proof, mutant: Mutant, limit: float = LIMIT) -> Result:
    """Plant a fault in a copy of the hardware and see whether an assertion fails within the proof's depth.

    Raises
    ------
    ValueError
        If the code to be changed is not there exactly once.
    """
    with tempfile.TemporaryDirectory() as name:
        folder, begun = Path(name), time.monotonic()
        shutil.copytree(HARDWARE, folder / "hw", ignore=shutil.ignore_patterns("__pycache__"))
        path = folder / "hw/takt_hw" / mutant.path
        text = path.read_text()
        if text.count(mutant.old) != 1:
            raise ValueError(f"{mutant.path} must contain {mutant.old!r} once, not {text.count(mutant.old)} times")
        path.write_text(text.replace(mutant.old, mutant.new))
        try:
            prepare(proof, folder, folder / "hw")
            verdict = ask(folder, "bmc", proof.depth, limit)
        except ToolError as error:
            return Result(proof.name, "mutant", proof.depth, time.monotonic() - begun, False, f"{mutant.what}: {error}")
        seconds = time.monotonic() - begun
        return Result(proof.name, "mutant", proof.depth, seconds, verdict is Verdict.FAILS, mutant.what)


def write(results: list[Result], path: Path) -> None:
    """Leave all results as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(result) for result in results], indent=1) + "\n")


def _asked(proof: Proof, folder: Path, method: str, steps: int, limit: float) -> Result:
    begun = time.monotonic()
    try:
        verdict = ask(folder, method, steps, limit)
        said = "" if verdict is Verdict.HOLDS else verdict.value
    except ToolError as error:
        verdict, said = Verdict.FAILS, str(error)
    return Result(proof.name, method, steps, time.monotonic() - begun, verdict is Verdict.HOLDS, said)
