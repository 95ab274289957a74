"""Frames on a bad line: each that is spoilt is answered, nothing is done for it, and the next good one is served."""

import random

import pytest
from amaranth.sim import Simulator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from takt_hw.host.slip import SlipReceiver
from takt_hw.isa.host import BEAT_BYTES, MAX_BEATS, RESPONSE, Command, Status
from takt_hw.isa.slip import END, ESCAPE, ESCAPED_END, ESCAPED_ESCAPE
from takt_sim.tb.frames import Request
from takt_sim.tb.slip import Unwrapper, wrap

from .bench import CONFIG, carried, expected_operations, expected_status
from .serial_bench import NO_STOP_BIT, Bench, chunks, framing

IDENTIFY = Request(command=Command.IDENTIFY, tag=99)


def write(count, **fields):
    return carried(Request(command=Command.WRITE_MEM, count=count, **fields))


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "pipelined"])
def bench(request):
    return Bench(pipelined=request.param)


def check(bench, symbols, **how):
    """Send symbols, then END and a good frame: every answer, its tag and every operation are as the manual says."""
    symbols = [*symbols, END, *wrap(IDENTIFY.frame)]
    found = bench.talk(symbols, **how)
    wanted, operations = [], []
    for data, spoiled in chunks(symbols):
        for status, header in framing(data, spoiled):
            readable = status is not Status.BAD_HEADER
            command, tag = (header[2] + RESPONSE & 0xFF, header[3]) if readable else (0xFF, 0)
            if status is Status.OK:
                request = request_of(header, data)
                status = expected_status(request, CONFIG)
                if status is Status.OK:
                    operations += [name for name, *_ in expected_operations(request)]
            wanted.append((command, tag, status))
    assert [(r.command, r.tag, r.status) for r in found] == wanted
    assert bench.operations == operations
    assert found[-1].answers(IDENTIFY)


def request_of(header, data):
    """The request whose header stands somewhere in ``data``."""
    at = data.index(header)
    count = int.from_bytes(header[12:14], "little")
    return Request(
        command=header[2],
        tag=header[3],
        target=int.from_bytes(header[4:6], "little"),
        superlane=header[6],
        address=int.from_bytes(header[8:12], "little"),
        count=count,
        payload=data[at + BEAT_BYTES : at + BEAT_BYTES * (1 + count)],
    )


def test_python_undoes_what_it_does():
    data = bytes([END, ESCAPE, ESCAPED_END, ESCAPED_ESCAPE, 0, 255]) + random.Random(3).randbytes(300)
    line = wrap(data) + wrap(b"\xc0")
    assert [b"".join(f for n in range(len(line)) for f in whole.take(line[n : n + 1])) for whole in [Unwrapper()]] == [
        data + b"\xc0"
    ]
    assert line.count(END) == 4


def test_python_gives_none_for_an_illegal_escape():
    assert Unwrapper().take(bytes([END, 1, ESCAPE, 2, END, 3, ESCAPE, END, 4, END])) == [None, None, b"\x04"]


def test_good_frames_are_served_escapes_and_all(bench):
    special = bytes([END, ESCAPE, ESCAPED_END, ESCAPED_ESCAPE]) * 4
    request = Request(command=Command.WRITE_MEM, count=2, payload=special + bytes(16), tag=END)
    read = Request(command=Command.READ_MEM, count=3, tag=ESCAPE)
    check(bench, wrap(request.frame) + wrap(read.frame) + wrap(write(MAX_BEATS, tag=3).frame))
    assert bench.operations == ["mem_write"] * (2 + MAX_BEATS)


FRAME = wrap(write(2, tag=7).frame)


@pytest.mark.parametrize("length", [1, 2, 15, 16, 17, 18, 33, 40, 49, 50, 64, len(FRAME) - 2, len(FRAME) - 1])
def test_a_frame_that_breaks_off_is_answered_once(bench, length):
    check(bench, FRAME[:length])
    assert bench.operations == (["mem_write"] * 2 if length == len(FRAME) - 1 else [])


