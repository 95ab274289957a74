"""Queues on the clock, by hand from docs/manual/timing.md."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from takt_hw import isa
from takt_hw.config import NANO, NANO_C2C, QUAD
from takt_sim.generate import random_program
from takt_sim.timeline import IllegalProgram, expand, trace, walker
from tests.sim.texts import IW, NOTIFY, SYNC, alu, config, ifetch, loop, nop, read, repeat, stream, text, write


def cycles_of(config, queues):
    """(cycle, instruction as text) of all dispatches, and the ends of the queues that have words."""
    expanded = expand(config, text(queues))
    return [(d.cycle, str(d.instruction)) for d in expanded.dispatches], {n: expanded.ends[n] for n in queues}


def refusals(config, queues, memory=None):
    """(rule, cycle) of all that keeps the text from expanding."""
    return [(v.rule, v.cycle) for v in trace(config, text(queues), memory)[1]]


def messages(config, queues, memory=None):
    """All that keeps the text from expanding, in full."""
    return [str(v) for v in trace(config, text(queues), memory)[1]]


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
    monkeypatch.setattr(walker, "MAX_DISPATCHES", 100)
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


def test_loop_of_the_manual():
    """LOOP in cycle 5: the body runs three times from cycle 6 on, two cycles each; the queue goes on in 12."""
    queue = [(5, loop(3, read("s0e", 0x10), nop(1), stride=2)[0]), read("s0e", 0x10), nop(1), read("s1e", 0)]
    dispatches, ends = cycles_of(NANO, {"MEM_W0.read": queue})
    assert dispatches == [
        (6, "READ s0e, 0x10"),
        (8, "READ s0e, 0x12"),
        (10, "READ s0e, 0x14"),
        (12, "READ s1e, 0x0"),
    ]
    assert ends == {"MEM_W0.read": 13}


def addresses(queue, memory=None):
    """Addresses of what MEM_W0 reads."""
    found = expand(NANO, text({"MEM_W0.read": queue}), memory).dispatches
    return [d.instruction["address"] for d in found]


R = read("s0e", 100)


def test_increases_of_nested_loops_add_up():
    assert addresses([loop(2, loop(3, R, stride=1), R, stride=10), R]) == [100, 101, 102, 100, 110, 111, 112, 110, 100]


def test_loops_may_end_together():
    assert addresses([loop(2, loop(2, loop(1, loop(2, R, stride=1)), stride=5), stride=50)]) == [
        *(100, 101, 105, 106),
        *(150, 151, 155, 156),
    ]


def test_repeat_in_a_loop_takes_the_increase_along():
    assert addresses([loop(2, R, repeat(1, 1, 1), stride=10), repeat(1, 1, 1)]) == [100, 101, 110, 111, 112]
    assert addresses([R, loop(3, repeat(1, 1, 1), stride=7)]) == [100, 101, 102, 103]


def test_the_base_moves_what_is_taken_from_the_text():
    assert addresses([config(-90), R, repeat(1, 1, 1), loop(2, R, config(5), stride=1)]) == [10, 11, 10, 106]
    assert messages(NANO, {"MEM_W0.read": [config(412), R]}) == [
        "operand: MEM_W0.read, cycle 1, READ s0e, 0x200: address must be from 0 to 511, not 512"
    ]


def test_sync_and_notify_in_loops():
    """W0 parks three times; W1 notifies every five cycles from 7 on: releases in 11, 16, 21."""
    queues = {"MEM_W0.read": [loop(3, SYNC, R, stride=1)], "MEM_W1.read": [nop(6), loop(3, NOTIFY, nop(4))]}
    dispatches, ends = cycles_of(NANO, queues)
    assert [cycle for cycle, _ in dispatches] == [11, 16, 21]
    assert ends == {"MEM_W0.read": 22, "MEM_W1.read": 6 + 1 + 15}


def test_a_thousand_iterations_are_words_of_one():
    for count in (1, 1000):
        words = text({"MEM_W0.read": loop(count, R, nop(2))})
        assert len(words["MEM_W0.read"]) == 3
        assert expand(NANO, words).cycles == 1 + 3 * count + 1


@pytest.mark.parametrize(
    ("queue", "words", "expected"),
    [
        (
            "MEM_W0.read",
            loop(1, loop(1, loop(1, loop(1, loop(1, R))))),
            "loop: MEM_W0.read, cycle 4, LOOP 1, 1, 0: loops must nest at most 4 deep, not 5",
        ),
        (
            "MEM_W0.read",
            [isa.LOOP.make(count=2, body=2, stride=0), isa.LOOP.make(count=2, body=2, stride=0), R, R],
            "loop: MEM_W0.read, cycle 1, LOOP 2, 2, 0: "
            "body must end within the loop around it, after at most 1 words, not 2",
        ),
        (
            "MEM_W0.read",
            [isa.LOOP.make(count=2, body=3, stride=0), R, R],
            "loop: MEM_W0.read, cycle 0, LOOP 2, 3, 0: body must be there or asked for, 2 words, not 3",
        ),
        (
            "MXM_E0.activate",
            loop(2, IW, stride=3),
            "loop: MXM_E0.activate, cycle 0, LOOP 2, 1, 3: stride must be 0 in a activate queue, not 3",
        ),
        (
            "MEM_W0.read",
            loop(2, ifetch("s0e", 1)),
            "loop: MEM_W0.read, cycle 1, IFETCH s0e, 1: IFETCH must stand outside of all loops, not in a body",
        ),
        (
            "MXM_E0.activate",
            [config(1)],
            "config: MXM_E0.activate, cycle 0, CONFIG 1: base must be 0 in a activate queue, not 1",
        ),
        (
            "MEM_W0.read",
            loop(9, R, stride=100),
            "operand: MEM_W0.read, cycle 6, READ s0e, 0x258: address must be from 0 to 511, not 600",
        ),
        (
            "MEM_W0.read",
            loop(9, read("s9e", 3)),
            "operand: MEM_W0.read, cycle 1, READ s9e, 0x3: dst must be below s8, not s9e",
        ),
    ],
)
def test_refused_once_in_these_words(queue, words, expected):
    assert messages(NANO, {queue: words}) == [expected]


def test_loops_that_wait_are_bounded(monkeypatch):
    monkeypatch.setattr(walker, "MAX_DISPATCHES", 1000)
    assert messages(NANO, {"MEM_W0.read": loop(1000, loop(1000, loop(1000, loop(1000, nop(1)))))}) == [
        "length: MEM_W0.read, cycle 1000, NOP 1: control instructions must be at most 1000, not more"
    ]
    endless = {"MEM_W0.read": [isa.LOOP.encode(count=65535, body=n, stride=0) for n in (4, 3, 2)] + [0, 0]}
    assert [v.rule for v in trace(NANO, endless)[1]] == ["encoding", "encoding", "length"]


# Fetched text: MEM_W1 reads it eastward, MEM_W0 takes it at the same position.


def image(*instructions, first=0x40):
    """Memory with text in MEM_W1."""
    words = {first + n: i.word.to_bytes(NANO.lanes, "little") for n, i in enumerate(instructions)}
    return {"MEM_W1": words}


FETCH_READ = [read("s7e", 0x40), repeat(1, 1, 1)]
TWO = [nop(2), ifetch("s7e", 2), nop(4)]
"""Takes what FETCH_READ put on the stream in cycle 0 and 1; dispatches it in 7 and 8."""


def test_fetched_words_are_followed():
    memory = image(read("s0e", 5), read("s0e", 6))
    timeline = expand(NANO, text({"MEM_W0.read": TWO, "MEM_W1.read": FETCH_READ}), memory)
    own = [(d.cycle, d.index, str(d.instruction)) for d in timeline.dispatches if d.queue.name == "MEM_W0.read"]
    assert own == [(7, 3, "READ s0e, 0x5"), (8, 4, "READ s0e, 0x6")]
    assert timeline.fetched == {("MEM_W1", 0x40), ("MEM_W1", 0x41)}
    assert timeline.ends["MEM_W0.read"] == 9


def test_a_vector_holds_a_word_per_superlane():
    instructions = [read("s0e", n) for n in range(6)]
    content = b"".join(i.word.to_bytes(16, "little") for i in instructions)
    memory = {"MEM_W0": np.frombuffer(content.ljust(128, b"\0"), np.uint8).reshape(2, 64)}
    position = isa.queue_by_name(QUAD)["MEM_W0.read"].position
    assert position == isa.queue_by_name(QUAD)["MEM_W1.read"].position
    queues = {
        "MEM_W0.read": [read("s7e", 0), nop(3), read("s7e", 1)],
        "MEM_W1.read": [nop(2), ifetch("s7e", 6), nop(4)],
    }
    timeline = expand(QUAD, text(queues), memory)
    own = [(d.cycle, d.instruction["address"]) for d in timeline.dispatches if d.queue.name == "MEM_W1.read"]
    assert own == [(7 + n, n) for n in range(6)]


def test_a_fetched_notify_releases_and_fetched_text_fetches_on():
    """W0's fetched NOTIFY ends W2's SYNC, whose READ brings the word that W0 fetches last."""
    queues = {
        "MEM_W0.read": [nop(2), ifetch("s7e", 3), nop(4)],
        "MEM_W1.read": [read("s7e", 0x40), repeat(2, 1, 1)],
        "MEM_W2.read": [SYNC, read("s6e", 7)],
    }
    memory = image(NOTIFY, nop(5), ifetch("s6e", 1))
    memory["MEM_W2"] = {7: R.word.to_bytes(NANO.lanes, "little")}
    # NOTIFY in 7 releases in 11; its READ is on the stream in 14: IFETCH in 13; the word can be dispatched in 18
    assert refusals(NANO, queues, memory) == [("dry", 14)]
    memory["MEM_W1"][0x41] = nop(5).word.to_bytes(NANO.lanes, "little")
    queues["MEM_W1.read"] = [read("s7e", 0x40), repeat(3, 1, 1)]
    queues["MEM_W0.read"] = [nop(2), ifetch("s7e", 4), nop(4)]
    memory["MEM_W1"][0x43] = nop(4).word.to_bytes(NANO.lanes, "little")
    found = expand(NANO, text(queues), memory).dispatches
    assert [(d.cycle, d.instruction["address"]) for d in found if d.queue.name == "MEM_W0.read"] == [(18, 100)]


FETCHED = image(read("s0e", 5), read("s0e", 6))
REFUSED_FETCHES = [
    (
        TWO,
        FETCH_READ,
        None,
        "fetch-text: MEM_W0.read, cycle 2, IFETCH s7e, 2: memory before the program must be known, .*",
    ),
    (
        TWO,
        FETCH_READ[:1],
        FETCHED,
        "undefined-stream: MEM_W0.read, cycle 2, IFETCH s7e, 2: s7e must carry text in cycle 4, not nothing",
    ),
    (
        TWO,
        FETCH_READ,
        image(R),
        "fetch-text: MEM_W0.read, cycle 2, IFETCH s7e, 2: "
        "text must come from a word loaded before, not from MEM_W1, 0x41",
    ),
    (
        [*TWO[:2], nop(3)],
        FETCH_READ,
        FETCHED,
        "dry: MEM_W0.read, cycle 6, IFETCH s7e, 2: word 3 must be there when it comes up, not arrive 1 cycles later",
    ),
    (
        TWO,
        FETCH_READ,
        image(R, SYNC),
        "sync: MEM_W0.read, cycle 8, SYNC: SYNC must be ended by a NOTIFY, not wait for ever",
    ),
    (TWO, FETCH_READ, image(R, IW), "encoding: MEM_W0.read, cycle 8, 0x0*21: read: opcode must be one of .*"),
]


@pytest.mark.parametrize(("fetches", "reads", "memory", "expected"), REFUSED_FETCHES)
def test_refused_fetches(fetches, reads, memory, expected):
    (found,) = messages(NANO, {"MEM_W0.read": fetches, "MEM_W1.read": reads}, memory)
    assert re.fullmatch(expected, found)


def test_text_is_not_what_an_alu_made():
    queues = {
        "VXM.alu0": [alu(isa.COPY, "s7e:i8", "#1")],  # in register 1 in cycle 4
        "MEM_E0.read": [nop(4), ifetch("s7e", 1), nop(4)],
    }
    expected = (
        "fetch-text: MEM_E0.read, cycle 4, IFETCH s7e, 1: "
        "text must come from a READ, not from COPY s7e:i8, #1 in VXM.alu0, cycle 0"
    )
    assert messages(NANO, queues, {}) == [expected]


HOSTILE = st.one_of(
    st.integers(0, 2**128 - 1),
    st.tuples(st.integers(0, 0x5F), st.integers(0, 2**120 - 1)).map(lambda pair: pair[0] | pair[1] << 8),
    st.tuples(st.integers(1, 7), st.integers(0, 2**48 - 1)).map(lambda pair: pair[0] | pair[1] << 8),
    st.sampled_from([read("s0e", 0).word, NOTIFY.word, SYNC.word, nop(65535).word, repeat(65535, 65535).word]),
    st.builds(isa.LOOP.encode, count=st.integers(1, 65535), body=st.integers(1, 4), stride=st.integers(-2, 2)),
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from([q.name for q in isa.queues(NANO)]), st.lists(HOSTILE, max_size=6), max_size=5))
def test_any_words_expand_or_are_refused(words):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(walker, "MAX_DISPATCHES", 1000)
        try:
            assert expand(NANO, words).cycles >= 1
        except IllegalProgram as refused:
            assert refused.violations
            assert all("\n" not in str(violation) for violation in refused.violations)


ALIGN = "C2C_W.align"


def test_alignment_takes_cycles_of_the_program():
    """DESKEW and SYNC_LINK take d_func cycles, RUNTIME_DESKEW as many as it says, NOTIFY_LINKS one."""
    queue = [
        (2, isa.SYNC_LINK.make(link=3)),
        isa.NOTIFY_LINKS.make(links=5),
        isa.DESKEW.make(),
        isa.RUNTIME_DESKEW.make(cycles=77),
        NOTIFY,
    ]
    expanded = expand(NANO_C2C, text({ALIGN: queue, "VXM.alu0": [SYNC]}))
    assert [(c.cycle, c.cycles, c.instruction.op.name) for c in expanded.control if c.queue.name == ALIGN] == [
        (0, 2, "NOP"),
        (2, 4, "SYNC_LINK"),
        (6, 1, "NOTIFY_LINKS"),
        (7, 4, "DESKEW"),
        (11, 77, "RUNTIME_DESKEW"),
        (88, 1, "NOTIFY"),
    ]
    assert expanded.dispatches == ()
    assert (expanded.ends[ALIGN], expanded.ends["VXM.alu0"]) == (89, 92)


def test_alignment_in_a_loop():
    turns = loop(3, isa.RUNTIME_DESKEW.make(cycles=50), nop(10))
    expanded = expand(NANO_C2C, text({ALIGN: turns}))
    begun = [c.cycle for c in expanded.control if c.instruction.op is isa.RUNTIME_DESKEW]
    assert (begun, expanded.ends[ALIGN]) == ([1, 61, 121], 181)


@pytest.mark.parametrize(
    "before", [[], [isa.DESKEW.make()], [isa.RUNTIME_DESKEW.make(cycles=90)], [isa.NOTIFY_LINKS.make(links=1)]]
)
def test_nothing_of_an_align_queue_is_repeated(before):
    (message,) = messages(NANO_C2C, {ALIGN: [*before, repeat(1, 1)]})
    assert message.startswith("repeat: C2C_W.align, cycle ")
    assert message.endswith("REPEAT 1, 1, 0: REPEAT must follow what can be repeated, nothing of an align queue")


def test_links_are_dispatched_like_any_other_instruction():
    queues = {
        "C2C_W.send1": [(3, isa.SEND.make(src=stream("s0w"))), repeat(2, 12)],
        "C2C_W.receive6": [isa.RECEIVE.make(dst=stream("s1e"))],
    }
    assert cycles_of(NANO_C2C, queues)[0] == [
        (0, "RECEIVE s1e"),
        (3, "SEND s0w"),
        (15, "SEND s0w"),
        (27, "SEND s0w"),
    ]
