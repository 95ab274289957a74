"""What every queue dispatches, and when: text expanded on the clock.

The reference simulator, the checker and the waves all start from a ``Timeline``. Whatever makes
the text impossible to expand (``encoding``, ``operand``, ``repeat``, ``text``, ``sync``,
``length``) is refused here; docs/manual/timing.md has the rules.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from takt_hw import isa
from takt_hw.config import ChipConfig
from takt_hw.isa import Field, Instruction, Queue

from .latency import d_func
from .violation import IllegalProgram, Violation

__all__ = [
    "MAX_DISPATCHES",
    "Control",
    "Dispatch",
    "IllegalProgram",
    "Text",
    "Timeline",
    "Violation",
    "expand",
    "trace",
]

Text = Mapping[str, Sequence[int]]
"""Instruction words, 128 bits each, by queue name. A queue that is not named is empty."""

MAX_DISPATCHES = 1 << 20
"""Slice instructions that one program may dispatch, so that no text of a few words runs for hours."""


@dataclass(frozen=True, slots=True)
class Dispatch:
    """One slice instruction in the cycle that it leaves its queue."""

    cycle: int
    queue: Queue
    index: int
    """Word of the queue that caused it: the instruction's own, or the REPEAT's."""

    repetition: int
    """0 for the instruction's own word, 1 to ``count`` within a REPEAT."""

    instruction: Instruction
    """With the stride field as this repetition has it."""

    def violation(self, rule: str, message: str) -> Violation:
        """This instruction breaks ``rule``."""
        return Violation(rule, self.queue.name, self.queue.slice, self.cycle, str(self.instruction), message)


@dataclass(frozen=True, slots=True)
class Control:
    """One NOP, REPEAT, SYNC or NOTIFY and the cycles that it occupies its queue."""

    cycle: int
    cycles: int
    queue: Queue
    index: int
    instruction: Instruction


@dataclass(frozen=True)
class Timeline:
    """Everything that a program dispatches."""

    dispatches: tuple[Dispatch, ...]
    """Slice instructions, by cycle and then by the queue's index."""

    control: tuple[Control, ...]
    """Control instructions, in the same order."""

    ends: dict[str, int]
    """Cycle in which each queue's next instruction would be dispatched, for every queue of the build."""

    cycles: int
    """Cycle count of the program: the latest end plus ``superlanes``."""


def expand(config: ChipConfig, text: Text) -> Timeline:
    """The timeline of ``text``. IllegalProgram if it has none."""
    timeline, violations = trace(config, text)
    if violations:
        raise IllegalProgram(violations)
    return timeline


def trace(config: ChipConfig, text: Text) -> tuple[Timeline, list[Violation]]:
    """The timeline of ``text`` and all that is wrong with it; the timeline means something if that is nothing."""
    run = _Run(config)
    known = isa.queue_by_name(config)
    for name in text:
        if name not in known:
            run.violations.append(Violation("text", name, "", None, "-", f"queue must be one of {config.name}'s"))
    walkers = [_Walker(run, queue, text.get(queue.name, ())) for queue in isa.queues(config)]
    waiting = [w for w in walkers if w.walk()]
    parked = [(w.cycle, w.queue.index, w) for w in waiting]
    heapq.heapify(parked)
    while parked and run.releases:
        release = heapq.heappop(run.releases)
        while parked and parked[0][0] < release:
            walker = heapq.heappop(parked)[2]
            walker.release(release)
            if walker.walk():
                heapq.heappush(parked, (walker.cycle, walker.queue.index, walker))
    if not any(v.rule == "encoding" for v in run.violations):  # a broken word may have been the NOTIFY
        for _, _, walker in sorted(parked, key=lambda entry: entry[:2]):
            walker.refuse("sync", "SYNC must be ended by a NOTIFY, not wait for ever")
    ends = {w.queue.name: w.cycle for w in walkers}
    run.dispatches.sort(key=lambda d: (d.cycle, d.queue.index))
    run.control.sort(key=lambda c: (c.cycle, c.queue.index))
    timeline = Timeline(tuple(run.dispatches), tuple(run.control), ends, max(ends.values()) + config.superlanes)
    return timeline, sorted(run.violations, key=lambda v: -1 if v.cycle is None else v.cycle)


@dataclass
class _Run:
    """What all queues of one expansion share."""

    config: ChipConfig
    violations: list[Violation] = field(default_factory=list)
    dispatches: list[Dispatch] = field(default_factory=list)
    control: list[Control] = field(default_factory=list)
    releases: list[int] = field(default_factory=list)
    """Heap of the cycles in which a NOTIFY releases."""

    full: bool = False
    """MAX_DISPATCHES is reached; later ones are not recorded."""


