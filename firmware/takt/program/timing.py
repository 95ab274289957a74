"""When each instruction of each queue dispatches, in closed form: gaps become NOPs, SYNCs find their release.

REPEAT is never unrolled, so the work grows with words, not with cycles.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from takt_hw import isa
from takt_hw.config import ChipConfig
from takt_hw.isa import Instruction

MAX_NOP = (1 << isa.NOP.fields[0].width) - 1
"""Cycles that one NOP word can wait."""

_NOP_WORDS = {MAX_NOP: isa.NOP.encode(count=MAX_NOP)}


@dataclass(frozen=True)
class Step:
    """One instruction of a queue and the cycle in which it is wanted.

    ``at``: the cycle, absolute, or counted from that of ``label``; ``after``: cycles after the last one
    that the queue was busy, if there is no ``at``. ``names``: labels that stand for this step's cycle.
    """

    instruction: Instruction
    at: int | None = None
    label: str | None = None
    after: int = 1
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Problem:
    """A step that cannot dispatch when it is wanted."""

    queue: str
    step: int
    message: str


@dataclass
class Schedule:
    """The instruction words of every queue, and when they dispatch."""

    words: dict[str, list[int]] = field(default_factory=dict)
    """Per queue, with the NOPs of the gaps."""

    starts: dict[str, list[int | None]] = field(default_factory=dict)
    """Per queue and step the cycle of its dispatch. None after a SYNC that no NOTIFY ends."""

    ends: dict[str, int | None] = field(default_factory=dict)
    """Per queue the cycle in which its next instruction would be dispatched. None if it never ends."""

    problems: list[Problem] = field(default_factory=list)

    def cycles(self, config: ChipConfig) -> int | None:
        """Cycle count of the program: latest end plus ``superlanes``. None if some queue never ends."""
        ends = list(self.ends.values())
        return None if None in ends else max([end for end in ends if end is not None], default=0) + config.superlanes


def occupied(instruction: Instruction) -> int:
    """Cycles for which an instruction occupies its queue; for SYNC only its own."""
    if instruction.op is isa.NOP:
        return int(instruction["count"])
    if instruction.op is isa.REPEAT:
        return int(instruction["count"] * instruction["interval"])
    return 1


def schedule(config: ChipConfig, queues: Mapping[str, Sequence[Step]]) -> Schedule:
    """Place the steps of every queue in time. Problems are collected in the result, never raised.

    A SYNC dispatched in cycle u ends with the first release after u. Queues advance until all are done,
    parked in a SYNC or waiting for a label; then the earliest release happens. No NOTIFY can still
    appear before it, because those missing come after a release that is no earlier.
    """
    result = Schedule()
    labels: dict[str, int | None] = {}
    releases: list[int] = []
    cursors = [_Cursor(config, name, steps, result, labels, releases) for name, steps in queues.items()]
    while True:
        if any([cursor.advance() for cursor in cursors]):
            continue
        parked = [cursor for cursor in cursors if cursor.parked]
        if not parked:
            break
        candidates = [_release(releases, cursor.free) for cursor in parked]
        earliest = min([release for release in candidates if release is not None], default=None)
        for cursor, release in zip(parked, candidates, strict=True):
            if release == earliest:
                cursor.resume(earliest)
    for cursor in cursors:
        cursor.finish()
    return result


def _release(releases: Sequence[int], cycle: int | None) -> int | None:
    """The first release after ``cycle``."""
    if cycle is None:
        return None
    place = bisect_right(releases, cycle)
    return releases[place] if place < len(releases) else None


class _Cursor:
    """One queue on its way through its steps. ``free`` is the next cycle in which it can dispatch."""

    def __init__(
        self,
        config: ChipConfig,
        name: str,
        steps: Sequence[Step],
        result: Schedule,
        labels: dict[str, int | None],
        releases: list[int],
    ):
        self.config, self.name, self.steps, self.result = config, name, steps, result
        self.labels, self.releases = labels, releases
        self.index = 0
        self.free: int | None = 0
        self.parked = False
        self.syncs: list[tuple[int, int, int | None]] = []
        self.words = result.words.setdefault(name, [])
        self.starts = result.starts.setdefault(name, [])

    def advance(self) -> bool:
        """Dispatch until the end, a SYNC or an unknown label. True if anything was dispatched."""
        before = self.index
        while self.index < len(self.steps) and not self.parked:
            step = self.steps[self.index]
            if step.label is not None and step.label not in self.labels:
                break
            self._wait(self._gap(step))
            self._dispatch(step)
            self.index += 1
        return self.index > before

    def resume(self, release: int | None) -> None:
        """End the SYNC in which the queue is parked; never, if ``release`` is None."""
        assert self.free is not None
        self.syncs.append((self.index - 1, self.free, release))
        self.free = release
        self.parked = False

    def finish(self) -> None:
        """Report steps that were never reached and SYNCs that a later NOTIFY would have ended sooner."""
        if self.index < len(self.steps):
            label = self.steps[self.index].label
            self._problem(self.index, f"time must not depend on itself, as it does through label {label!r}")
            self.free = None
        for index, cycle, release in self.syncs:
            if _release(self.releases, cycle) != release:
                self._problem(index, "SYNC must not end with a NOTIFY whose time depends on that end")
        self.result.ends[self.name] = self.free

    def _gap(self, step: Step) -> int:
        """Idle cycles before a step."""
        if step.at is None:
            return step.after - 1
        base = self.labels[step.label] if step.label is not None else 0
        if base is None or self.free is None:
            rule = (
                "time must be relative (+n) after a SYNC that no NOTIFY ends"
                if self.free is None
                else (f"label {step.label!r} must not follow a SYNC that no NOTIFY ends")
            )
            self._problem(self.index, rule)
            return 0
        target = base + step.at
        if target < self.free:
            self._problem(self.index, f"cycle must be at least {self.free}, when the queue is free, not {target}")
            return 0
        return target - self.free

    def _wait(self, cycles: int) -> None:
        """Fill a gap. Past what the queue can hold no words are made: the queue is refused for its length."""
        if self.free is not None:
            self.free += cycles
        room = self.config.queue_words + 1 - len(self.words)
        full, rest = divmod(cycles, MAX_NOP)
        self.words += [_NOP_WORDS[MAX_NOP]] * max(0, min(full, room))
        if rest:
            self.words.append(isa.NOP.encode(count=rest))

    def _dispatch(self, step: Step) -> None:
        self.words.append(step.instruction.word)
        self.starts.append(self.free)
        self.labels.update(dict.fromkeys(step.names, self.free))
        if self.free is None:
            return
        if step.instruction.op is isa.SYNC:
            self.parked = True
            return
        if step.instruction.op is isa.NOTIFY:
            assert isa.NOTIFY.d_func is not None
            insort(self.releases, self.free + isa.NOTIFY.d_func(self.config))
        self.free += occupied(step.instruction)

    def _problem(self, step: int, message: str) -> None:
        self.result.problems.append(Problem(self.name, step, message))
