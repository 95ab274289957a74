"""Collectives that only move: every byte where it should be and nothing else touched, in the cycles foretold."""

from dataclasses import replace

import numpy as np
import pytest

from takt.collectives import Vectors, all_gather, broadcast, send_receive
from takt.collectives.moves import star
from takt.system import SystemBuilder
from takt_hw import isa
from takt_hw.config import NANO_C2C, QUAD, Kind
from takt_sim.system.topology import Cable, Port, Topology, dragonfly, full, ring
from tests.firmware.collectives.machine import DRIFTING, EAST, WEST, Machine

TOPOLOGIES = pytest.mark.parametrize("topology", [full(2), full(4), full(8), ring(4), ring(5)], ids=lambda t: t.name)
LINE = Topology("line of 3", 3, (Cable(Port(0, 1), Port(1, 0)), Cable(Port(1, 1), Port(2, 0))))
TREE = Topology("star of 4", 4, tuple(Cable(Port(0, n), Port(n + 1, 0)) for n in range(3)))
TWO_SIDES = replace(
    QUAD,
    name="two_sides",
    superlanes=2,
    row=(Kind.C2C, Kind.MEM, Kind.VXM, Kind.MEM, Kind.C2C),
    c2c_links=1,
    link_bits=64,
)


@TOPOLOGIES
def test_send_receive_takes_the_route_to_any_chip(topology):
    x, into = Vectors(EAST[:2], 3, 5), Vectors((WEST[2], EAST[1]), 40, 5)
    for target in range(1, topology.chips, 3):
        machine = Machine(topology, x, lambda s, c: send_receive(s, c, 0, target, x, into), watched=into)  # noqa: B023
        assert np.array_equal(machine.after[target], machine.x[0])
        assert not machine.after[[n for n in range(topology.chips) if n != target]].any()
        assert np.array_equal(machine.read(x), machine.x)


def test_a_hop_costs_latency_and_the_way_through_the_chip():
    x = Vectors(EAST[:1], 0, 6)
    ends = {t: Machine(ring(8), x, lambda s, c: send_receive(s, c, 0, t, x)) for t in (1, 2, 3)}  # noqa: B023
    cycles = {target: machine.end - machine.begin for target, machine in ends.items()}
    read, write, through = 3 + 3 - 1, 3 + 3 - 1, 3 - 1
    assert cycles[1] == read + 64 + write + 5 * NANO_C2C.packet_cycles + 1
    assert cycles[2] - cycles[1] == cycles[3] - cycles[2] == 64 + through


@TOPOLOGIES
@pytest.mark.parametrize("root", [0, 1])
def test_broadcast_reaches_all(topology, root):
    x = Vectors(EAST, 7, 9)
    machine = Machine(topology, x, lambda s, c: broadcast(s, c, root, x))
    assert all(np.array_equal(after, machine.x[root]) for after in machine.after)


def test_broadcast_uses_all_links_of_the_root():
    x = Vectors(EAST[:1], 0, 210)
    for topology, links in ((full(2), 1), (full(4), 3), (full(8), 7), (ring(4), 2)):
        machine = Machine(topology, x, lambda s, c: broadcast(s, c, 0, x))
        limit = x.count * NANO_C2C.packet_cycles // links
        assert limit < machine.end - machine.begin < limit + topology.chips * 100


@TOPOLOGIES
@pytest.mark.parametrize("count", [3, 8, 21])
def test_all_gather_gives_everybody_every_chunk(topology, count):
    x = Vectors(EAST, 2, count)
    machine = Machine(topology, x, lambda s, c: all_gather(s, c, x))
    wanted = machine.x[0].copy()
    for chip in range(topology.chips):
        part = x.chunk(chip, topology.chips)
        words = slice(part.address - x.address, part.address - x.address + part.count)
        wanted[:, words] = machine.x[chip][:, words]
    assert all(np.array_equal(after, wanted) for after in machine.after)


@pytest.mark.parametrize("topology", [LINE, TREE, dragonfly(3, 2, 1)], ids=lambda t: t.name)
def test_other_topologies_have_their_trees(topology):
    x = Vectors(WEST[:1], 0, 6)
    machine = Machine(topology, x, lambda s, c: all_gather(s, broadcast(s, c, 1, x), x))
    assert all(np.array_equal(after, machine.x[1]) for after in machine.after)


def test_links_on_both_sides_of_the_row():
    x = Vectors(("MEM_W1", "MEM_E0"), 0, 5)
    machine = Machine(ring(4), x, lambda s, c: broadcast(s, c, 1, x), TWO_SIDES)
    assert all(np.array_equal(after, machine.x[1]) for after in machine.after)


def test_long_ones_are_realigned():
    x = Vectors(EAST[:1], 0, 500)
    machine = Machine(full(2, ppm=250), x, lambda s, c: broadcast(s, c, 0, x), DRIFTING)
    assert np.array_equal(machine.after[1], machine.x[0])
    for program in machine.system.programs:
        waits = [isa.C2C_ALIGN.decode(word).op for word in program.text["C2C_W.align"]]
        assert isa.LOOP in waits
        assert isa.RUNTIME_DESKEW in waits
    assert machine.end - machine.begin > 500 * NANO_C2C.packet_cycles


def test_one_kernel_after_the_other():
    x, y = Vectors(EAST[:1], 0, 4), Vectors(EAST[:1], 4, 4)
    both = Vectors(EAST[:1], 0, 8)
    machine = Machine(ring(3), both, lambda s, c: send_receive(s, send_receive(s, c, 0, 1, x), 1, 2, x, y))
    assert np.array_equal(machine.after[2, :, 4:], machine.x[0, :, :4])


def test_refusals():
    system = SystemBuilder(NANO_C2C, full(2))
    x = Vectors(EAST, 0, 4)
    with pytest.raises(ValueError, match=r"^chip must be one of the 2 of 2 fully connected, not 2$"):
        send_receive(system, system.start, 0, 2, x)
    with pytest.raises(ValueError, match=r"^into must hold 4 vectors of 4 planes, not 4 of 1$"):
        send_receive(system, system.start, 0, 1, x, Vectors(EAST[:1], 0, 4))
    with pytest.raises(ValueError, match=r"^vectors must lie below 0x200, not end at 0x202$"):
        broadcast(system, system.start, 0, Vectors(EAST, 510, 4))
    with pytest.raises(ValueError, match=r"^slice must be a memory slice of nano_c2c, not 'MEM_E4'$"):
        all_gather(system, system.start, Vectors(("MEM_E4",), 0, 4))
    with pytest.raises(ValueError, match=r"^ring of 4: chip 0 must have a cable to chip 2, not none$"):
        star(ring(4), 0)
