"""Cells on the slowest paths of a placed design move to free sites, where that makes the paths faster.

nextpnr places for short wires in all, so a path may visit a LUT at the other end of the device that has its other wires
there. Here a LUT, a register, or the two of them that share half a slice, goes to where the least slack of all paths
through it is largest, one after the other, as long as that helps. What delays there will be is known: before routing
nextpnr takes them from distances alone.

Only what is free of neighbours moves, and only into slices where nothing is, so that no rule of a slice can be broken;
registers into tiles whose registers all have the same control nets.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .delays import Delays, wire_ps
from .sites import Sites, Unit, units_of
from .timing import DelayGraph

_STEPS = 100
"""Times that all delays are added up anew, at most."""

_WINDOW_PS = 3_000
"""Cells of paths that are so much faster than the slowest move too."""

_GAIN_PS = 50
"""What a move must bring at least."""

_ALIKE_PS = 100
"""Sites that are worse by so little are as good as the best: that with the shortest wires is taken."""


def relocate(module: dict[str, Any], sdf: Path) -> tuple[float, float]:
    """Move cells of a module that nextpnr placed, as its ``--write`` writes it. Slowest path before and after, in ns.

    ``sdf`` has the delays that nextpnr estimated for it.
    """
    with open(sdf) as file:
        delays = Delays(DelayGraph(file))
    sites = Sites(module["cells"])
    units = units_of(module["cells"], delays, sites)
    by_pin: dict[int, list[int]] = defaultdict(list)
    for n, unit in enumerate(units):
        for pin in dict.fromkeys(int(delays.target[arc]) for arc in unit.arcs):
            by_pin[pin].append(n)
    slowest: list[float] = []
    for _ in range(_STEPS):
        times = list(delays.passes())
        slack = delays.slack(times)
        slowest.append(-float(slack.min()) / 1e3)
        order = np.argsort(slack)
        late = order[slack[order] < slack.min() + _WINDOW_PS].tolist()
        touched: set[int] = set()  # pins whose times are no longer true in this step
        for n in dict.fromkeys(n for pin in late for n in by_pin.get(pin, ())):
            around = {int(pin) for arc in units[n].arcs for pin in (delays.source[arc], delays.target[arc])}
            if not around & touched and _move(units[n], delays, sites, times):
                touched |= around
        if not touched:
            break
    sites.write(module["cells"])
    return slowest[0], slowest[-1]


def _move(unit: Unit, delays: Delays, sites: Sites, times: Sequence[tuple[np.ndarray, np.ndarray]]) -> bool:
    """Move a unit to its best site, if that helps; whether it did."""
    free = sites.free_for(unit)
    there = np.vstack([[unit.place], sites.places_of(free)])
    ps = {arc: wire_ps(there, sites.places[delays.wires[arc][0][0]]) for arc in unit.inputs}
    ps |= {arc: wire_ps(there, sites.places[delays.wires[arc][1][0]]) for arc in unit.outputs}
    slack = np.full(len(there), np.inf)
    for arrival, required in times:
        # when each output must be there for the delays at each site; then each input for that
        due: dict[int, np.ndarray] = {}
        for arc in (*unit.outputs, *unit.within):
            pin = int(delays.source[arc])
            due[pin] = np.minimum(due.get(pin, np.inf), required[delays.target[arc]] - ps.get(arc, 0))
        for pin, until in due.items():
            if pin not in delays.derived:
                slack = np.minimum(slack, until - arrival[pin])
        for arc in unit.inputs:
            pin = int(delays.target[arc])
            until = np.full(len(there), np.inf if pin in delays.through else required[pin])
            for output, inside in delays.through.get(pin, ()):
                until = np.minimum(until, due.get(output, np.inf) - inside)
            slack = np.minimum(slack, until - arrival[delays.source[arc]] - ps[arc])
    gain = slack[1:].max(initial=-np.inf) - slack[0]
    if not gain >= _GAIN_PS:  # not a number if nothing that is timed goes through it
        return False
    alike = 1 + np.flatnonzero(slack[1:] >= slack[1:].max() - _ALIKE_PS)
    length = np.sum(list(ps.values()), axis=0)
    chosen = int(alike[np.argmin(length[alike])])
    sites.take(unit, int(free[chosen - 1]))
    for arc in unit.arcs:
        delays.ps[arc] = ps[arc][chosen]
    return True
