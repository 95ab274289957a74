"""The cocotb side of several chips: clocks that differ, their pins, wires that flip bits or are cut.

The simulator owns the clocks. Python wakes up per beat, per cycle with a memory write, per flipped bit, and at a
program's end.
"""

from __future__ import annotations

from itertools import count
from typing import Any

import cocotb
import numpy as np
from cocotb.task import Task
from cocotb.triggers import FallingEdge, Timer

from ..bench import Pins, converse
from ..link import Kind
from ..trace import WriteTrace
from ..verilator import CLOCK_FS

_GAPS = 4096
"""Gaps between flipped bits that are drawn at a time."""


@cocotb.test()
async def serve(dut: Any) -> None:
    """Do what is asked until told to stop."""
    await converse(SystemBench(dut))


class SystemBench:
    """Serves the simulation of several chips."""

    def __init__(self, dut: Any) -> None:
        self._dut = dut
        self._chips = [f"chip{n}_" for n in _numbers(dut, "chip{}_clk")]
        self._wires = [Wire(dut, k) for k in _numbers(dut, "wire{}_flip")]
        self._pins = [Pins(dut, prefix) for prefix in self._chips]
        traced = hasattr(dut, "chip0_trace__write")
        self._traces = [WriteTrace(dut, prefix) for prefix in self._chips] if traced else []
        self._clocks: list[list[int]] = []
        self._noise: list[Task[None]] = []

    async def prepare(self) -> None:
        """Let everything be off."""
        for prefix in self._chips:
            getattr(self._dut, f"{prefix}clk").value = 0
            getattr(self._dut, f"{prefix}rst").value = 1
        for wire in self._wires:
            wire.reset()
        for trace in self._traces:
            cocotb.start_soon(trace.record())

    async def answer(self, kind: Kind, values: list[Any]) -> Any:
        """Do what a message asks; the result."""
        if kind is Kind.CLOCKS:
            await self._reset(*values)
        elif kind is Kind.EXCHANGE:
            tasks = [cocotb.start_soon(self._exchange(*question)) for question in values[0]]
            return [await task for task in tasks]
        elif kind is Kind.WAIT:
            return await self._wait(*values)
        elif kind is Kind.PASS:
            await _pass(*values)
        elif kind is Kind.CUT:
            cocotb.start_soon(self._cut(*values))
        elif kind is Kind.NOISE:
            return self._disturb(*values)
        return None

    async def _reset(self, clocks: list[list[int]], senders: list[int]) -> None:
        """Reset every chip, each some cycles after the call. The first time, start the clocks."""
        running = bool(self._clocks)
        self._clocks = self._clocks or clocks
        for wire, sender in zip(self._wires, senders, strict=True):
            wire.of(getattr(self._dut, f"{self._chips[sender]}clk"), self._clocks[sender][0])

        async def one(pins: Pins, period: int, phase: int, late: int) -> None:
            if running:
                await pins.hold_reset(late)
            else:
                await pins.reset(period, phase, late)

        tasks = [cocotb.start_soon(one(pins, *clock)) for pins, clock in zip(self._pins, clocks, strict=True)]
        for task in tasks:
            await task

    async def _exchange(self, chip: int, requests: bytes, expected: int) -> bytes:
        await self._pins[chip].settle()  # what came before ended with another chip's clock
        return await self._pins[chip].exchange(requests, expected)

    async def _wait(self, limit: int, chips: list[int]) -> list[Any]:
        tasks = [cocotb.start_soon(self._pins[chip].wait_done(limit)) for chip in chips]
        ended = [await task for task in tasks]
        taken = [trace.take() for trace in self._traces]
        return [[done, taken[chip] if taken else []] for chip, done in zip(chips, ended, strict=True)]

    async def _cut(self, wire: int, is_cut: bool, cycles: int) -> None:
        if cycles:
            await _pass(cycles)
        await self._wires[wire].cut(is_cut)

    def _disturb(self, rate: float, seed: int) -> int:
        """Flip bits at this rate from now on; how many have been flipped since the last time."""
        for task in self._noise:
            task.cancel()
        flipped = sum(wire.reset() for wire in self._wires)
        noisy = self._wires if rate else []
        self._noise = [cocotb.start_soon(wire.disturb(rate, [seed, k])) for k, wire in enumerate(noisy)]
        return flipped


class Wire:
    """What happens to a wire. Changes come at the falling edge of its sender's clock, and so meet whole words."""

    def __init__(self, dut: Any, number: int) -> None:
        self._flip = getattr(dut, f"wire{number}_flip")
        self._is_cut = getattr(dut, f"wire{number}_cut")
        self._flipped = 0
        self._period = CLOCK_FS

    def of(self, clock: Any, period: int) -> None:
        """Set the sender's clock, and its period in fs."""
        self._falling, self._period = FallingEdge(clock), period

    def reset(self) -> int:
        """Let the wire be sound; how many of its bits were flipped since the last time."""
        flipped, self._flipped = self._flipped, 0
        self._flip.value = 0
        self._is_cut.value = 0
        return flipped

    async def cut(self, is_cut: bool) -> None:
        """Cut the wire, or join it again."""
        await self._falling
        self._is_cut.value = int(is_cut)

    async def disturb(self, rate: float, seed: list[int]) -> None:
        """Flip each bit of each word with probability ``rate``, for ever."""
        bits, random = len(self._flip), np.random.default_rng(seed)
        await self._falling
        word, place, mask = 0, -1, 0
        now = 0
        while True:
            for gap in random.geometric(rate, _GAPS).tolist():
                place += gap
                at, bit = divmod(place, bits)
                if at == word:
                    mask |= 1 << bit
                    self._flipped += 1
                    continue
                now = await self._show(mask, word, now)
                word, mask = at, 1 << bit
                self._flipped += 1

    async def _show(self, mask: int, word: int, now: int) -> int:
        """Flip bits of one word, counted from the beginning; the word that comes next."""
        if not mask:
            return now
        if word > now:
            await Timer((word - now) * self._period, unit="fs")
        self._flip.value = mask
        await Timer(self._period, unit="fs")
        self._flip.value = 0
        return word + 1


async def _pass(cycles: int) -> None:
    await Timer(cycles * CLOCK_FS, unit="fs")


def _numbers(dut: Any, name: str) -> range:
    """How many ports there are of a name with a number in it."""
    return range(next(n for n in count() if not hasattr(dut, name.format(n))))
