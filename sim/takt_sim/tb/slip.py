"""Frames on a serial line, in plain Python. The bytes are those of ``takt_hw.isa.slip``."""

from __future__ import annotations

from takt_hw.isa.slip import END, ESCAPE, ESCAPED_END, ESCAPED_ESCAPE

_ESCAPES = {END: bytes([ESCAPE, ESCAPED_END]), ESCAPE: bytes([ESCAPE, ESCAPED_ESCAPE])}
_PLAIN = {ESCAPED_END: END, ESCAPED_ESCAPE: ESCAPE}


def wrap(frame: bytes) -> bytes:
    """A frame as it goes over the line: an END before it and one behind."""
    return bytes([END]) + b"".join(_ESCAPES.get(byte, bytes([byte])) for byte in frame) + bytes([END])


class Unwrapper:
    """Takes frames from a line, of which bytes come in whatever pieces."""

    def __init__(self) -> None:
        self._frame = bytearray()
        self._escaped = self._spoiled = False

    def take(self, data: bytes) -> list[bytes | None]:
        """The frames that ``data`` completes, in order; None for one with an illegal escape."""
        found: list[bytes | None] = []
        for byte in data:
            if byte == END:
                spoiled = self._spoiled or self._escaped
                if self._frame or spoiled:
                    found.append(None if spoiled else bytes(self._frame))
                self._frame.clear()
                self._escaped = self._spoiled = False
            elif self._escaped:
                self._escaped = False
                self._spoiled |= byte not in _PLAIN
                self._frame.append(_PLAIN.get(byte, 0))
            elif byte == ESCAPE:
                self._escaped = True
            else:
                self._frame.append(byte)
        return found
