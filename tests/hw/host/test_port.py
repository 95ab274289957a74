"""The host port against the manual's rules: every command, every status, stalls, resynchronization."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from takt_hw.isa.host import BAD_HEADER_COMMAND, BEAT_BYTES, MAX_BEATS, Command, Status
from takt_sim.tb.frames import RESYNCHRONIZE, Request, Response, responses, seal

from .bench import (
    CONFIG,
    PIPELINED,
    SLOW,
    Bench,
    Pins,
    answer,
    carried,
    expected_operations,
    expected_payload,
    expected_status,
)

BAD_HEADER = Response(command=BAD_HEADER_COMMAND, tag=0, target=0, superlane=0, address=0, status=Status.BAD_HEADER)
IDENTIFY = Request(command=Command.IDENTIFY, tag=99)
OFTEN_RIGHT = {
    "command": st.one_of(st.sampled_from(Command), st.integers(0, 255)),
    "tag": st.integers(0, 255),
    "target": st.one_of(st.just(0), st.integers(0, 7), st.integers(0, 0xFFFF)),
    "superlane": st.one_of(st.just(0), st.integers(0, 2), st.integers(0, 255)),
    "address": st.one_of(st.just(0), st.integers(0, 200), st.integers(0, 2**32 - 1)),
    "count": st.one_of(st.just(0), st.integers(0, 5), st.integers(0, MAX_BEATS)),
}
requests = st.builds(Request, **OFTEN_RIGHT).map(carried)


@pytest.fixture(scope="module", params=[CONFIG, PIPELINED], ids=lambda config: config.name)
def bench(request):
    return Bench(request.param)


def check(bench, conversation, pins=None, seed=None):
    """Send requests; the answers and everything done on the bus must be what the manual says."""
    pins = pins or Pins()
    memory = dict(bench.memory)
    wanted, operations = [], []
    for request in conversation:
        status = expected_status(request, bench.config, bool(pins.running))
        payload = b""
        if status is Status.OK:
            payload = expected_payload(request, bench.config, memory, pins)
            done = expected_operations(request)
            memory |= {tuple(operands[:3]): operands[3] for name, *operands in done if name == "mem_write"}
            operations += done
        wanted.append(answer(request, status, payload))
    found = bench.talk(b"".join(request.frame for request in conversation), pins=pins, seed=seed)
    assert responses(found) == wanted
    assert bench.operations == operations


def write(count, **fields):
    return carried(Request(command=Command.WRITE_MEM, count=count, **fields))


EVERY_COMMAND = [
    IDENTIFY,
    Request(command=Command.STATUS, tag=1),
    Request(command=Command.ERRORS, tag=10),
    Request(command=Command.LINK, tag=11),
    Request(command=Command.LINK, target=2, address=1, tag=12),
    Request(command=Command.ALIGN, tag=13),
    Request(command=Command.ALIGN, address=3, tag=14),
    write(MAX_BEATS, target=3, superlane=1, address=7, tag=2),
    write(1, target=7, address=CONFIG.mem_words - 1, tag=3),
    Request(command=Command.READ_MEM, target=3, superlane=1, address=5, count=MAX_BEATS, tag=4),
    Request(command=Command.READ_MEM, target=7, address=CONFIG.mem_words - 1, count=1, tag=5),
    carried(Request(command=Command.WRITE_TEXT, target=20, address=2, count=9, tag=6)),
    Request(command=Command.ENTRY, target=20, address=2, count=9, tag=7),
    Request(command=Command.ENTRY, target=20, count=0, tag=8),
    Request(command=Command.ENTRY, target=21, count=CONFIG.queue_words, tag=8),
    Request(command=Command.CLEAR, tag=9),
    Request(command=Command.START, tag=255),
]


@pytest.mark.parametrize("seed", [None, 1, 2])
def test_every_command(bench, seed):
    check(bench, EVERY_COMMAND, Pins(done=1, faults=0xA5C3, cycles=2**40 + 12345, errors=3 << 126 | 5), seed)


def test_only_what_asks_is_served_while_a_program_runs(bench):
    check(bench, EVERY_COMMAND, Pins(running=1))


REFUSED = [
    (Request(command=0), Status.BAD_COMMAND),
    (Request(command=12, target=1), Status.BAD_COMMAND),
    (Request(command=0x81), Status.BAD_COMMAND),
    (Request(command=Command.IDENTIFY, target=1), Status.BAD_TARGET),
    (Request(command=Command.STATUS, superlane=1), Status.BAD_TARGET),
    (Request(command=Command.START, address=1 << 31), Status.BAD_TARGET),
    (Request(command=Command.CLEAR, count=1), Status.BAD_TARGET),
    (Request(command=Command.LINK, target=3), Status.BAD_TARGET),
    (Request(command=Command.LINK, count=1), Status.BAD_TARGET),
    (Request(command=Command.LINK, superlane=1), Status.BAD_TARGET),
    (Request(command=Command.LINK, address=2), Status.BAD_ADDRESS),
    (Request(command=Command.ALIGN, target=1), Status.BAD_TARGET),
    (Request(command=Command.ALIGN, address=4), Status.BAD_ADDRESS),
    (write(1, target=8), Status.BAD_TARGET),
    (write(1, target=0x100), Status.BAD_TARGET),
    (write(1, superlane=2), Status.BAD_TARGET),
    (write(0), Status.BAD_COUNT),
    (write(1, address=CONFIG.mem_words), Status.BAD_ADDRESS),
    (write(2, address=CONFIG.mem_words - 1), Status.BAD_ADDRESS),
    (write(1, address=2**32 - 1), Status.BAD_ADDRESS),
    (write(1, address=1 << 16), Status.BAD_ADDRESS),
    (Request(command=Command.READ_MEM, target=8, count=1), Status.BAD_TARGET),
    (Request(command=Command.READ_MEM, count=0), Status.BAD_COUNT),
    (Request(command=Command.READ_MEM, count=MAX_BEATS + 1), Status.BAD_COUNT),
    (Request(command=Command.READ_MEM, count=2, address=CONFIG.mem_words - 1), Status.BAD_ADDRESS),
    (carried(Request(command=Command.WRITE_TEXT, target=1000, count=1)), Status.BAD_TARGET),
    (carried(Request(command=Command.WRITE_TEXT, superlane=1, count=1)), Status.BAD_TARGET),
    (carried(Request(command=Command.WRITE_TEXT, address=64, count=1)), Status.BAD_ADDRESS),
    (Request(command=Command.ENTRY, superlane=1, count=1), Status.BAD_TARGET),
    (Request(command=Command.ENTRY, count=CONFIG.queue_words + 1), Status.BAD_ADDRESS),
    (Request(command=Command.ENTRY, address=CONFIG.queue_words - 1, count=2), Status.BAD_ADDRESS),
]


def test_every_refusal(bench):
    assert [expected_status(request, CONFIG) for request, _ in REFUSED] == [status for _, status in REFUSED]
    check(bench, [request for refused, _ in REFUSED for request in (refused, IDENTIFY)])


def test_a_payload_too_long_to_buffer_is_refused_and_skipped(bench):
    request = Request(command=Command.WRITE_MEM, count=MAX_BEATS + 1, tag=5)
    beats = random.Random(0).randbytes((MAX_BEATS + 2) * BEAT_BYTES)
    found = bench.talk(request.frame[:BEAT_BYTES] + beats + IDENTIFY.frame)
    assert [r.status for r in responses(found)] == [Status.BAD_COUNT, Status.OK]
    assert bench.operations == []


@pytest.mark.parametrize("bit", [*range(0, 32, 5), 127, 8 * BEAT_BYTES, 8 * BEAT_BYTES + 127])
def test_a_wrong_bit_after_the_header_is_a_bad_crc(bench, bit):
    request = write(1, tag=3)
    frame = bytearray(request.frame)
    frame[BEAT_BYTES + bit // 8] ^= 1 << bit % 8
    found = bench.talk(bytes(frame) + IDENTIFY.frame)
    assert responses(found)[0] == answer(request, Status.BAD_CRC)
    assert len(responses(found)) == 2
    assert bench.operations == []


@pytest.mark.parametrize("bit", range(0, 8 * BEAT_BYTES, 11))
def test_a_wrong_bit_in_the_header_is_a_bad_header_and_the_rest_is_skipped(bench, bit):
    frame = bytearray(write(3, tag=3).frame)
    frame[bit // 8] ^= 1 << bit % 8
    found = bench.talk(bytes(frame) + IDENTIFY.frame)
    assert responses(found)[0] == BAD_HEADER
    assert [r.status for r in responses(found)] == [Status.BAD_HEADER, Status.OK]
    assert bench.operations == []


def test_a_status_in_a_request_is_a_bad_header(bench):
    fields = {"command": 1, "tag": 0, "target": 0, "superlane": 0, "address": 0, "count": 0, "status": 1}
    assert responses(bench.talk(seal(fields))) == [BAD_HEADER]


def test_each_run_of_rubbish_is_answered_once(bench):
    rubbish = random.Random(1).randbytes(5 * BEAT_BYTES)
    found = bench.talk(rubbish + IDENTIFY.frame + rubbish + IDENTIFY.frame)
    wanted = [Status.BAD_HEADER, Status.OK, Status.BAD_HEADER, Status.OK]
    assert [r.status for r in responses(found)] == wanted


@pytest.mark.parametrize("beats", [0, 1, 2, 30, MAX_BEATS, MAX_BEATS + 1])
def test_zero_beats_resynchronize_wherever_a_frame_broke_off(bench, beats):
    frame = write(MAX_BEATS).frame[: beats * BEAT_BYTES]
    found = bench.talk(frame + RESYNCHRONIZE + IDENTIFY.frame)
    assert responses(found)[-1].answers(IDENTIFY)
    assert bench.operations == []


@pytest.mark.parametrize("seed", [None, 1, 2])
@pytest.mark.parametrize("beats", [1, 2, 5, 6])
def test_an_abandoned_frame_is_a_bad_crc_and_a_header_is_next(bench, beats, seed):
    """Without a payload beat, within the payload, and with the trailer missing."""
    request = write(5, tag=8)
    found = bench.talk(request.frame[: beats * BEAT_BYTES] + IDENTIFY.frame, seed=seed, abandon_at=beats)
    cut_short, good = responses(found)
    assert cut_short == answer(request, Status.BAD_CRC)
    assert good.answers(IDENTIFY)
    assert good.status == Status.OK
    assert bench.operations == []


@pytest.mark.parametrize("seed", [None, 1, 2])
@pytest.mark.parametrize("earlier", [[], [IDENTIFY], [IDENTIFY] * 4])
def test_abandoning_changes_nothing_between_frames(bench, earlier, seed):
    """With nothing under way, and with whole frames that are still to be taken."""
    sent = b"".join(request.frame for request in earlier)
    beats = len(sent) // BEAT_BYTES
    rest = [write(3, target=1, tag=1), IDENTIFY]
    data = sent + b"".join(request.frame for request in rest)
    found = responses(bench.talk(data, seed=seed, abandon_at=beats))
    assert [r.status for r in found] == [Status.OK] * (len(earlier) + len(rest))
    assert len(bench.operations) == 3


def test_an_abandoned_frame_that_waits_for_its_turn_ends_when_it_is_taken(bench):
    """Its header is still at the pins when the sender gives up: the answer before has not been taken."""
    read = Request(command=Command.READ_MEM, count=MAX_BEATS, tag=3)
    request = write(4, tag=8)
    data = read.frame + IDENTIFY.frame + request.frame[:BEAT_BYTES]
    found = responses(bench.talk(data + IDENTIFY.frame, abandon_at=len(data) // BEAT_BYTES))
    assert [r.status for r in found] == [Status.OK, Status.OK, Status.BAD_CRC, Status.OK]
    assert found[2] == answer(request, Status.BAD_CRC)


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(requests, max_size=6), st.booleans(), st.one_of(st.none(), st.integers(0, 99)))
def test_each_request_has_one_answer_and_only_good_ones_act(bench, conversation, running, seed):
    check(bench, conversation, Pins(running=running), seed)


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=8 * BEAT_BYTES).map(lambda data: data[: len(data) // BEAT_BYTES * BEAT_BYTES]))
def test_random_bytes_do_nothing(bench, data):
    found = responses(bench.talk(data + RESYNCHRONIZE + IDENTIFY.frame))
    assert found[-1].answers(IDENTIFY)
    assert all(response.status != Status.OK for response in found[:-1])
    assert bench.operations == []


def test_writes_and_reads_sustain_nearly_one_beat_per_cycle(bench):
    """In a pipelined build a beat takes SLOW cycles."""
    frames, pace = 4, SLOW if bench.config.pipelined else 1
    bench.talk(b"".join(write(MAX_BEATS).frame for _ in range(frames)))
    answered = [cycle for cycle, _ in bench.beats][::2]
    assert (answered[-1] - answered[0]) / (frames - 1) <= pace * (MAX_BEATS + 8)
    bench.talk(Request(command=Command.READ_MEM, count=MAX_BEATS).frame)
    assert bench.beats[-1][0] - bench.beats[0][0] <= pace * (MAX_BEATS + 8)
