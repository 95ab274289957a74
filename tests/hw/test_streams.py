"""A stream register takes its neighbour's value, or a producer's."""

import pytest

from takt_hw.isa import Direction, Stream
from takt_hw.streams import StreamPosition
from tests.hw.simulation import drive, from_lanes, run, tap

EAST3 = Stream(3, Direction.EAST).bits
WEST2 = Stream(2, Direction.WEST).bits


@pytest.fixture(params=[False, True], ids=["picked", "one-hot"])
def position(request):
    """Makes the component that is tested, with either kind of multiplexers."""

    def make(checks=True, **parameters):
        sizes = {"streams": 4, "drives": [range(4), range(4)], "taps": [range(4)]} | parameters
        return StreamPosition(checks=checks, one_hot=request.param, **sizes)

    return make


def incoming(stream, data, valid=1, taken=0):
    """Bits of timed_streams(4) with one valid stream."""
    return data << 128 * stream | valid << 512 + stream | taken << 516 + stream


def observe(d):
    return {
        "e3": d.o_east.data[3],
        "e3_valid": d.o_east.valid[3],
        "w2": d.o_west.data[2],
        "taken": d.o_east.taken[3],
        "tap": d.tap0_data,
        "collision": d.collision,
        "undefined": d.undefined,
    }


def test_a_value_leaves_one_cycle_later_unless_replaced(position):
    taken = 1
    steps = [
        {"i_east": incoming(3, 11, 1, taken), "i_west": incoming(2, 22)},
        {"i_east": incoming(3, 33, 1, taken), "drive0": drive(EAST3, 44)},
        {},
    ]
    seen = run(position(), steps, observe)
    assert [row["e3"] for row in seen][1:] == [11, 44]
    assert seen[1]["w2"] == 22
    assert [row["e3_valid"] for row in seen] == [0, 1, 1]
    assert not any(row["collision"] or row["undefined"] for row in seen)


def test_a_tap_takes_a_copy_in_the_same_cycle(position):
    seen = run(position(), [{"drive0": drive(WEST2, 77)}, {"tap0": tap(WEST2)}, {}], observe)
    assert seen[1]["tap"] == 77
    assert [row["undefined"] for row in seen] == [0, 0, 0]


def test_a_tap_of_nothing_is_undefined(position):
    seen = run(position(), [{"tap0": tap(EAST3)}], observe)
    assert seen[0]["undefined"] == 1
    assert run(position(checks=False), [{"tap0": tap(EAST3)}], observe)[0]["undefined"] == 0


def test_two_producers_collide(position):
    steps = [{"drive0": drive(EAST3, 1), "drive1": drive(EAST3, 2)}, {"drive0": drive(EAST3, 1)}]
    assert [row["collision"] for row in run(position(), steps, observe)] == [1, 0]


def test_replacing_a_value_that_nobody_took_is_a_collision(position):
    steps = [
        {"i_east": incoming(3, 5, taken=0), "drive0": drive(EAST3, 1)},
        {"i_east": incoming(3, 5, taken=1), "drive0": drive(EAST3, 1)},
    ]
    assert [row["collision"] for row in run(position(), steps, observe)] == [1, 0]


def test_taken_travels_with_the_value_and_not_with_its_successor(position):
    steps = [{"drive0": drive(EAST3, 1)}, {"tap0": tap(EAST3), "drive0": drive(EAST3, 2)}, {}]
    assert [row["taken"] for row in run(position(), steps, observe)] == [0, 1, 0]


@pytest.mark.parametrize("numbers", [range(4), range(1, 4, 2), range(2, 4, 4)])
def test_each_stream_of_its_range_can_be_driven_and_taken(position, numbers):
    streams = [Stream(number, direction).bits for direction in Direction for number in numbers]
    steps = [
        {"drive0": drive(stream, 100 + stream)} | ({"tap0": tap(streams[n - 1])} if n else {})
        for n, stream in enumerate(streams)
    ]
    steps.append({"tap0": tap(streams[-1])})
    seen = run(
        position(drives=[numbers], taps=[numbers]), steps, lambda d: {"tap": d.tap0_data, "undefined": d.undefined}
    )
    assert [row["tap"] for row in seen[1:]] == [100 + stream for stream in streams]
    assert not any(row["undefined"] for row in seen)


def test_a_tap_of_lanes_sees_which_are_not_0(position):
    lanes = [0, 1, 128, 255, 0, 16, *[0] * 9, 2]
    steps = [{"drive0": drive(WEST2, from_lanes(lanes))}, {"tap0": tap(WEST2)}]
    seen = run(position(tap_bits=[16], tap_lanes=[True]), steps, lambda d: {"tap": d.tap0_data})
    assert seen[1]["tap"] == from_lanes(map(bool, lanes), 1)


EAST1, WEST1 = Stream(1, Direction.EAST), Stream(1, Direction.WEST)


def test_only_streams_among_those_given_are_driven_and_taken(position):
    few = position(drives=[range(4)], drives_among=[frozenset({EAST1})], taps_among=[frozenset({EAST1, WEST1})])
    steps = [
        {"drive0": drive(EAST1.bits, 7), "i_west": incoming(1, 9)},
        {"drive0": drive(WEST1.bits, 8), "i_west": incoming(1, 9), "tap0": tap(EAST1.bits)},
        {"tap0": tap(WEST1.bits)},
    ]
    seen = run(few, steps, lambda d: {"tap": d.tap0_data, "west": d.o_west.data[1]})
    assert [row["tap"] for row in seen[1:]] == [7, 9]
    assert seen[2]["west"] == 9, "a drive that does not lead there must not reach it"


def test_a_tap_of_no_stream_takes_0(position):
    none = position(taps_among=[frozenset()])
    assert run(none, [{"drive0": drive(EAST1.bits, 7)}, {"tap0": tap(EAST1.bits)}], observe)[1]["tap"] == 0


@pytest.mark.parametrize("comes", [True, False])
def test_a_register_takes_its_producers_value_where_no_neighbour_has_any(position, comes):
    steps = [{"drive0": drive(EAST3, 5), "i_east": incoming(2, 6)}, {"drive0": drive(EAST3, 6)}, {}]
    arriving = frozenset({Stream(2, Direction.EAST)} | ({Stream(3, Direction.EAST)} if comes else set()))
    seen = run(position(drives=[range(4)], arriving=arriving), steps, lambda d: {"e": d.o_east})
    shown = [{n: row["e"] >> 128 * n & (1 << 128) - 1 for n in range(4) if row["e"] >> 512 + n & 1} for row in seen]
    assert shown == [{}, {2: 6, 3: 5}, {3: 6}]


def test_a_producer_that_says_before_what_it_drives_needs_no_more_then(position):
    steps = [
        {"next_drive0": tap(EAST3)},
        {"drive0": drive(0, 44), "next_drive0": tap(WEST2)},
        {"drive0": drive(0, 55)},
        {"drive0": drive(EAST3, 66)},
    ]
    seen = run(position(drives_ahead=[True, False]), [*steps, {}], observe)
    assert [row["e3"] for row in seen if row["e3_valid"]] == [44]
    assert seen[2]["e3_valid"] == 1
    assert seen[3]["w2"] == 55
    assert not any(row["collision"] for row in seen)


def test_a_producer_that_says_it_before_collides_when_it_drives(position):
    steps = [{"next_drive0": tap(EAST3)}, {"drive0": drive(EAST3, 1), "drive1": drive(EAST3, 2)}]
    assert [row["collision"] for row in run(position(drives_ahead=[True, False]), steps, observe)] == [0, 1]
