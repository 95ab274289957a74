"""A running simulation of several chips, seen from the process that started it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from ..link import Kind
from ..session import Session
from ..trace import Sample
from ..verilator import CLOCK_FS

MAX_LATE = 200
"""Cycles that one chip may be reset later than another."""


@dataclass(frozen=True)
class Clock:
    """A chip's clock."""

    period: int
    """fs; even, so that both halves are of one length."""

    phase: int
    """fs from the beginning of the simulation until it starts."""

    late: int = 0
    """Cycles that the chip's reset comes later than need be."""

    @property
    def ppm(self) -> float:
        """How far off nominal its frequency is, in millionths."""
        return (CLOCK_FS / self.period - 1) * 1e6


def random_clocks(chips: int, ppm: float, seed: int) -> list[Clock]:
    """Clocks of any phase up to ``ppm`` millionths off nominal. One of them is as fast as that, and one as slow.

    Periods are what is off by ``ppm``, rounded to 2 fs, which is 0.2 millionths.
    """
    choice = random.Random(seed)
    offsets = [ppm, -ppm][: max(chips, 1)] + [choice.uniform(-ppm, ppm) for _ in range(chips - 2)]
    choice.shuffle(offsets)
    return [
        Clock(2 * round(CLOCK_FS * (1 + offset * 1e-6) / 2), choice.randrange(1, CLOCK_FS), choice.randrange(MAX_LATE))
        for offset in offsets[:chips]
    ]


class SystemSession(Session):
    """One simulation of several chips, from power-up until closed; otherwise as `Session`.

    ``cycles`` counts nominal clock periods.
    """

    bench = "takt_sim.tb.system.bench"

    def power(self, clocks: Sequence[Clock], senders: Sequence[int]) -> None:
        """Reset all chips; the first time, start their clocks. ``senders`` are the chips at the wires' beginnings."""
        self._ask(Kind.CLOCKS, [[clock.period, clock.phase, clock.late] for clock in clocks], list(senders))

    def exchange_with(self, questions: Sequence[tuple[int, bytes, int]]) -> list[bytes]:
        """Send request frames to chips, all at once; the response frames of each. Chip, frames, number of responses."""
        return self._ask(Kind.EXCHANGE, [list(question) for question in questions])

    def wait_for(self, chips: Sequence[int], limit: int) -> list[tuple[bool, list[Sample]]]:
        """Let programs run to their end, at most ``limit`` cycles: of each chip whether it ended, and its writes."""
        answers = self._ask(Kind.WAIT, limit, list(chips))
        return [(ended, [tuple(sample) for sample in samples]) for ended, samples in answers]

    def let_pass(self, cycles: int) -> None:
        """Let some cycles pass."""
        self._ask(Kind.PASS, cycles)

    def cut(self, wire: int, is_cut: bool = True, *, after: int = 0) -> None:
        """Cut a wire, or join it again, in so many cycles. It shows zeros then, and its clock stands still."""
        self._ask(Kind.CUT, wire, is_cut, after)

    def disturb(self, rate: float, seed: int = 0) -> int:
        """Flip each bit on each wire with probability ``rate`` from now on, and join all wires. Bits flipped before."""
        return self._ask(Kind.NOISE, rate, seed)


@dataclass(frozen=True)
class ChipLink:
    """The way to one of the chips."""

    session: SystemSession
    chip: int

    def exchange(self, requests: bytes, count: int) -> bytes:
        """Send request frames; the ``count`` response frames, in order."""
        return self.session.exchange_with([(self.chip, requests, count)])[0]
