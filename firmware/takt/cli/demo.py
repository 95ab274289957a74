"""``takt demo``: a network trained here classifies handwritten digits, every cycle of it on the chip's RTL."""

from __future__ import annotations

from pathlib import Path

import click

from takt_hw.config import BUILDS


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
@click.option("--waves/--no-waves", default=True, show_default=True, help="Record one digit's run.")
def demo(chip: str, digits: int | None, directory: Path, waves: bool) -> None:
    """Classify handwritten digits on the RTL; fails if an output or a cycle count is not as it must be."""
    # Imported here: scikit-learn takes a second to load, for which no other command should wait.
    from takt_sim.tb.build import BuildError
    from takt_sim.tb.frames import FrameError, RequestError
    from takt_sim.tb.session import SimulationError
    from takt_sim.waves import WavesError

    from ..models.digits import NoRoom
    from ..models.digits.demo import run_demo

    try:
        problems = run_demo(BUILDS[chip], digits, directory, waves=waves)
    except (NoRoom, BuildError, SimulationError, FrameError, RequestError, WavesError) as error:
        raise click.ClickException(str(error)) from None
    if problems:
        raise click.ClickException("\n".join(problems))
