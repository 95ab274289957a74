"""The slowest paths of a placed design, from the delays that nextpnr writes as SDF, named as in the chip's hierarchy.

nextpnr itself reports one path for each clock. Here it is one for each register, or bus of registers, where paths end.
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from .netlist import slice_of

Pin = tuple[str, str]
"""A cell and one of its ports."""

_NS = 1e-3
"""Of the picoseconds in the file."""

_WIRE = re.compile(r"\s*\(INTERCONNECT (\S+)/(\w+) (\S+)/(\w+) \(\d+:\d+:(\d+)\) \(\d+:\d+:(\d+)\)\)")
_INSTANCE = re.compile(r"\s*\(INSTANCE (\S*)\)")
_PATH = re.compile(r"\s*\(IOPATH (\w+) (\w+) \(\d+:\d+:(\d+)\) \(\d+:\d+:(\d+)\)\)")
_SETUP = re.compile(r"\s*\(SETUPHOLD \(\w+ (\w+)\) \(\w+ (\w+)\) \(-?\d+:-?\d+:(-?\d+)\)")
_CLOCK = re.compile(r"(?:[SE]?CLK[ABIO0-3]?|WCK)$")

_MADE_UP = re.compile(
    r"(?:_|\$)(?:TRELLIS_FF|TRELLIS_DPR16X4|LUT4|PFUMX|L6MUX21|CCU2C|DP16KD|MULT18X18D|\$?CCU2_)_?.*$|\$nextpnr_.*$"
)
"""What yosys and nextpnr append to the name of a wire to name the cells around it."""


@dataclass(frozen=True)
class TimingPath:
    """From one register to the next."""

    source: str
    target: str
    ns: float
    logic_ns: float
    """Of that in cells, the registers' own times included."""
    routing_ns: float
    levels: int
    """Cells between the registers."""

    def __str__(self) -> str:
        return (
            f"{self.ns:6.2f} ns ({self.logic_ns:.2f} logic, {self.routing_ns:.2f} routing, {self.levels} levels)  "
            f"{self.source} -> {self.target}"
        )

    def as_dict(self) -> dict:
        """For JSON."""
        return {key: round(value, 3) if isinstance(value, float) else value for key, value in asdict(self).items()}


def readable(cell: str) -> str:
    """A cell's name as the slice it is in, and the register or memory in there."""
    name = _MADE_UP.sub("", cell).replace("$", "_") or cell
    parts = name.split(".")
    place = slice_of(parts)
    for n in range(len(parts)):
        if slice_of(parts[: n + 1]) == place:
            inner = parts[n + 1 :] if place not in ("top", "chip", "superlane control") else parts[n:]
            return f"{place}: {'.'.join(inner)}" if inner else place
    return name


def bus(name: str) -> str:
    """A name without the numbers of bits in it."""
    return re.sub(r"\[\d+\]", "", re.sub(r"_\d+$", "", name))


def worst_paths(sdf: Path, count: int = 5) -> list[TimingPath]:
    """The slowest paths between registers of one clock, slowest first, each to another register or bus of registers.

    Parameters
    ----------
    sdf : Path
        Written by nextpnr.
    count : int
        How many paths.
    """
    with open(sdf) as file:
        graph = DelayGraph(file)
    return graph.worst(count)


class DelayGraph:
    """Pins and the delays between them, in picoseconds.

    Attributes
    ----------
    next : dict
        From each pin those that it drives, by wire or inside its cell, and how late they are.
    launch, setup : dict
        Of a register's output and input: how late it is after its clock's edge, how long before it must be there, and
        the clock's pin.
    driver : dict
        What drives a pin that has a wire.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self.next: dict[Pin, list[tuple[Pin, int]]] = defaultdict(list)
        self.launch: dict[Pin, tuple[int, Pin]] = {}
        self.setup: dict[Pin, tuple[int, Pin]] = {}
        self.driver: dict[Pin, Pin] = {}
        cell = ""
        for line in lines:
            if match := _WIRE.match(line):
                source, target = (plain(match[1]), match[2]), (plain(match[3]), match[4])
                self.driver[target] = source
                self.next[source].append((target, max(int(match[5]), int(match[6]))))
            elif match := _PATH.match(line):
                delay = max(int(match[3]), int(match[4]))
                if is_clock(match[1]):
                    output = (cell, match[2])
                    if delay >= self.launch.get(output, (-1, output))[0]:
                        self.launch[output] = (delay, (cell, match[1]))
                else:
                    self.next[cell, match[1]].append(((cell, match[2]), delay))
            elif match := _SETUP.match(line):
                self.setup[cell, match[1]] = (int(match[3]), (cell, match[2]))
            elif match := _INSTANCE.match(line):
                cell = plain(match[1])

    def worst(self, count: int) -> list[TimingPath]:
        """See `worst_paths`."""
        arrival, before = self._arrivals()
        ends = []
        for pin, (setup, clock) in self.setup.items():
            if pin not in arrival:
                continue
            start = pin
            while start in before:
                start = before[start]
            if self.driver.get(clock) == self.driver.get(self.launch[start][1]):
                ends.append((arrival[pin] + setup, pin))
        ends.sort(reverse=True)
        found: dict[tuple[str, str], TimingPath] = {}
        for total, pin in ends:
            path = self._path(total, pin, before)
            found.setdefault((bus(path.source), bus(path.target)), path)
            if len(found) == count:
                break
        return list(found.values())

    def _arrivals(self) -> tuple[dict[Pin, int], dict[Pin, Pin]]:
        """When the last change comes to each pin after its clock edge, and from where. Loops are left out."""
        waits: dict[Pin, int] = defaultdict(int)
        reached: set[Pin] = set(self.launch)
        pending = list(self.launch)
        while pending:
            for target, _ in self.next.get(pending.pop(), ()):
                waits[target] += 1
                if target not in reached:
                    reached.add(target)
                    pending.append(target)
        arrival = {pin: delay for pin, (delay, _) in self.launch.items()}
        before: dict[Pin, Pin] = {}
        ready = deque(pin for pin in self.launch if not waits[pin])
        while ready:
            pin = ready.popleft()
            for target, delay in self.next.get(pin, ()):
                if arrival[pin] + delay > arrival.get(target, -1):
                    arrival[target], before[target] = arrival[pin] + delay, pin
                waits[target] -= 1
                if not waits[target]:
                    ready.append(target)
        return arrival, before

    def _path(self, total: int, end: Pin, before: dict[Pin, Pin]) -> TimingPath:
        pins = [end]
        while pins[-1] in before:
            pins.append(before[pins[-1]])
        pins.reverse()
        routing = levels = 0
        for source, target in zip(pins, pins[1:], strict=False):
            if self.driver.get(target) == source:
                routing += next(delay for pin, delay in self.next[source] if pin == target)
            else:
                levels += 1
        names = readable(pins[0][0]), readable(end[0])
        return TimingPath(*names, total * _NS, (total - routing) * _NS, routing * _NS, levels)


def is_clock(port: str) -> bool:
    """Whether a cell's port is a clock."""
    return _CLOCK.match(port) is not None


def plain(name: str) -> str:
    """A cell's name in the netlist, from that in an SDF file."""
    return name.replace("\\", "")
