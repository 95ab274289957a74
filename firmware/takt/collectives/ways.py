"""Which links a collective uses: all of a fully connected node, both directions of a ring, or a tree."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from takt_sim.system.topology import Port, Topology

MAX_TRIES = 20_000
"""Steps of the search for a ring."""


@dataclass(frozen=True)
class Hop:
    """One cable, as what is sent sees it."""

    source: Port
    target: Port
    latency: int


@dataclass(frozen=True)
class Tree:
    """How something reaches chips: hops, each after the one that its source was reached by."""

    root: int
    hops: tuple[Hop, ...]

    def onward(self, chip: int) -> list[int]:
        """Links of a chip that it sends over."""
        return [hop.source.link for hop in self.hops if hop.source.chip == chip]


def hop(topology: Topology, source: int, target: int) -> Hop:
    """The first cable from a chip to a neighbour. ValueError if there is none."""
    ports = topology.between(source, target)
    if not ports:
        raise ValueError(f"{topology.name}: chip {source} must have a cable to chip {target}, not none")
    return _hop(topology, ports[0])


def path(topology: Topology, source: int, target: int) -> Tree:
    """The topology's route."""
    return Tree(source, tuple(_hop(topology, port) for port in topology.route(source, target)))


def is_full(topology: Topology) -> bool:
    """Whether every chip has a cable to every other."""
    chips = range(topology.chips)
    return all(topology.between(a, b) for a in chips for b in chips if a != b)


def ring_of(topology: Topology) -> tuple[int, ...] | None:
    """Chips in an order in which each has a cable to the next, and the last to the first; None if none is found.

    It begins with chip 0 and goes on with the lowest number as long as it can: a ring is 0, 1, 2, … At a dead end the
    way is turned round from some neighbour on (Pósa's rotation), the same one every time that this is asked.
    """
    choice = Random(topology.chips)
    order = [0]
    for _ in range(MAX_TRIES):
        neighbours = sorted({topology.peers[port][0].chip for port in topology.ports[order[-1]]})
        fresh = [chip for chip in neighbours if chip not in order]
        if fresh:
            order.append(fresh[0])
        elif len(order) == topology.chips and 0 in neighbours:
            return tuple(order)
        else:
            turn = order.index(choice.choice(neighbours)) + 1
            order[turn:] = order[: turn - 1 : -1]
    return None


def trees(topology: Topology, root: int) -> list[Tree]:
    """Trees from a chip to all others that share no direction of a cable, so that each can carry a part.

    Fully connected: one over each neighbour, which sends on to all the others. A ring: the two ways round.
    Otherwise one tree of shortest ways.
    """
    others = [chip for chip in range(topology.chips) if chip != root]
    if is_full(topology):
        return [
            Tree(root, (hop(topology, root, via), *(hop(topology, via, c) for c in others if c != via)))
            for via in others
        ]
    if all(len(topology.ports[chip]) == 2 for chip in range(topology.chips)) and (order := ring_of(topology)):
        at = order.index(root)
        once = [*order[at:], *order[:at]]
        return [
            Tree(root, tuple(hop(topology, a, b) for a, b in zip(way, way[1:], strict=False)))
            for way in (once, [root, *once[:0:-1]])
        ]
    return [_shortest(topology, root)]


def _shortest(topology: Topology, root: int) -> Tree:
    hops: list[Hop] = []
    reached = [root]
    for chip in reached:
        for port in topology.ports[chip]:
            if topology.peers[port][0].chip not in reached:
                hops.append(_hop(topology, port))
                reached.append(hops[-1].target.chip)
    return Tree(root, tuple(hops))


def _hop(topology: Topology, port: Port) -> Hop:
    target, latency = topology.peers[port]
    return Hop(port, target, latency)
