"""``takt demo``: a network trained here classifies handwritten digits, every cycle of it on the chip's RTL."""

from __future__ import annotations

from pathlib import Path

import click

from takt_hw.config import BUILDS

from ..runtime import open_device
from .files import line_options, serial_line


@click.command()
@click.option("--chip", type=click.Choice(list(BUILDS)), default="nano", show_default=True, help="Build of the chip.")
@click.option("--digits", type=click.IntRange(1), help="How many of the held-back digits to run; all if not given.")
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("build"),
    show_default=True,
    help="Where figures, waves and the trained network go.",
)
@click.option("--waves/--no-waves", default=None, help="Record one digit's run in simulation; on for backend rtl.")
@click.option("--backend", type=click.Choice(["rtl", "fpga"]), default="rtl", show_default=True)
@line_options
def demo(
    chip: str,
    digits: int | None,
    directory: Path,
    waves: bool | None,
    backend: str,
    port: str | None,
    baud: int,
    timeout: float,
) -> None:
    """Classify handwritten digits on the RTL or a board; fails if an output or a cycle count is not as it must be."""
    # Imported here: scikit-learn takes a second to load, for which no other command should wait.
    from takt_sim.tb.build import BuildError
    from takt_sim.tb.frames import FrameError, RequestError
    from takt_sim.tb.session import SimulationError
    from takt_sim.waves import WavesError

    from ..models.digits import NoRoom
    from ..models.digits.demo import run_demo

    on_board = backend == "fpga"
    if port is not None and not on_board:
        raise click.UsageError("--port is for backend fpga")
    device = open_device(backend, BUILDS[chip], serial_line(port, baud, timeout)) if on_board else None
    try:
        problems = run_demo(
            BUILDS[chip], digits, directory, waves=not on_board if waves is None else waves, device=device
        )
    except (NoRoom, BuildError, SimulationError, FrameError, RequestError, WavesError) as error:
        raise click.ClickException(str(error)) from None
    if problems:
        raise click.ClickException("\n".join(problems))
