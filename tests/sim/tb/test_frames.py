"""The frame codec: refusals, splitting, and what it makes of responses."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from takt_hw.isa.host import BEAT_BYTES, MAX_BEATS, RESPONSE, Command, Status
from takt_sim.tb.frames import (
    ChipStatus,
    FrameError,
    Request,
    RequestError,
    check_identity,
    read_requests,
    responses,
    seal,
    write_requests,
)

STATUS = Request(command=Command.STATUS, tag=7)
FIELDS = {"command": STATUS.command + RESPONSE, "tag": 7, "target": 0, "superlane": 0, "address": 0, "count": 0}


def response(payload=b"", **fields):
    return seal(FIELDS | {"status": 0, "count": len(payload) // BEAT_BYTES} | fields, payload)


def test_a_frame_is_the_documented_bytes():
    header = bytes.fromhex("544b07070000000000000000 0000")
    assert STATUS.frame[:14] == header
    # CRC-16/XMODEM and CRC-32 of these bytes, worked out bit by bit from their polynomials.
    assert STATUS.frame[14:16] == _crc(header, 0x1021, 16, 0, False).to_bytes(2, "little")
    wanted = _crc(STATUS.frame[:16], 0x04C11DB7, 32, 0xFFFFFFFF, True) ^ 0xFFFFFFFF
    assert STATUS.frame[16:] == wanted.to_bytes(16, "little")


def _crc(data, polynomial, width, state, reflected):
    mask = (1 << width) - 1
    for byte in data:
        for n in range(8):
            bit = byte >> (n if reflected else 7 - n) & 1
            top = state >> (width - 1) & 1
            state = (state << 1 & mask) ^ (polynomial if bit ^ top else 0)
    return int(f"{state:0{width}b}"[::-1], 2) if reflected else state


def test_responses_come_back():
    payload = bytes(range(32))
    first, second = responses(response(payload) + response(status=Status.BUSY))
    assert first.answers(STATUS) == payload
    with pytest.raises(RequestError, match="^STATUS: the chip must accept the request, not answer BUSY$") as caught:
        second.answers(STATUS)
    assert caught.value.status is Status.BUSY


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (response(magic=1), "magic of a response must be 0x4b54, not 0x1"),
        (response(count=MAX_BEATS + 1), "count of a response must be 0x40, not 0x41"),
        (response(status=99), "status of a response must be 0x0, not 0x63"),
        (response()[:16], "responses must be whole, not end within a frame"),
        (response()[:16] + bytes(16), "trailer of a response must be .*, not 0*"),
    ],
)
def test_a_bad_response_is_refused(data, message):
    with pytest.raises(FrameError, match=f"^{message}$"):
        responses(data)


@pytest.mark.parametrize("name", ["tag", "target", "superlane", "address", "command"])
def test_an_answer_to_something_else_is_refused(name):
    (found,) = responses(response(**{name: 9}))
    with pytest.raises(FrameError, match=f"^STATUS: {name} of the response must be "):
        found.answers(STATUS)


@given(st.binary(max_size=100))
def test_random_bytes_give_responses_or_a_frame_error(data):
    try:
        responses(data + bytes(-len(data) % BEAT_BYTES))
    except FrameError as error:
        assert re.search("^(magic|count|status|crc|trailer|responses)", str(error))  # noqa: PT017


def test_long_transfers_are_split():
    data = bytes(n & 255 for n in range((2 * MAX_BEATS + 1) * BEAT_BYTES))
    parts = list(write_requests(Command.WRITE_MEM, data, target=3, superlane=1, address=10))
    assert [(part.address, part.count) for part in parts] == [(10, 64), (74, 64), (138, 1)]
    assert b"".join(part.payload for part in parts) == data
    parts = list(read_requests(target=3, superlane=1, address=10, count=65))
    assert [(part.address, part.count) for part in parts] == [(10, 64), (74, 1)]
    with pytest.raises(ValueError, match="^command must carry a payload, not be START$"):
        list(write_requests(Command.START, b"", target=0, address=0))


def test_another_chip_is_refused():
    payload = b"\1\0\4\0\0\0\0\0" + b"\xab" * 8
    check_identity(payload, superlanes=4, digest=b"\xab" * 8)
    with pytest.raises(FrameError, match="^superlanes of the chip must be 2, not 4$"):
        check_identity(payload, superlanes=2, digest=b"\xab" * 8)
    with pytest.raises(FrameError, match="^configuration digest of the chip must be (cd){8}, not (ab){8}$"):
        check_identity(payload, superlanes=4, digest=b"\xcd" * 8)


def test_status_is_taken_apart():
    payload = b"\2\0\5\0\0\0\0\0" + (300).to_bytes(8, "little")
    assert ChipStatus.from_payload(payload) == ChipStatus(running=False, done=True, faults=5, cycles=300)
