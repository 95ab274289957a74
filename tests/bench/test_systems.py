"""The timed programs for systems are legal, fill the links, and do the same in two processes."""

import pytest

from bench import program
from bench.systems import PPM, WIDE_C2C, Row, report, rows, same, work
from takt_hw.config import NANO_C2C
from takt_hw.isa import ABC, SEND
from takt_sim.reference import Result
from takt_sim.system.checker import check
from takt_sim.system.topology import dragonfly, full
from takt_sim.timeline import Timeline


@pytest.mark.parametrize(
    ("config", "topology"),
    [(NANO_C2C, full(8, ppm=PPM)), (NANO_C2C, dragonfly(2, 4, ppm=PPM)), (WIDE_C2C, full(3, ppm=PPM))],
    ids=lambda found: found.name,
)
def test_the_timed_programs(config, topology, monkeypatch):
    monkeypatch.setattr(program, "SWEEPS", 5)
    made = work(config, topology)
    check(config, topology, made.programs, [{n: w.any(axis=1) for n, w in m.items()} for m in made.memory], made.memory)
    here, *others = rows("key", made, 2)
    results = here.measure()
    for row in others:
        assert same(row.measure(), results)
        assert 0 < row.cpu[0]
    for chip, result in enumerate(results):
        links = len(topology.ports[chip])
        assert len(result.sent) == len(result.received) >= links * 16
        assert len({vector.data for vector in result.received}) == links * 16


def test_the_whole_length_is_legal_and_keeps_links_and_planes_busy():
    topology = full(2, ppm=PPM)
    made = work(NANO_C2C, topology)
    for timeline in check(NANO_C2C, topology, made.programs, None, made.memory):
        per_cycle = {
            op: sum(d.instruction.op is op for d in timeline.dispatches) / timeline.cycles for op in (ABC, SEND)
        }
        assert per_cycle[ABC] > 0.95
        assert per_cycle[SEND] > 0.95 / NANO_C2C.packet_cycles


def test_a_difference_is_seen():
    first = Result(1, [], Timeline((), (), {}, 0))
    assert same([first], [Result(1, [], Timeline((), (), {}, 1))])
    assert not same([first], [Result(2, [], Timeline((), (), {}, 0))])
    assert not same([first], [Result(1, [], Timeline((), (), {}, 0), faults=1)])


def test_speed_ups_are_taken_within_a_round():
    one = Row("one", "", None, None, "one", 0, [1.0, 9.0, 2.0], [1.0, 1.0, 1.0])
    two = Row("two", "", None, None, "one", 2, [0.5, 6.0, 1.0], [0.5, 0.4, 0.8])
    assert report([one, two])["two"] == {"seconds": 1.0, "speedup": 2.0, "cpu_seconds": 0.5, "cpu_speedup": 2.0}
    assert report([one, two])["one"]["speedup"] == 1.0
