"""``takt waves``."""

from __future__ import annotations

from pathlib import Path

import click

from ..program import MAIN
from .files import chip_option, file_argument, open_program, require_legal


@click.command()
@file_argument
@chip_option
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("build/waves"),
    show_default=True,
    help="Directory to write to.",
)
@click.option("--entry", default=MAIN, show_default=True, metavar="NAME", help="Entry to run.")
@click.option("--cycles", metavar="FIRST:LAST", help="Draw only these cycles; the VCD always has all.")
def waves(file: Path, chip: str | None, output: Path, entry: str, cycles: str | None) -> None:
    """Run a program on the RTL; write a VCD with instructions as text, a GTKWave save file and a picture.

    Input tensors that the file has no data for are zero.
    """
    from takt_sim.tb.build import BuildError  # the bench and the drawing library take a second to import
    from takt_sim.tb.frames import FrameError, RequestError
    from takt_sim.tb.session import SimulationError
    from takt_sim.waves import WavesError, record

    loaded = open_program(file, chip)
    require_legal(loaded, click.format_filename(file))
    program = loaded.program
    text = program.entry(entry).text
    try:
        made = record(program.config, text, program.data, output, file.stem, shown=_range(cycles))
    except (BuildError, SimulationError, FrameError, RequestError, WavesError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{entry}: {made.cycles} cycles, predicted {program.cycles[entry]}")
    for path, what in (
        (made.vcd, "waves"),
        (made.gtkw, "save file: gtkwave " + click.format_filename(made.gtkw)),
        (made.picture_svg, "picture"),
        (made.picture_png, "picture"),
    ):
        click.echo(f"{click.format_filename(path)}  {what}")


def _range(text: str | None) -> range | None:
    """Cycles from ``FIRST:LAST``, both included."""
    if text is None:
        return None
    first, mark, last = text.partition(":")
    if not (mark and first.isdecimal() and last.isdecimal() and int(first) <= int(last)):
        raise click.UsageError(f"cycles must be FIRST:LAST, not {text!r}")
    return range(int(first), int(last) + 1)
