"""Topologies as plain data: every cable where it should be, the tree, and ways between chips."""

import re

import pytest

from takt_sim.system.topology import LATENCY, Cable, Port, Topology, dragonfly, full, ring

ALL = [ring(2), ring(3), ring(8), full(2), full(8), dragonfly(2, 2, 1), dragonfly(9), dragonfly(5, 4, 2)]


def cable(a, b, latency=LATENCY):
    return Cable(Port(*a), Port(*b), latency)


@pytest.mark.parametrize("topology", ALL, ids=lambda t: t.name)
def test_tree_and_ways(topology):
    assert set(topology.parents) == set(range(1, topology.chips))
    for chip, port in topology.parents.items():
        peer, _ = topology.peers[port]
        assert topology.levels[peer.chip] == topology.levels[chip] - 1
        assert peer in topology.children[peer.chip]
    assert sum(map(len, topology.children.values())) == topology.chips - 1
    assert topology.depth == max(topology.levels.values())
    for port, (peer, latency) in topology.peers.items():
        assert topology.peers[peer] == (port, latency)
    for source in range(topology.chips):
        for target in range(0, topology.chips, 7):
            at = source
            way = topology.route(source, target)
            for port in way:
                assert port.chip == at
                at = topology.peers[port][0].chip
            assert at == target
            assert all(len(topology.route(source, other)) == topology.levels[other] for other in (0,) if source == 0)
            assert len(way) == len(topology.route(target, source))


def test_ring():
    assert ring(2).cables == (cable((0, 0), (1, 0)),)
    assert ring(3).cables == (cable((0, 1), (1, 0)), cable((1, 1), (2, 0)), cable((2, 1), (0, 0)))
    assert ring(5, latency=70, ppm=9).min_latency == 70
    assert ring(5, ppm=9).ppm == 9


def test_full():
    topology = full(4)
    assert len(topology.cables) == 6
    for chip in range(4):
        others = [n for n in range(4) if n != chip]
        assert [topology.peers[Port(chip, link)][0].chip for link in range(3)] == others
        assert [topology.between(chip, other) for other in others] == [(Port(chip, link),) for link in range(3)]
    assert topology.between(1, 1) == ()


def test_dragonfly():
    topology = dragonfly(9, latency=50, global_latency=99)
    assert topology.chips == 72
    assert topology.min_latency == 50
    between = {}
    for c in topology.cables:
        groups = tuple(sorted((c.a.chip // 8, c.b.chip // 8)))
        between[groups] = between.get(groups, 0) + 1
        assert c.latency == (50 if groups[0] == groups[1] else 99)
        assert (c.a.link < 7) == (c.b.link < 7) == (groups[0] == groups[1])
    assert all(between[g, g] == 28 for g in range(9))
    assert all(between[g, h] == 4 for g in range(9) for h in range(g + 1, 9))
    assert topology.depth == 3


@pytest.mark.parametrize(
    ("message", "make"),
    [
        ("chips must be at least 1, not 0", lambda: Topology("t", 0, ())),
        ("ppm must be from 0 to 250, not 251", lambda: Topology("t", 1, (), 251)),
        ("t: port must be on one of 2 chips, not chip 2, link 0", lambda: Topology("t", 2, (cable((0, 0), (2, 0)),))),
        (
            "t: port must have one cable, not two: chip 0, link 0",
            lambda: Topology("t", 2, (cable((0, 0), (1, 0)), cable((0, 0), (1, 1)))),
        ),
        (
            "t: cable must join two chips, not chip 1, link 0 with chip 1, link 1",
            lambda: Topology("t", 2, (cable((1, 0), (1, 1)),)),
        ),
        ("t: latency must be at least 1, not 0", lambda: Topology("t", 2, (cable((0, 0), (1, 0), 0),))),
        (
            "t: every chip must be joined to chip 0, not chip 2 to none",
            lambda: Topology("t", 3, (cable((0, 0), (1, 0)),)),
        ),
        ("chips of a ring must be at least 2, not 1", lambda: ring(1)),
        ("chips of a fully connected node must be from 2 to 8, not 9", lambda: full(9)),
        ("a dragonfly must have 2 groups or more of 2 to 8 chips, not 1 of 8", lambda: dragonfly(1)),
        ("global links of a group must be at least 4, not 2", lambda: dragonfly(5, 2, 1)),
    ],
)
def test_refusals(message, make):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make()
