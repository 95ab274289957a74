"""The picture of a run: queues down, cycles across, and the values that travel between them.

A box is a dispatch, the pale bar behind it lasts until the result is on its stream (d_func), and a
line is a value on its way from the end of that bar to the instruction that takes it: one position per
cycle, so eastward lines fall and westward lines rise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from takt_hw import isa
from takt_hw.config import ChipConfig, Kind
from takt_hw.isa import Direction, Queue, Unit

from ..timeline import Control
from .layout import group, queues_shown
from .links import Link, find_links
from .marks import FAINT, INK, LINK_COLOURS, Scene, colour, draw_boxes, draw_control, draw_lines
from .observe import Dispatched

BAND = "#f4f6f9"
"""Every other position's background."""

ROW = 0.36
"""Height of one queue, in inches."""

WIDE = 0.62
"""Inches of one cycle, at most."""

NARROWEST_PLOT, PAGE = 7.0, 26.0
"""Inches across which all cycles are drawn: at least and at most."""

MARGINS = (1.75, 0.35, 1.0, 0.55)
"""Inches left, right, above and below."""

LINES_FROM = 0.05
"""Inches of one cycle from which on lines are drawn: in a longer picture they would only blacken it."""


def draw(
    config: ChipConfig,
    dispatches: Sequence[Dispatched],
    control: Sequence[Control],
    cycles: int,
    title: str,
    shown: range | None = None,
) -> Figure:
    """The picture of a run.

    Parameters
    ----------
    config : ChipConfig
        The build that ran.
    dispatches : sequence of Dispatched
        What the chip dispatched in superlane 0, by cycle.
    control : sequence of Control
        SYNC and NOTIFY are shown.
    cycles : int
        Cycle count of the program.
    title : str
        Name of the run.
    shown : range
        Cycles to draw; all if None.

    Raises
    ------
    ValueError
        If none of the program's cycles is to be drawn.
    """
    drawn = cycles_drawn(cycles, shown)
    first, end, length = drawn.start, drawn.stop, len(drawn)
    inches = min(WIDE, PAGE / length)
    width = max(length * inches, NARROWEST_PLOT)
    inview = [d for d in dispatches if first <= d.cycle < end]
    queues = queues_shown(inview, [c for c in control if c.cycle < end and c.cycle + c.cycles > first])
    height = max(len(queues), 1) * ROW
    left, right, top, bottom = MARGINS
    figure = Figure(figsize=(left + width + right, top + height + bottom), facecolor="white")
    page_width, page_height = figure.get_size_inches()
    axes = figure.add_axes((left / page_width, bottom / page_height, width / page_width, height / page_height))
    axes.set_xlim(first, first + width / inches)
    axes.set_ylim(max(len(queues), 1), 0)
    scene = Scene(config, axes, {queue: n + 0.5 for n, queue in enumerate(queues)}, inches, first)
    _frame(scene, cycles)
    draw_control(scene, control)
    for queue in queues:
        draw_boxes(scene, queue, group([d for d in dispatches if d.queue == queue]), control)
    links = find_links(config, dispatches) if inches >= LINES_FROM else []
    links = [link for link in links if link.arrives >= first and link.leaves < end]
    draw_lines(scene, [link for link in links if {link.source.queue, link.target.queue} <= set(queues)])
    span = f"{cycles} cycles" if length == cycles else f"cycles {first} to {end - 1} of {cycles}"
    idle = len(isa.queues(config)) - len(queues)
    about = f"{config.name}: {span}, {len(inview)} dispatches" + (f"; {idle} idle queues not shown" if idle else "")
    _heading(figure, scene, title, about, links)
    return figure


def cycles_drawn(cycles: int, shown: range | None) -> range:
    """Cycles that a picture of ``shown`` draws. ValueError if the program has none of them."""
    drawn = range(cycles) if shown is None else range(max(shown.start, 0), min(shown.stop, cycles))
    if not drawn:
        raise ValueError(f"shown must hold some of the cycles 0 to {cycles - 1}, not start at {drawn.start}")
    return drawn


