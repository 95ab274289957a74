"""Queues on the clock, by hand from docs/manual/timing.md."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from takt_hw import isa
from takt_hw.config import NANO, QUAD
from takt_sim import timeline
from takt_sim.generate import random_program
from takt_sim.timeline import IllegalProgram, expand, trace
from tests.sim.texts import IW, NOTIFY, SYNC, alu, nop, read, repeat, text, write


def cycles_of(config, queues):
    """(cycle, instruction as text) of all dispatches, and the ends of the queues that have words."""
    expanded = expand(config, text(queues))
    return [(d.cycle, str(d.instruction)) for d in expanded.dispatches], {n: expanded.ends[n] for n in queues}


def refusals(config, queues):
    """(rule, cycle) of all that keeps the text from expanding."""
    return [(v.rule, v.cycle) for v in trace(config, text(queues))[1]]


def test_empty_program():
    assert expand(NANO, {}).cycles == 1
    assert expand(QUAD, {}).cycles == 4
    assert set(expand(NANO, {}).ends.values()) == {0}


def test_repeat_of_the_manual():
    """READ in cycle t = 5, then REPEAT 3, 2, 1: dispatches in t + 2, t + 4, t + 6, and the queue goes on in t + 7."""
    dispatches, ends = cycles_of(NANO, {"MEM_W0.read": [(5, read("s0e", 0x10)), repeat(3, 2, 1), read("s1e", 0)]})
    assert dispatches == [
        (5, "READ s0e, 0x10"),
        (7, "READ s0e, 0x11"),
        (9, "READ s0e, 0x12"),
        (11, "READ s0e, 0x13"),
        (12, "READ s1e, 0x0"),
    ]
    assert ends == {"MEM_W0.read": 13}


def test_cycle_count_is_the_latest_end_plus_superlanes():
    queues = {"MEM_W0.read": [nop(7)], "MEM_W1.read": [(3, read("s0e", 0))]}
    assert expand(NANO, text(queues)).cycles == 7 + 1
    assert expand(QUAD, text(queues)).cycles == 7 + 4


def test_repeat_goes_on_from_a_repeat_across_control():
    queue = [read("s0e", 10), repeat(2, 1, 5), nop(3), NOTIFY, repeat(2, 2, -1), SYNC, repeat(1, 1)]
    dispatches, ends = cycles_of(NANO, {"MEM_W0.read": queue, "MEM_W1.read": [nop(20), NOTIFY]})
    # READ 0; REPEAT 1, 2; NOP 3 to 5; NOTIFY 6 releases in 10; REPEAT 7 to 10: 8, 10; SYNC 11; NOTIFY 20 releases in 24
    assert [cycle for cycle, _ in dispatches] == [0, 1, 2, 8, 10, 24]
    assert [re.search("0x.*", shown)[0] for _, shown in dispatches] == ["0xa", "0xf", "0x14", "0x13", "0x12", "0x12"]
    assert ends == {"MEM_W0.read": 25, "MEM_W1.read": 21}


@pytest.mark.parametrize(("parked", "goes_on"), [(0, 14), (13, 14), (14, 19), (15, 19), (18, 19)])
def test_sync_ends_with_the_first_release_after_it(parked, goes_on):
    """NOTIFY in cycles 10 and 15 release in 14 and 19; a SYNC in 14 is too late for the first."""
    waiting = [nop(parked), SYNC, read("s0e", 0)] if parked else [SYNC, read("s0e", 0)]
    dispatches, ends = cycles_of(NANO, {"MEM_W0.read": waiting, "VXM.alu0": [(10, NOTIFY), (15, NOTIFY)]})
    assert dispatches == [(goes_on, "READ s0e, 0x0")]
    assert ends["MEM_W0.read"] == goes_on + 1


def test_a_queue_releases_itself():
    assert cycles_of(NANO, {"MEM_W0.read": [NOTIFY, SYNC, read("s0e", 0)]})[0] == [(4, "READ s0e, 0x0")]


def test_a_release_reaches_all_queues_and_sets_off_others():
    """W0 waits for W1, which waits for W2: releases in 6 + 4 = 10 and in 10 + 4 = 14."""
    queues = {
        "MEM_W0.read": [nop(11), SYNC, read("s0e", 0)],
        "MEM_W1.read": [SYNC, NOTIFY],
        "MEM_W2.read": [(6, NOTIFY)],
        "MEM_W3.read": [SYNC, read("s1e", 1)],
    }
    dispatches, ends = cycles_of(NANO, queues)
    assert dispatches == [(10, "READ s1e, 0x1"), (14, "READ s0e, 0x0")]
    assert ends == {"MEM_W0.read": 15, "MEM_W1.read": 11, "MEM_W2.read": 7, "MEM_W3.read": 11}


def test_a_sync_at_the_end_ends_with_its_release():
    assert cycles_of(NANO, {"MEM_W0.read": [SYNC], "MEM_W1.read": [NOTIFY]})[1]["MEM_W0.read"] == 4


def test_dispatches_name_word_and_repetition():
    found = expand(NANO, text({"MEM_W0.read": [(2, read("s0e", 0)), repeat(2, 1, 1)]})).dispatches
    assert [(d.cycle, d.index, d.repetition) for d in found] == [(2, 1, 0), (3, 2, 1), (4, 2, 2)]
    assert {d.queue.name for d in found} == {"MEM_W0.read"}


def test_same_cycle_in_queue_order():
    queues = {
        "VXM.alu0": [alu(isa.COPY, None, "#1")],
        "MEM_W3.write": [write("s0e", 0)],
        "MEM_W3.read": [read("s0w", 9)],
    }
    names = [d.queue.name for d in expand(NANO, text(queues)).dispatches]
    assert names == ["MEM_W3.read", "MEM_W3.write", "VXM.alu0"]


@pytest.mark.parametrize(
    ("queues", "expected"),
    [
        ({"MEM_W0.read": [write("s0e", 0)]}, [("encoding", 0)]),
        ({"MEM_W0.read": [nop(4), read("s8e", 0)]}, [("operand", 4)]),
        ({"MEM_W0.read": [nop(4), read("s0e", 512)]}, [("operand", 4)]),
        ({"VXM.alu0": [alu(isa.COPY, "s2e:i32", "#1")]}, [("operand", 0)]),
        ({"VXM.alu0": [alu(isa.COPY, None, "alu4")]}, [("operand", 0)]),
        ({"MEM_W0.read": [read("s0e", 509), repeat(9, 3, 1)]}, [("operand", 9)]),
        ({"MEM_W0.read": [read("s0e", 1), repeat(1, 1, -1), nop(1), repeat(2, 2, -1)]}, [("operand", 4)]),
        ({"MEM_W0.read": [repeat(3, 2, 1)]}, [("repeat", 0)]),
        ({"MEM_W0.read": [nop(1), repeat(3, 2, 0)]}, [("repeat", 1)]),
        ({"MXM_E0.activate": [IW, repeat(3, 2, 1)]}, [("repeat", 1)]),
        ({"MEM_W0.read": [nop(1)] * 257}, [("text", None)]),
        ({"MEM_X.read": [nop(1)]}, [("text", None)]),
        ({"MEM_W0.read": [nop(6), SYNC], "MEM_W1.read": [nop(2), NOTIFY]}, [("sync", 6)]),
        ({"MEM_W0.read": [SYNC, NOTIFY], "MEM_W1.read": [SYNC, NOTIFY]}, [("sync", 0), ("sync", 0)]),
        # all of them, not just the first
        (
            {"MEM_W0.read": [write("s0e", 0), read("s9e", 513), repeat(1, 1)]},
            [("encoding", 0), ("operand", 1), ("operand", 1)],
        ),
    ],
)
def test_refused(queues, expected):
    assert refusals(NANO, queues) == expected


def test_last_word_in_range_is_legal():
    assert refusals(NANO, {"MEM_W0.read": [read("s0e", 509), repeat(2, 3, 1)]}) == []
    assert refusals(NANO, {"MEM_W0.read": [read("s7w", 511), repeat(1, 1, -511)]}) == []
    assert refusals(NANO, {"MXM_E0.activate": [IW, repeat(3, 2, 0)]}) == []
    assert refusals(NANO, {"MEM_W0.read": [nop(1)] * 256}) == []


def test_unused_bits_are_refused():
    word = read("s0e", 0).word
    for bit in range(128):
        found = [v.rule for v in trace(NANO, {"MEM_W0.read": [word ^ 1 << bit]})[1]]
        assert found in (["encoding"], ["operand"], []), bit
        assert bit < 30 or found == ["encoding"], bit


def test_violation_names_everything():
    with pytest.raises(IllegalProgram) as caught:
        expand(NANO, text({"MEM_W0.read": [nop(4), read("s9e", 0x20)]}))
    (violation,) = caught.value.violations
    assert (violation.rule, violation.queue, violation.slice) == ("operand", "MEM_W0.read", "MEM_W0")
    assert (violation.cycle, violation.instruction) == (4, "READ s9e, 0x20")
    assert str(violation) == "operand: MEM_W0.read, cycle 4, READ s9e, 0x20: dst must be below s8, not s9e"
    assert str(caught.value) == str(violation)


def test_long_lists_are_cut_in_the_message_only():
    with pytest.raises(IllegalProgram, match="and 80 more$") as caught:
        expand(NANO, {"MEM_W0.read": [0] * 100})
    assert len(caught.value.violations) == 100


def test_giant_counts_cost_nothing():
    words = [nop(65535).word] * 255 + [read("s0e", 0).word]
    assert expand(NANO, {"MEM_W0.read": words}).dispatches[0].cycle == 65535 * 255
    slow = text({"MEM_W0.read": [read("s0e", 0), repeat(65535, 65535)]})
    assert expand(NANO, slow).cycles == 1 + 65535 * 65535 + 1


def test_length_is_bounded(monkeypatch):
    monkeypatch.setattr(timeline, "MAX_DISPATCHES", 100)
    assert refusals(NANO, {"MEM_W0.read": [read("s0e", 0), repeat(99, 2)]}) == []
    assert refusals(NANO, {"MEM_W0.read": [read("s0e", 0), repeat(100, 2)], "MEM_W1.read": [nop(1)]}) == [
        ("length", 200)
    ]
    everywhere = {q.name: [read("s0e", 0), repeat(60, 2)] for q in isa.queues(NANO) if q.unit is isa.MEM_READ}
    assert [rule for rule, _ in refusals(NANO, everywhere)] == ["length"]


@pytest.mark.parametrize("config", [NANO, QUAD], ids=lambda c: c.name)
def test_every_cycle_of_a_queue_is_somebodys(config):
    program = random_program(config, 5).timeline
    for queue in isa.queues(config):
        taken = [d.cycle for d in program.dispatches if d.queue is queue and d.repetition == 0]
        for c in program.control:
            taken += range(c.cycle, c.cycle + c.cycles) if c.queue is queue else ()
        assert sorted(taken) == list(range(program.ends[queue.name]))


HOSTILE = st.one_of(
    st.integers(0, 2**128 - 1),
    st.tuples(st.integers(0, 0x5F), st.integers(0, 2**120 - 1)).map(lambda pair: pair[0] | pair[1] << 8),
    st.tuples(st.integers(1, 4), st.integers(0, 2**48 - 1)).map(lambda pair: pair[0] | pair[1] << 8),
    st.sampled_from([read("s0e", 0).word, NOTIFY.word, SYNC.word, nop(65535).word, repeat(65535, 65535).word]),
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from([q.name for q in isa.queues(NANO)]), st.lists(HOSTILE, max_size=6), max_size=5))
def test_any_words_expand_or_are_refused(words):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timeline, "MAX_DISPATCHES", 1000)
        try:
            assert expand(NANO, words).cycles >= 1
        except IllegalProgram as refused:
            assert refused.violations
            assert all("\n" not in str(violation) for violation in refused.violations)
