"""With `streams_between`, a slice takes what came from elsewhere and puts what is taken elsewhere."""

from dataclasses import replace

import pytest

from takt_hw import isa
from takt_hw.config import BUILDS, ECP5, ECP5_SOLO, NANO, Kind
from takt_hw.isa import Direction, Stream, TypedStream


def names(streams):
    """As ``0-3 7|1``: numbers of the streams eastward | westward."""

    def numbers(direction):
        return sorted(s.index for s in streams if s.direction is direction)

    return numbers(Direction.EAST), numbers(Direction.WEST)


def reach(config, queue):
    found = isa.queue_by_name(config)[queue]
    return names(found.takes), names(found.puts)


LOW, ALL = [0, 1, 2, 3], list(range(8))


def test_other_builds_name_all_streams():
    every = (ALL, ALL)
    assert {(str(reach(NANO, queue.name))) for queue in isa.queues(NANO)} == {str((every, every))}


def test_a_plane_at_the_end_of_the_row_takes_what_flows_there_and_puts_what_flows_away():
    assert reach(ECP5, "MXM_E0.activate")[0] == reach(ECP5, "MXM_E0.weights")[0] == (ALL, [])
    assert reach(ECP5, "MXM_E0.accumulate")[1] == ([], ALL)


def test_what_memory_has_no_use_for_is_not_put():
    """Streams 4 to 7 lead from the VXM to the plane, but not to one of four slices that take turns at eight streams."""
    assert reach(ECP5, "VXM.alu0") == ((LOW, ALL), (ALL, LOW))


def test_links_and_the_slices_that_feed_them():
    assert reach(ECP5, "C2C_W.send1")[0] == ([], [1])
    assert reach(ECP5, "C2C_W.receive1")[1] == ([1], [])
    assert reach(ECP5, "MEM_W2.read")[1] == ([1], [1])
    assert reach(ECP5, "MEM_W1.read")[1] == ([2], [])
    assert reach(ECP5_SOLO, "MEM_W2.read")[1] == ([1], [])


def test_memory_takes_what_its_own_position_puts():
    """So that a mask or addresses come on one stream, and data on the other."""
    assert reach(ECP5_SOLO, "MEM_W2.write")[0] == reach(ECP5_SOLO, "MEM_W2.read")[0] == ([1], [1])


def test_groups_stay_whole():
    """One slice of memory puts s0 alone: whoever deals in groups names s0 to s3, or all that weights come on."""
    row = (Kind.MEM, Kind.VXM, Kind.MXM)
    config = replace(ECP5_SOLO, row=row, mem_group_slices=1, weight_streams=8)
    assert reach(config, "MEM_W0.read")[1] == ([0], [])
    assert reach(config, "VXM.alu0") == ((LOW, ALL), (ALL, LOW))
    assert reach(config, "MXM_E0.weights")[0] == (ALL, [])


def test_what_a_queue_cannot_name_is_refused():
    queues = isa.queue_by_name(ECP5)

    def broken(queue, instruction):
        return instruction.violations(ECP5, queues[queue])

    east4, west4 = Stream(4, Direction.EAST), Stream(4, Direction.WEST)
    assert broken("MXM_E0.activate", isa.ABC.make(src=east4)) == []
    assert broken("MXM_E0.activate", isa.ABC.make(src=west4)) == ["src must come from a slice elsewhere, not s4w"]
    assert broken("MXM_E0.accumulate", isa.ACC.make(address=0, mode="first", dst=west4)) == []
    assert broken("MXM_E0.accumulate", isa.ACC.make(address=0, mode="first", dst=east4)) == [
        "dst must lead to a slice elsewhere, not s4e"
    ]
    copy = isa.COPY.make(a=TypedStream(east4, isa.DType.I32), dst=TypedStream(west4, isa.DType.I32))
    assert broken("VXM.alu0", copy) == [
        "dst must lead to a slice elsewhere, not s4w",
        "a must come from a slice elsewhere, not s4e",
    ]


@pytest.mark.parametrize("name", BUILDS)
def test_text_comes_from_either_side(name):
    config = BUILDS[name]
    for queue in isa.queues(config):
        for direction in Direction:
            assert isa.IFETCH.make(src=Stream(0, direction), words=1).violations(config, queue) == []
