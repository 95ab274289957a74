"""The instruction queue dispatches every instruction at its cycle."""

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from takt_hw import isa
from takt_hw.config import NANO
from takt_hw.icu import pipelined as pipelined_queue
from takt_hw.icu import queue as plain_queue
from takt_hw.icu.clockwork import LOOK_AHEAD
from takt_hw.icu.text import MARKS
from takt_sim import timeline
from takt_sim.checker import violations
from tests.hw.simulation import run
from tests.sim import texts
from tests.sim.texts import config, flat, ifetch, loop

PIPELINED = replace(NANO, name="pipelined", pipelined=True, mxm_fp16=False, mxm_fp16_int8=False, vxm_function_alus=0)


class Design:
    """Which queue is tested, and how it differs from the outside."""

    def __init__(self, pipelined: bool):
        self.pipelined = pipelined
        self.config = PIPELINED if pipelined else NANO
        self.start_cycles = pipelined_queue.START_CYCLES if pipelined else 0
        """Cycles from ``start`` to cycle 0, beyond LOOK_AHEAD."""
        write_latency = pipelined_queue.WRITE_LATENCY if pipelined else plain_queue.WRITE_LATENCY
        self.port_latency = isa.IFETCH.d_func(self.config) - LOOK_AHEAD - write_latency
        """Cycles from an IFETCH to its first word at the queue's port."""
        self.flight = isa.READ.d_func(self.config) - isa.IFETCH.d_skew(self.config)
        """Cycles from a READ to the IFETCH, at its position, that takes what it reads."""

    def queue(self, unit, words):
        kind = pipelined_queue.PipelinedQueue if self.pipelined else plain_queue.InstructionQueue
        return kind(unit, words=words)

    def text(self, address, word):
        """Inputs that store a word."""
        marks = {"text_marks": marks_of(word)} if self.pipelined else {}
        return {"text_write": 1, "text_address": address, "text_data": word} | marks

    def entry(self, start, count):
        """Inputs that set which words the next start runs."""
        length = {"entry_end": start + count} if self.pipelined else {"entry_count": count}
        return {"entry_write": 1, "entry_start": start} | length

    def arrival(self, word):
        """Inputs of a cycle in which a word that was asked for comes, or none."""
        word, arrives = word or 0, int(word is not None)
        if self.pipelined:
            return {"arrives": arrives, "text_data": word, "text_marks": marks_of(word)}
        return {"arrives": arrives, "fetched": word}


def marks_of(word):
    """The bits of MARKS that go with a word."""

    def value(field):
        return word >> field.lsb & (1 << field.width) - 1

    op = {op.code: op for op in isa.CONTROL}.get(word & 0xFF)
    marks = {op.name.lower(): 1} if op else {}
    count = value(isa.COUNT)
    marks |= {"once": count == 1, "twice": count == 2, "thrice": count == 3}
    marks |= {"every": value(isa.INTERVAL) == 1, "single": value(isa.BODY) == 1}
    if op is isa.LOOP and count == 1:
        marks["loop"] = 0
    marks["quick"] = op in (isa.NOTIFY, isa.LOOP, isa.IFETCH, isa.CONFIG)
    return MARKS.const({name: int(mark) for name, mark in marks.items()}).as_bits()


design = Design(False)
"""Set for each run of all tests."""


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "pipelined"], autouse=True)
def _each_design(request):
    global design
    design = Design(request.param)


QUEUE = isa.queue_by_name(NANO)["MEM_E0.read"]
EAST = isa.Direction.EAST


def read(address, stream=0):
    return isa.READ.encode(dst=isa.Stream(stream, EAST), address=address)


def nop(count):
    return isa.NOP.encode(count=count)


def repeat(count, interval, stride):
    return isa.REPEAT.encode(count=count, interval=interval, stride=stride)


