"""Random programs for systems: legal, repeatable, and full of what links can do."""

from collections import Counter
from dataclasses import replace

import pytest

from takt_hw import isa
from takt_hw.config import NANO, NANO_C2C
from takt_sim.system.checker import violations
from takt_sim.system.generate import random_system
from takt_sim.system.topology import Topology, full, ring
from takt_sim.timeline import IllegalProgram


def counts(random):
    """Dispatches of all chips by operation."""
    every = [d for timeline in random.timelines for d in (*timeline.dispatches, *timeline.control)]
    return Counter(d.instruction.op for d in every)


@pytest.mark.parametrize("topology", [ring(2), ring(3), full(4)], ids=lambda t: t.name)
def test_legal_and_busy(topology):
    for seed in range(2):
        random = random_system(NANO_C2C, topology, seed)
        assert violations(NANO_C2C, topology, random.programs, random.defined, random.memory) == []
        ops = counts(random)
        assert ops[isa.SEND] == ops[isa.RECEIVE] >= 25
        assert ops[isa.RUNTIME_DESKEW] == 2 * topology.chips
        assert ops[isa.WRITE] > ops[isa.RECEIVE] / 2
        for timeline in random.timelines:
            assert {isa.SEND, isa.RECEIVE} <= {d.instruction.op for d in timeline.dispatches}


def test_same_seed_same_programs():
    one, other, third = (random_system(NANO_C2C, ring(2), seed) for seed in (4, 4, 5))
    assert one.programs == other.programs
    assert all((a[n] == b[n]).all() for a, b in zip(one.memory, other.memory, strict=True) for n in a)
    assert one.programs != third.programs


def test_everything_appears():
    """Vectors sent on, computed with, received at once and late; SENDs as close as they may be."""
    seen: Counter[str] = Counter()
    topology = full(3)
    for seed in range(3):
        random = random_system(NANO_C2C, topology, seed)
        sends, receives = ({}, {})
        for chip, timeline in enumerate(random.timelines):
            received = {}
            for d in timeline.dispatches:
                if d.instruction.op is isa.RECEIVE:
                    received[d.instruction["dst"], d.cycle + 2] = d
                    receives.setdefault((chip, d.queue.link), []).append(d.cycle)
            for d in timeline.dispatches:
                if d.instruction.op is isa.SEND:
                    seen["sent on"] += (d.instruction["src"], d.cycle) in received
                    sends.setdefault((chip, d.queue.link), []).append(d.cycle)
        for port, (peer, latency) in topology.peers.items():
            sent = sends[port.chip, port.link]
            waits = [r - s - latency for s, r in zip(sent, receives[peer.chip, peer.link], strict=True)]
            seen["at once"] += waits.count(0)
            seen["late"] += sum(wait > 0 for wait in waits)
            seen["close"] += sum(b - a == NANO_C2C.packet_cycles for a, b in zip(sent, sent[1:], strict=False))
    assert min(seen[what] for what in ("sent on", "at once", "late", "close")) > 8


def test_the_buffer_bounds_what_is_under_way():
    config = replace(NANO_C2C, name="four", link_buffer=4)
    assert counts(random_system(config, ring(2), 1))[isa.SEND] > 15


def test_idle_cycles_use_up_the_drift_budget():
    random = random_system(NANO_C2C, ring(2), 1, phases=2, length=60, idle=9_500)
    assert min(timeline.cycles for timeline in random.timelines) > 19_000
    with pytest.raises(IllegalProgram, match=r"^drift: "):
        random_system(NANO_C2C, ring(2), 1, phases=2, length=60, idle=10_000)


def test_refusals():
    for name, value in (("phases", 0), ("length", 0), ("idle", -1)):
        with pytest.raises(ValueError, match=f"^{name} must be at least "):
            random_system(NANO_C2C, ring(2), 0, **{name: value})
    with pytest.raises(ValueError, match=r"^topology must have cables, not be one$"):
        random_system(NANO_C2C, Topology("one", 1, ()), 0)
    with pytest.raises(ValueError, match=r"^config must have links, not be nano$"):
        random_system(NANO, ring(2), 0)
