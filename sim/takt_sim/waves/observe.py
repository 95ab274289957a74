"""Reads the VCD that Verilator writes of a chip's run: what was dispatched, what was written, what the wires did."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pywellen

from takt_hw import isa
from takt_hw.config import LANES_PER_SUPERLANE, ChipConfig
from takt_hw.isa import Direction, Instruction, Queue, Stream

TOP = "takt"
"""The chip's module."""

CYCLE = 1000
"""Time units of one cycle in everything that this package writes. One unit is 1 ps, so cycle 12 is at 12 ns."""


class WavesError(Exception):
    """No waves can be made of a run: one line that says why."""


@dataclass(frozen=True)
class Dispatched:
    """One slice instruction, in the cycle in which the chip dispatched it."""

    cycle: int
    queue: Queue
    word: int

    @cached_property
    def instruction(self) -> Instruction | None:
        """The instruction; None if the word is none of the queue's unit."""
        try:
            return self.queue.unit.decode(self.word)
        except ValueError:
            return None

    def __str__(self) -> str:
        return f"{self.word:#x}" if self.instruction is None else str(self.instruction)


@dataclass(frozen=True)
class MemoryWrite:
    """One superlane's share of a memory write, in the cycle in which memory changes."""

    cycle: int
    slice: str
    superlane: int
    address: int
    data: bytes

    def __str__(self) -> str:
        signed = " ".join(str(byte - 256 if byte > 127 else byte) for byte in self.data)
        return f"{self.address:#x}: {signed}"


@dataclass(frozen=True)
class Wire:
    """One signal of the RTL during the run."""

    scope: tuple[str, ...]
    name: str
    bits: int
    identity: str
    """Equal for signals that are one and the same wire."""

    changes: list[tuple[int, int | str]] = field(repr=False)
    """Times, 0 at the beginning of cycle 0, with new values; the first at time 0."""


