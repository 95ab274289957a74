"""``python -m takt_sim.tb.soak --chip nano -n 1000 --seed 1``: random legal programs on RTL and reference."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from takt_hw.config import BUILDS

from ..coverage import Coverage, all_rows
from .build import BuildError
from .frames import FrameError, RequestError
from .lockstep import Disagreement, lockstep
from .session import SimulationError

DIRECTORY = Path("build/soak")


def soak(chip: str, programs: int, seed: int, coverage: Coverage | None = None) -> str | None:
    """Run the programs, with a progress bar on standard error. What went wrong, if anything did.

    What they executed is added to ``coverage``. The message names the seed: that seed alone, with one program,
    shows the failure again.
    """
    config = BUILDS[chip]
    last = seed - 1
    with tqdm(total=programs, unit="program", desc=chip, file=sys.stderr) as bar:

        def step(n: int) -> None:
            nonlocal last
            last = n
            bar.update()

        try:
            lockstep(config, programs=programs, seed=seed, directory=DIRECTORY / chip, progress=step, coverage=coverage)
        except Disagreement as error:
            return str(error)
        except (SimulationError, FrameError, RequestError) as error:
            return f"{chip}, seed {last + 1}: {error}"
        except (BuildError, ValueError) as error:
            return str(error)
    return None


def main() -> int:
    """Command line; exit status 1 if the two differ."""
    parser = argparse.ArgumentParser(description="Run random legal programs on the RTL and the reference simulator.")
    parser.add_argument("--chip", choices=sorted(BUILDS), default="nano")
    parser.add_argument("-n", "--programs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--coverage", type=Path, help="write which rows of the table were executed, as JSON and .md")
    arguments = parser.parse_args()
    coverage = Coverage()
    wrong = soak(arguments.chip, arguments.programs, arguments.seed, coverage)
    if wrong is not None:
        print(wrong, file=sys.stderr)
        return 1
    print(f"{arguments.programs} programs on {arguments.chip}: RTL and reference agree")
    if arguments.coverage is None:
        return 0
    report = coverage.write(all_rows(BUILDS[arguments.chip]), arguments.coverage)
    print(f"{arguments.coverage}: {report['covered']} of {report['rows']} rows of the table executed by the RTL")
    for row in report["missing"]:
        print(f"not executed: {row}", file=sys.stderr)
    return 1 if report["missing"] else 0


if __name__ == "__main__":
    sys.exit(main())
