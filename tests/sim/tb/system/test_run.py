"""Bring-up, and what is said when a cable is cut, a chip never starts, or clocks are worse than they may be."""

import re
from dataclasses import replace

import pytest

from takt_hw import isa
from takt_hw.config import NANO_C2C
from takt_hw.isa.host import Fault
from takt_sim.system.checker import violations
from takt_sim.system.startup import startup
from takt_sim.system.topology import Port, ring
from takt_sim.system.traffic import parallel, traffic
from takt_sim.tb.session import SimulationError
from takt_sim.tb.system.judge import Verdict, judge
from takt_sim.tb.system.measure import Expectation, expect
from takt_sim.tb.system.run import SPARE_CYCLES, LinkError, SystemResult, SystemRtl

TOPOLOGY = parallel(7, latency=64, ppm=200)
LEAST = 36
"""Least latency that a cable of these wires can be declared to have."""

BROKEN = Port(1, 3)
"""A wire begins here that is cut."""
OTHER = Port(0, 3)


@pytest.fixture
def chips(tmp_path):
    with SystemRtl(NANO_C2C, TOPOLOGY, directory=tmp_path, seed=5) as chips:
        yield chips


def test_links_come_up_and_their_lengths_are_within_what_is_declared(chips):
    states = chips.bring_up()
    assert states.keys() == TOPOLOGY.peers.keys()
    for port, state in states.items():
        other = states[TOPOLOGY.peers[port][0]]
        assert 0 < state.shortest <= state.length <= state.longest <= state.shortest + 6
        assert abs(state.length - other.length) <= 4
        assert chips.latency_needed(state) <= 64
    chips.topology = parallel(7, latency=20, ppm=200)
    message = r"chip 0, link 0: declared latency of the cable to chip 1, link 0 must be at least \d+ cycles .*, not 20"
    with pytest.raises(LinkError, match=f"^{message}$"):
        chips.check_lengths(states)


def test_a_cut_wire_is_named_at_bring_up(chips):
    chips.cut(BROKEN)
    message = f"{OTHER}: must hear {BROKEN} and be heard within 3000 cycles; the cable or the other chip is dead"
    with pytest.raises(LinkError, match=f"^{re.escape(message)}$"):
        chips.bring_up(limit=3000)
    assert chips.session.cycles < 10_000
    states = chips.states()
    assert {port for port, state in states.items() if not state.up} == {BROKEN, OTHER}


def test_a_chip_that_never_starts_is_named(chips):
    chips.bring_up()
    chips.load(traffic(NANO_C2C, TOPOLOGY, 100).programs)
    chips.start([0])
    message = "all chips must end within 5000 cycles, but chip 0 has not ended and chip 1 has never been started"
    with pytest.raises(SimulationError, match=f"^{message}$"):
        chips.finish(max_cycles=5000)
    chips.reset()  # and all is well again
    chips.bring_up()
    chips.run([{"C2C_W.align": [i.word for i in startup(NANO_C2C, TOPOLOGY, chip)]} for chip in range(2)])


def verdicts_of(expectation: Expectation, result: SystemResult) -> dict[Port, Verdict]:
    found = {}
    for chip, (expected, ours) in enumerate(zip(expectation.results, result.chips, strict=True)):
        lost = {port: counts.lost for port, counts in result.counts.items() if port.chip == chip}
        found |= judge(expected, ours, expectation.links[chip], lost)
    return found


def test_a_wire_that_is_cut_in_the_middle_loses_vectors_and_nothing_else(chips):
    chips.bring_up()
    expectation = expect(NANO_C2C, TOPOLOGY, traffic(NANO_C2C, TOPOLOGY, 14 * 300))
    plan = expectation.plan
    chips.load(plan.programs, [plan.words(chip) for chip in range(2)])
    chips.start()
    chips.cut(BROKEN, after=2500)
    result = chips.finish(max_cycles=expectation.cycles + SPARE_CYCLES)
    verdicts = verdicts_of(expectation, result)
    assert 50 < verdicts.pop(OTHER).lost < 250
    assert list(verdicts.values()) == [Verdict(300)] * len(verdicts)
    assert result.chips[0].faults == 1 << Fault.LINK_LOST
    assert result.chips[1].faults == 0
    assert not result.states[OTHER].up


def test_drift_beyond_the_budget_is_flagged_and_no_data_are_wrong_in_silence(tmp_path):
    """A program that realigns as seldom as ±50 ppm allow, on clocks that are off by ±200 ppm."""
    calm = ring(2, latency=LEAST, ppm=50)
    expectation = expect(NANO_C2C, calm, traffic(NANO_C2C, calm, 2 * 3000))
    assert {v.rule for v in violations(NANO_C2C, replace(calm, ppm=200), expectation.plan.programs)} == {"drift"}
    with SystemRtl(NANO_C2C, calm, wiring=TOPOLOGY, ppm=200, directory=tmp_path, seed=6) as chips:
        chips.bring_up()
        result = chips.run(
            expectation.plan.programs,
            [expectation.plan.words(chip) for chip in range(2)],
            max_cycles=expectation.cycles + SPARE_CYCLES,
        )
    faults = result.chips[0].faults | result.chips[1].faults
    assert faults == 1 << Fault.DRIFT | 1 << Fault.LINK_LOST
    verdicts = verdicts_of(expectation, result)
    assert sum(verdict.lost for verdict in verdicts.values()) > 0
    for verdict in verdicts.values():
        assert verdict == Verdict(expectation.plan.phase_vectors, lost=verdict.lost)


def test_a_send_while_the_link_is_busy_is_flagged(chips):
    """The checker refuses it; the RTL must not deliver half of one vector and half of another."""
    chips.bring_up()
    west = isa.Stream(0, isa.Direction.WEST)
    read, send = isa.READ.encode(dst=west, address=1), isa.SEND.encode(src=west)
    sync, pause = isa.SYNC.encode(), isa.NOP.encode(count=4)
    programs = [{"C2C_W.align": [i.word for i in startup(NANO_C2C, TOPOLOGY, chip)]} for chip in range(2)]
    programs[0] |= {
        "MEM_W0.read": [sync, read, pause, read],
        "C2C_W.send0": [sync, isa.NOP.encode(count=3), send, pause, send],
    }
    assert "link-busy" in {violation.rule for violation in violations(NANO_C2C, TOPOLOGY, programs)}
    result = chips.run(programs)
    assert [chip.faults for chip in result.chips] == [1 << Fault.LINK_CONFLICT, 0]
    assert (result.counts[Port(1, 0)].vectors, result.counts[Port(1, 0)].uncorrectable) == (0, 1)
