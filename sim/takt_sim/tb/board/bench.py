"""The cocotb side: bytes between a board's serial line and a pseudo-terminal.

Time stands still while neither side has anything to say. A byte wakes Python twice or three times, each way.
"""

from __future__ import annotations

import os
import select
import tty
from contextlib import suppress
from multiprocessing.connection import Client, Connection
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge, Timer
from cocotb.utils import get_sim_time

from ..bench import ADDRESS_ARGUMENT, RESET_CYCLES
from ..link import Kind, receive, send
from ..verilator import CLOCK_NS

PORT = "port"
"""Name of the link to the pseudo-terminal in the simulation's directory."""

QUIET_CYCLES = 4000
"""After so many cycles without a byte, and with no program running, the chip has nothing more to say: an answer begins
within a few hundred cycles, and a byte takes some hundred."""

GLANCE_CYCLES = 200
"""Between two looks at the pseudo-terminal while time passes."""

CHUNK = 4096


@cocotb.test()
async def serve(dut: Any) -> None:
    """Carry bytes until told to stop."""
    with Client(str(cocotb.plusargs[ADDRESS_ARGUMENT]), family="AF_UNIX") as connection:
        try:
            await Terminal(dut, connection).serve()
        except Exception as error:
            with suppress(OSError):
                send(connection, Kind.FAILED, f"{type(error).__name__}: {error}")
            raise


class Terminal:
    """A pseudo-terminal whose other end is the board's serial line."""

    def __init__(self, dut: Any, connection: Connection) -> None:
        self._dut = dut
        self._connection = connection
        self._falling = FallingEdge(dut.clk)
        self._quiet = 0
        # The near end stays open too, so that the far end never sees a hang-up.
        self._line, self._near = os.openpty()
        tty.setraw(self._near)
        os.set_blocking(self._line, False)

    async def serve(self) -> None:
        """Reset the board and carry bytes until told to stop."""
        dut = self._dut
        dut.rst.value = 1
        dut.to_board__valid.value = dut.to_board__payload.value = 0
        Clock(dut.clk, CLOCK_NS, unit="ns").start()
        for _ in range(RESET_CYCLES):
            await self._falling
        dut.rst.value = 0
        cocotb.start_soon(self._hear())
        port = Path(PORT)
        port.unlink(missing_ok=True)
        port.symlink_to(os.ttyname(self._near))
        try:
            while not self._told_to_stop():
                data = self._read()
                if data:
                    await self._say(data)
                elif int(dut.running.value) or self._quiet < QUIET_CYCLES:
                    await Timer(GLANCE_CYCLES * CLOCK_NS, unit="ns")
                    self._quiet += GLANCE_CYCLES
                else:
                    select.select([self._line, self._connection.fileno()], [], [])
        finally:
            port.unlink(missing_ok=True)
            os.close(self._near)
            os.close(self._line)

    def _told_to_stop(self) -> bool:
        """Answer a message, if there is one; whether it was the last."""
        if not self._connection.poll():
            return False
        try:
            kind, _ = receive(self._connection)
        except EOFError:
            return True
        send(self._connection, Kind.DONE, None, int(get_sim_time("ns")) // CLOCK_NS)
        return kind is Kind.STOP

    def _read(self) -> bytes:
        try:
            return os.read(self._line, CHUNK)
        except BlockingIOError:
            return b""

    async def _say(self, data: bytes) -> None:
        payload, valid, ready = (getattr(self._dut, f"to_board__{name}") for name in ("payload", "valid", "ready"))
        await self._falling
        for byte in data:
            if not int(ready.value):
                await RisingEdge(ready)
                await self._falling
            payload.value, valid.value = byte, 1
            await self._falling
            valid.value = 0
        self._quiet = 0

    async def _hear(self) -> None:
        dut = self._dut
        valid = RisingEdge(dut.from_board_valid)
        while True:
            await valid
            await self._falling
            if int(dut.from_board_bad.value):
                raise RuntimeError("each byte of the board must have a stop bit")
            os.write(self._line, bytes([int(dut.from_board.value)]))
            self._quiet = 0
