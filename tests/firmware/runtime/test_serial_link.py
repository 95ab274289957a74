"""Frames over a line that loses some, against a chip written in Python that counts what it does."""

import struct
from collections import deque

import pytest

from takt.runtime import DeviceError
from takt.runtime.serial_link import ATTEMPTS, SerialLink, split
from takt_hw.isa.host import BEAT_BYTES, RESPONSE, Command, Status
from takt_hw.isa.slip import END, ESCAPE, IN_FLIGHT
from takt_sim.tb.frames import Request, responses, seal
from takt_sim.tb.slip import Unwrapper, wrap

TIMEOUT = 0.01


class FakeChip:
    """A port with a chip behind it: it answers OK to what it hears, and notes it.

    ``damage`` may say what becomes of the n-th frame that is sent, and of the n-th answer.
    """

    def __init__(self, *, send=lambda n, data: data, back=lambda n, data: data, runs=1):
        self.timeout = None
        self.heard = []
        self.most_in_flight = 0
        self._send, self._back = send, back
        self._unwrapper = Unwrapper()
        self._answers: deque[bytes] = deque()
        self._sent = self._answered = 0
        self._runs = runs  # STATUS answers that say `running` after a START
        self._running = 0
        self._done = False
        self.starts = 0

    def write(self, data):
        for frame in Unwrapper().take(data) if data != bytes([END]) else []:
            self._hear(self._send(self._sent, wrap(frame)))
            self._sent += 1
        self.most_in_flight = max(self.most_in_flight, len(self._answers))

    def _hear(self, data):
        for frame in self._unwrapper.take(data):
            request = list(split(frame))[0] if frame is not None and len(frame) % BEAT_BYTES == 0 else b""
            good = len(request) >= 2 * BEAT_BYTES and request == frame
            if not good or seal(self._fields(request), request[BEAT_BYTES:-BEAT_BYTES]) != request:
                self._answer({"command": 0xFF, "status": Status.BAD_HEADER})
                continue
            self.heard.append((Command(request[2]).name, request[3]))
            self._answer(self._fields(request) | {"command": request[2] + RESPONSE}, self._do(request[2]))

    def _do(self, command):
        if command == Command.START:
            self.starts += 1
            self._running = self._runs
            self._done = True
        if command != Command.STATUS:
            return b""
        running = self._running > 0
        self._running -= running
        return struct.pack("<HH4xQ", running | (self._done and not running) << 1, 0, 52 if self._done else 0)

    def _answer(self, fields, payload=b""):
        whole = {"tag": 0, "target": 0, "superlane": 0, "address": 0, "status": 0} | fields
        frame = seal(whole | {"count": len(payload) // BEAT_BYTES}, payload)
        self._answers.append(self._back(self._answered, wrap(frame)))
        self._answered += 1

    @staticmethod
    def _fields(request):
        names = ("command", "tag", "target", "superlane", "status", "address", "count")
        return dict(zip(names, struct.unpack_from("<2xBBHBBIH", request), strict=True))

    @property
    def in_waiting(self):
        return len(self._answers[0]) if self._answers else 0

    def read(self, size):
        return self._answers.popleft() if self._answers else b""

    def close(self):
        pass


def requests(count, command=Command.CLEAR):
    return [Request(command=command, tag=n) for n in range(count)]


def ask(chip, asked):
    link = SerialLink(chip, TIMEOUT)
    found = responses(link.exchange(b"".join(request.frame for request in asked), len(asked)))
    assert [(r.command, r.tag) for r in found] == [(r.command + RESPONSE, r.tag) for r in asked]
    return link


def test_splits_what_it_is_given():
    asked = [*requests(2), Request(command=Command.WRITE_MEM, count=3, payload=bytes(48)), *requests(1)]
    assert list(split(b"".join(r.frame for r in asked))) == [r.frame for r in asked]


def test_a_good_line_hears_each_frame_once_and_few_at_a_time():
    chip = FakeChip()
    link = ask(chip, requests(7))
    assert chip.heard == [("CLEAR", n) for n in range(7)]
    assert link.repeats == 0
    assert chip.most_in_flight == IN_FLIGHT


DAMAGE = {
    "lost": lambda data: b"",
    "a byte lost": lambda data: data[:5] + data[6:],
    "a byte changed": lambda data: data[:5] + bytes([data[5] ^ 8]) + data[6:],
    "cut": lambda data: data[:20],
    "escaped": lambda data: data[:9] + bytes([ESCAPE, 0]) + data[9:],
    "rubbish": lambda data: bytes([7, 8, 9, END, 1, END]) + data,
}


@pytest.mark.parametrize("direction", ["send", "back"])
@pytest.mark.parametrize("n", [0, 1, 4])
@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_what_gets_lost_is_sent_again(direction, n, damage):
    chip = FakeChip(**{direction: lambda at, data: damage(data) if at == n else data})
    link = ask(chip, requests(6))
    assert link.repeats == 1
    last = {tag: n for n, (_, tag) in enumerate(chip.heard)}
    assert sorted(last, key=last.__getitem__) == list(range(6))  # whatever was heard before, it ends in order


@pytest.mark.parametrize("direction", ["send", "back"])
def test_a_line_that_carries_nothing_is_given_up(direction):
    chip = FakeChip(**{direction: lambda at, data: b""})
    with pytest.raises(
        DeviceError, match=rf"^the chip must answer CLEAR within 0.01 s, but {ATTEMPTS} attempts failed$"
    ):
        ask(chip, requests(1))


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_start_that_was_not_heard_is_sent_again_once(damage):
    chip = FakeChip(send=lambda at, data: damage(data) if at == 1 else data)
    ask(chip, [Request(command=Command.START, tag=3)])
    assert chip.starts == 1


@pytest.mark.parametrize("runs", [0, 5])
def test_a_start_whose_answer_is_lost_is_not_sent_again(runs):
    chip = FakeChip(back=lambda at, data: b"" if at == 1 else data, runs=runs)
    ask(chip, [Request(command=Command.CLEAR, tag=1), Request(command=Command.START, tag=3)][1:])
    assert chip.starts == 1


def test_a_start_of_which_nothing_can_be_known_is_refused():
    """The program ran before, took as many cycles, and its second start is lost on the way there or back."""
    for direction in ("send", "back"):
        chip = FakeChip(**{direction: lambda at, data: b"" if at == 3 else data}, runs=0)
        start, status = Request(command=Command.START, tag=1), Request(command=Command.STATUS, tag=2)
        link = ask(chip, [start, status])
        with pytest.raises(
            DeviceError, match="^it must be known whether the chip heard START, but its answer was lost"
        ):
            link.exchange(start.frame, 1)