class _Walker:
    """Walks one queue's words along the clock. Bad words are refused, take one cycle and are passed over."""

    def __init__(self, run: _Run, queue: Queue, words: Sequence[int]) -> None:
        self.run = run
        self.queue = queue
        self.words = words
        self.cycle = 0
        self.index = 0
        self.last: Instruction | None = None
        self.last_is_legal = False
        self.current: Instruction | int | None = None
        """What is refused if something is: an instruction, or a word that is none."""
        if len(words) > run.config.queue_words:
            limit = run.config.queue_words
            self.refuse("text", f"words must be at most {limit}, not {len(words)}", None)
            self.words = words[:limit]

    def refuse(self, rule: str, message: str, cycle: int | None = -1, instruction: Instruction | None = None) -> None:
        """``instruction``, by default the current one, breaks ``rule``; in the current cycle if none is given."""
        broken = instruction or self.current
        shown = "-" if broken is None else f"{broken:#034x}" if isinstance(broken, int) else str(broken)
        cycle = self.cycle if cycle == -1 else cycle
        self.run.violations.append(Violation(rule, self.queue.name, self.queue.slice, cycle, shown, message))

    def walk(self) -> bool:
        """Go on to the next SYNC, or to the end. True if parked; ``cycle`` is then the SYNC's."""
        while self.index < len(self.words):
            self.current = word = int(self.words[self.index])
            try:
                instruction = _decode(self.queue.unit.name, word)
            except ValueError as error:
                self.refuse("encoding", str(error))
                self.cycle += 1
                self.index += 1
                continue
            self.current = instruction
            if instruction.op is isa.SYNC:
                return True
            self._issue(instruction)
            self.index += 1
        return False

    def release(self, cycle: int) -> None:
        """End the SYNC that the queue is parked in."""
        self._control(isa.SYNC.make(), cycle - self.cycle)
        self.index += 1

    def _issue(self, instruction: Instruction) -> None:
        broken = instruction.violations(self.run.config)
        for message in broken:
            self.refuse("operand", message)
        op = instruction.op
        if op is isa.NOP:
            self._control(instruction, instruction["count"])
        elif op is isa.NOTIFY:
            heapq.heappush(self.run.releases, self.cycle + d_func(isa.NOTIFY, self.run.config))
            self._control(instruction, 1)
        elif op is isa.REPEAT:
            self._repeat(instruction["count"], instruction["interval"], instruction["stride"])
            self._control(instruction, instruction["count"] * instruction["interval"])
        else:
            self._dispatch(self.cycle, 0, instruction)
            self.last, self.last_is_legal = instruction, not broken
            self.cycle += 1

    def _control(self, instruction: Instruction, cycles: int) -> None:
        self.run.control.append(Control(self.cycle, cycles, self.queue, self.index, instruction))
        self.cycle += cycles

    def _dispatch(self, cycle: int, repetition: int, instruction: Instruction) -> None:
        if len(self.run.dispatches) < MAX_DISPATCHES:
            self.run.dispatches.append(Dispatch(cycle, self.queue, self.index, repetition, instruction))
        elif not self.run.full:
            self.run.full = True
            self.refuse("length", f"dispatches must be at most {MAX_DISPATCHES}, not more", cycle)

    def _repeat(self, count: int, interval: int, stride: int) -> None:
        field = self.queue.unit.stride
        if self.last is None:
            return self.refuse("repeat", "REPEAT must follow a slice instruction, not come first")
        if stride and field is None:
            return self.refuse("repeat", f"stride must be 0 in a {self.queue.unit.name} queue, not {stride}")
        if stride and field is not None:
            return self._repeat_advancing(count, interval, stride, field)
        for repetition in range(1, count + 1):
            if self.run.full:
                break
            self._dispatch(self.cycle + repetition * interval - 1, repetition, self.last)
        return None

    def _repeat_advancing(self, count: int, interval: int, stride: int, field: Field) -> None:
        base, upper = self.last, field.upper(self.run.config)
        assert base is not None
        assert upper is not None, f"{field.name}: a stride field has a limit"
        self.last = _advance(base, field.name, count * stride)
        for repetition in range(1, count + 1):
            if self.run.full or not self.last_is_legal:
                break
            cycle = self.cycle + repetition * interval - 1
            instruction = _advance(base, field.name, repetition * stride)
            if not 0 <= instruction[field.name] < upper:
                self.last_is_legal = False
                self.refuse("operand", instruction.violations(self.run.config)[0], cycle, instruction)
                break
            self._dispatch(cycle, repetition, instruction)


@lru_cache(1 << 15)
def _decode(unit: str, word: int) -> Instruction:
    """Words recur, and programs are expanded more than once. ValueError as `Unit.decode`."""
    return _UNITS[unit].decode(word)


_UNITS = {unit.name: unit for unit in isa.UNITS}


def _advance(instruction: Instruction, name: str, by: int) -> Instruction:
    """The instruction with its stride field increased."""
    return Instruction(instruction.op, {**instruction.values, name: instruction[name] + by})
