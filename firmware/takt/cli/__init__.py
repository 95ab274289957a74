"""The command ``takt``. Each command is a function of a module here; COMMANDS lists them."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any

import click

from takt_sim.tb.build import BuildError
from takt_sim.tb.frames import FrameError, RequestError
from takt_sim.tb.session import SimulationError
from takt_sim.tb.system.run import LinkError
from takt_sim.timeline import IllegalProgram

from ..program import ProgramError
from ..runtime import DeviceError
from .assembler import asm, disasm
from .demo import demo
from .inspect import chips, info, isa_table
from .run import check, run
from .system import system
from .waves import waves

COMMANDS = (asm, disasm, check, run, system, info, chips, isa_table, waves, demo)
"""Every command, in the order of the help page. A new one is added here."""


SIMULATION_ERRORS = (BuildError, SimulationError, FrameError, RequestError, LinkError)
"""What can end a run on the RTL."""


class Takt(click.Group):
    """A group whose commands answer bad input with one clear error and exit status 1, and no traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what it refuses becomes a message."""
        try:
            return super().invoke(ctx)
        except (ProgramError, DeviceError, IllegalProgram, *SIMULATION_ERRORS) as error:
            raise click.ClickException(str(error)) from None
        except BrokenPipeError:
            raise
        except OSError as error:
            name = click.format_filename(error.filename) + ": " if error.filename else ""
            raise click.ClickException(f"{name}{error.strerror or error}") from None

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Commands in the order in which they were added."""
        return list(self.commands)


def _version() -> str:
    try:
        return version("takt-lpu")
    except PackageNotFoundError:
        return "not installed"


@click.group(cls=Takt, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(_version(), prog_name="takt")
def main() -> None:
    """Programs for the Takt streaming tensor chip: assemble, check, run, look."""


for command in COMMANDS:
    main.add_command(command)
