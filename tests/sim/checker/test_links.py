"""What a lone chip may not do with links, and how a chip must be parked while it realigns."""

from __future__ import annotations

import pytest

from takt_hw import isa
from takt_hw.config import NANO_C2C
from takt_sim.checker import violations
from takt_sim.checker.check import judge
from tests.sim.texts import NOTIFY, SYNC, nop, read, stream, text

ALIGN = "C2C_W.align"
LEAST = isa.deskew_minimum(NANO_C2C)
DESKEW = isa.RUNTIME_DESKEW.make(cycles=LEAST)

ALONE = {
    "SEND": {
        "MEM_W0.read": [read("s0w", 0)],
        "C2C_W.send2": [(3, isa.SEND.make(src=stream("s0w")))],
    },
    "RECEIVE": {"C2C_W.receive6": [isa.RECEIVE.make(dst=stream("s0e"))]},
    "DESKEW": {ALIGN: [isa.DESKEW.make()]},
    "RUNTIME_DESKEW": {ALIGN: [DESKEW]},
    "SYNC_LINK": {ALIGN: [isa.SYNC_LINK.make(link=0)]},
    "NOTIFY_LINKS": {ALIGN: [isa.NOTIFY_LINKS.make(links=1)]},
}


@pytest.mark.parametrize("op", ALONE)
def test_a_lone_chip_has_no_links(op):
    words = text(ALONE[op])
    (found,) = violations(NANO_C2C, words)
    assert (found.rule, found.instruction.split()[0]) == ("system", op)
    assert found.message == f"{op} must be proved together with the other chips' programs, not alone"
    assert judge(NANO_C2C, words, None, None, in_system=True)[1] == []


def test_control_in_the_queues_of_links_is_legal():
    queues = {"C2C_W.send0": [nop(3)], "C2C_W.receive3": [SYNC, nop(1)], ALIGN: [nop(1), NOTIFY]}
    assert violations(NANO_C2C, text(queues)) == []


def test_streams_meet_links_by_the_timing_law():
    """A vector that is received in cycle t can be sent on in cycle t + d_func - d_skew, and in no other."""
    delay = isa.RECEIVE.d_func(NANO_C2C) - isa.SEND.d_skew(NANO_C2C)
    for late, rules in ((0, []), (1, ["undefined-stream"]), (-1, ["undefined-stream"])):
        queues = {
            "C2C_W.receive0": [(2, isa.RECEIVE.make(dst=stream("s0e")))],
            "C2C_W.send1": [(2 + delay + late, isa.SEND.make(src=stream("s0e")))],
        }
        assert [v.rule for v in judge(NANO_C2C, text(queues), None, None, in_system=True)[1]] == rules


def refused(queues):
    """(cycle, message) of what breaks `deskew`; nothing else may be broken."""
    found = judge(NANO_C2C, text(queues), None, None, in_system=True)[1]
    assert {v.rule for v in found} <= {"deskew"}
    return [(v.cycle, v.message) for v in found]


def test_deskew_takes_its_least():
    assert refused({ALIGN: [DESKEW]}) == []
    short = isa.RUNTIME_DESKEW.make(cycles=LEAST - 1)
    assert refused({ALIGN: [(7, short)]}) == [(7, f"cycles must be at least {LEAST}, not {LEAST - 1}")]


def test_other_queues_are_parked_from_the_cycle_in_which_it_begins():
    """RUNTIME_DESKEW from cycle 10 to 10 + LEAST; its NOTIFY comes right behind."""
    parked = {"VXM.alu0": [(9, SYNC)], "MEM_W0.read": [(10, SYNC), read("s0w", 0)], "MEM_W1.read": [nop(10)]}
    legal = {ALIGN: [(10, DESKEW), NOTIFY]} | parked
    assert refused(legal) == []
    message = f"must be parked in SYNC, or have ended, from cycle 10 to {10 + LEAST}"
    assert refused(legal | {"VXM.alu0": [(11, SYNC)]}) == [(10, f"VXM.alu0 {message}")]
    assert refused(legal | {"VXM.alu0": [nop(11)]}) == [(10, f"VXM.alu0 {message}")]
    assert refused(legal | {"VXM.alu0": [nop(10 + LEAST), SYNC]}) == [(10, f"VXM.alu0 {message}")]


def test_nobody_is_released_meanwhile():
    """A NOTIFY of cycle 9 releases in 13: a queue that parks again in 14 was not parked all the time."""
    message = f"VXM.alu0 must be parked in SYNC, or have ended, from cycle 10 to {10 + LEAST}"
    words = text({ALIGN: [(9, NOTIFY), DESKEW, NOTIFY], "VXM.alu0": [SYNC, nop(1), SYNC]})
    found = judge(NANO_C2C, words, None, None, in_system=True)[1]
    assert [(v.rule, v.cycle, v.message) for v in found] == [("deskew", 10, message)]


def test_each_turn_of_a_loop_needs_it():
    """The second time the other queue goes on."""
    body = [DESKEW, NOTIFY, nop(20)]
    loop = isa.LOOP.make(count=2, body=3, stride=0)
    words = {ALIGN: [loop.word, *(i.word for i in body)], "VXM.alu0": [SYNC.word] * 2}
    assert judge(NANO_C2C, words, None, None, in_system=True)[1] == []
    words["VXM.alu0"] = [SYNC.word, nop(100).word]
    (found,) = judge(NANO_C2C, words, None, None, in_system=True)[1]
    assert (found.rule, found.cycle) == ("deskew", 1 + LEAST + 1 + 20)
