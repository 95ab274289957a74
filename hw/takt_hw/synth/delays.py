"""Delays of a placed design as arrays, and when changes come and must come to each pin: static timing analysis."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from .timing import DelayGraph, Pin

_NEAR = 5
"""nextpnr's estimate for a wire has 6 units of time, 2 for each of the first five tiles in either direction, and 1 for
each beyond them (``predictDelay`` of nextpnr-ecp5). The unit is 80 ps at speed grade 6."""


def wire_units(there: np.ndarray, place: tuple[int, int]) -> np.ndarray:
    """Estimated delays of wires between some tiles, shape (n, 2), and one, in units that depend on the speed grade."""
    away = np.abs(there - np.array(place))
    return 6 + (away + np.minimum(away, _NEAR)).sum(axis=1)


class Delays:
    """Numbered pins, and the arcs between them.

    Attributes
    ----------
    source, target, ps : array
        Of each arc.
    wires : dict
        Pins of each arc that is a wire.
    through : dict
        From an input of a cell to its outputs, and the delay.
    derived : set
        Those outputs: what they show does not come from a register of the cell.
    """

    def __init__(self, graph: DelayGraph) -> None:
        pins: dict[Pin, int] = {}
        arcs = [
            (pins.setdefault(source, len(pins)), pins.setdefault(target, len(pins)), delay, source, target)
            for source, targets in graph.next.items()
            for target, delay in targets
        ]
        for pin in (*graph.launch, *graph.setup):
            pins.setdefault(pin, len(pins))
        self._pins = len(pins)
        self.source, self.target, self.ps = (np.array([arc[n] for arc in arcs]) for n in range(3))
        self.wires: dict[int, tuple[Pin, Pin]] = {}
        self.through: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for n, (source, target, delay, source_pin, target_pin) in enumerate(arcs):
            if graph.driver.get(target_pin) == source_pin:
                self.wires[n] = source_pin, target_pin
            else:
                self.through[source].append((target, delay))
        self.derived = {output for outputs in self.through.values() for output, _ in outputs}
        self._levels = self._by_level()
        clocks: dict[Pin | None, int] = {}

        def ends(of: Mapping[Pin, tuple[int, Pin]]) -> list[tuple[int, int, int]]:
            return [(clocks.setdefault(graph.driver.get(c), len(clocks)), pins[pin], ps) for pin, (ps, c) in of.items()]

        launch, setup = ends(graph.launch), ends(graph.setup)
        self._clocks = [
            [[(pin, ps) for c, pin, ps in some if c == clock] for some in (launch, setup)]
            for clock in range(len(clocks))
        ]

    def unit_ps(self, places: Mapping[str, tuple[int, int]]) -> float:
        """The unit of `wire_units`, from wires that lead from one tile, as cells have them, to another."""
        units = []
        for arc, (source, target) in self.wires.items():
            one, other = places.get(source[0]), places.get(target[0])
            if one is not None and other is not None and one != other:
                units.append(self.ps[arc] / wire_units(np.array([one]), other)[0])
        return float(np.median(units))

    def _by_level(self) -> list[np.ndarray]:
        """Arcs, in an order in which all that lead to a pin come before those that leave it. Loops are left out."""
        waits = np.bincount(self.target, minlength=self._pins)
        leaving: dict[int, list[int]] = defaultdict(list)
        for arc, source in enumerate(self.source.tolist()):
            leaving[source].append(arc)
        levels = []
        ready = [int(pin) for pin in np.flatnonzero(waits == 0)]
        while ready:
            arcs = [arc for pin in ready for arc in leaving.get(pin, ())]
            ready = []
            for arc in arcs:
                pin = int(self.target[arc])
                waits[pin] -= 1
                if not waits[pin]:
                    ready.append(pin)
            if arcs:
                levels.append(np.array(arcs))
        return levels

    def passes(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """For each clock: when the last change comes to each pin, and when it had to if a cycle were 0 long."""
        for launch, setup in self._clocks:
            arrival, required = np.full(self._pins, -np.inf), np.full(self._pins, np.inf)
            for pin, ps in launch:
                arrival[pin] = max(arrival[pin], ps)
            for pin, ps in setup:
                required[pin] = min(required[pin], -ps)
            for arcs in self._levels:
                np.maximum.at(arrival, self.target[arcs], arrival[self.source[arcs]] + self.ps[arcs])
            for arcs in reversed(self._levels):
                np.minimum.at(required, self.source[arcs], required[self.target[arcs]] - self.ps[arcs])
            yield arrival, required

    def slack(self, times: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
        """The least of each pin, of all clocks."""
        least = np.full(self._pins, np.inf)
        for arrival, required in times:
            timed = np.isfinite(arrival) & np.isfinite(required)
            least[timed] = np.minimum(least[timed], required[timed] - arrival[timed])
        return least
