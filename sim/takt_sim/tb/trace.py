"""Memory writes as the trace ports show them, put together to whole vectors in superlane-0 time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cocotb.triggers import FallingEdge, ValueChange

from takt_hw.isa.host import BEAT_BYTES

_ADDRESS_BYTES = 2

Sample = tuple[int, int, bytes, bytes]
"""Cycle, write bits, addresses and data of one cycle with a write, as the ports have them."""


class WriteTrace:
    """Records the cycles in which the trace ports of a chip show a write, while a program runs.

    The chip's ports are those of ``dut`` whose names begin with ``prefix``.
    """

    def __init__(self, dut: Any, prefix: str = "") -> None:
        self._clk, self._running, self._write, self._cycle, self._address, self._data = (
            getattr(dut, prefix + name)
            for name in ("clk", "running", "trace__write", "trace__cycle", "trace__address", "trace__data")
        )
        self._samples: list[Sample] = []

    async def record(self) -> None:
        """Record for ever. Wakes up in cycles with a write, and at the first cycle without."""
        write, cycle, address, data = self._write, self._cycle, self._address, self._data
        address_bytes, data_bytes = (len(port) // 8 for port in (address, data))
        falling = FallingEdge(self._clk)
        while True:
            bits = int(write.value)
            if not bits:
                await ValueChange(write)
            elif int(self._running.value):
                self._samples.append(
                    (
                        int(cycle.value),
                        bits,
                        int(address.value).to_bytes(address_bytes, "little"),
                        int(data.value).to_bytes(data_bytes, "little"),
                    )
                )
            await falling

    def take(self) -> list[Sample]:
        """The samples since the last time."""
        samples, self._samples = self._samples, []
        return samples


def vectors(samples: list[Sample], superlanes: int) -> Iterator[tuple[int, int, int, bytes, tuple[int, ...]]]:
    """Writes: cycle in superlane-0 time, number of the MEM slice, address, one byte per lane, superlanes.

    Superlane k shows its part of a write k cycles after superlane 0. Parts of one cycle with one address are one write.
    If some superlane wrote elsewhere or not at all, as with SCATTER, those that wrote are named, and the bytes are
    theirs; no superlanes are named if all wrote.
    """
    parts: dict[tuple[int, int, int], list[tuple[int, bytes]]] = {}
    for cycle, bits, addresses, data in samples:
        for item in _set_bits(bits):
            number, superlane = divmod(item, superlanes)
            address = int.from_bytes(addresses[item * _ADDRESS_BYTES : (item + 1) * _ADDRESS_BYTES], "little")
            word = data[item * BEAT_BYTES : (item + 1) * BEAT_BYTES]
            parts.setdefault((cycle - superlane, number, address), []).append((superlane, word))
    for (cycle, number, address), words in sorted(parts.items()):
        seen = tuple(superlane for superlane, _ in sorted(words))
        data = b"".join(word for _, word in sorted(words))
        yield cycle, number, address, data, () if len(seen) == superlanes else seen


def _set_bits(bits: int) -> Iterator[int]:
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest
