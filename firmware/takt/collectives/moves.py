"""Collectives that only move: send and receive, broadcast, all-gather."""

from __future__ import annotations

from takt_sim.system.topology import Topology

from ..system import SystemBuilder
from .kernel import Kernel, require, run
from .vectors import Vectors
from .ways import Tree, hop, is_full, path, ring_of, trees


def send_receive(
    system: SystemBuilder, cycle: int, source: int, target: int, vectors: Vectors, into: Vectors | None = None
) -> int:
    """Copy vectors of one chip to another, over the topology's route.

    Parameters
    ----------
    system : SystemBuilder
        Where the dispatches go.
    cycle : int
        First cycle in which something may be dispatched; nothing else may be from then on.
    source, target : int
        Chips.
    vectors : Vectors
        Where they lie on ``source``.
    into : Vectors, optional
        Where they go on ``target``: the same count of the same planes. By default the same place.

    Returns
    -------
    int
        The cycle after the last dispatch, in which all is where it should be.

    Raises
    ------
    ValueError
        If chips or places do not exist, or what is copied does not fit where it goes.
    """
    _chip(system.topology, source, target)
    into = vectors if into is None else into
    require(system, vectors)
    require(system, into)
    if (vectors.count, vectors.planes) != (into.count, into.planes):
        raise ValueError(
            f"into must hold {vectors.count} vectors of {vectors.planes} planes, not {into.count} of {into.planes}"
        )

    def fill(kernel: Kernel) -> None:
        way = path(system.topology, source, target)
        kernel.spread(way, vectors, lambda chip: into if chip == target else None)

    return run(system, cycle, vectors.planes, fill)


def broadcast(system: SystemBuilder, cycle: int, root: int, vectors: Vectors) -> int:
    """Copy vectors of one chip to the same place on all others. Parameters and result as in `send_receive`.

    Fully connected, each neighbour gets an equal part and sends it on to all others at once, so that all links of the
    root are busy; in a ring half goes each way round; else all goes down one tree of shortest ways.
    """
    _chip(system.topology, root)
    require(system, vectors)

    def fill(kernel: Kernel) -> None:
        ways = trees(system.topology, root)
        for number, tree in enumerate(ways):
            part = vectors.chunk(number, len(ways))
            kernel.spread(tree, part, lambda chip: part)  # noqa: B023 - called at once

    return run(system, cycle, vectors.planes, fill)


def all_gather(system: SystemBuilder, cycle: int, vectors: Vectors) -> int:
    """Copy chunk c of ``vectors`` (`Vectors.chunk`) from each chip c to all others. As in `send_receive`.

    Fully connected, all links carry one chunk each way at once. In a ring each chip sends half of its chunk each way
    and then, step after step, what came last. On other topologies the chips broadcast one after the other.
    """
    topology = system.topology
    require(system, vectors)
    chunks = [vectors.chunk(chip, topology.chips) for chip in range(topology.chips)]
    if is_full(topology):

        def fill(kernel: Kernel) -> None:
            for chip, chunk in enumerate(chunks):
                kernel.spread(star(topology, chip), chunk, lambda _: chunk)  # noqa: B023 - called at once

        return run(system, cycle, vectors.planes, fill)
    order = ring_of(topology)
    if order is None:
        for chip, chunk in enumerate(chunks):
            cycle = broadcast(system, cycle, chip, chunk)
        return cycle
    for step in range(len(order) - 1):
        cycle = run(system, cycle, vectors.planes, _round(topology, order, chunks, step))
    return cycle


def star(topology: Topology, root: int) -> Tree:
    """From a chip to each of its neighbours, in a fully connected node all others."""
    others = [chip for chip in range(topology.chips) if chip != root]
    return Tree(root, tuple(hop(topology, root, chip) for chip in others))


def _round(topology: Topology, order: tuple[int, ...], chunks: list[Vectors], step: int):  # noqa: ANN202
    """One step of the ring: every chip sends what came to it in the step before, in both directions."""

    def fill(kernel: Kernel) -> None:
        for place, chip in enumerate(order):
            for half, towards in enumerate((1, -1)):
                part = chunks[order[(place - towards * step) % len(order)]].chunk(half, 2)
                way = Tree(chip, (hop(topology, chip, order[(place + towards) % len(order)]),))
                kernel.spread(way, part, lambda _: part)  # noqa: B023 - called at once

    return fill


def _chip(topology: Topology, *chips: int) -> None:
    for chip in chips:
        if not 0 <= chip < topology.chips:
            raise ValueError(f"chip must be one of the {topology.chips} of {topology.name}, not {chip!r}")