def run_queue(words, cycles, release_at=(), entry_start=0, size=64, unit=isa.MEM_READ, arrivals=None):
    """(cycle, word) of every dispatch and the cycles in which NOTIFY and the end were seen.

    ``arrivals``: words that come from the fetch port, by cycle.
    """
    if design.pipelined:
        entry_start = min(entry_start, size - len(words))
    load = [design.text((entry_start + n) % size, w) for n, w in enumerate(words)]
    load += [design.entry(entry_start, len(words)), {"start": 1}]
    start = LOOK_AHEAD + design.start_cycles
    first = len(load) - 1 + start
    steps = [*load]
    for cycle in range(1 - start, cycles):
        steps.append({"release": int(cycle in release_at)} | design.arrival((arrivals or {}).get(cycle)))
    dut = design.queue(unit, size)
    seen = run(
        dut,
        steps,
        lambda d: {
            "valid": d.dispatch.valid,
            "word": d.dispatch.word,
            "notify": d.notify,
            "ended": d.ended,
            "illegal": d.illegal,
            "dry": d.dry,
            "fetch": d.fetch.valid,
        },
    )
    after = [(n - first, row) for n, row in enumerate(seen) if n - first >= -1]
    dispatches = [(cycle, row["word"]) for cycle, row in after if row["valid"]]
    end = next((cycle + 1 for cycle, row in after if row["ended"]), None)
    assert [cycle for cycle, row in after if row["dry"]] == []
    return dispatches, [c for c, row in after if row["notify"]], end, any(row["illegal"] for _, row in after)


def test_example_of_the_manual():
    words = [nop(4), read(10), repeat(3, 2, 1), read(99)]
    dispatches, _, end, illegal = run_queue(words, 20)
    assert dispatches == [(4, read(10)), (6, read(11)), (8, read(12)), (10, read(13)), (11, read(99))]
    assert (end, illegal) == (12, False)


@pytest.mark.parametrize("seed", range(8))
def test_matches_the_timeline(seed):
    rng = random.Random(seed)
    words = [read(rng.randrange(100))]
    for _ in range(30):
        words.append(
            rng.choice(
                [
                    nop(rng.choice([1, 1, 2, 3, 9])),
                    read(rng.randrange(100), rng.randrange(8)),
                    repeat(rng.choice([1, 2, 5]), rng.choice([1, 1, 2, 3]), rng.choice([0, 1, 3])),
                    isa.NOTIFY.encode(),
                ]
            )
        )
    expected = timeline.expand(design.config, {QUEUE.name: words})
    dispatches, _, end, illegal = run_queue(words, expected.ends[QUEUE.name] + 3)
    assert dispatches == [(d.cycle, d.instruction.word) for d in expected.dispatches]
    assert (end, illegal) == (expected.ends[QUEUE.name], False)


def test_sync_waits_for_the_release():
    release = 9  # seen two cycles before the next dispatch
    dispatches, _, end, _ = run_queue([read(1), isa.SYNC.encode(), read(2)], 20, release_at=[release])
    assert dispatches == [(0, read(1)), (release + LOOK_AHEAD, read(2))]
    assert end == release + LOOK_AHEAD + 1


def test_sync_ignores_a_release_that_came_before_it():
    dispatches, _, end, _ = run_queue([nop(5), isa.SYNC.encode(), read(2)], 20, release_at=[3])
    assert (dispatches, end) == ([], None)


def test_notify_shows_in_its_cycle():
    _, notified, end, _ = run_queue([nop(3), isa.NOTIFY.encode()], 10)
    assert (notified, end) == ([3], 4)


@pytest.mark.parametrize("word", [0, 0xFF, isa.WRITE.code, repeat(1, 1, 0)])
def test_illegal_words_are_reported(word):
    assert run_queue([word], 5)[3]


def test_an_entry_of_no_words_ends_at_once():
    assert run_queue([], 5)[:3] == ([], [], 0)


