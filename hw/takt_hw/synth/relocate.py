"""Cells on the slowest paths of a placed design move to free sites, where that makes the paths faster.

nextpnr places for short wires in all, so a path may visit a LUT at the other end of the device that has its other wires
there. Here a LUT, a register, the two of them that share half a slice, or a block RAM goes to where the least slack of
all paths through it is largest, one after the other, as long as that helps; or two block RAMs exchange their places.
What delays there will be is known: before routing nextpnr takes them from distances alone.

Only what is free of neighbours moves, and only into slices where nothing is, so that no rule of a slice can be broken;
registers into tiles whose registers all have the same control nets, block RAMs to where there is none.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .delays import Delays, wire_units
from .sites import Sites, Unit, units_of, write
from .timing import DelayGraph, Pin

_STEPS = 400
"""Times that all delays are added up anew, at most."""

_IDLE_STEPS = 30
"""Of them, those at most in which the slowest path does not become faster."""

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
    unit_ps = delays.unit_ps(sites.places)
    by_pin: dict[int, list[int]] = defaultdict(list)
    for n, unit in enumerate(units):
        for pin in dict.fromkeys(int(delays.target[arc]) for arc in unit.arcs):
            by_pin[pin].append(n)
    rams = [unit for unit in units if unit.kind == "ram"]
    slowest: list[float] = []
    moved: dict[str, str] = {}
    best, best_step = math.inf, 0
    for _ in range(_STEPS):
        mover = _Mover(delays, sites, unit_ps)
        slowest.append(-float(mover.slack.min()) / 1e3)
        if slowest[-1] < best:  # or not: two moves may both take their time from a third path
            best, best_step, moved = slowest[-1], len(slowest), dict(sites.moved)
        elif len(slowest) - best_step > _IDLE_STEPS:
            break
        order = np.argsort(mover.slack)
        late = order[mover.slack[order] < mover.slack.min() + _WINDOW_PS].tolist()
        # block RAMs first: they have few places, what is around them many
        found = [units[n] for n in dict.fromkeys(n for pin in late for n in by_pin.get(pin, ()))]
        for unit in sorted(found, key=lambda unit: unit.kind != "ram"):
            if not mover.move(unit) and unit.kind == "ram":
                mover.exchange(unit, rams)
        if not mover.touched:
            break
    write(moved, module["cells"])
    return slowest[0], best


class _Mover:
    """One step: all delays are added up at its beginning, and what moves is far from all that has moved in it.

    Attributes
    ----------
    slack : array
        Of each pin, at the beginning.
    touched : set
        Pins whose times are no longer true.
    """

    def __init__(self, delays: Delays, sites: Sites, unit_ps: float) -> None:
        self._delays, self._sites, self._unit_ps = delays, sites, unit_ps
        self._times = list(delays.passes())
        self.slack = delays.slack(self._times)
        self.touched: set[int] = set()

    def move(self, unit: Unit) -> bool:
        """Move a unit to its best free site, if that helps; whether it did."""
        if self._pins(unit) & self.touched:
            return False
        # the best is between what it is wired to; block RAMs are few, and nearest to that may be far from it
        ends = [] if unit.kind == "ram" else [self._sites.places[pin[0]] for _, pin in self._ends(unit)]
        free = self._sites.free_for(unit, ends)
        slack, ps = self._slack_at(unit, np.vstack([[unit.place], self._sites.places_of(free)]))
        gain = slack[1:].max(initial=-np.inf) - slack[0]
        if not gain >= _GAIN_PS:  # not a number if nothing that is timed goes through it
            return False
        alike = 1 + np.flatnonzero(slack[1:] >= slack[1:].max() - _ALIKE_PS)
        length = np.sum(list(ps.values()), axis=0)
        chosen = int(alike[np.argmin(length[alike])])
        self._sites.take(unit, int(free[chosen - 1]))
        self._apply(unit, ps, chosen)
        return True

    def exchange(self, unit: Unit, others: Sequence[Unit]) -> bool:
        """Exchange the places of a unit and another of its kind, if that helps; whether it did."""
        pins = self._pins(unit)
        if pins & self.touched:
            return False
        others = [other for other in others if not self._pins(other) & (pins | self.touched)]
        slack, ps = self._slack_at(unit, np.array([unit.place, *(other.place for other in others)]))
        best, found = float(_GAIN_PS), None
        for n, other in enumerate(others, start=1):
            if slack[n] - slack[0] < best:
                continue
            theirs, their_ps = self._slack_at(other, np.array([other.place, unit.place]))
            gain = min(slack[n], theirs[1]) - min(slack[0], theirs[0])
            if gain >= best:
                best, found = gain, (n, other, their_ps)
        if found is None:
            return False
        n, other, their_ps = found
        self._sites.exchange(unit, other)
        self._apply(unit, ps, n)
        self._apply(other, their_ps, 1)
        return True

    def _ends(self, unit: Unit) -> list[tuple[int, Pin]]:
        """Each wire of a unit, and its pin elsewhere."""
        wires = self._delays.wires
        return [(n, wires[n][0]) for n in unit.inputs] + [(n, wires[n][1]) for n in unit.outputs]

    def _pins(self, unit: Unit) -> set[int]:
        return {int(pin) for arc in unit.arcs for pin in (self._delays.source[arc], self._delays.target[arc])}

    def _apply(self, unit: Unit, ps: dict[int, np.ndarray], chosen: int) -> None:
        for arc in unit.arcs:
            self._delays.ps[arc] = ps[arc][chosen]
        self.touched |= self._pins(unit)

    def _slack_at(self, unit: Unit, there: np.ndarray) -> tuple[np.ndarray, dict[int, np.ndarray]]:
        """The least slack of all paths through a unit at some places, and the delays of its wires, arrays of each."""
        delays = self._delays
        ps = {arc: self._unit_ps * wire_units(there, self._sites.places[pin[0]]) for arc, pin in self._ends(unit)}
        slack = np.full(len(there), np.inf)
        pins = list(self._pins(unit))
        for arrival, required in self._times:
            if not (np.isfinite(arrival[pins]) & np.isfinite(required[pins])).any():
                continue  # of another clock
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
        return slack, ps
