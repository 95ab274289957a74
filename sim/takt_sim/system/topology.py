"""Which chips are joined to which, as plain data: rings, fully connected nodes, dragonflies."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

LATENCY = 64
"""Declared latency of a cable unless told otherwise, in cycles: SEND's dispatch to RECEIVE's."""

PPM = 200
"""How far off nominal a chip's clock may be, in millionths, unless told otherwise."""


MAX_PPM = 250
"""Clocks farther off than this are never found to be aligned: between two adjustments they drift by too much."""


@dataclass(frozen=True, order=True)
class Port:
    """One end of a cable: a link of a chip."""

    chip: int
    link: int

    def __str__(self) -> str:
        return f"chip {self.chip}, link {self.link}"


@dataclass(frozen=True)
class Cable:
    """Two links that are joined, in both directions."""

    a: Port
    b: Port
    latency: int = LATENCY
    """Cycles of program time from the dispatch of a SEND at one end to the earliest dispatch of its RECEIVE at the
    other."""


@dataclass(frozen=True)
class Topology:
    """Chips and the cables between them.

    Chip 0 is the root of the spanning tree along which counters are aligned: of all shortest ways to it a chip takes
    the one over its lowest link.

    Raises
    ------
    ValueError
        If a port has two cables, or some chip cannot be reached from chip 0.
    """

    name: str
    chips: int
    cables: tuple[Cable, ...]
    ppm: int = PPM

    def __post_init__(self) -> None:
        if self.chips < 1:
            raise ValueError(f"chips must be at least 1, not {self.chips!r}")
        if not 0 <= self.ppm <= MAX_PPM:
            raise ValueError(f"ppm must be from 0 to {MAX_PPM}, not {self.ppm!r}")
        seen: set[Port] = set()
        for cable in self.cables:
            for port in (cable.a, cable.b):
                if not 0 <= port.chip < self.chips or port.link < 0:
                    raise ValueError(f"{self.name}: port must be on one of {self.chips} chips, not {port}")
                if port in seen:
                    raise ValueError(f"{self.name}: port must have one cable, not two: {port}")
                seen.add(port)
            if cable.a.chip == cable.b.chip:
                raise ValueError(f"{self.name}: cable must join two chips, not {cable.a} with {cable.b}")
            if cable.latency < 1:
                raise ValueError(f"{self.name}: latency must be at least 1, not {cable.latency!r}")
        if lost := [chip for chip in range(self.chips) if chip not in self.levels]:
            raise ValueError(f"{self.name}: every chip must be joined to chip 0, not chip {lost[0]} to none")

    @cached_property
    def peers(self) -> dict[Port, tuple[Port, int]]:
        """The other end of each port's cable, and the cable's latency."""
        found: dict[Port, tuple[Port, int]] = {}
        for cable in self.cables:
            found[cable.a] = cable.b, cable.latency
            found[cable.b] = cable.a, cable.latency
        return found

    @cached_property
    def ports(self) -> dict[int, tuple[Port, ...]]:
        """Ports in use of each chip, by link."""
        found: dict[int, list[Port]] = {chip: [] for chip in range(self.chips)}
        for port in sorted(self.peers):
            found[port.chip].append(port)
        return {chip: tuple(ports) for chip, ports in found.items()}

    @cached_property
    def levels(self) -> dict[int, int]:
        """Distance of each chip from the root."""
        found, waiting = {0: 0}, deque([0])
        while waiting:
            chip = waiting.popleft()
            for port in self.ports[chip]:
                other = self.peers[port][0].chip
                if other not in found:
                    found[other] = found[chip] + 1
                    waiting.append(other)
        return found

    @property
    def depth(self) -> int:
        """Level of the chips farthest from the root."""
        return max(self.levels.values())

    @cached_property
    def parents(self) -> dict[int, Port]:
        """Of each chip but the root, its port that leads to its parent."""
        return {
            chip: next(p for p in self.ports[chip] if self.levels[self.peers[p][0].chip] == level - 1)
            for chip, level in self.levels.items()
            if level
        }

    @cached_property
    def children(self) -> dict[int, tuple[Port, ...]]:
        """Of each chip, its ports that lead to its children."""
        up = {self.peers[port][0] for port in self.parents.values()}
        return {chip: tuple(port for port in self.ports[chip] if port in up) for chip in range(self.chips)}

    @property
    def min_latency(self) -> int:
        """The least latency of any cable, in cycles; what chips do that far apart cannot reach each other."""
        return min((cable.latency for cable in self.cables), default=LATENCY)

    def between(self, source: int, target: int) -> tuple[Port, ...]:
        """Ports of ``source`` whose cables lead to ``target``."""
        return tuple(port for port in self.ports[source] if self.peers[port][0].chip == target)

    def route(self, source: int, target: int) -> tuple[Port, ...]:
        """A shortest way, as the port to leave each chip by. Chosen before the run, and the same every time: of equal
        ways the one that ``(source + target)`` modulo their number names, so that pairs spread over them.
        """
        ways = self._ways(source, target)
        return ways[(source + target) % len(ways)]

    def _ways(self, source: int, target: int) -> list[tuple[Port, ...]]:
        """All shortest ways."""
        distance, waiting = {target: 0}, deque([target])
        while waiting:
            chip = waiting.popleft()
            for port in self.ports[chip]:
                other = self.peers[port][0].chip
                if other not in distance:
                    distance[other] = distance[chip] + 1
                    waiting.append(other)

        def ways(chip: int) -> Iterator[tuple[Port, ...]]:
            if chip == target:
                yield ()
                return
            for port in self.ports[chip]:
                other = self.peers[port][0].chip
                if distance[other] == distance[chip] - 1:
                    yield from ((port, *rest) for rest in ways(other))

        return list(ways(source))


