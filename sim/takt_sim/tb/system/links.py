"""``python -m takt_sim.tb.system.links --chips 4 --ppm 100 --ber 1e-5``: what becomes of vectors on noisy links.

Every link of some chips carries vectors in both directions without a pause, bits are flipped on all wires, and each
vector is judged against the reference simulator. Tables go to standard output, figures to build/links.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from tqdm import tqdm

from takt_hw.config import BUILDS, ChipConfig

from ...system.topology import LATENCY, Topology, full
from ...system.traffic import VECTORS_PER_RUN, parallel, traffic
from ..build import BUILD_ROOT, BuildError
from ..frames import FrameError, RequestError
from ..session import SimulationError
from .measure import Figures, expect, measure
from .run import LinkError, SystemRtl

DIRECTORY = Path("build/links")
FIGURES = Path("build/links.json")
TABLE_WIDTH = 136
"""Characters that the tables need, whatever the terminal has."""

SWEEP = (0.0, 1e-6, 1e-5, 1e-4, 1e-3)
"""Bit error rates of the table."""


def node(chips: int, ppm: int, latency: int, links: int) -> Topology:
    """Chips that are all joined to each other; two of them by all their links."""
    return parallel(links, latency, ppm) if chips == 2 else full(chips, latency=latency, ppm=ppm)


def links(
    config: ChipConfig,
    topology: Topology,
    rates: Sequence[float],
    vectors: int,
    seed: int,
    *,
    directory: Path = DIRECTORY,
    root: Path = BUILD_ROOT,
) -> tuple[dict[str, Any], list[Figures]]:
    """Measure at each rate, with a progress bar on standard error: settings, and figures by rate."""
    runs = -(-vectors // VECTORS_PER_RUN)
    plan = traffic(config, topology, -(-vectors // runs), seed=seed)
    expectation = expect(config, topology, plan)
    with SystemRtl(config, topology, directory=directory, seed=seed, root=root) as chips:
        settings = {
            "chip": config.name,
            "topology": topology.name,
            "chips": topology.chips,
            "links": len(plan.places),
            "ppm": topology.ppm,
            "clocks_ppm": [round(clock.ppm, 2) for clock in chips.clocks],
            "ber": list(rates),
            "vectors": runs * plan.vectors,
            "seed": seed,
            "wire_registers": chips.delay,
            "declared_latency": topology.min_latency,
        }
        states = chips.bring_up()
        settings["latency_needed"] = max(chips.latency_needed(state) for state in states.values())
        for chip in range(topology.chips):
            chips.write(chip, plan.words(chip))
        with tqdm(total=len(rates) * runs * plan.vectors, unit="vector", desc=topology.name, file=sys.stderr) as bar:
            found = [measure(chips, expectation, runs, ber=ber, seed=seed, progress=bar.update) for ber in rates]
    return settings, found


def report(settings: dict[str, Any], found: Sequence[Figures]) -> dict[str, Any]:
    """All figures as plain data; sums over all rates at the top."""
    names = list(found[0].totals)
    rates = [
        {"ber": figures.ber}
        | figures.totals
        | {"flipped_bits": figures.flipped_bits, "program_cycles": figures.cycles}
        | {"simulated_cycles": figures.simulated_cycles, "seconds": round(figures.seconds, 1)}
        for figures in found
    ]
    lengths = [link for figures in found for link in figures.links.values()]
    return (
        {name: sum(figures.totals[name] for figures in found) for name in names}
        | {"shortest": min(link.shortest for link in lengths), "longest": max(link.longest for link in lengths)}
        | {"declared_latency": settings["declared_latency"], "settings": settings, "rates": rates}
    )


def main() -> int:
    """Command line; exit status 1 if a vector was late, or wrong in silence."""
    parser = argparse.ArgumentParser(description="Send vectors over all links of some chips and flip bits on the way.")
    parser.add_argument("--chip", choices=sorted(n for n, c in BUILDS.items() if c.links), default="nano_c2c")
    parser.add_argument("--chips", type=int, default=2)
    parser.add_argument("--ppm", type=int, default=200, help="how far off nominal clocks are, in millionths")
    parser.add_argument("--ber", type=float, help="bit error rate; without it a table of rates")
    parser.add_argument("--vectors", type=int, default=100_000, help="at each rate")
    parser.add_argument("--latency", type=int, default=LATENCY, help="declared for each cable, in cycles")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rates = SWEEP if arguments.ber is None else (arguments.ber,)
    config = BUILDS[arguments.chip]
    try:
        topology = node(arguments.chips, arguments.ppm, arguments.latency, config.links)
        settings, found = links(config, topology, rates, arguments.vectors, arguments.seed)
    except (BuildError, SimulationError, FrameError, RequestError, LinkError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    figures = report(settings, found)
    FIGURES.parent.mkdir(parents=True, exist_ok=True)
    FIGURES.write_text(json.dumps(figures, indent=2) + "\n")
    console = Console(width=max(Console().width, TABLE_WIDTH))
    for one in found:
        console.print(_links_table(settings, one))
    console.print(_rates_table(found))
    console.print(f"figures: {FIGURES}")
    wrong = [f"BER {one.ber:g}: {text}" for one in found for text in one.wrong]
    for text in wrong:
        print(text, file=sys.stderr)
    return 1 if wrong else 0


_COLUMNS = ("vectors", "late", "lost", "duplicated", "reordered", "corrected", "uncorrectable", "silent")


def _links_table(settings: dict[str, Any], figures: Figures) -> Table:
    title = f"{settings['topology']}, ±{settings['ppm']} ppm, BER {figures.ber:g}"
    table = Table("to", *_COLUMNS, "length", "declared", title=title)
    for column in table.columns[1:]:
        column.justify = "right"
    for port, link in figures.links.items():
        one = replace(figures, links={port: link}).totals
        cells = [str(one[name]) for name in _COLUMNS]
        table.add_row(str(port), *cells, f"{link.shortest}-{link.longest}", str(settings["declared_latency"]))
    totals = figures.totals
    table.add_section()
    table.add_row("all", *(str(totals[name]) for name in _COLUMNS), "", "")
    return table


def _rates_table(found: Sequence[Figures]) -> Table:
    table = Table("BER", "bits flipped", *_COLUMNS, "packets lost", "cycles/s", title="by rate")
    for column in table.columns:
        column.justify = "right"
    for figures in found:
        totals = figures.totals
        cells = [str(totals[name]) for name in _COLUMNS]
        lost = f"1 in {totals['vectors'] // totals['lost']}" if totals["lost"] else "none"
        speed = f"{figures.simulated_cycles / max(figures.seconds, 1e-9):.0f}"
        table.add_row(f"{figures.ber:g}", str(figures.flipped_bits), *cells, lost, speed)
    return table


if __name__ == "__main__":
    sys.exit(main())
