"""One program on the RTL, recorded: VCD, GTKWave save file and picture."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from takt_hw.config import ChipConfig

from ..tb.build import BUILD_ROOT, Variant
from ..tb.run import RtlChip
from ..tb.run import Run as RtlRun
from ..tb.session import WAVES_FILE
from ..timeline import Memory, Text, Timeline, expand
from .gtkw import write_gtkw
from .observe import Dispatched, Run
from .picture import cycles_drawn, draw, save
from .vcd import write_vcd


@dataclass(frozen=True)
class Recording:
    """Files of one recorded run."""

    vcd: Path
    gtkw: Path
    picture_svg: Path
    picture_png: Path

    cycles: int
    """Cycle count that the chip reported."""

    dispatches: tuple[Dispatched, ...]
    """What the chip dispatched, and when."""


def record(
    config: ChipConfig,
    text: Text,
    memory: Memory,
    directory: Path,
    name: str = "run",
    *,
    shown: range | None = None,
    root: Path = BUILD_ROOT,
) -> Recording:
    """Run a program on the Verilated RTL and write what happened to ``directory``.

    Parameters
    ----------
    config : ChipConfig
        A named build.
    text : Text
        Words by queue name.
    memory : Memory
        What to load before the run, by MEM slice: words by address, or uint8[words, lanes] from address 0 on.
    directory : Path
        Where ``name.vcd``, ``name.gtkw``, ``name.svg`` and ``name.png`` go; made if it is not there.
    name : str
        Name of the files and heading of the picture.
    shown : range
        Cycles that the picture shows; all if None.
    root : Path
        Where compiled simulators are kept.

    Raises
    ------
    ValueError
        ``name``, ``memory``, ``shown`` or ``config`` does not fit; ``IllegalProgram`` if the text cannot be expanded.
    BuildError, SimulationError, RequestError
        The simulator could not be built, or did not run.
    """
    if not name or Path(name).name != name:
        raise ValueError(f"name must be a file name without a directory, not {name!r}")
    words = _words(config, memory)
    timeline = expand(config, text, words)
    cycles_drawn(timeline.cycles, shown)
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory, prefix="unfinished-") as work:
        with RtlChip(config, Variant.WAVES, directory=Path(work), root=root) as chip:
            chip.load_text(text)
            result = chip.run(RtlRun(load=words), max_cycles=timeline.cycles + MARGIN)
        return write(Run(config, Path(work) / WAVES_FILE), timeline, result.cycles, directory, name, shown)


def write(
    run: Run, timeline: Timeline, cycles: int, directory: Path, name: str, shown: range | None = None
) -> Recording:
    """Write the files of a run that has been observed."""
    paths = {suffix: directory / f"{name}.{suffix}" for suffix in ("vcd", "gtkw", "svg", "png")}
    streams = write_vcd(paths["vcd"], run, timeline.control, cycles)
    used = {d.queue.name for d in run.dispatches} | {c.queue.name for c in timeline.control}
    write_gtkw(
        paths["gtkw"], paths["vcd"], run.config, used=used, writes=run.writes, streams=streams, cycles=run.cycles
    )
    picture = draw(run.config, run.dispatches, timeline.control, cycles, name, shown)
    save(picture, paths["svg"], paths["png"])
    return Recording(paths["vcd"], paths["gtkw"], paths["svg"], paths["png"], cycles, run.dispatches)


MARGIN = 10_000
"""Cycles beyond the predicted ones after which a run is given up."""


def _words(config: ChipConfig, memory: Memory) -> dict[str, dict[int, bytes]]:
    """Words to load by slice and address. ValueError names what does not fit."""
    names = [s.name for s in config.mem_slices]
    result: dict[str, dict[int, bytes]] = {}
    for name, given in memory.items():
        if name not in names:
            raise ValueError(f"memory must name MEM slices of {config.name}, not {name!r}")
        words = given if isinstance(given, Mapping) else dict(enumerate(np.asarray(given)))
        result[name] = {int(address): bytes(word) for address, word in words.items()}
        for address, word in result[name].items():
            if not 0 <= address < config.mem_words:
                raise ValueError(f"address in {name} must be from 0 to {config.mem_words - 1}, not {address}")
            if len(word) != config.lanes:
                raise ValueError(f"word {address:#x} of {name} must have {config.lanes} bytes, not {len(word)}")
    return result