def ring(chips: int, *, latency: int = LATENCY, ppm: int = PPM) -> Topology:
    """Each chip joined to the next by its link 1 and the next one's link 0. Two chips: one cable, link 0 to link 0."""
    if chips < 2:
        raise ValueError(f"chips of a ring must be at least 2, not {chips!r}")
    if chips == 2:
        cables: tuple[Cable, ...] = (Cable(Port(0, 0), Port(1, 0), latency),)
    else:
        cables = tuple(Cable(Port(n, 1), Port((n + 1) % chips, 0), latency) for n in range(chips))
    return Topology(f"ring of {chips}", chips, cables, ppm)


def full(chips: int, *, latency: int = LATENCY, ppm: int = PPM) -> Topology:
    """A node of 2 to 8 chips, each joined to every other: link n leads to chip n, or to n + 1 from its own
    number on."""
    if not 2 <= chips <= 8:
        raise ValueError(f"chips of a fully connected node must be from 2 to 8, not {chips!r}")
    return Topology(f"{chips} fully connected", chips, tuple(_full_cables(range(chips), latency)), ppm)


def dragonfly(
    groups: int,
    group_chips: int = 8,
    global_links: int = 4,
    *,
    latency: int = LATENCY,
    global_latency: int = 2 * LATENCY,
    ppm: int = PPM,
) -> Topology:
    """Groups of fully connected chips, every two groups joined by one cable at least.

    Chip c of group g is chip ``g * group_chips + c``. Its links up to ``group_chips - 2`` lead to its group, the
    ``global_links`` after them to other groups. Global cables are dealt out round after round: in each round every two
    groups get one, for as long as all have ports left.

    Raises
    ------
    ValueError
        If a group has fewer global links than there are other groups.
    """
    if groups < 2 or not 2 <= group_chips <= 8:
        raise ValueError(f"a dragonfly must have 2 groups or more of 2 to 8 chips, not {groups!r} of {group_chips!r}")
    ports_per_group = group_chips * global_links
    rounds = ports_per_group // (groups - 1)
    if rounds < 1:
        raise ValueError(f"global links of a group must be at least {groups - 1}, not {ports_per_group}")
    cables: list[Cable] = []
    for group in range(groups):
        cables += _full_cables(range(group * group_chips, (group + 1) * group_chips), latency)
    used = [0] * groups

    def global_port(group: int) -> Port:
        # neighbouring cables of a group go to different chips
        link, chip = divmod(used[group], group_chips)
        used[group] += 1
        return Port(group * group_chips + chip, group_chips - 1 + link)

    for _ in range(rounds):
        for one, other in combinations(range(groups), 2):
            cables.append(Cable(global_port(one), global_port(other), global_latency))
    return Topology(f"dragonfly of {groups} × {group_chips}", groups * group_chips, tuple(cables), ppm)


def _full_cables(chips: Iterable[int], latency: int) -> Iterator[Cable]:
    numbers = list(chips)
    for (m, one), (n, other) in combinations(enumerate(numbers), 2):
        yield Cable(Port(one, n - 1), Port(other, m), latency)
