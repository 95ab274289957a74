"""When each instruction of each queue dispatches, in closed form: gaps become NOPs, SYNCs find their release.

REPEAT is never unrolled, and a LOOP only if a SYNC or NOTIFY stands in its body, so the work grows with words,
not with cycles. Text that an IFETCH brings is not followed: its words must stand among the steps.
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

MAX_STEPS = 1 << 20
"""Steps of loops that are walked again, at most; what takes longer the checker refuses."""

MAX_BODY = (1 << isa.BODY.width) - 1
"""Words that one LOOP can repeat."""

_NOP_WORDS = {MAX_NOP: isa.NOP.encode(count=MAX_NOP)}


@dataclass(frozen=True)
class Step:
    """One instruction of a queue and the cycle in which it is wanted.

    ``at``: the cycle, absolute, or counted from that of ``label``; ``after``: cycles after the last one
    that the queue was busy, if there is no ``at``. ``names``: labels that stand for this step's cycle.
    Within a LOOP all that is said of its first iteration.

    ``block``: of a LOOP, that its body reaches to a later step without an instruction, which ends the
    innermost such LOOP in the cycle that it names; the LOOP's own figure does not count. Otherwise the body has
    as many words as the LOOP says.
    """

    instruction: Instruction | None
    at: int | None = None
    label: str | None = None
    after: int = 1
    names: tuple[str, ...] = ()
    block: bool = False


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
    """Per queue and step the cycle of its first dispatch. None after a SYNC that no NOTIFY ends."""

    firsts: dict[str, list[int]] = field(default_factory=dict)
    """Per queue and step the number of its first word, NOPs before it included."""

    own: dict[str, list[int]] = field(default_factory=dict)
    """Per queue and step the number of its own word; of a step without one, of the word that follows."""

    ends: dict[str, int | None] = field(default_factory=dict)
    """Per queue the cycle in which its next instruction would be dispatched. None if it never ends."""

    problems: list[Problem] = field(default_factory=list)

    def cycles(self, config: ChipConfig) -> int | None:
        """Cycle count of the program: latest end plus ``superlanes``. None if some queue never ends."""
        ends = list(self.ends.values())
        return None if None in ends else max([end for end in ends if end is not None], default=0) + config.superlanes


def occupied(instruction: Instruction, config: ChipConfig) -> int:
    """Cycles for which an instruction occupies its queue; for SYNC only its own."""
    op = instruction.op
    if op is isa.NOP:
        return int(instruction["count"])
    if op is isa.REPEAT:
        return int(instruction["count"] * instruction["interval"])
    if op is isa.RUNTIME_DESKEW:
        return int(instruction["cycles"])
    if op in isa.C2C_ALIGN.waits and op.d_func is not None:
        return op.d_func(config)
    return 1


def schedule(
    config: ChipConfig, queues: Mapping[str, Sequence[Step]], limits: Mapping[str, int] | None = None
) -> Schedule:
    """Place the steps of every queue in time. Problems are collected in the result, never raised.

    ``limits``: words that a queue can have, where that is more than its text memory holds.

    A SYNC dispatched in cycle u ends with the first release after u. Queues advance until all are done,
    parked in a SYNC or waiting for a label; then the earliest release happens. No NOTIFY can still
    appear before it, because those missing come after a release that is no earlier.
    """
    result = Schedule()
    labels: dict[str, int | None] = {}
    releases: list[int] = []
    cursors = [
        _Cursor(config, name, steps, result, labels, releases, (limits or {}).get(name, config.queue_words))
        for name, steps in queues.items()
    ]
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


@dataclass
class _Loop:
    """A LOOP in progress."""

    step: int
    left: int
    began: int | None
    """Cycle in which this iteration began."""

    end_word: int | None
    """Number of the word after the body; None if a step ends it."""

    last: int | None
    """Last step of the body, once it is known."""

    waits: bool = False
    """A SYNC or NOTIFY stands in the body: iterations may differ, or matter to others."""


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
        limit: int,
    ):
        self.config, self.name, self.steps, self.result = config, name, steps, result
        self.labels, self.releases, self.limit = labels, releases, limit
        self.index = 0
        self.free: int | None = 0
        self.parked = False
        self.parked_in = 0
        self.walked = 0
        self.loops: list[_Loop] = []
        self.lasts: dict[int, int] = {}
        """Last step of a LOOP's body, by the LOOP's step."""
        self.gaps: list[int] = []
        """Idle cycles before each step that has been reached: in later iterations they are the same."""
        self.syncs: list[tuple[int, int, int | None]] = []
        self.words = result.words.setdefault(name, [])
        self.starts = result.starts.setdefault(name, [])
        self.firsts = result.firsts.setdefault(name, [])
        self.own = result.own.setdefault(name, [])

    def advance(self) -> bool:
        """Dispatch until the end, a SYNC or an unknown label. True if anything was dispatched."""
        moved = False
        while self.index < len(self.steps) and not self.parked:
            step = self.steps[self.index]
            if self.index == len(self.gaps):
                if step.label is not None and step.label not in self.labels:
                    break
                self._reach(step)
            elif self.free is not None:
                self.free += self.gaps[self.index]
                self.walked += 1
            self._dispatch(step)
            self._next()
            moved = True
        return moved

    def resume(self, release: int | None) -> None:
        """End the SYNC in which the queue is parked; never, if ``release`` is None."""
        assert self.free is not None
        self.syncs.append((self.parked_in, self.free, release))
        self.free = release
        self.parked = False
        self._next()

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

    def _reach(self, step: Step) -> None:
        """Come to a step for the first time: make its words."""
        gap = self._gap(step)
        self.gaps.append(gap)
        self.firsts.append(len(self.words))
        self._wait(gap)
        self.own.append(len(self.words))
        self.starts.append(self.free)
        self.labels.update(dict.fromkeys(step.names, self.free))
        if step.instruction is not None:
            self.words.append(step.instruction.word)

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
        room = self.limit + 1 - len(self.words)
        full, rest = divmod(cycles, MAX_NOP)
        self.words += [_NOP_WORDS[MAX_NOP]] * max(0, min(full, room))
        if rest:
            self.words.append(isa.NOP.encode(count=rest))

    def _dispatch(self, step: Step) -> None:
        """Let time pass for a step, or park."""
        if step.instruction is None:
            return self._end_block()
        op = step.instruction.op
        if op in (isa.SYNC, isa.NOTIFY):
            for loop in self.loops:
                loop.waits = True
        if op is isa.LOOP:
            return self._enter(step.instruction, step.block)
        if self.free is None:
            return None
        if op is isa.SYNC:
            self.parked, self.parked_in = True, self.index
            return None
        if op is isa.NOTIFY:
            assert isa.NOTIFY.d_func is not None
            insort(self.releases, self.free + isa.NOTIFY.d_func(self.config))
        self.free += occupied(step.instruction, self.config)
        return None

    def _enter(self, instruction: Instruction, block: bool) -> None:
        if self.free is not None:
            self.free += 1
        end = None if block else self.own[self.index] + 1 + instruction["body"]
        loop = _Loop(self.index, instruction["count"], self.free, end, self.lasts.get(self.index))
        self.loops.append(loop)

    def _end_block(self) -> None:
        """A step that ends the innermost block: its LOOP learns how long the body is."""
        loop = next((loop for loop in reversed(self.loops) if loop.end_word is None), None)
        if loop is None or loop.last is not None:
            return
        loop.last = self.index
        start = self.own[loop.step]
        instruction = self.steps[loop.step].instruction
        assert instruction is not None
        body = len(self.words) - start - 1
        if not 1 <= body <= MAX_BODY:
            self._problem(loop.step, f"body must have 1 to {MAX_BODY} words with NOPs, not {body}")
            return
        self.words[start] = isa.LOOP.encode(count=instruction["count"], body=body, stride=instruction["stride"])

    def _next(self) -> None:
        """On to the next step, which may be the first of a loop that goes round again. Not while parked."""
        if self.parked:
            return
        done = self.index
        for loop in self.loops:
            if loop.last is None and loop.end_word == len(self.words):
                loop.last = done
        self.index = done + 1
        while self.loops and self.loops[-1].last == done:
            loop = self.loops[-1]
            self.lasts[loop.step] = done
            loop.left -= 1
            if self.walked > MAX_STEPS:
                self.free = None
            if loop.left and self.free is not None and loop.began is not None:
                if loop.waits:
                    loop.began = self.free
                    self.index = loop.step + 1
                    return
                self.free += loop.left * (self.free - loop.began)
            self.loops.pop()

    def _problem(self, step: int, message: str) -> None:
        self.result.problems.append(Problem(self.name, step, message))
