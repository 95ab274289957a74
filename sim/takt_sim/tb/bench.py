"""The cocotb side: runs inside the simulation and does what the process that started it asks, over `link`.

The simulator owns the clock. Python wakes up once per beat, once per cycle with a memory write where
those are traced, and at a program's end; a running program costs no wake-up otherwise.
"""

from __future__ import annotations

from multiprocessing.connection import Client
from typing import Any, Protocol

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, First, RisingEdge, Timer
from cocotb.utils import get_sim_time

from takt_hw.isa.host import BEAT_BYTES

from .frames import ResponseReader
from .link import Kind, receive, send
from .trace import WriteTrace
from .verilator import CLOCK_FS, CLOCK_NS

ADDRESS_ARGUMENT = "takt_link"
"""Name of the plus argument that says where to connect."""

RESET_CYCLES = 4

RESPONSE_CYCLES = 1_000_000
"""An exchange that takes longer than this many cycles will not end."""


class Bench(Protocol):
    """What serves a simulation."""

    async def prepare(self) -> None:
        """Do what comes before the first message."""

    async def answer(self, kind: Kind, values: list[Any]) -> Any:
        """Do what a message asks; the result."""


@cocotb.test()
async def serve(dut: Any) -> None:
    """Do what is asked until told to stop."""
    await converse(ChipBench(dut))


async def converse(bench: Bench) -> None:
    """Let ``bench`` answer all messages."""
    with Client(str(cocotb.plusargs[ADDRESS_ARGUMENT]), family="AF_UNIX") as connection:
        try:
            await bench.prepare()
            kind = None
            while kind is not Kind.STOP:
                try:
                    kind, values = receive(connection)
                except EOFError:
                    return
                result = await bench.answer(kind, values)
                send(connection, Kind.DONE, result, int(get_sim_time("ns")) // CLOCK_NS)
        except Exception as error:
            send(connection, Kind.FAILED, f"{type(error).__name__}: {error}")
            raise


class ChipBench:
    """Serves the simulation of one chip."""

    def __init__(self, dut: Any) -> None:
        self._dut = dut
        self._pins = Pins(dut)
        self._trace = WriteTrace(dut) if hasattr(dut, "trace__write") else None

    async def prepare(self) -> None:
        """Reset the chip."""
        await self._pins.reset()
        if self._trace is not None:
            cocotb.start_soon(self._trace.record())

    async def answer(self, kind: Kind, values: list[Any]) -> Any:
        """Do what a message asks; the result."""
        if kind is Kind.EXCHANGE:
            return await self._pins.exchange(*values)
        if kind is Kind.WAIT:
            ended = await self._pins.wait_done(*values)
            return [ended, self._trace.take() if self._trace is not None else []]
        if kind is Kind.FLIP:
            cocotb.start_soon(flip(self._dut, *values))
        return None


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
    """The chip's pins. They are written and read at the falling edge, when everything has settled.

    The chip's ports are those of ``dut`` whose names begin with ``prefix``.
    """

    def __init__(self, dut: Any, prefix: str = "") -> None:
        self._clk, self._rst, self._done = (getattr(dut, prefix + name) for name in ("clk", "rst", "done"))
        self._rx, self._tx = (
            [getattr(dut, f"{prefix}{port}__{name}") for name in ("payload", "valid", "ready")] for port in ("rx", "tx")
        )
        self._abandon = getattr(dut, prefix + "rx_abandon")
        self._falling = FallingEdge(self._clk)

    async def reset(self, period: int = CLOCK_FS, phase: int = 0, late: int = 0) -> None:
        """Start the clock, after ``phase`` fs and with ``period`` fs, and reset the chip as `hold_reset` does."""
        self._rst.value = 1
        payload, valid, _ = self._rx
        payload.value = valid.value = self._abandon.value = 0
        self._tx[2].value = 1
        if phase:
            self._clk.value = 0
            await Timer(phase, unit="fs")
        Clock(self._clk, period, unit="fs").start()
        await self.hold_reset(late)

    async def hold_reset(self, late: int = 0) -> None:
        """Reset the chip, whose clock runs, for some cycles and ``late`` more."""
        self._rst.value = 1
        for _ in range(RESET_CYCLES + late):
            await self._falling
        self._rst.value = 0
        await self._falling

    async def settle(self) -> None:
        """Wait for the falling edge, after which `exchange` can begin."""
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
        done = self._done
        if not int(done.value):
            await First(RisingEdge(done), Timer(limit * CLOCK_NS, unit="ns"))
        await self._falling
        return bool(int(done.value))

    async def _send(self, data: bytes) -> None:
        payload, valid, ready = self._rx
        valid.value = 1
        for n in range(0, len(data), BEAT_BYTES):
            payload.value = int.from_bytes(data[n : n + BEAT_BYTES], "little")
            # The chip's ready does not hang on valid, so what it is now holds at the rising edge.
            while not int(ready.value):
                await self._falling
            await self._falling
        valid.value = 0

    async def _collect(self, count: int) -> bytes:
        payload, valid, _ = self._tx
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
