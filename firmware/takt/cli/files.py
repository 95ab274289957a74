"""Programs from files, whichever of the two kinds they are: program file or assembler text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click

from takt_hw.config import BUILDS
from takt_sim.timeline import Violation

from ..asm import Assembly, AssemblyError, assemble
from ..asm.errors import report
from ..program import MAGIC, MAX_FILE_BYTES, Program, ProgramError, from_bytes
from ..runtime import SerialLine, judge
from ..runtime.serial_link import BAUD, TIMEOUT

MAX_TEXT_BYTES = 1 << 25

file_argument = click.argument("file", type=click.Path(path_type=Path))
"""A program file or assembler text."""

chip_option: Callable = click.option(
    "--chip",
    type=click.Choice(list(BUILDS)),
    help="Build of the chip; the one that the file names if not given.",
)


def line_options(command: Callable) -> Callable:
    """Options that say where a board is, for `serial_line`."""
    for name, kind, default, text in (
        ("--timeout", click.FloatRange(0.01), TIMEOUT, "Seconds that a board may be silent."),
        ("--baud", click.IntRange(1), BAUD, "Bits per second of a board's serial line."),
    ):
        command = click.option(name, type=kind, default=default, show_default=True, help=text)(command)
    return click.option("--port", metavar="PATH", help="Serial port of a board, for backend fpga.")(command)


def serial_line(port: str | None, baud: int, timeout: float) -> SerialLine | None:
    """What `line_options` say; None if they say nothing."""
    return None if port is None else SerialLine(port, baud, timeout)


@dataclass(frozen=True)
class Loaded:
    """A program, with its text if it came as such."""

    program: Program
    assembly: Assembly | None = None


def open_program(path: Path, chip: str | None) -> Loaded:
    """The program in a file. ClickException with all that is wrong; OSError if it cannot be read."""
    config = BUILDS[chip] if chip else None
    with open(path, "rb") as stream:
        content = stream.read(MAX_FILE_BYTES + 1)
    name = click.format_filename(path)
    if content.startswith(MAGIC):
        try:
            return Loaded(from_bytes(content, config))
        except ProgramError as error:
            raise click.ClickException(f"{name}: {error}") from None
    if len(content) > MAX_TEXT_BYTES:
        raise click.ClickException(f"{name}: text must have at most {MAX_TEXT_BYTES} bytes, not more")
    try:
        source = content.decode()
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{name}: file must be a program file or UTF-8 text: byte {error.start}") from None
    try:
        assembly = assemble(source, name, config)
    except AssemblyError as error:
        raise click.ClickException(f"{name} is refused\n{error}") from None
    return Loaded(assembly.program, assembly)


def require_legal(loaded: Loaded, name: str) -> None:
    """ClickException with every violation that the checker finds, at its line if there is text."""
    refused = [(verdict.entry, violation) for verdict in judge(loaded.program) for violation in verdict.violations]
    if refused:
        raise click.ClickException(f"{name} is illegal\n" + "\n".join(violation_report(loaded, refused)))


def violation_report(loaded: Loaded, refused: list[tuple[str, Violation]]) -> list[str]:
    """One message per violation."""
    text = loaded.assembly
    if text is None:
        return [f"{entry}: {violation}" for entry, violation in refused]
    placed = [text.diagnostic(entry, v.queue, v.word, str(v)) for entry, v in refused]
    return [report(text.filename, text.source, sorted(placed))]
