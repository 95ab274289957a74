"""Host frames in plain Python: requests to bytes, bytes to responses. The table is ``takt_hw.isa.host``."""

from __future__ import annotations

import binascii
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from takt_hw.isa.host import (
    BEAT_BYTES,
    CARRIES_PAYLOAD,
    HEADER_FIELDS,
    MAGIC,
    MAX_BEATS,
    PROTOCOL_VERSION,
    RESPONSE,
    Command,
    Status,
)

_LETTERS = {1: "B", 2: "H", 4: "I"}
_HEADER = struct.Struct("<" + "".join(_LETTERS[size] for _, size in HEADER_FIELDS))
_CRC_BYTES = 2

RESYNCHRONIZE = bytes((MAX_BEATS + 1) * BEAT_BYTES)
"""Bytes after which the chip waits for a header, whatever came before. They may be answered by errors."""


class FrameError(Exception):
    """What came back is no response to what was sent."""


class RequestError(Exception):
    """The chip refused a request.

    Attributes
    ----------
    status : Status
        Why.
    """

    def __init__(self, request: Request, status: Status):
        super().__init__(f"{request.name}: the chip must accept the request, not answer {status.name}")
        self.status = status


def seal(fields: dict[str, int], payload: bytes = b"") -> bytes:
    """A frame of these header fields: magic and CRCs are added. ``count`` is as given."""
    values = {"magic": MAGIC, "crc": 0} | fields
    header = _HEADER.pack(*(values[name] for name, _ in HEADER_FIELDS))[:-_CRC_BYTES]
    header += binascii.crc_hqx(header, 0).to_bytes(_CRC_BYTES, "little")
    return header + payload + zlib.crc32(header + payload).to_bytes(BEAT_BYTES, "little")


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request; fields as in ``takt_hw.isa.host``."""

    command: int
    tag: int = 0
    target: int = 0
    superlane: int = 0
    address: int = 0
    count: int = 0
    payload: bytes = b""

    @property
    def name(self) -> str:
        """Name of the command."""
        return Command(self.command).name if self.command in set(Command) else f"command {self.command:#04x}"

    def tagged(self, tag: int) -> Request:
        """The same request with a tag."""
        return replace(self, tag=tag)

    @property
    def frame(self) -> bytes:
        """Bytes of the request, a multiple of BEAT_BYTES."""
        fields = {name: getattr(self, name) for name, _ in HEADER_FIELDS if hasattr(self, name)}
        return seal(fields | {"status": 0}, self.payload)


@dataclass(frozen=True, kw_only=True)
class Response:
    """One response; fields as in ``takt_hw.isa.host``."""

    command: int
    tag: int
    target: int
    superlane: int
    address: int
    status: int
    payload: bytes = b""

    def answers(self, request: Request) -> bytes:
        """The payload, if this is a good answer to ``request``.

        Raises
        ------
        FrameError
            It is the answer to something else.
        RequestError
            The chip refused the request.
        """
        for name in ("tag", "target", "superlane", "address"):
            mine, asked = getattr(self, name), getattr(request, name)
            if mine != asked:
                raise FrameError(f"{request.name}: {name} of the response must be {asked}, not {mine}")
        if self.command != request.command + RESPONSE:
            wanted = request.command + RESPONSE
            raise FrameError(f"{request.name}: command of the response must be {wanted:#x}, not {self.command:#x}")
        if self.status != Status.OK:
            raise RequestError(request, Status(self.status))
        return self.payload


class ResponseReader:
    """Puts responses together from beats.

    Raises
    ------
    FrameError
        From `take`: a beat that cannot stand in a response at its place.
    """

    def __init__(self) -> None:
        self._beats: list[bytes] = []

    def take(self, beat: bytes) -> Response | None:
        """The response that this beat completes, or None."""
        self._beats.append(bytes(beat))
        values = dict(zip([name for name, _ in HEADER_FIELDS], _HEADER.unpack(self._beats[0]), strict=True))
        if len(self._beats) == 1:
            self._check_header(values)
        if len(self._beats) < values["count"] + 2:
            return None
        *body, trailer = self._beats
        self._beats = []
        wanted = zlib.crc32(b"".join(body)).to_bytes(BEAT_BYTES, "little")
        if trailer != wanted:
            raise FrameError(f"trailer of a response must be {wanted.hex()}, not {trailer.hex()}")
        for name in ("magic", "count", "crc"):
            del values[name]
        return Response(**values, payload=b"".join(body[1:]))

    def _check_header(self, values: dict[str, int]) -> None:
        checks = {
            "magic": MAGIC,
            "crc": binascii.crc_hqx(self._beats[0][:-_CRC_BYTES], 0),
            "count": min(values["count"], MAX_BEATS),
            "status": values["status"] if values["status"] in set(Status) else Status.OK,
        }
        for name, wanted in checks.items():
            if values[name] != wanted:
                self._beats = []
                raise FrameError(f"{name} of a response must be {wanted:#x}, not {values[name]:#x}")


def responses(data: bytes) -> list[Response]:
    """All responses in ``data``. FrameError if it is anything else than whole responses."""
    reader = ResponseReader()
    found = [reader.take(data[n : n + BEAT_BYTES]) for n in range(0, len(data), BEAT_BYTES)]
    if found and found[-1] is None:
        raise FrameError("responses must be whole, not end within a frame")
    return [response for response in found if response is not None]


def write_requests(
    command: Command, data: bytes, *, target: int, superlane: int = 0, address: int
) -> Iterator[Request]:
    """WRITE_MEM or WRITE_TEXT requests that store ``data``, a multiple of BEAT_BYTES, from word ``address`` on."""
    if command not in CARRIES_PAYLOAD:
        raise ValueError(f"command must carry a payload, not be {command.name}")
    step = MAX_BEATS * BEAT_BYTES
    for start in range(0, len(data), step):
        part = data[start : start + step]
        yield Request(
            command=command,
            target=target,
            superlane=superlane,
            address=address + start // BEAT_BYTES,
            count=len(part) // BEAT_BYTES,
            payload=part,
        )


def read_requests(*, target: int, superlane: int, address: int, count: int) -> Iterator[Request]:
    """READ_MEM requests for ``count`` words from ``address`` on."""
    for start in range(0, count, MAX_BEATS):
        yield Request(
            command=Command.READ_MEM,
            target=target,
            superlane=superlane,
            address=address + start,
            count=min(MAX_BEATS, count - start),
        )


def check_identity(payload: bytes, *, superlanes: int, digest: bytes) -> None:
    """Refuse an IDENTIFY answer of another chip or protocol. FrameError names what differs."""
    found = struct.unpack("<HH4x8s", payload)
    for name, wanted, value in zip(
        ("protocol version", "superlanes", "configuration digest"),
        (PROTOCOL_VERSION, superlanes, digest),
        found,
        strict=True,
    ):
        if value != wanted:
            shown = [part.hex() if isinstance(part, bytes) else part for part in (wanted, value)]
            raise FrameError(f"{name} of the chip must be {shown[0]}, not {shown[1]}")


@dataclass(frozen=True)
class ChipStatus:
    """The answer to STATUS."""

    running: bool
    done: bool
    faults: int
    cycles: int

    @staticmethod
    def from_payload(payload: bytes) -> ChipStatus:
        """From the payload beat."""
        flags, faults, cycles = struct.unpack("<HH4xQ", payload)
        return ChipStatus(bool(flags & 1), bool(flags & 2), faults, cycles)
