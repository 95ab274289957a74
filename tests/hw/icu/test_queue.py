"""The instruction queue dispatches every instruction at its cycle."""

import random

import pytest

from takt_hw import isa
from takt_hw.config import NANO
from takt_hw.icu.clockwork import LOOK_AHEAD
from takt_hw.icu.queue import InstructionQueue
from takt_sim import timeline
from tests.hw.simulation import run

QUEUE = isa.queue_by_name(NANO)["MEM_E0.read"]
EAST = isa.Direction.EAST


def read(address, stream=0):
    return isa.READ.encode(dst=isa.Stream(stream, EAST), address=address)


def nop(count):
    return isa.NOP.encode(count=count)


def repeat(count, interval, stride):
    return isa.REPEAT.encode(count=count, interval=interval, stride=stride)


def run_queue(words, cycles, release_at=()):
    """(cycle, word) of every dispatch and the cycles in which NOTIFY and the end were seen."""
    load = [{"text_write": 1, "text_address": n, "text_data": word} for n, word in enumerate(words)]
    load += [{"entry_write": 1, "entry_start": 0, "entry_count": len(words)}, {"start": 1}]
    first = len(load) - 1 + LOOK_AHEAD
    steps = load + [{"release": int(len(load) + n - first in release_at)} for n in range(cycles + LOOK_AHEAD)]
    dut = InstructionQueue(isa.MEM_READ, words=64)
    seen = run(
        dut,
        steps,
        lambda d: {
            "valid": d.dispatch.valid,
            "word": d.dispatch.word,
            "notify": d.notify,
            "ended": d.ended,
            "illegal": d.illegal,
        },
    )
    after = [(n - first, row) for n, row in enumerate(seen) if n - first >= -1]
    dispatches = [(cycle, row["word"]) for cycle, row in after if row["valid"]]
    end = next((cycle + 1 for cycle, row in after if row["ended"]), None)
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
    expected = timeline.expand(NANO, {QUEUE.name: words})
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