def as_expected(instructions, release_at=(), **options):
    """Run instructions and compare with the timeline; what was dispatched, as (cycle, text)."""
    words = [i.word for i in flat(*instructions)]
    expected = timeline.expand(design.config, {QUEUE.name: words})
    dispatches, notified, end, illegal = run_queue(words, expected.ends[QUEUE.name] + 3, release_at, **options)
    assert dispatches == [(d.cycle, d.instruction.word) for d in expected.dispatches]
    assert notified == [c.cycle for c in expected.control if c.instruction.op is isa.NOTIFY]
    assert (end, illegal) == (expected.ends[QUEUE.name], False)
    return [(d.cycle, d.instruction["address"]) for d in expected.dispatches]


R = texts.read("s0e", 100)


def test_a_loop_advances_and_costs_one_cycle():
    assert as_expected([*loop(3, R, texts.nop(1), stride=2), R]) == [(1, 100), (3, 102), (5, 104), (7, 100)]


def test_a_loop_of_one_word_has_no_gap():
    assert as_expected([*loop(4, R, stride=-1)]) == [(1, 100), (2, 99), (3, 98), (4, 97)]


def test_a_count_of_one_runs_once():
    assert as_expected([*loop(1, loop(1, R, stride=9), stride=7), R]) == [(2, 100), (3, 100)]


def test_four_loops_that_end_together():
    nested = loop(2, loop(3, loop(1, loop(2, R, stride=1), stride=50), stride=10), stride=100)
    found = as_expected([*nested, R])
    assert [address - 100 for _, address in found] == [0, 1, 10, 11, 20, 21, 100, 101, 110, 111, 120, 121, 0]
    # outer iterations enter two LOOPs, middle ones two
    assert [cycle for cycle, _ in found] == [4, 5, 8, 9, 12, 13, 17, 18, 21, 22, 25, 26, 27]


def test_loops_that_end_apart_and_follow_each_other():
    as_expected([*loop(2, R, loop(2, R, loop(3, R, stride=1), R, stride=5), loop(2, R), R, stride=20), *loop(2, R), R])


def test_repeat_in_a_loop_goes_on_from_the_last_dispatch():
    again = texts.repeat(2, 1, 1)
    assert [a for _, a in as_expected([R, *loop(2, again, stride=0)])] == [100, 101, 102, 103, 104]
    assert [a for _, a in as_expected([*loop(2, R, again, stride=10)])] == [100, 101, 102, 110, 111, 112]


def test_the_base_moves_later_instructions_of_the_text():
    program = [R, config(-100), R, texts.repeat(1, 1, 1), *loop(2, R, config(7), stride=3), R]
    assert [a for _, a in as_expected(program)] == [100, 0, 1, 0, 110, 107]


def test_notify_in_a_loop():
    as_expected([*loop(3, texts.NOTIFY, texts.nop(2), R)])


def test_sync_in_a_loop():
    words = [i.word for i in loop(2, texts.SYNC, R, stride=1)]
    dispatches, _, end, _ = run_queue(words, 30, release_at=[5, 11])
    assert [cycle for cycle, _ in dispatches] == [5 + LOOK_AHEAD, 11 + LOOK_AHEAD]
    assert end == 11 + LOOK_AHEAD + 1


def test_the_advance_wraps_in_sixteen_bits():
    """The checker refuses it; what the field's neighbours hold stays as it was."""
    words = [i.word for i in loop(2, texts.read("s5w", 0), stride=-1)]
    dispatches, _, _, _ = run_queue(words, 6)
    assert dispatches == [(1, texts.read("s5w", 0).word), (2, texts.read("s5w", 0xFFFF).word)]


def test_a_unit_without_stride_loops():
    word = isa.IW.encode()
    dispatches, _, end, illegal = run_queue(
        [isa.LOOP.encode(count=3, body=1, stride=0), word], 8, unit=isa.MXM_ACTIVATE
    )
    assert (dispatches, end, illegal) == ([(1, word), (2, word), (3, word)], 4, False)


def test_a_fifth_loop_is_illegal():
    words = [i.word for i in loop(2, loop(2, loop(2, loop(2, loop(2, R)))))]
    assert run_queue(words, 10)[3]
    assert not run_queue([i.word for i in loop(2, loop(2, loop(2, loop(2, R))))], 10)[3]


