"""Writes a GTKWave save file: queues by slice in the picture's colours, memory writes, streams in use."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from math import log2
from pathlib import Path

from vcd.gtkw import GTKWColor, GTKWSave

from takt_hw import isa
from takt_hw.config import LANES_PER_SUPERLANE, ChipConfig, Kind
from takt_hw.isa import Queue

from .observe import CYCLE, MemoryWrite
from .vcd import ROOT, write_name

SHOWN_CYCLES = 48
"""Cycles in view at first; a shorter run fills the window."""

WINDOW = (1800, 1000)
"""Size of the window, in pixels."""

NAMES, BORDERS = 260, 60
"""Pixels of the window's list of names, and of what is around the waves."""

ZOOM_0 = 200
"""Pixels of one time unit at zoom 0; each zoom step doubles or halves that."""

COLOURS = {
    Kind.MEM: GTKWColor.green,
    Kind.VXM: GTKWColor.yellow,
    Kind.MXM: GTKWColor.orange,
    Kind.SXM: GTKWColor.red,
    Kind.C2C: GTKWColor.violet,
}


def write_gtkw(
    path: Path, vcd: Path, config: ChipConfig, *, used: set[str], writes: Sequence[MemoryWrite], streams: Sequence[str],
    cycles: int,
) -> None:  # fmt: skip
    """Write the save file. GTKWave looks for the VCD beside it.

    Parameters
    ----------
    path, vcd : Path
        File to write, and the VCD that it is for.
    config : ChipConfig
        The build that ran.
    used : set of str
        Queues that have text. The others are in a closed group of their own.
    writes : sequence of MemoryWrite
        Memory writes; slices that write nothing are left out.
    streams : sequence of str
        Full names of the stream registers in use.
    cycles : int
        Cycles that the VCD shows.
    """
    bits = 8 * LANES_PER_SUPERLANE
    with open(path, "w") as file:
        save = GTKWSave(file)
        save.dumpfile(vcd.name, abspath=False)
        save.timestart(0)
        save.size(*WINDOW)
        save.signals_width(NAMES)
        save.sst_expanded(False)
        save.zoom_markers(-log2(min(cycles, SHOWN_CYCLES) * CYCLE * ZOOM_0 / (WINDOW[0] - NAMES - BORDERS)))
        save.trace(f"{ROOT}.cycle[31:0]", datafmt="dec")
        save.trace(f"{ROOT}.running")
        queues = isa.queues(config)
        for name, members in groupby((queue for queue in queues if queue.name in used), key=lambda queue: queue.slice):
            with save.group(name):
                for queue in members:
                    _trace(save, queue)
        with save.group("idle queues", closed=True):
            for queue in queues:
                if queue.name not in used:
                    _trace(save, queue)
        written = sorted({(w.slice, w.superlane) for w in writes})
        with save.group("memory writes", closed=not written):
            for name, superlane in written:
                traced = f"{ROOT}.{name}.{write_name(config, superlane)}"
                suffix = f" superlane {superlane}" if config.superlanes > 1 else ""
                save.trace(traced, alias=f"{name}{suffix}", color=GTKWColor.normal)
        for place, names in groupby(streams, key=lambda name: name.rpartition(".")[0]):
            with save.group(place.removeprefix(f"{ROOT}."), closed=True):
                for name in names:
                    save.trace(f"{name}[{bits - 1}:0]", alias=name.rpartition(".")[2], datafmt="hex")


def _trace(save: GTKWSave, queue: Queue) -> None:
    save.trace(f"{ROOT}.{queue.name}", alias=queue.name.replace(".", " "), color=COLOURS[queue.unit.kind])
