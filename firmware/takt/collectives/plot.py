"""The picture of all-reduce against the bandwidth of the links."""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure as Picture

from .measure import Figure, report


def write(figures: list[Figure], directory: Path) -> tuple[Path, Path, Path]:
    """Write ``allreduce.json``, ``.svg`` and ``.png`` into a directory, and say where."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = directory / "allreduce.json", directory / "allreduce.svg", directory / "allreduce.png"
    paths[0].write_text(json.dumps(report(figures), indent=2) + "\n")
    with mpl.rc_context({"svg.hashsalt": "takt"}):
        picture = Picture(figsize=(8, 5.5), layout="tight")
        axes = picture.subplots()
        for number, name in enumerate(dict.fromkeys(figure.topology for figure in figures)):
            own = [figure for figure in figures if figure.topology == name]
            vectors, color = [figure.vectors for figure in own], f"C{number}"
            axes.plot(vectors, [figure.cycles for figure in own], marker="o", markersize=4, color=color, label=name)
            axes.plot(vectors, [figure.limit for figure in own], linestyle="--", linewidth=1, color=color)
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_xlabel("vectors of each chip (int32: four to an element vector)")
        axes.set_ylabel("cycles; dashed: the bandwidth limit of the links")
        axes.grid(True, which="major", linewidth=0.3)
        axes.legend(title="all-reduce")
        picture.savefig(paths[1], metadata={"Date": None})
        picture.savefig(paths[2], dpi=150)
    return paths