@pytest.mark.parametrize("symbol", [NO_STOP_BIT | 0x55, NO_STOP_BIT | END, END])
@pytest.mark.parametrize("at", [1, 8, 17, 20, 49, 51, 64])
def test_a_byte_that_goes_wrong_is_answered(bench, at, symbol):
    symbols = list(FRAME)
    symbols[at] = symbol
    check(bench, symbols)
    assert bench.operations == []


@pytest.mark.parametrize("at", [1, 17, 33, 49])
def test_an_illegal_escape_is_answered(bench, at):
    symbols = list(FRAME)
    symbols[at : at + 2] = [ESCAPE, 0x11]
    check(bench, symbols)
    assert bench.operations == []


def test_an_illegal_escape_in_place_of_a_legal_one_is_no_escape(bench):
    symbols = list(wrap(Request(command=Command.CLEAR, tag=ESCAPE).frame))
    at = symbols.index(ESCAPED_ESCAPE)
    check(bench, symbols)
    assert bench.operations == ["entry_clear", "fault_clear"]
    check(bench, [*symbols[:at], 0x11, *symbols[at + 1 :]])
    assert bench.operations == []


def test_part_of_a_beat_is_neither_header_nor_trailer():
    """Whatever the rest of it is: the magic is not 0xFF.., and a trailer ends in zeros."""
    dut = SlipReceiver()
    found = []

    async def feed(ctx):
        for symbol in (END, 0x54, 0x4B, END):
            ctx.set(dut.data, symbol)
            ctx.set(dut.valid, 1)
            await ctx.tick()
            ctx.set(dut.valid, 0)
            await ctx.tick().repeat(4)

    async def take(ctx):
        ctx.set(dut.o.ready, 1)
        async for _, _, valid, beat in ctx.tick().sample(dut.o.valid, dut.o.payload):
            if valid:
                found.append(beat.to_bytes(BEAT_BYTES, "little"))

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(feed)
    simulator.add_testbench(take, background=True)
    simulator.run()
    assert [(beat[0], beat[-1]) for beat in found] == [(0xFF, 0xFF)]


def test_every_bad_frame_has_an_answer_of_its_own(bench):
    bad = bytearray(wrap(IDENTIFY.frame))
    bad[3] ^= 1
    check(bench, bad * 4)


def test_the_second_frame_is_taken_while_the_first_is_answered(bench):
    read = wrap(Request(command=Command.READ_MEM, count=MAX_BEATS, tag=1).frame)
    check(bench, read + FRAME, patient=False, byte_cycles=8)
    assert bench.operations == ["mem_write"] * 2


def test_too_many_frames_at_once_are_lost_and_answered_or_not_but_never_half_done(bench):
    read = wrap(Request(command=Command.READ_MEM, count=MAX_BEATS, tag=1).frame)
    bench.talk(list(read + read + FRAME), patient=False, byte_cycles=40)
    assert bench.operations == []


PIECES = st.one_of(
    st.sampled_from(
        [IDENTIFY, write(1, tag=5), write(3, tag=6), Request(command=Command.START), Request(command=Command.CLEAR)]
    ).map(lambda request: list(wrap(request.frame))),
    st.lists(st.one_of(st.integers(0, 255), st.sampled_from([END, ESCAPE, NO_STOP_BIT])), max_size=40),
)


@st.composite
def lines(draw):
    """Frames and rubbish, and then some bytes lost, doubled or changed."""
    symbols = [symbol for piece in draw(st.lists(PIECES, max_size=4)) for symbol in piece]
    for _ in range(draw(st.integers(0, 3))):
        if symbols:
            at = draw(st.integers(0, len(symbols) - 1))
            action = draw(st.sampled_from(["lose", "double", "change", "end", "cut"]))
            symbols[at : at + 1] = {
                "lose": [],
                "double": [symbols[at]] * 2,
                "change": [symbols[at] ^ 1 << draw(st.integers(0, 8))],
                "end": [END, symbols[at]],
                "cut": [],
            }[action]
            if action == "cut":
                del symbols[at : at + draw(st.integers(1, 30))]
    return symbols


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines())
def test_whatever_comes_each_bad_frame_is_answered_and_the_next_is_served(bench, symbols):
    check(bench, symbols)