def test_a_start_forgets_loops_and_base():
    """The checker refuses such a text: it ends before its loop does."""
    words = [i.word for i in [R, config(5), isa.LOOP.make(count=9, body=2, stride=1), R]]
    load = [design.text(n, w) for n, w in enumerate(words)]
    load += [design.entry(0, len(words))]
    begin = [{"start": 1}, *[{}] * 13]
    seen = run(
        design.queue(isa.MEM_READ, 64),
        [*load, *begin, *begin],
        lambda d: {"valid": d.dispatch.valid, "word": d.dispatch.word},
    )[len(load) :]
    first, second = ([row["word"] if row["valid"] else None for row in part] for part in (seen[:14], seen[14:]))
    assert first == second
    assert sum(word is not None for word in first) == 2


def bodies(depth):
    """Instructions of a body, with loops up to a depth."""
    own = st.one_of(
        st.builds(texts.read, st.sampled_from(["s0e", "s3w"]), st.integers(100, 120)),
        st.builds(texts.nop, st.integers(1, 3)),
        st.builds(texts.repeat, st.integers(1, 2), st.integers(1, 2), st.integers(-1, 1)),
        st.builds(config, st.integers(-9, 9)),
        st.just(texts.NOTIFY),
    )
    if depth:
        own = own | st.builds(
            lambda count, body, stride: loop(count, *body, stride=stride),
            st.integers(1, 3),
            st.deferred(lambda: bodies(depth - 1)),
            st.integers(-3, 3),
        )
    return st.lists(own, min_size=1, max_size=4)


@settings(deadline=None, max_examples=100)
@given(bodies(isa.LOOP_DEPTH))
def test_any_nest_of_loops_is_as_on_the_timeline(program):
    as_expected([R, *program])


# Text that arrives: MEM_E1 puts one word after the other on the stream, so that some word arrives whenever one is
# asked for. Word n of the slice is at MEM_E0, position 2 too, in the cycle after an IFETCH in cycle n + flight.

RING = 8


def waits():
    """Cycles between an IFETCH and the first dispatch of its first word."""
    return isa.IFETCH.d_func(design.config) - 1


def fetched_text(host, slice_words, entry_start=0):
    """Run a queue of RING words that fetches, and compare with the timeline. The dispatched addresses."""
    small = replace(design.config, queue_words=RING)
    image = {"MEM_E1": np.zeros((NANO.mem_words, 16), np.uint8)}
    for n, instruction in enumerate(slice_words):
        image["MEM_E1"][n] = np.frombuffer(instruction.word.to_bytes(16, "little"), np.uint8)
    words = [i.word for i in flat(*host)]
    text = {QUEUE.name: words, "MEM_E1.read": [texts.read("s7e", 0).word, texts.repeat(len(slice_words), 1, 1).word]}
    found = [v for v in violations(small, text, None, image) if v.rule != "collision"]
    if found:
        return found[0].rule
    expected = timeline.expand(small, text, image)
    arrivals = {}
    for c in expected.control:
        if c.queue.name == QUEUE.name and c.instruction.op is isa.IFETCH:
            for n in range(c.instruction["words"]):
                arrivals[c.cycle + design.port_latency + n] = slice_words[c.cycle - design.flight + n].word
    end = expected.ends[QUEUE.name]
    dispatches, _, found_end, illegal = run_queue(words, end + 3, entry_start=entry_start, size=RING, arrivals=arrivals)
    own = [d for d in expected.dispatches if d.queue.name == QUEUE.name]
    assert dispatches == [(d.cycle, d.instruction.word) for d in own]
    assert (found_end, illegal) == (end, False)
    return [d.instruction["address"] for d in own]


COUNTING = [texts.read("s1e", n) for n in range(200)]
"""What MEM_E1 holds: READs that tell which word they are."""


@pytest.mark.parametrize("late", range(6))
def test_fetched_words_follow_the_loaded_ones(late):
    """An IFETCH; word n can be dispatched d_func + n later, and is if nothing else is in the way."""
    start = design.flight + 1 + late
    program = [texts.nop(start), ifetch("s7e", 4), texts.nop(waits())]
    first = start - design.flight
    assert fetched_text(program, COUNTING) == [first, first + 1, first + 2, first + 3]
    assert fetched_text([*program[:2], texts.nop(waits() - 1)], COUNTING) == "dry"


