"""``takt check`` and ``takt run``."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from takt_sim.timeline import IllegalProgram

from ..program import MAIN
from ..runtime import BACKENDS, Device, open_device
from .files import chip_option, file_argument, line_options, open_program, require_legal, serial_line

MAX_DIFFERENCES = 20
"""Words that are shown if a run does not end as the program expects."""


@click.command()
@file_argument
@chip_option
def check(file: Path, chip: str | None) -> None:
    """Prove a program legal, or print every violation."""
    loaded = open_program(file, chip)
    require_legal(loaded, click.format_filename(file))
    for name, cycles in loaded.program.cycles.items():
        click.echo(f"{name}: legal, {cycles} cycles")


@click.command()
@file_argument
@chip_option
@click.option("--backend", type=click.Choice(list(BACKENDS)), default="reference", show_default=True)
@line_options
@click.option("--entry", "entries", multiple=True, metavar="NAME", help="Entry to run; main if none.")
@click.option("--input", "inputs", multiple=True, metavar="NAME=FILE", help="Input tensor from a .npy file.")
@click.option("--output", "outputs", multiple=True, metavar="NAME=FILE", help="Output tensor to a .npy file.")
def run(
    file: Path,
    chip: str | None,
    backend: str,
    port: str | None,
    baud: int,
    timeout: float,
    entries: tuple[str, ...],
    inputs: tuple[str, ...],
    outputs: tuple[str, ...],
) -> None:
    """Run a program; print its cycles and outputs. Fails if memory does not end as the program expects."""
    loaded = open_program(file, chip)
    program = loaded.program
    device = open_device(backend, program.config, serial_line(port, baud, timeout))
    try:
        device.load(program)
    except IllegalProgram:
        require_legal(loaded, click.format_filename(file))  # says the same with the text's lines
        raise
    targets = [_pair(text) for text in outputs]
    for name, _ in targets:
        program.tensor(name)
    given = dict(map(_pair, inputs))
    for name, path in given.items():
        device.write_tensor(name, _read_array(path))
    for tensor in program.tensors:
        loaded_too = all(address in program.data.get(name, {}) for name, address in tensor.words())
        if tensor.role == "input" and tensor.name not in given and not loaded_too:
            raise click.ClickException(f"input {tensor.name} must be given: --input {tensor.name}=FILE.npy")
    for entry in entries or (MAIN,):
        _run_entry(device, entry)
    for tensor in program.tensors:
        if tensor.role == "output":
            click.echo(f"{tensor.name} = {np.array2string(device.read_tensor(tensor.name), separator=', ')}")
    for name, path in targets:
        np.save(path, device.read_tensor(name))


def _run_entry(device: Device, entry: str) -> None:
    """Run one entry and hold memory against what the program expects."""
    result = device.run(entry)
    click.echo(f"{entry}: {result.cycles} cycles, predicted {device.program.cycles[entry]}")
    if result.faults:
        raise click.ClickException(f"entry {entry} must raise no fault, not {', '.join(result.faults)}")
    if result.cycles != device.program.cycles[entry]:
        raise click.ClickException(f"entry {entry} must take the predicted cycles, not {result.cycles}")
    differences = device.differences(entry)
    if differences:
        shown = [str(difference) for difference in differences[:MAX_DIFFERENCES]]
        more = [f"{len(differences) - len(shown)} more"] if len(differences) > len(shown) else []
        raise click.ClickException("\n".join([f"entry {entry} did not end as expected", *shown, *more]))
    expected = sum(len(words) for words in device.program.entry(entry).expected.values())
    if expected:
        click.echo(f"{entry}: {expected} expected {'word' if expected == 1 else 'words'} found")


def _pair(text: str) -> tuple[str, Path]:
    name, mark, path = text.partition("=")
    if not mark or not path:
        raise click.UsageError(f"tensor must be given as NAME=FILE, not {text!r}")
    return name, Path(path)


def _read_array(path: Path) -> NDArray[np.generic]:
    name = click.format_filename(path)
    try:
        array = np.load(path, allow_pickle=False)
    except OSError:
        raise
    except Exception:  # noqa: BLE001 - NumPy's reader raises many kinds for a file that is none
        raise click.ClickException(f"{name}: file must be a .npy array") from None
    if not isinstance(array, np.ndarray):
        raise click.ClickException(f"{name}: file must be a .npy array")
    return array
