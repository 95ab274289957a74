"""``takt asm`` and ``takt disasm``."""

from __future__ import annotations

from pathlib import Path

import click

from ..asm import disassemble
from ..program import save
from .files import chip_option, file_argument, open_program, require_legal

SUFFIX = ".tkp"
"""Of a program file."""


@click.command()
@file_argument
@click.option("-o", "--output", type=click.Path(path_type=Path), help=f"Program file to write; FILE with {SUFFIX}.")
@chip_option
@click.option("--unchecked", is_flag=True, help="Write the file even if the checker refuses the program.")
def asm(file: Path, output: Path | None, chip: str | None, unchecked: bool) -> None:
    """Assemble a text to a program file."""
    loaded = open_program(file, chip)
    if not unchecked:
        require_legal(loaded, click.format_filename(file))
    if output is None:
        output = file.with_suffix(SUFFIX)
    if output.exists() and file.exists() and output.samefile(file):
        raise click.ClickException(f"output must not be the input, {click.format_filename(file)}")
    save(loaded.program, output)
    words = sum(len(words) for words in loaded.program.text.values())
    click.echo(f"{click.format_filename(output)}: {words} words, {output.stat().st_size} bytes")


@click.command()
@file_argument
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Text file to write; standard output if none.")
@chip_option
def disasm(file: Path, output: Path | None, chip: str | None) -> None:
    """Print a program as canonical assembler text."""
    text = disassemble(open_program(file, chip).program)
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text)
