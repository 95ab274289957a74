"""Words of text come from the superlanes in order, one per cycle, to the queue that asked."""

import pytest

from takt_hw import isa
from takt_hw.icu.fetch import FetchPort
from takt_hw.icu.text import MARKS, TextPort
from takt_hw.superlane import CONTROL_LATENCY
from tests.hw.simulation import run

STREAM = 0x25


BITS = 56

port = FetchPort
"""Set for each run of all tests."""


@pytest.fixture(scope="module", params=[FetchPort, TextPort], ids=lambda kind: kind.__name__, autouse=True)
def _each_port(request):
    global port
    port = request.param


def ask(stream, words):
    """The bits of an ASK."""
    return 1 | stream << 1 | words << 7


def run_port(superlanes, asks, cycles, queues=3):
    """What is taken, [cycle, stream], and what arrives, [cycle, queue, word]. ``asks``: (cycle, queue, words).

    A superlane's tap takes the number of the cycle, in superlane-0 time, in which the vector passes superlane 0.
    """
    dut = port(superlanes, queues, BITS, CONTROL_LATENCY)
    behind = int(port is TextPort)  # registers between the taps' words and what arrives
    steps = []
    for cycle in range(cycles):
        step = {f"ask{n}": ask(STREAM + n, words) for at, n, words in asks if at == cycle}
        steps.append(step)
    takes = run(dut, steps, lambda d: {"valid": d.take.valid, "stream": d.take.stream})
    taken = [n for n, row in enumerate(takes) if row["valid"]]
    for cycle, step in enumerate(steps):
        for k in range(superlanes):
            before = [c for c in taken if c + k + dut.latency - behind <= cycle]
            step[f"fetched{k}"] = before[-1] * 100 + k if before else 0xFFFF
    seen = run(
        port(superlanes, queues, BITS, CONTROL_LATENCY),
        steps,
        lambda d: {"arrives": d.arrives, "word": d.word, "conflict": d.conflict},
    )
    arrived = [(n, row["arrives"].bit_length() - 1, row["word"]) for n, row in enumerate(seen) if row["arrives"]]
    conflicts = [n for n, row in enumerate(seen) if row["conflict"]]
    return [(n, takes[n]["stream"]) for n in taken], arrived, conflicts, dut.latency


@pytest.mark.parametrize("superlanes", [1, 2, 4, 20])
@pytest.mark.parametrize("words", [1, 2, 3, 4, 5, 9])
def test_words_in_order(superlanes, words):
    taken, arrived, conflicts, latency = run_port(superlanes, [(3, 1, words)], 40)
    assert taken == [(3 + n, STREAM + 1) for n in range(0, words, superlanes)]
    expected = [(3 + n // superlanes * superlanes) * 100 + n % superlanes for n in range(words)]
    assert arrived == [(3 + n + latency, 1, word) for n, word in enumerate(expected)]
    assert conflicts == []


def test_queues_one_after_the_other_without_a_gap():
    taken, arrived, conflicts, latency = run_port(4, [(0, 0, 5), (5, 2, 1), (6, 0, 2)], 20)
    assert taken == [(0, STREAM), (4, STREAM), (5, STREAM + 2), (6, STREAM)]
    owners = [0] * 5 + [2] + [0] * 2
    assert [(cycle - latency, queue) for cycle, queue, _ in arrived] == list(enumerate(owners))
    assert [word for _, _, word in arrived] == [0, 1, 2, 3, 400, 500, 600, 601]
    assert conflicts == []


def test_fetches_that_meet_are_reported():
    assert run_port(2, [(0, 0, 5), (4, 1, 1)], 20)[2] == [4]
    assert run_port(2, [(2, 0, 1), (2, 1, 1)], 20)[2] == [2]


def test_a_start_forgets_what_was_asked():
    dut = port(1, 2, BITS, CONTROL_LATENCY)
    steps = [{"ask0": ask(STREAM, 9)}, {}, {"clear": 1}, *[{}] * 9]
    seen = run(dut, steps, lambda d: {"take": d.take.valid, "arrives": d.arrives})
    assert [row["take"] for row in seen] == [1, 1, 1, *[0] * 9]
    assert not any(row["arrives"] for row in seen[3:])


def test_a_word_of_the_host_comes_with_its_marks():
    words = {
        isa.NOP.encode(count=1): {"nop", "once"},
        isa.NOP.encode(count=2): {"nop", "twice"},
        isa.REPEAT.encode(count=3, interval=1, stride=-1): {"repeat", "thrice", "every", "single"},
        isa.REPEAT.encode(count=257, interval=257, stride=0): {"repeat"},
        isa.SYNC.encode(): {"sync"},
        isa.NOTIFY.encode(): {"notify", "quick"},
        isa.LOOP.encode(count=1, body=1, stride=0): {"quick", "once", "single", "every"},
        isa.LOOP.encode(count=2, body=2, stride=0): {"loop", "quick", "twice"},
        isa.IFETCH.encode(src=isa.Stream(5, isa.Direction.EAST), words=4): {"ifetch", "quick"},
        isa.CONFIG.encode(base=-3): {"config", "quick"},
        0x80: set(),
    }
    seen = run(
        TextPort(1, 1, BITS, CONTROL_LATENCY),
        [*({"host_write": 1, "host_word": word} for word in words), *[{}] * TextPort.host_latency],
        lambda d: {"word": d.word, "arrives": d.arrives} | {name: d.marks[name] for name in MARKS.members},
    )[TextPort.host_latency :]
    assert [row["word"] for row in seen] == list(words)
    assert [{name for name in MARKS.members if row[name]} for row in seen] == list(words.values())
    assert not any(row["arrives"] for row in seen)
