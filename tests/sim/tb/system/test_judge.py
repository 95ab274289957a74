"""What became of vectors: every kind of wrong is counted as what it is."""

from dataclasses import replace

import pytest

from takt_hw.isa.host import Fault
from takt_sim.reference import Result, Write
from takt_sim.system.topology import Port
from takt_sim.tb.run import RtlResult
from takt_sim.tb.run import Write as RtlWrite
from takt_sim.tb.system.judge import Verdict, judge

ONE, OTHER = Port(0, 1), Port(0, 2)
LINKS = {("MEM_W0", n): ONE for n in range(10)} | {("MEM_W0", 20): OTHER}
WRITES = [Write(12 * n, "MEM_W0", n, bytes([n + 1] * 16)) for n in range(10)]
EXPECTED = Result(200, [*WRITES, Write(7, "MEM_W0", 20, b"x" * 16)], None)
SOUND = [RtlWrite(write.cycle, write.slice, write.address, write.data) for write in EXPECTED.writes]


def verdict(writes, *, lost=0, flag=False):
    found = RtlResult(200, flag << Fault.LINK_LOST, {}, writes, 0, 0.0)
    return judge(EXPECTED, found, LINKS, {ONE: lost, OTHER: 0})


def with_data(n, data):
    return [replace(write, data=data) if write == SOUND[n] else write for write in SOUND]


def test_what_is_as_expected_is_counted():
    assert verdict(SOUND) == {ONE: Verdict(10), OTHER: Verdict(1)}


@pytest.mark.parametrize(
    ("writes", "options", "found"),
    [
        (with_data(4, bytes(16)), {"lost": 1, "flag": True}, Verdict(10, lost=1)),
        (with_data(4, bytes(16)), {"lost": 0, "flag": True}, Verdict(10, lost=1, silent=1)),
        (with_data(4, bytes(16)), {"lost": 1, "flag": False}, Verdict(10, lost=1, silent=1)),
        (with_data(4, bytes([4] * 16)), {}, Verdict(10, duplicated=1, silent=1)),
        (with_data(4, bytes([6] * 16)), {}, Verdict(10, reordered=1, silent=1)),
        (with_data(4, bytes([99] * 16)), {"lost": 1, "flag": True}, Verdict(10, silent=1)),
        (SOUND[:4] + SOUND[5:], {}, Verdict(10, misplaced=1)),
        ([*SOUND, RtlWrite(5, "MEM_W0", 4, bytes(16))], {}, Verdict(10, misplaced=1)),
        ([replace(SOUND[0], cycle=1), *SOUND[1:]], {}, Verdict(10, misplaced=2)),
    ],
)
def test_each_difference_counts_once(writes, options, found):
    assert verdict(writes, **options) == {ONE: found, OTHER: Verdict(1)}


def test_verdicts_add_up():
    one = Verdict(1, 2, 3, 4, 5, 6)
    one.add(Verdict(10, 20, 30, 40, 50, 60))
    assert one == Verdict(11, 22, 33, 44, 55, 66)
