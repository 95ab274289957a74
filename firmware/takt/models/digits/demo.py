"""The demo: train, quantize, emit, run every held-back digit on the reference simulator and on the RTL, and report."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from tqdm import tqdm

from takt_hw.config import ChipConfig
from takt_sim.tb.build import BUILD_ROOT, Variant, build
from takt_sim.waves import Recording, record

from ...program import MAIN, Program
from ...runtime import Device
from .evaluate import Execution, Figures, compare, run_device, run_reference, run_rtl
from .integer import logits
from .program import LOGITS, PIXELS, emit
from .quantize import quantize
from .scans import HELD_BACK, WHITEST, load_scans
from .training import trained

SHADES = " .:-=+*#%@"
"""From no ink to most."""


def run_demo(
    config: ChipConfig,
    digits: int | None,
    directory: Path,
    *,
    waves: bool = True,
    variant: Variant = Variant.FAST,
    device: Device | None = None,
) -> list[str]:
    """Run the demo and print its report; what is wrong with the outcome, each as one line.

    Parameters
    ----------
    config : ChipConfig
        A named build.
    digits : int or None
        How many of the held-back digits to run; None for all.
    directory : Path
        Where figures, waves and the trained network go.
    waves : bool
        Whether to record the first digit's run.
    variant : Variant
        Which simulator runs the digits.
    device : Device
        What runs the digits in place of the RTL in simulation. Its cycles count as the RTL's, in the figures too.

    Raises
    ------
    ClickException
        If ``digits`` is more than there are.
    NoRoom
        The network does not fit the build.
    BuildError, SimulationError, FrameError, RequestError, WavesError
        The RTL did not run.
    """
    if digits is not None and digits > HELD_BACK:
        raise click.ClickException(f"digits must be at most {HELD_BACK}, not {digits}")
    variants = [*([variant] if device is None else []), *([Variant.WAVES] if waves else [])]
    with ThreadPoolExecutor() as pool:  # much of a build uses one processor
        list(pool.map(partial(build, config), variants))
    begin = time.perf_counter()
    scans = load_scans()
    with _bar("train", "epochs") as progress:
        float_network = trained(scans, progress, cache=directory / "digits")
    network = quantize(float_network, scans.train_images)
    program = emit(config, network)
    images = scans.test_images[:digits]
    expected = logits(network, images)
    with _bar("reference", "digits") as progress:
        reference = run_reference(program, images, progress)
    if device is None:
        with _bar(f"RTL of {config.name}", "digits") as progress:
            rtl = run_rtl(program, images, progress, directory=directory / "demo", variant=variant)
    else:
        with _bar(f"{config.name}", "digits") as progress:
            rtl = run_device(device, program, images, progress)
    figures = compare(program, network, float_network, scans, expected, reference, rtl)
    path = directory / "demo.json"
    path.write_text(json.dumps(asdict(figures), indent=2) + "\n")
    recording = _record(program, images[0], directory / "waves") if waves else None
    _show_digit(images[0], rtl.logits[0], int(scans.test_labels[0]))
    _show(figures, rtl, time.perf_counter() - begin, path, recording)
    problems = figures.problems()
    if rtl.faults:
        problems.append(f"fault flags of the RTL must be 0, not {rtl.faults}")
    if recording is not None and recording.cycles != figures.cycles_predicted:
        problems.append(f"recorded cycles must be {figures.cycles_predicted}, not {recording.cycles}")
    return problems


def _record(program: Program, image: NDArray[np.int8], directory: Path) -> Recording:
    """Waves and picture of one digit's run."""
    memory = {name: dict(words) for name, words in program.data.items()}
    for name, words in program.tensor(PIXELS).pack(image, program.config.lanes).items():
        memory.setdefault(name, {}).update(words)
    return record(program.config, program.entry(MAIN).text, memory, directory, "digit", root=BUILD_ROOT)


@contextmanager
def _bar(label: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar, and the function that moves it. Nothing is shown if it never moves."""
    bars: list[tqdm] = []

    def move(done: int, total: int) -> None:
        if not bars:
            bars.append(tqdm(total=total, desc=f"{label:<14}", unit=f" {unit}", ncols=88, file=sys.stderr))
        bars[0].update(done - bars[0].n)

    try:
        yield move
    finally:
        for bar in bars:
            bar.close()


def _show_digit(image: NDArray[np.int8], values: NDArray[np.int64], label: int) -> None:
    """The first digit as the chip got it, beside what the chip made of it."""
    rows = image.reshape(8, 8).astype(int) * (len(SHADES) - 1) // WHITEST
    right = [f"{LOGITS} on the chip", *(f"  {n}: {value:7d}" for n, value in enumerate(values.tolist()))]
    right[1 + int(values.argmax())] += f"  <- the chip's answer; the scan is a {label}"
    left = ["".join(SHADES[shade] * 2 for shade in row) for row in rows]
    left = ["", "", *left, ""]
    click.echo()
    for drawn, text in zip(left, right, strict=True):
        click.echo(f"  {drawn:<20}{text}".rstrip())
    click.echo()


def _show(figures: Figures, rtl: Execution, seconds: float, path: Path, recording: Recording | None) -> None:
    """The table."""
    table = Table(show_header=False, title="digits at batch 1", title_justify="left")
    table.add_row("digits, held back from training", f"{figures.digits}")
    table.add_row("accuracy on the chip", f"{figures.accuracy_chip:.2%}")
    table.add_row("accuracy of the float network", f"{figures.accuracy_float:.2%}")
    compared = f"{figures.mismatches} of {2 * rtl.logits.size} (RTL and reference)"
    table.add_row("outputs that differ from NumPy int8", compared)
    cycles = (figures.cycles_predicted, figures.cycles_reference, figures.cycles_rtl)
    table.add_row("cycles per digit", "{} predicted, {} reference, {} RTL".format(*cycles))
    table.add_row("MXM utilization", f"{figures.mxm_utilization:.1%}")
    table.add_row("simulated cycles per second", f"{figures.sim_cycles_per_second:,.0f}")
    if recording is not None:
        table.add_row("waves of one digit", f"{recording.vcd}, {recording.gtkw}")
        table.add_row("picture of it", f"{recording.picture_svg}")
    table.add_row("these figures", f"{path}")
    Console(width=max(Console().width, 100)).print(table)
    click.echo(f"{seconds:.0f} s, set-up not counted")
