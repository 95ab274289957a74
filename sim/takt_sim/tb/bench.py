"""The cocotb side: runs inside the simulation and does what the process that started it asks, over `link`.

The simulator owns the clock. Python wakes up once per beat, once per cycle with a memory write where
those are traced, and at a program's end; a running program costs no wake-up otherwise.
"""

from __future__ import annotations

from multiprocessing.connection import Client, Connection
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, First, RisingEdge, Timer
from cocotb.utils import get_sim_time

from takt_hw.isa.host import BEAT_BYTES

from .frames import ResponseReader
from .link import Kind, receive, send
from .trace import WriteTrace
from .verilator import CLOCK_NS

ADDRESS_ARGUMENT = "takt_link"
"""Name of the plus argument that says where to connect."""

RESET_CYCLES = 4

RESPONSE_CYCLES = 1_000_000
"""An exchange that takes longer than this many cycles will not end."""


@cocotb.test()
async def serve(dut: Any) -> None:
    """Do what is asked until told to stop."""
    with Client(str(cocotb.plusargs[ADDRESS_ARGUMENT]), family="AF_UNIX") as connection:
        try:
            await _serve(dut, connection)
        except Exception as error:
            send(connection, Kind.FAILED, f"{type(error).__name__}: {error}")
            raise


async def _serve(dut: Any, connection: Connection) -> None:
    pins = Pins(dut)
    await pins.reset()
    trace = WriteTrace(dut) if hasattr(dut, "trace__write") else None
    if trace is not None:
        cocotb.start_soon(trace.record())
    while True:
        try:
            kind, values = receive(connection)
        except EOFError:
            return
        if kind is Kind.EXCHANGE:
            result: Any = await pins.exchange(*values)
        elif kind is Kind.WAIT:
            ended = await pins.wait_done(*values)
            result = [ended, trace.take() if trace is not None else []]
        elif kind is Kind.FLIP:
            cocotb.start_soon(flip(dut, *values))
            result = None
        else:
            result = None
        send(connection, Kind.DONE, result, int(get_sim_time("ns")) // CLOCK_NS)
        if kind is Kind.STOP:
            return


async def flip(dut: Any, flips: list[tuple[int, str, int | None, list[int]]]) -> None:
    """Flip bits of registers and memory words when the next program reaches their cycles."""
    falling = FallingEdge(dut.clk)
    left = sorted(flips, key=lambda entry: entry[0])
    await RisingEdge(dut.running)
    while left:
        await falling
        while left and left[0][0] == int(dut.trace__cycle.value):
            _, path, word, bits = left.pop(0)
            handle = dut
            for name in path.split("."):
                handle = getattr(handle, name)
            if word is not None:
                handle = handle[word]
            handle.value = int(handle.value) ^ int.from_bytes(bits, "little")


class Pins:
    """The chip's pins. They are written and read at the falling edge, when everything has settled."""

    def __init__(self, dut: Any) -> None:
        self._dut = dut
        self._falling = FallingEdge(dut.clk)

    async def reset(self) -> None:
        """Start the clock and reset the chip."""
        dut = self._dut
        dut.rst.value = 1
        dut.rx__valid.value = 0
        dut.rx__payload.value = 0
        dut.tx__ready.value = 1
        Clock(dut.clk, CLOCK_NS, unit="ns").start()
        for _ in range(RESET_CYCLES):
            await self._falling
        dut.rst.value = 0
        await self._falling

    async def exchange(self, requests: bytes, count: int) -> bytes:
        """Send request frames; the ``count`` responses that come back."""
        collector = cocotb.start_soon(self._collect(count))
        cocotb.start_soon(self._send(requests))
        await First(collector.complete, Timer(RESPONSE_CYCLES * CLOCK_NS, unit="ns"))
        if not collector.done():
            raise TimeoutError(f"the chip must answer within {RESPONSE_CYCLES} cycles")
        return collector.result()

    async def wait_done(self, limit: int) -> bool:
        """Let the program run to its end, or for ``limit`` cycles. Whether it has ended."""
        done = self._dut.done
        if not int(done.value):
            await First(RisingEdge(done), Timer(limit * CLOCK_NS, unit="ns"))
        await self._falling
        return bool(int(done.value))

    async def _send(self, data: bytes) -> None:
        payload, valid, ready = self._dut.rx__payload, self._dut.rx__valid, self._dut.rx__ready
        valid.value = 1
        for n in range(0, len(data), BEAT_BYTES):
            payload.value = int.from_bytes(data[n : n + BEAT_BYTES], "little")
            # The chip's ready does not hang on valid, so what it is now holds at the rising edge.
            while not int(ready.value):
                await self._falling
            await self._falling
        valid.value = 0

    async def _collect(self, count: int) -> bytes:
        payload, valid = self._dut.tx__payload, self._dut.tx__valid
        reader = ResponseReader()
        beats = []
        while count:
            await self._falling
            if not int(valid.value):
                await RisingEdge(valid)
                await self._falling
            beats.append(int(payload.value).to_bytes(BEAT_BYTES, "little"))
            count -= reader.take(beats[-1]) is not None
        return b"".join(beats)
