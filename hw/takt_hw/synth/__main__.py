"""``python -m takt_hw.synth --board ulx3s --chip ecp5``: a bitstream, its area by slice, and its slowest paths."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from tqdm import tqdm

from ..boards import BOARDS
from ..config import BUILDS
from .flow import SEEDS, Point, TooLarge, build, build_until_reached
from .placing import BITSTREAM
from .report import area_table, show, store, tabulate
from .small import SMALL
from .sweep import parse, sweep
from .tools import Progress, ToolError, stop_when_told

RESULT = Path("build/synth.json")

SWEEP_RESULT = Path("build/synth-sweep.json")


def main() -> int:
    """Command line; exit status 1 if a tool fails, if the clock is not reached, or every point of a sweep fails."""
    parser = argparse.ArgumentParser(description="Synthesize, place and route a chip on a board.")
    parser.add_argument(
        "--board", choices=[*BOARDS, "none"], default="ulx3s", help="none: the chip alone, no bitstream"
    )
    parser.add_argument("--chip", choices=sorted({**BUILDS, SMALL.name: SMALL}), default=None)
    parser.add_argument(
        "--mhz", type=float, help="of the chip's clock; if not given, what the build reaches on the board"
    )
    parser.add_argument("--seed", type=int, help=f"of the placement; if not given, {SEEDS} until the clock is reached")
    parser.add_argument("--estimate", action="store_true", help="stop after placement: minutes instead of hours")
    parser.add_argument("--sweep", help="as in 'seed=1,2 streams=8,16': all combinations of sizes and seeds")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes of a sweep")
    parser.add_argument("--directory", type=Path, default=Path("build/synth"))
    arguments = parser.parse_args()
    stop_when_told()
    board = None if arguments.board == "none" else arguments.board
    chip = arguments.chip or (BOARDS[board].build if board else "ecp5")
    mhz = arguments.mhz or (BOARDS[board].clocks_mhz.get(chip) if board else None) or Point.mhz
    point = Point(
        config=SMALL if chip == SMALL.name else BUILDS[chip],
        board=board,
        mhz=mhz,
        seed=Point.seed if arguments.seed is None else arguments.seed,
        estimate=arguments.estimate,
    )
    try:
        if arguments.sweep:
            return _sweep(point, arguments.sweep, arguments.directory, arguments.workers)
        with Progress(f"{chip}, board {arguments.board}, {mhz:g} MHz:") as report:
            one = arguments.seed is not None or arguments.estimate
            result = (build if one else build_until_reached)(point, arguments.directory, report)
    except TooLarge as error:
        _console().print(area_table("before packing", {name: asdict(area) for name, area in error.by_slice.items()}))
        print(error, file=sys.stderr)
        return 1
    except (ToolError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    show(result, _console())
    store(result, RESULT)
    bitstream = Path(result["directory"]) / BITSTREAM
    made = f", {bitstream}" if bitstream.exists() and board and not arguments.estimate else ""
    print(f"synth: {RESULT}{made}")
    if result["fmax_mhz"] < mhz and not arguments.estimate:
        wanted = f"{chip} must reach {mhz:g} MHz, not {result['fmax_mhz']:.1f}"
        print(f"synth: {wanted}: do not trust the bitstream; try a lower MHZ or another SEED", file=sys.stderr)
        return 1
    return 0


def _sweep(point: Point, text: str, directory: Path, workers: int) -> int:
    axes = parse(text)
    with tqdm(desc="sweep", unit="point", file=sys.stderr) as bar:

        def done(finished: int, total: int) -> None:
            bar.total, bar.n = total, finished
            bar.refresh()

        results = sweep(point, axes, directory, workers=workers, done=done)
    tabulate(results, list(axes), _console())
    good = [result for result in results if "error" not in result]
    store(
        {"points": results} | max(good, key=lambda result: result["gmac_s"], default={}), SWEEP_RESULT
    ) if good else None
    print(f"synth: {len(good)} of {len(results)} points, {SWEEP_RESULT if good else 'none good'}")
    return 0 if good else 1


def _console() -> Console:
    """As wide as a terminal is, and wide enough where there is none."""
    return Console() if sys.stdout.isatty() else Console(width=160)


if __name__ == "__main__":
    sys.exit(main())
