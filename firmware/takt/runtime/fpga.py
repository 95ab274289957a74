"""A chip on a board as a device, at the other end of a serial line."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import serial
from numpy.typing import NDArray

from takt_hw import isa
from takt_hw.config import ChipConfig
from takt_sim.tb.frames import FrameError, RequestError
from takt_sim.tb.host import Host

from ..program import Memory, Program
from .device import Device, DeviceError, RunResult, fault_names
from .serial_link import BAUD, TIMEOUT, SerialLink, open_port

RUN_SECONDS = 60.0
"""A program that runs longer has no end. At 100 MHz it would be 6 billion cycles."""


@dataclass(frozen=True)
class SerialLine:
    """Where a board is to be found."""

    port: str
    """``/dev/ttyUSB0``, say."""
    baud: int = BAUD
    timeout: float = TIMEOUT
    """Seconds without a byte after which an answer will not come."""


class FpgaDevice(Device):
    """A chip that is asked who it is when the device is made. What the line loses is sent again.

    Parameters
    ----------
    config : ChipConfig
        The build that the chip must be.
    line : SerialLine
        Where it is.

    Attributes
    ----------
    link : SerialLink
        The way to the chip.

    Raises
    ------
    DeviceError
        From the constructor or any method: no such port, no answer, or another chip; the line is too bad, or the chip
        refuses.
    """

    def __init__(self, config: ChipConfig, line: SerialLine | None = None):
        super().__init__(config)
        if line is None:
            raise DeviceError("backend fpga must be told the board's serial port, --port /dev/ttyUSB0 or the like")
        self._line = line
        self.link = SerialLink(open_port(line.port, line.baud), line.timeout)
        self._host = Host(config, self.link)
        self._entry: str | None = None
        try:
            self._identify()
        except DeviceError:
            self.close()
            raise

    def close(self) -> None:
        """Close the port."""
        self.link.close()

    def write_words(self, words: Memory) -> None:
        """Put words into the chip's memory."""
        with self._clear_errors():
            self._host.run(words, start=False)

    def read_words(self, slice: str, address: int, count: int = 1) -> NDArray[np.uint8]:
        """Memory words as uint8 [count, lanes]."""
        with self._clear_errors():
            words = self._host.collect({slice: range(address, address + count)})[1][slice]
        return np.frombuffer(b"".join(words.values()), np.uint8).reshape(count, self.config.lanes).copy()

    def _identify(self) -> None:
        line, name = self._line, self.config.name
        with self._clear_errors():
            self.link.resynchronize()
        try:
            with self._clear_errors():
                self._host.identify()
        except DeviceError as error:
            where = f"{line.port} at {line.baud} baud"
            raise DeviceError(f"chip on {where} must be {name}: {error}") from None

    def _load(self, program: Program) -> None:
        """The text follows with the first run: an entry's text replaces that of the one before."""
        self._entry = None

    def _run(self, entry: str) -> RunResult:
        text = self.program.entry(entry).text
        with self._clear_errors():
            if entry != self._entry:
                self._host.load_text(text)
                self._entry = entry
            self._host.run({})
            deadline = time.monotonic() + RUN_SECONDS
            status, _ = self._host.collect({})
            while not status.done:
                if time.monotonic() > deadline:
                    raise DeviceError(f"entry {entry} must end within {RUN_SECONDS:g} s")
                status, _ = self._host.collect({})
        if status.faults or any(_is_fetch(word) for words in text.values() for word in words):
            self._entry = None  # flags stay until text is loaded anew; what was fetched may have replaced some of it
        return RunResult(status.cycles, fault_names(status.faults))

    @contextmanager
    def _clear_errors(self) -> Iterator[None]:
        """Whatever goes wrong on the way is a DeviceError."""
        try:
            yield
        except (FrameError, RequestError) as error:
            raise DeviceError(str(error)) from None
        except (serial.SerialException, OSError) as error:
            raise DeviceError(f"port {self._line.port} must stay open: {error}") from None


def _is_fetch(word: int) -> bool:
    return word & ((1 << isa.OPCODE_BITS) - 1) == isa.IFETCH.code