def save(figure: Figure, *paths: Path) -> None:
    """Write the picture, in the format that each path's suffix says; the same picture gives the same bytes."""
    dates = {".svg": {"Date": None}, ".png": {"Software": None}}
    with mpl.rc_context({"svg.hashsalt": "takt"}):
        for path in paths:
            figure.savefig(path, dpi=110, metadata=dates.get(path.suffix))


def _frame(scene: Scene, cycles: int) -> None:
    """Bands of the positions, names of slices and units at the left, cycles along both edges."""
    axes = scene.axes
    for n, (position, low, high) in enumerate(_spans(scene, lambda queue: str(queue.position))):
        if n % 2 == 0:
            axes.axhspan(low, high, color=BAND, zorder=0, linewidth=0)
        tall = high - low > 2
        axes.annotate(f"position {position}" if tall else position, (1, (low + high) / 2), (6, 0), fontsize=7.5,
                      xycoords=axes.get_yaxis_transform(), textcoords="offset points", rotation=-90 if tall else 0,
                      ha="left", va="center", color=FAINT, annotation_clip=False)  # fmt: skip
    for name, low, high in _spans(scene, lambda queue: queue.slice):
        axes.axhline(low, color="#e3e7ed", linewidth=0.6, zorder=0)
        axes.text(
            scene.first - 1.6 / scene.inches,
            (low + high) / 2,
            name,
            va="center",
            fontsize=8.5,
            fontweight="bold",
            color=INK,
        )
    for queue, y in scene.rows.items():
        unit = queue.name.removeprefix(f"{queue.slice}.")
        axes.text(scene.first - 0.1 / scene.inches, y, unit, ha="right", va="center", fontsize=8, color=FAINT)
    low, high = axes.get_xlim()
    axes.xaxis.set_major_locator(MaxNLocator(nbins=max(int((high - low) * scene.inches / 0.6), 2), integer=True))
    axes.tick_params(axis="x", top=True, labeltop=True, colors=FAINT, labelsize=8, length=3)
    axes.set_yticks([])
    axes.set_xlabel("cycle (superlane 0)", fontsize=8.5, color=FAINT)
    axes.grid(axis="x", color="#e3e7ed", linewidth=0.6, zorder=0)
    axes.axvline(cycles, color=FAINT, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _spans(scene: Scene, key: Callable[[Queue], str]) -> list[tuple[str, float, float]]:
    """Adjacent rows with one key: the key, upper and lower edge."""
    spans = []
    for name, members in groupby(scene.rows.items(), lambda row: key(row[0])):
        ys = [y for _, y in members]
        spans.append((name, ys[0] - 0.5, ys[-1] + 0.5))
    return spans


def _heading(figure: Figure, scene: Scene, title: str, about: str, links: Sequence[Link]) -> None:
    """Title and legend."""
    width, height = figure.get_size_inches()
    left, top = 0.15 / width, 1 - 0.12 / height
    figure.text(left, top, title, fontsize=13, fontweight="bold", color=INK, va="top", parse_math=False)
    figure.text(left, top - 0.25 / height, about, fontsize=8.5, color=FAINT, va="top")
    kinds = {_kind(queue.unit): colour(queue.unit) for queue in scene.rows}
    entries: list = [Patch(facecolor=paint, label=name) for name, paint in kinds.items()]
    used = {link.streams[0].direction if link.streams else None for link in links}
    for direction, name in ((Direction.EAST, "eastward"), (Direction.WEST, "westward"), (None, "within a slice")):
        if direction in used:
            style: Any = "-" if direction is not None else ":"
            entries.append(Line2D([], [], color=LINK_COLOURS[direction], linestyle=style, linewidth=1.2, label=name))
    figure.legend(handles=entries, loc="upper right", ncols=len(entries), fontsize=8, frameon=False, handlelength=1.3,
                  columnspacing=1.1, handletextpad=0.5, labelcolor=FAINT,
                  bbox_to_anchor=(1 - 0.2 / width, 1 - 0.05 / height))  # fmt: skip


def _kind(unit: Unit) -> str:
    """A unit's name in the legend."""
    return unit.kind.value if unit.kind in (Kind.VXM, Kind.SXM) else f"{unit.kind.value} {unit.name}"
