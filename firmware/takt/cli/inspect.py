"""``takt info``, ``takt chips`` and ``takt isa``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from takt_hw.config import BUILDS, ChipConfig, Kind
from takt_hw.isa import CONTROL, UNITS, Op

from .files import chip_option, file_argument, open_program


@click.command()
@file_argument
@chip_option
def info(file: Path, chip: str | None) -> None:
    """Show what a program holds: entries, predicted cycles, tensors, sizes."""
    program = open_program(file, chip).program
    config = program.config
    data = sum(len(words) for words in program.data.values())
    fullest = max((len(words) for words in program.text.values()), default=0)
    click.echo(f"build {config.name}, digest {config.digest.hex()}")
    click.echo(f"data {data} words of {config.lanes} bytes")
    total = sum(map(len, program.text.values()))
    click.echo(f"text {total} words, at most {fullest} of {config.queue_words} in one queue")
    rows = []
    for entry in program.entries:
        cycles = program.cycles[entry.name]
        words = sum(map(len, entry.text.values()))
        expected = sum(map(len, entry.expected.values()))
        rows.append([entry.name, "never ends" if cycles is None else cycles, len(entry.text), words, expected])
    show("entries", ["name", "cycles", "queues", "words", "expected words"], rows)
    if program.tensors:
        shown = [
            [t.name, t.role, f"{t.dtype.text}{list(t.shape)}", " | ".join(", ".join(map(str, p)) for p in t.planes)]
            for t in program.tensors
        ]
        show("tensors", ["name", "role", "type", "planes"], shown)


@click.command()
def chips() -> None:
    """Show the named builds."""
    columns = ["build", "lanes", "streams", "row", "MEM KiB", "MXM planes", "ALUs", "digest"]
    show("builds", columns, [_chip(config) for config in BUILDS.values()])


@click.command("isa")
@click.argument("op", required=False)
def isa_table(op: str | None) -> None:
    """Show the instruction set, or all about one instruction."""
    found = [(unit.name, row) for unit in UNITS for row in unit.ops if row not in CONTROL]
    found += [("every queue", row) for row in CONTROL]
    if op is None:
        show("instructions", ["unit", "syntax", "summary"], [[unit, row.syntax, row.summary] for unit, row in found])
        return
    chosen = [(unit, row) for unit, row in found if row.name == op.upper()]
    if not chosen:
        known = ", ".join(dict.fromkeys(row.name for _, row in found))
        raise click.ClickException(f"instruction must be one of {known}, not {op!r}")
    for unit, row in chosen:
        _instruction(unit, row)


def show(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table."""
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column is columns[0])
    for row in rows:
        table.add_row(*(escape(str(cell)) for cell in row))
    Console().print(table)


def _chip(config: ChipConfig) -> list[object]:
    kib = len(config.mem_slices) * config.mem_words * config.lanes // 1024
    planes = [s for s in config.slices if s.kind is Kind.MXM]
    row = " ".join(kind.value for kind in config.row)
    size = f"{len(planes)} of {config.lanes}×{config.lanes}"
    return [config.name, config.lanes, config.streams, row, kib, size, config.vxm_alus, config.digest.hex()]


def _instruction(unit: str, op: Op) -> None:
    click.echo(f"{op.syntax}  ({unit})\n  {op.summary}\n  {op.operation}")
    click.echo(f"  opcode {op.code:#04x}")
    for name, cycles in (("d_skew", op.d_skew), ("d_func", op.d_func)):
        if cycles is not None:
            click.echo(f"  {name} {cycles}")
    for error in op.errors:
        click.echo(f"  error: {error}")
    if op.fields:
        rows = [[f.name, f"{f.msb}-{f.lsb}", f.doc] for f in op.fields]
        show("fields", ["field", "bits", "meaning"], rows)
