from hypothesis import given
from hypothesis import strategies as st

from takt_hw import isa
from takt_hw.config import NANO
from takt_hw.isa import Direction, Stream, queue_by_name
from takt_sim.timeline import expand
from takt_sim.waves.layout import group, queues_shown
from takt_sim.waves.observe import Dispatched
from tests.sim.waves.programs import relu_program

QUEUE = queue_by_name(NANO)["MEM_W0.read"]


def read(cycle, address, stream=0):
    return Dispatched(cycle, QUEUE, isa.READ.encode(dst=Stream(stream, Direction.EAST), address=address))


def shape(dispatches):
    return [(g.first.cycle, g.count, g.interval, g.stride) for g in group(dispatches)]


def test_repetitions_are_one_group():
    assert shape([read(3 + 2 * n, 0x40 - 5 * n) for n in range(4)]) == [(3, 4, 2, -5)]


def test_a_pair_is_a_group_only_if_adjacent_in_time_and_address():
    assert shape([read(0, 0), read(1, 1)]) == [(0, 2, 1, 1)]
    assert shape([read(0, 0), read(1, 9)]) == [(0, 1, 1, 0), (1, 1, 1, 0)]
    assert shape([read(0, 0), read(2, 1)]) == [(0, 1, 1, 0), (2, 1, 1, 0)]


def test_another_stream_or_a_change_of_step_begins_a_group():
    assert shape([read(0, 0), read(1, 1), read(2, 2, stream=1)]) == [(0, 2, 1, 1), (2, 1, 1, 0)]
    assert shape([read(n, a) for n, a in enumerate([0, 1, 2, 4, 6, 8])]) == [(0, 3, 1, 1), (3, 3, 1, 2)]


def test_labels_from_long_to_short():
    assert list(group([read(n, 0x40 + 2 * n) for n in range(4)])[0].labels()) == [
        "READ s0e, 0x40 +2 ×4",
        "READ s0e ×4",
        "READ ×4",
        "READ",
    ]


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 3)), max_size=30))
def test_groups_are_the_dispatches(steps):
    cycle, dispatches = 0, []
    for gap, address in steps:
        cycle += gap
        dispatches.append(read(cycle, address))
    again = [
        (cycle, g.first.instruction["address"] + n * g.stride)
        for g in group(dispatches)
        for n, cycle in enumerate(g.cycles)
    ]
    assert again == [(d.cycle, d.instruction["address"]) for d in dispatches]


def test_rows_are_the_queues_that_do_something_from_west_to_east():
    timeline = expand(NANO, relu_program() | {"SXM_E.shift": [isa.NOP.encode(count=3)]})
    dispatches = [Dispatched(d.cycle, d.queue, d.instruction.word) for d in timeline.dispatches]
    assert [queue.name for queue in queues_shown(dispatches, timeline.control)] == [
        "MEM_W3.read",
        "MEM_W0.read",
        "MEM_W0.write",
        "VXM.alu0",
        "VXM.alu1",
    ]
