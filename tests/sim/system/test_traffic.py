"""Traffic is legal, keeps every link busy, and its data tell any two vectors apart."""

import re
from collections import Counter

import pytest

from takt_hw.config import NANO_C2C
from takt_sim.system.checker import check, violations
from takt_sim.system.reference import ReferenceSystem
from takt_sim.system.topology import Topology, full, ring
from takt_sim.system.traffic import parallel, traffic

TOPOLOGIES = {
    "2 chips": parallel(7, latency=64, ppm=200),
    "ring of 2": ring(2),
    "ring of 5": ring(5, latency=70, ppm=50),
    "full 8": full(8, latency=90, ppm=250),
}


def run(topology, plan):
    reference = ReferenceSystem(NANO_C2C, topology)
    for chip, images in zip(reference.chips, plan.memory, strict=True):
        for name, words in images.items():
            chip.memory[name][:] = words
    return reference.run(plan.programs)


@pytest.mark.parametrize("name", TOPOLOGIES)
def test_every_link_sends_a_vector_per_packet_time(name):
    topology = TOPOLOGIES[name]
    plan = traffic(NANO_C2C, topology, 2000, seed=3)
    assert 2000 <= plan.vectors < 2000 + 4 * len(topology.peers) * plan.phases
    check(NANO_C2C, topology, plan.programs)
    results = run(topology, plan)
    for chip, result in enumerate(results):
        ports = {port.link for port in topology.ports[chip]}
        assert Counter(sent.link for sent in result.sent) == dict.fromkeys(ports, plan.phases * plan.phase_vectors)
        for link in ports:
            cycles = [sent.cycle for sent in result.sent if sent.link == link][: plan.phase_vectors]
            gaps = Counter(b - a for a, b in zip(cycles, cycles[1:], strict=False))
            assert gaps.keys() <= {NANO_C2C.packet_cycles, NANO_C2C.packet_cycles + 1}  # LOOP takes a cycle
            assert gaps[NANO_C2C.packet_cycles] >= len(cycles) - 8
        written = {(write.slice, write.address) for write in result.writes}
        places = [plan.places[port] for port in topology.ports[chip]]
        assert written == {(name, address) for name, addresses in places for address in addresses}


def test_what_is_written_came_over_the_link_that_is_named():
    topology = parallel(7, latency=64, ppm=200)
    plan = traffic(NANO_C2C, topology, 1000)
    results = run(topology, plan)
    for port, (name, addresses) in plan.places.items():
        other, _ = topology.peers[port]
        sent = [vector.data for vector in results[other.chip].sent if vector.link == other.link]
        place = [w.data for w in results[port.chip].writes if w.slice == name and w.address in addresses]
        assert place == sent
        assert len(set(sent)) == len(sent)


def test_realignments_are_as_many_as_the_drift_budget_wants():
    fast, slow = (traffic(NANO_C2C, parallel(7, 64, ppm), 30_000) for ppm in (60, 240))
    assert slow.phases > 3 * fast.phases > 0
    topology = parallel(7, latency=64, ppm=200)
    lazy = traffic(NANO_C2C, topology, 14 * 2000, phase_cycles=30_000)
    assert {violation.rule for violation in violations(NANO_C2C, topology, lazy.programs)} == {"drift"}


@pytest.mark.parametrize(
    ("vectors", "options", "message"),
    [
        (0, {}, "vectors must be at least 1, not 0"),
        (600_000, {}, "vectors must take at most 1048576 dispatches of a chip, not 1204224"),
        (10, {"phase_cycles": 100}, "phase_cycles must leave room for a vector, not be 100"),
    ],
)
def test_what_no_program_can_do_is_refused(vectors, options, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        traffic(NANO_C2C, parallel(7, 64, 200), vectors, **options)


def test_a_chip_without_cables_only_starts():
    plan = traffic(NANO_C2C, Topology("two of three", 3, ring(3).cables[:2]), 100)
    assert plan.vectors >= 100
