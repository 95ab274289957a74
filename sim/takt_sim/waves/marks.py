"""Marks of the picture: boxes of dispatches, parked queues, and lines of values on their way."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection

from takt_hw import isa
from takt_hw.config import ChipConfig
from takt_hw.isa import Direction, Queue, Unit

from ..timeline import Control
from .layout import Group
from .links import Link

COLOURS = {
    isa.MEM_READ: "#7db8ee",
    isa.MEM_WRITE: "#6fcfb4",
    isa.VXM_ALU: "#f7c05a",
    isa.VXM_REDUCE: "#e39b3b",
    isa.MXM_WEIGHTS: "#cdb4f0",
    isa.MXM_ACTIVATE: "#a98be3",
    isa.MXM_ACCUMULATE: "#dd9ee0",
}
"""Fill of a unit's boxes."""

SXM_COLOUR = "#f29a8e"
CONTROL_COLOUR = "#d9dce1"
LINK_COLOURS = {Direction.EAST: "#2563a8", Direction.WEST: "#c2501a", None: "#6b7280"}
"""Lines by the direction of the stream; None is a value that stays within its slice."""

INK, FAINT = "#1f2937", "#6b7280"

SEPARATE_FROM, SPILL_FROM = 0.02, 0.1
"""Inches of one cycle from which on every box has an edge, and labels may stand beyond their boxes."""

LABEL_POINTS = 6.6
CHARACTER = LABEL_POINTS * 0.602 / 72
"""Width of one character of a label, in inches."""

NAMED_LINKS = 60
"""Up to this number of lines each carries its stream's name."""


@dataclass(frozen=True)
class Scene:
    """What every part of the drawing needs."""

    config: ChipConfig
    axes: Axes
    rows: dict[Queue, float]
    """Middle of each queue's row, in rows from the top."""

    inches: float
    """Width of one cycle."""

    first: int
    """First cycle that is shown."""


def draw_control(scene: Scene, control: Sequence[Control]) -> None:
    """Parked queues, and what releases them."""
    for c in control:
        if c.instruction.op not in (isa.SYNC, isa.NOTIFY) or c.queue not in scene.rows:
            continue
        y = scene.rows[c.queue]
        waits = c.instruction.op is isa.SYNC
        scene.axes.broken_barh([(c.cycle, c.cycles)], (y - 0.3, 0.6), facecolor=CONTROL_COLOUR, zorder=2,
                               hatch="////" if waits else None, edgecolor="white", linewidth=0.5)  # fmt: skip
        if waits and c.cycles * scene.inches > 6 * CHARACTER:
            _text(scene, c.cycle, y, "SYNC", background=CONTROL_COLOUR)
        if not waits:
            release = c.cycle + isa.NOTIFY.d_func(scene.config)  # type: ignore[misc]
            scene.axes.axvline(release, color=FAINT, linewidth=0.9, linestyle=":", zorder=1)
            if scene.inches >= SPILL_FROM:
                _text(scene, c.cycle, y, "NOTIFY")


def draw_boxes(scene: Scene, queue: Queue, groups: Sequence[Group], control: Sequence[Control]) -> None:
    """Dispatches of one queue, the time until their results, and labels where there is room."""
    y, fill = scene.rows[queue], colour(queue.unit)
    separate = scene.inches >= SEPARATE_FROM
    starts = [run.first.cycle for run in groups]
    starts += [c.cycle for c in control if c.queue == queue and c.instruction.op in (isa.SYNC, isa.NOTIFY)]
    starts.sort()
    boxes, tails = [], []
    for run in groups:
        instruction = run.first.instruction
        d_func = instruction.op.d_func(scene.config) if instruction and instruction.op.d_func else 1
        tails.append((run.first.cycle, run.end - 1 + d_func))
        if separate or run.interval > 1:
            boxes += [(cycle, cycle + 1) for cycle in run.cycles]
        else:
            boxes.append((run.first.cycle, run.end))
        n = bisect_left(starts, run.end)
        following = starts[n] if n < len(starts) else scene.axes.get_xlim()[1]
        following = following if scene.inches >= SPILL_FROM else run.end
        room = (following - run.first.cycle) * scene.inches - 0.05
        label = next((text for text in run.labels() if len(text) * CHARACTER <= room), None)
        if label is not None:
            _text(scene, run.first.cycle, y, label)
    _rectangles(scene, tails, y, 0.3, facecolor=fill, alpha=0.28, zorder=2, linewidth=0)
    edge = 0.7 if separate else 0
    _rectangles(scene, boxes, y, 0.3, facecolor=fill, edgecolor="white", zorder=4, linewidth=edge)


def draw_lines(scene: Scene, links: Sequence[Link]) -> None:
    """Values between queues."""
    few = len(links) <= NAMED_LINKS
    strength = 1.1 if few else 0.8 if len(links) <= 400 else 0.4
    by_direction: dict[Direction | None, list] = {direction: [] for direction in LINK_COLOURS}
    for link in links:
        begin, end = _ends(scene, link)
        direction = link.streams[0].direction if link.streams else None
        by_direction[direction].append((begin, end))
        if few and link.streams and scene.inches > 0.2:
            _name(scene, link, begin, end)
    for direction, lines in by_direction.items():
        style = "solid" if direction is not None else (0, (1.5, 1.5))
        paint = LINK_COLOURS[direction]
        scene.axes.add_collection(
            LineCollection(lines, colors=paint, linewidths=strength, linestyles=style, alpha=0.75, zorder=3)
        )
        if len(links) <= 400 and lines:
            xs, ys = zip(*(end for _, end in lines), strict=True)
            scene.axes.scatter(xs, ys, s=9 if few else 3, color=paint, zorder=6, linewidths=0)


def _ends(scene: Scene, link: Link) -> tuple[tuple[float, float], tuple[float, float]]:
    """Where a line begins and ends: on the sides of the two rows that face each other."""
    y0, y1 = scene.rows[link.source.queue], scene.rows[link.target.queue]
    side = 0.3 * ((y1 > y0) - (y1 < y0))
    return (link.leaves, y0 + side), (link.arrives, y1 - side)


def _name(scene: Scene, link: Link, begin: tuple[float, float], end: tuple[float, float]) -> None:
    """A stream's name, near the end of its line."""
    at = 0.5
    x, y = (b + at * (e - b) for b, e in zip(begin, end, strict=True))
    paint = LINK_COLOURS[link.streams[0].direction]
    box = {"boxstyle": "round,pad=0.12", "facecolor": "white", "linewidth": 0, "alpha": 0.85}
    scene.axes.text(x, y, str(link), fontsize=5.8, color=paint, ha="center", va="center", zorder=5, bbox=box)


def _text(scene: Scene, cycle: float, y: float, text: str, background: str | None = None) -> None:
    """A label that begins at a cycle's left edge."""
    box = {"facecolor": background, "linewidth": 0, "pad": 1} if background else None
    scene.axes.text(cycle + 0.03 / scene.inches, y, text, fontsize=LABEL_POINTS, family="DejaVu Sans Mono",
                    color=INK, ha="left", va="center", zorder=7, bbox=box, clip_on=True)  # fmt: skip


def _rectangles(scene: Scene, spans: Sequence[tuple[float, float]], y: float, half: float, **style: Any) -> None:
    corners = [((a, y - half), (b, y - half), (b, y + half), (a, y + half)) for a, b in spans]
    scene.axes.add_collection(PolyCollection(corners, **style))


def colour(unit: Unit) -> str:
    """Fill of a unit's boxes."""
    return COLOURS.get(unit, SXM_COLOUR)
