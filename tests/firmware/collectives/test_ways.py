"""Rings, trees and stars in topologies."""

import pytest

from takt.collectives.vectors import Vectors
from takt.collectives.ways import is_full, path, ring_of, trees
from takt_sim.system.topology import Cable, Port, Topology, dragonfly, full, ring

LINE = Topology("line of 3", 3, (Cable(Port(0, 1), Port(1, 0)), Cable(Port(1, 1), Port(2, 0))))


def test_what_is_full():
    assert [is_full(t) for t in (full(2), full(8), ring(2), ring(3), ring(4), LINE)] == [True] * 4 + [False] * 2


def test_rings():
    assert ring_of(ring(6)) == (0, 1, 2, 3, 4, 5)
    assert ring_of(full(2)) == (0, 1)
    assert ring_of(LINE) is None


@pytest.mark.parametrize("topology", [full(5), dragonfly(3, 4, 2), dragonfly(9, 8, 4)], ids=lambda t: t.name)
def test_a_ring_within_more(topology):
    order = ring_of(topology)
    assert sorted(order) == list(range(topology.chips))
    assert all(topology.between(a, b) for a, b in zip(order, (*order[1:], order[0]), strict=True))


@pytest.mark.parametrize(
    "topology", [full(2), full(8), ring(4), ring(5), LINE, dragonfly(3, 4, 2)], ids=lambda t: t.name
)
def test_trees_reach_all_and_share_no_direction_of_a_cable(topology):
    for root in range(topology.chips):
        ways = trees(topology, root)
        sources = [hop.source for tree in ways for hop in tree.hops]
        assert len(sources) == len(set(sources))
        for tree in ways:
            reached = [root]
            for hop in tree.hops:
                assert hop.source.chip in reached
                assert topology.peers[hop.source] == (hop.target, hop.latency)
                reached.append(hop.target.chip)
            assert sorted(reached) == list(range(topology.chips))
    assert len(trees(full(8), 3)) == 7
    assert len(trees(ring(8), 3)) == 2


def test_path_is_the_topologys_route():
    hops = path(ring(6), 1, 4).hops
    assert [hop.source for hop in hops] == list(ring(6).route(1, 4))
    assert path(ring(6), 1, 1).hops == ()


def test_chunks_are_as_equal_as_can_be():
    whole = Vectors(("MEM_W0",), 10, 11)
    parts = [whole.chunk(n, 4) for n in range(4)]
    assert [(p.address, p.count) for p in parts] == [(10, 3), (13, 3), (16, 3), (19, 2)]
    assert whole.link_vectors == 11