@pytest.mark.parametrize("entry_start", range(RING))
def test_the_ring_goes_round(entry_start):
    """Text of more than three rings, beginning anywhere: each group of six words brings the next."""
    source = list(COUNTING)
    first, between = isa.IFETCH.d_func(design.config) + 3, isa.IFETCH.d_func(design.config) + 4
    groups = (0, first, first + between)
    last = first + 2 * between
    for first in groups:
        source[first + 3 : first + 5] = [ifetch("s7e", 6), texts.nop(waits())]
    found = fetched_text([texts.nop(design.flight), ifetch("s7e", 6), texts.nop(waits())], source, entry_start)
    assert found == [first + n for first in groups for n in (0, 1, 2, 5)] + list(range(last, last + 6))


@pytest.mark.parametrize(("late", "rule"), [(0, "legal"), (1, "fetch-overwrite")])
def test_a_word_is_replaced_when_it_is_over(late, rule):
    """The IFETCH asks for words 5 to 11, so the one that can be dispatched d_func + 6 cycles later replaces word 3."""
    wait = isa.IFETCH.d_func(design.config) + 3 + late
    program = [texts.nop(design.flight), ifetch("s7e", 7), texts.nop(2), texts.nop(wait), texts.nop(1)]
    found = fetched_text(program, COUNTING)
    assert (found if isinstance(found, str) else "legal") == rule


def test_a_loop_may_go_on_into_fetched_words():
    program = [texts.nop(design.flight + 1), ifetch("s7e", 2)]
    program += [isa.LOOP.make(count=3, body=3, stride=100), texts.nop(waits() - 1)]
    assert fetched_text(program, COUNTING) == [1, 2, 101, 102, 201, 202]


CHUNKS = [[texts.nop(1)], [texts.nop(4)], [R], [R, texts.repeat(2, 2, 1)], loop(3, R, stride=2), [config(3)]]
MORE_TEXT = [[ifetch("s7e", words), texts.nop(4 + late)] for words, late in ((3, 0), (3, 2), (5, 2), (5, 4), (8, 9))]


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.sampled_from(CHUNKS), max_size=2),
    st.integers(1, RING),
    st.integers(4, 10),
    st.lists(st.sampled_from([*CHUNKS, *CHUNKS, *MORE_TEXT]), min_size=60, max_size=60),
    st.integers(0, RING - 1),
)
def test_any_fetched_text_is_as_on_the_timeline(before, words, pause, source, entry_start):
    host = [R, texts.nop(2), *before, ifetch("s7e", words), texts.nop(pause)]
    fetched_text(host, flat(*source), entry_start)


def test_a_dry_queue_ends_and_says_so():
    """The word comes a cycle too late."""

    def run_late(arrives):
        words = [ifetch("s7e", 1).word, texts.nop(waits()).word]
        load = [design.text(n, w) for n, w in enumerate(words)]
        load += [design.entry(0, 2), {"start": 1}]
        start = LOOK_AHEAD + design.start_cycles
        seen = run(
            design.queue(isa.MEM_READ, RING),
            [*load, *[{}] * (arrives + start - 1), design.arrival(R.word), *[{}] * 6],
            lambda d: {"dry": d.dry, "valid": d.dispatch.valid, "ended": d.ended},
        )[len(load) + start - 1 :]
        return tuple([n for n, row in enumerate(seen) if row[name]] for name in ("dry", "valid", "ended"))

    in_time = design.port_latency
    dispatched = isa.IFETCH.d_func(design.config)
    dry, valid, ended = run_late(in_time)
    assert (dry, valid, ended[0]) == ([], [dispatched], dispatched)
    dry, valid, ended = run_late(in_time + 1)
    assert (dry, valid, ended[0]) == ([dispatched - 1], [], dispatched)
