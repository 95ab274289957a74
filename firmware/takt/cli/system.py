"""``takt system``."""

from __future__ import annotations

from pathlib import Path

import click

from takt_hw.config import BUILDS, ChipConfig
from takt_sim.timeline import IllegalProgram

from ..asm import AssemblyError
from ..program import MAX_FILE_BYTES, ProgramError
from ..runtime.device import fault_names
from ..system import RtlSystemDevice, System, SystemDevice, assemble_system, save_system, system_from_bytes
from ..system.file import MAGIC
from .files import chip_option, file_argument

BACKENDS = {"reference": SystemDevice, "rtl": RtlSystemDevice}


@click.command()
@file_argument
@chip_option
@click.option("--backend", type=click.Choice(list(BACKENDS)), default="reference", show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write a system file.")
def system(file: Path, chip: str | None, backend: str, output: Path | None) -> None:
    """Run a program for several chips; fails if memory does not end as the file says."""
    name = click.format_filename(file)
    try:
        found = _read(file, BUILDS[chip] if chip else None)
        device = BACKENDS[backend](found)
    except (AssemblyError, ProgramError, IllegalProgram) as error:
        raise click.ClickException(f"{name} is refused\n{error}") from None
    try:
        if output is not None:
            save_system(found, output)
            click.echo(f"{output} is written")
        results = device.run()
        click.echo(f"{found.topology.name}, {found.config.name}: {max(result.cycles for result in results)} cycles")
        for number, result in enumerate(results):
            for tensor in (tensor for tensor in found.programs[number].tensors if tensor.role == "output"):
                values = " ".join(str(device.read_tensor(number, tensor.name)).split())
                click.echo(f"chip {number}, {result.cycles} cycles: {tensor.name} = {values[:200]}")
        faults = {number: fault_names(result.faults) for number, result in enumerate(results) if result.faults}
        if faults:
            raised = [f"chip {number}: {', '.join(names)}" for number, names in faults.items()]
            raise click.ClickException("no fault flag must be raised\n" + "\n".join(raised))
        if differing := device.differences():
            raise click.ClickException("memory must end as the file says\n" + "\n".join(differing))
    finally:
        device.close()


def _read(file: Path, config: ChipConfig | None) -> System:
    with open(file, "rb") as stream:
        content = stream.read(MAX_FILE_BYTES + 1)
    if content.startswith(MAGIC):
        return system_from_bytes(content, config)
    try:
        return assemble_system(content.decode(), click.format_filename(file), config)
    except UnicodeDecodeError as error:
        raise ProgramError(f"file must be a system file or UTF-8 text: byte {error.start}") from None