class Run:
    """The part of a VCD in which the program runs.

    Parameters
    ----------
    config : ChipConfig
        The build that ran.
    vcd : Path
        Verilator's VCD of a chip with trace ports. If it shows several programs, the last counts.

    Attributes
    ----------
    cycles : int
        Cycles from cycle 0 until the chip reported the end.

    Raises
    ------
    WavesError
        No such file, no trace ports in it, or no program that runs to its end.
    """

    def __init__(self, config: ChipConfig, vcd: Path):
        self.config = config
        self._waveform, found = _open(vcd)
        inside = f"{TOP}.trace__cycle"
        root = next((name for name in found if name == inside or name.endswith(f".{inside}")), None)
        if root is None:
            raise WavesError(f"{vcd}: VCD must show the chip's trace ports")
        self._root = root.removesuffix("trace__cycle")
        self._variables = found
        self._edges = self._find_edges(vcd)
        self.cycles = len(self._edges) - 1

    @cached_property
    def dispatches(self) -> tuple[Dispatched, ...]:
        """Every dispatch in superlane 0, by cycle and then by the queue's index."""
        bits = self._each_cycle("trace__dispatch")
        words = {q.index: self._each_cycle(f"word_{q.name.replace('.', '_')}") for q in isa.queues(self.config)}
        queues = isa.queues(self.config)
        return tuple(
            Dispatched(cycle, queues[n], words[n][cycle]) for cycle, now in enumerate(bits) for n in _ones(now)
        )

    @cached_property
    def writes(self) -> tuple[MemoryWrite, ...]:
        """Every memory write, by cycle. From the superlanes' ports: the chip's are wider than a VCD shows."""
        found = []
        for s in self.config.mem_slices:
            for k in range(self.config.superlanes):
                now, address, data = (
                    self._each_cycle(f"superlane{k}.write_{part}{s.name}") for part in ("", "address_", "data_")
                )
                found += [
                    MemoryWrite(cycle, s.name, k, address[cycle], data[cycle].to_bytes(LANES_PER_SUPERLANE, "little"))
                    for cycle, there in enumerate(now)
                    if there
                ]
        return tuple(sorted(found, key=lambda write: write.cycle))

    def streams(self, position: int, superlane: int, direction: Direction) -> dict[Stream, list[tuple[int, int | str]]]:
        """Changes of a position's stream registers, ``z`` where one holds no value. Empty if the VCD has none."""
        port = f"superlane{superlane}.position{position}.o_{direction.name.lower()}"
        if self._root + port not in self._variables:
            return {}
        each_cycle = self._each_cycle(port)
        result = {}
        for number in range(self.config.streams):
            shown = [self._register(value, number) for value in each_cycle]
            changed = [n for n, value in enumerate(shown) if n == 0 or value != shown[n - 1]]
            result[Stream(number, direction)] = [(n * CYCLE, shown[n]) for n in changed]
        return result

    def _register(self, value: int, number: int) -> int | str:
        """One stream of a port that carries all: first the data of each stream, then a bit for each that is valid."""
        bits = self.config.stream_bits
        if not value >> (self.config.streams * bits + number) & 1:
            return "z"
        return value >> number * bits & (1 << 8 * LANES_PER_SUPERLANE) - 1

    def wires(self) -> Iterator[Wire]:
        """Signals of the RTL that have a name of their own, the host port's inside left out."""
        for full_name, variable in self._variables.items():
            inner = full_name.removeprefix(self._root)
            if inner == full_name or _ANONYMOUS.search(inner) or inner.startswith("host."):
                continue
            *scope, name = inner.replace("[", "").replace("]", "").split(".")
            yield Wire(tuple(scope), name, variable.bitwidth or 1, str(variable.signal_id), self._changes(variable))

    def _find_edges(self, vcd: Path) -> list[int]:
        """Times at which cycle 0, 1, 2, … begin, and the time at which the chip reports the end."""
        spans, begin = [], None
        for time, value in self._variable("running").tv:
            if value == 1 and begin is None:
                begin = time
            elif value == 0 and begin is not None:
                spans.append((begin, time))
                begin = None
        if not spans:
            raise WavesError(f"{vcd}: VCD must show a program that runs to its end")
        begin, end = spans[-1]
        numbers = [(time, value) for time, value in self._variable("trace__cycle").tv if begin <= time < end]
        first = next((n for n, (_, value) in enumerate(numbers) if value == 0), None)
        if first is None:
            raise WavesError(f"{vcd}: VCD must show cycle 0 of the program")
        return [time for time, _ in numbers[first:]] + [end]

    def _variable(self, name: str) -> Any:
        if self._root + name not in self._variables:
            raise WavesError(f"VCD must show the chip's port {name}")
        return self._variables[self._root + name]

    def _each_cycle(self, name: str) -> list[int]:
        """A signal's value at the end of each cycle; undefined counts as 0."""
        changes = list(self._variable(name).tv)
        times = [time for time, _ in changes]
        values = []
        for end in self._edges[1:]:
            value = changes[max(bisect_right(times, end - 1) - 1, 0)][1]
            values.append(value if isinstance(value, int) else 0)
        return values

    def _changes(self, variable: Any) -> list[tuple[int, int | str]]:
        """A signal's changes within the run."""
        begin, end = self._edges[0], self._edges[-1]
        period = (end - begin) // self.cycles
        changes: list[tuple[int, int | str]] = []
        for time, value in variable.tv:
            if time <= begin:
                changes = [(0, value)]
            elif time < end:
                changes.append(((time - begin) * CYCLE // period, value))
        return changes


_ANONYMOUS = re.compile(r"[$\\]|(^|\.)_\d+_(\.|$)")
"""Names that synthesis made up, which viewers cannot show."""


def _open(vcd: Path) -> tuple[Any, dict[str, Any]]:
    if not vcd.is_file():
        raise WavesError(f"{vcd}: VCD must be there")
    try:
        waveform = pywellen.Waveform(str(vcd))
        return waveform, {variable.full_name: variable for variable in waveform.all_vars()}
    except Exception as error:  # noqa: BLE001 - the reader raises its own kinds, and RuntimeError
        raise WavesError(f"{vcd}: VCD must be readable: {error}") from None


def _ones(value: int) -> Iterator[int]:
    """Numbers of the bits that are set, from bit 0 up."""
    while value:
        yield (value & -value).bit_length() - 1
        value &= value - 1
