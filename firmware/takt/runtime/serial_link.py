"""Frames to and from a chip over a serial line that may lose or change bytes. docs/design/uart.md says how and why."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from typing import Protocol

import serial

from takt_hw.isa.host import BEAT_BYTES, CARRIES_PAYLOAD, HEADER_FIELDS, RESPONSE, Command, Status
from takt_hw.isa.slip import END, IN_FLIGHT
from takt_sim.tb.frames import ChipStatus, FrameError, Request, Response, responses
from takt_sim.tb.slip import Unwrapper, wrap

from .device import DeviceError

BAUD = 3_000_000
"""Bits per second, unless told otherwise."""

TIMEOUT = 1.0
"""Seconds without a byte after which an answer will not come, unless told otherwise. The longest takes 4 ms at 3 Mbaud,
and a USB serial chip keeps the last bytes back for 16 ms at most."""

QUIET = 0.05
"""Of the time-out, the part after which nothing is under way any more."""

PATIENCE = 10
"""Time-outs after which an answer will not come, even if the line never falls silent."""

ATTEMPTS = 4
"""How often a frame is sent before the line is given up."""

NOT_HEARD = (Status.BAD_HEADER, Status.BAD_CRC)
"""Answers to a frame that did not arrive as it was sent. The chip has done nothing."""

_COMMAND, _TAG = 2, 3
"""Bytes of a header."""


class Port(Protocol):
    """What is used of ``serial.Serial``."""

    timeout: float | None

    @property
    def in_waiting(self) -> int:
        """Bytes that `read` gives without waiting."""

    def read(self, size: int, /) -> bytes:
        """``size`` bytes, or what has come within ``timeout`` seconds."""

    def write(self, data: bytes, /) -> int | None:
        """Send bytes."""

    def close(self) -> None:
        """Close the port."""


def open_port(path: str, baud: int = BAUD) -> serial.Serial:
    """A serial port, for this process alone. DeviceError if there is none or it cannot be had."""
    try:
        port = serial.Serial(path, baud, timeout=TIMEOUT, exclusive=True)
    except (serial.SerialException, ValueError) as error:
        raise DeviceError(f"port must be a serial port that can be opened: {error}") from None
    with suppress(OSError, ValueError, AttributeError, NotImplementedError):
        port.set_low_latency_mode(True)  # bytes are kept back for 1 ms in place of 16; only Linux has it
    return port


class SerialLink:
    """Carries frames; sends those again that were not answered, or were answered as bad.

    Sending a frame twice does no harm but for START: if its answer is lost, STATUS is asked whether the chip has heard
    it.

    Parameters
    ----------
    port : Port
        The line.
    timeout : float
        Seconds without a byte after which an answer will not come.

    Attributes
    ----------
    repeats : int
        How often something went wrong on the line so far.

    Raises
    ------
    DeviceError
        From `exchange`: no answer that can be read, again and again; or it cannot be told whether a START was heard.
    """

    def __init__(self, port: Port, timeout: float = TIMEOUT) -> None:
        self._port = port
        self._timeout = timeout
        self._unwrapper = Unwrapper()
        self._arrived: deque[bytes | None] = deque()
        self._status: bytes | None = None
        """Payload of the last STATUS, if there has been no START since."""
        self.repeats = 0

    def close(self) -> None:
        """Close the port."""
        self._port.close()

    def resynchronize(self) -> None:
        """Let the chip wait for a frame, whatever it has heard, and forget what it has to say of that."""
        self._port.write(bytes([END]))
        self._port.timeout = QUIET * self._timeout
        while self._port.read(max(self._port.in_waiting, 1)):
            pass
        self._unwrapper = Unwrapper()
        self._arrived.clear()

    def exchange(self, requests: bytes, count: int) -> bytes:
        """Send request frames; the ``count`` response frames, in order."""
        frames = list(split(requests))
        if len(frames) != count:
            raise FrameError(f"there must be {len(frames)} responses to ask for, not {count}")
        answers: list[bytes] = []
        failures = 0
        while len(answers) < count:
            done = len(answers)
            if frames[done][_COMMAND] == Command.START:
                answers.append(self._start(frames[done]))
                continue
            end = next((n for n in range(done, count) if frames[n][_COMMAND] == Command.START), count)
            answers += self._converse(frames[done:end])
            if len(answers) < end:
                failures = 1 if len(answers) > done else failures + 1
                self._give_up_after(failures, frames[len(answers)])
        return b"".join(answers)

    def _converse(self, frames: list[bytes]) -> list[bytes]:
        """Send frames, IN_FLIGHT at a time; the answers to as many of them as came before something went wrong."""
        answers: list[bytes] = []
        for n, frame in enumerate(frames):
            ahead = frames[n : n + IN_FLIGHT] if n == 0 else frames[n + IN_FLIGHT - 1 : n + IN_FLIGHT]
            self._port.write(b"".join(map(wrap, ahead)))
            answer = self._answer(frame)
            if answer is None:
                break
            if frame[_COMMAND] == Command.STATUS:
                self._status = answer[BEAT_BYTES : 2 * BEAT_BYTES]
            answers.append(answer)
        return answers

    def _start(self, frame: bytes) -> bytes:
        """Let the program begin once, whatever gets lost."""
        before = self._status or self._ask_status(frame[_TAG])
        self._status = None
        for failures in range(1, ATTEMPTS + 1):
            self._port.write(wrap(frame))
            answer = self._answer(frame)
            if answer is not None:
                return answer
            self._give_up_after(failures, frame)
            now = self._ask_status(frame[_TAG])
            status = ChipStatus.from_payload(now)
            if status.running or now != before:
                return Request(command=Command.START + RESPONSE, tag=frame[_TAG]).frame
            if status.done:
                raise DeviceError("it must be known whether the chip heard START, but its answer was lost; load again")
        raise AssertionError("the last failure must raise")

    def _ask_status(self, tag: int) -> bytes:
        """Payload of the answer to a STATUS."""
        return self.exchange(Request(command=Command.STATUS, tag=tag).frame, 1)[BEAT_BYTES : 2 * BEAT_BYTES]

    def _give_up_after(self, failures: int, frame: bytes) -> None:
        """Make ready to send again, unless that has been tried often enough."""
        self.repeats += 1
        if failures >= ATTEMPTS:
            name = Command(frame[_COMMAND]).name
            raise DeviceError(f"the chip must answer {name} within {self._timeout:g} s, but {failures} attempts failed")
        self.resynchronize()

    def _answer(self, frame: bytes) -> bytes | None:
        """The answer to a frame, as it comes from the chip; None if it does not come or cannot be trusted."""
        deadline = time.monotonic() + PATIENCE * self._timeout
        while time.monotonic() < deadline:
            if self._arrived:
                answer = self._arrived.popleft()
                response = _read(answer)
                if response is None or response.status in NOT_HEARD:
                    return None
                asked = (response.command, response.tag) == (frame[_COMMAND] + RESPONSE, frame[_TAG])
                return answer if asked else None  # answers keep their order: this frame was lost
            self._port.timeout = self._timeout
            data = self._port.read(max(self._port.in_waiting, 1))
            if not data:
                return None
            self._arrived.extend(self._unwrapper.take(data))
        return None


def _read(frame: bytes | None) -> Response | None:
    """The one response that is in a frame; None if there is another thing in it."""
    if frame is None or len(frame) % BEAT_BYTES:
        return None
    try:
        found = responses(frame)
    except FrameError:
        return None
    return found[0] if len(found) == 1 else None


def split(requests: bytes) -> Iterator[bytes]:
    """Request frames that come one behind the other."""
    fields = [name for name, _ in HEADER_FIELDS]
    at = sum(size for _, size in HEADER_FIELDS[: fields.index("count")])
    while requests:
        count = int.from_bytes(requests[at : at + 2], "little") if requests[_COMMAND] in CARRIES_PAYLOAD else 0
        size = (count + 2) * BEAT_BYTES
        yield requests[:size]
        requests = requests[size:]
