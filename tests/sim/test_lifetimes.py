"""Values from producer to last consumer, by hand and against the row model's idea of a register."""

from takt_hw.config import NANO
from takt_sim.generate import random_program
from takt_sim.lifetimes import lifetimes
from takt_sim.timeline import expand
from tests.sim.texts import read, text, write


def shown(queues):
    values = lifetimes(NANO, expand(NANO, text(queues)).dispatches)
    return [(str(v.stream), v.dispatch.queue.name, v.cycle, v.hops, v.position(v.hops)) for v in values]


def test_the_last_consumer_ends_it():
    """Read at position 0 in 0: register 0 in 3; taken there and at position 2."""
    queues = {
        "MEM_W1.read": [read("s2e", 7)],
        "MEM_W0.write": [(2, write("s2e", 1))],
        "MEM_E0.write": [(4, write("s2e", 2))],
    }
    assert shown(queues) == [("s2e", "MEM_W1.read", 3, 2, 2)]


def test_what_nobody_takes_is_left_out_and_westward_positions_fall():
    queues = {
        "MEM_E0.read": [read("s0w", 0)],
        "MEM_W0.read": [read("s0e", 0)],
        "MEM_W0.write": [(4, write("s0w", 300))],
    }
    assert shown(queues) == [("s0w", "MEM_E0.read", 3, 2, 0)]


def test_a_later_producer_begins_anew():
    queues = {
        "MEM_W0.read": [read("s0e", 0)],
        "MEM_W1.write": [(2, write("s0e", 0))],
        "MEM_E0.read": [(2, read("s0e", 0))],
        "MEM_E1.write": [(4, write("s0e", 0))],
    }
    assert shown(queues) == [("s0e", "MEM_W0.read", 3, 0, 0), ("s0e", "MEM_E0.read", 5, 0, 2)]


def test_no_register_holds_two_values():
    for seed in range(3):
        program = random_program(NANO, seed)
        places = [
            (value.stream, value.position(hops), value.cycle + hops)
            for value in lifetimes(NANO, program.timeline.dispatches)
            for hops in range(value.hops + 1)
        ]
        assert len(places) == len(set(places)) > 500
