"""One queue's words along the clock."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import lru_cache

from takt_hw import isa
from takt_hw.config import ChipConfig
from takt_hw.isa import Instruction, Queue

from ..latency import d_func
from ..violation import Violation
from .dispatch import Control, Dispatch
from .fetch import Fetch, NoText, TextSource
from .loops import Loops

MAX_DISPATCHES = 1 << 20
"""Slice instructions, and control instructions, that one program may dispatch, so that no text of a few words
runs for hours."""


@dataclass
class Record:
    """What all queues of one expansion share."""

    config: ChipConfig
    violations: list[Violation] = field(default_factory=list)
    dispatches: list[Dispatch] = field(default_factory=list)
    control: list[Control] = field(default_factory=list)
    releases: list[int] = field(default_factory=list)
    """Heap of the cycles in which a NOTIFY releases."""

    steps: int = 0
    """Words walked that dispatch nothing, as often as they came up."""

    full: bool = False
    """MAX_DISPATCHES is reached: nothing is walked any further."""

    lost: bool = False
    """Some queue's text is not known to its end: what is still missing may have been there."""


class Wait(Enum):
    """Why a walker has stopped."""

    RELEASE = auto()
    """Parked in a SYNC."""
    TEXT = auto()
    """The next word is to be fetched; all that is dispatched before the walker's cycle must be known first."""
    END = auto()


class Walker:
    """Walks one queue's words along the clock. Bad words are refused, take one cycle and are passed over."""

    def __init__(self, run: Record, queue: Queue, words: Sequence[int]) -> None:
        self.run = run
        self.queue = queue
        self.words = list(words)
        self.cycle = 0
        self.index = 0
        self.loops = Loops()
        self.base = 0
        self.fetches: list[Fetch] = []
        self.last: Instruction | None = None
        self.last_is_legal = False
        self.current: Instruction | int | None = None
        """What is refused if something is: an instruction, or a word that is none."""
        self._known: dict[int, tuple[Instruction | None, bool]] = {}
        """By word number: the instruction, if it is one, and whether this build allows its operands."""
        self._refused: set[tuple[int, str]] = set()
        stride = queue.unit.stride
        self._strided = frozenset(op.code for op in queue.unit.ops if stride is not None and stride in op.fields)
        if len(words) > run.config.queue_words:
            limit = run.config.queue_words
            self.refuse("text", f"words must be at most {limit}, not {len(words)}", None)
            del self.words[limit:]
        self.announced = len(self.words)
        """Words that are there or have been asked for."""

    def refuse(self, rule: str, message: str, cycle: int | None = -1, instruction: Instruction | None = None) -> None:
        """``instruction``, by default the current one, breaks ``rule``; in the current cycle if none is given."""
        broken = instruction or self.current
        shown = "-" if broken is None else f"{broken:#034x}" if isinstance(broken, int) else str(broken)
        cycle = self.cycle if cycle == -1 else cycle
        found = Violation(rule, self.queue.name, self.queue.slice, cycle, shown, message, self.index)
        self.run.violations.append(found)

    def refuse_once(
        self, rule: str, message: str, cycle: int | None = -1, instruction: Instruction | None = None
    ) -> None:
        """As `refuse`, but of each word only the first time: it may be in a loop."""
        if (self.index, rule) not in self._refused:
            self._refused.add((self.index, rule))
            self.refuse(rule, message, cycle, instruction)

    def walk(self) -> Wait:
        """Go on to the next SYNC, to a word that must be fetched, or to the end."""
        while self.index < self.announced:
            if self.run.full:
                return Wait.END
            if self.index >= len(self.words):
                self._await_text()
                return Wait.TEXT
            instruction, legal = self._instruction()
            if instruction is None:
                self._step()
                self.cycle += 1
            elif instruction.op is isa.SYNC:
                return Wait.RELEASE
            else:
                self._issue(instruction, legal)
            self.index = self.loops.after(self.index)
        return Wait.END

    def release(self, cycle: int) -> None:
        """End the SYNC that the queue is parked in."""
        self._control(isa.SYNC.make(), cycle - self.cycle)
        self.index = self.loops.after(self.index)

    def receive(self, source: TextSource) -> bool:
        """Take in the next word. False, and a refusal, if it cannot be known; the queue has then no more text."""
        fetch = self._fetch()
        try:
            self.words.append(source.word(self.queue, fetch, self.index))
        except NoText as none:
            self.refuse(none.rule, none.message, fetch.cycle, fetch.instruction)
            self.announced = self.index
            self.run.lost = True
            return False
        return True

    def _fetch(self) -> Fetch:
        """The IFETCH that brings the next word."""
        return next(f for f in reversed(self.fetches) if f.first <= self.index)

    def _await_text(self) -> None:
        fetch = self._fetch()
        ready = fetch.ready(self.index, self.run.config)
        if self.cycle < ready:
            message = f"word {self.index} must be there when it comes up, not arrive {ready - self.cycle} cycles later"
            self.refuse("dry", message, self.cycle, fetch.instruction)
            self.cycle = ready

    def _instruction(self) -> tuple[Instruction | None, bool]:
        """The current word's instruction, refused when it is met for the first time."""
        known = self._known.get(self.index)
        if known is None:
            self.current = word = int(self.words[self.index])
            try:
                instruction = _decode(self.queue.unit.name, word)
            except ValueError as error:
                self.refuse("encoding", str(error))
                known = None, False
            else:
                self.current = instruction
                broken = instruction.violations(self.run.config, self.queue)
                for message in broken:
                    self.refuse("operand", message)
                known = instruction, not broken
            self._known[self.index] = known
        self.current = known[0]
        return known

    def _issue(self, instruction: Instruction, legal: bool) -> None:
        op = instruction.op
        if op is isa.NOP:
            self._control(instruction, instruction["count"])
        elif op is isa.NOTIFY:
            heapq.heappush(self.run.releases, self.cycle + d_func(isa.NOTIFY, self.run.config))
            self._control(instruction, 1)
        elif op is isa.REPEAT:
            self._repeat(instruction["count"], instruction["interval"], instruction["stride"])
            self._control(instruction, instruction["count"] * instruction["interval"])
        elif op is isa.LOOP:
            self._enter(instruction)
            self._control(instruction, 1)
        elif op is isa.CONFIG:
            if self._has_field("config", "base", instruction["base"]):
                self.base = instruction["base"]
            self._control(instruction, 1)
        elif op is isa.IFETCH:
            if self.loops:
                self.refuse_once("loop", "IFETCH must stand outside of all loops, not in a body")
            else:
                self.fetches.append(Fetch(self.cycle, self.announced, instruction))
                self.announced += instruction["words"]
            self._control(instruction, 1)
        elif op in (isa.DESKEW, isa.SYNC_LINK):
            self._control(instruction, d_func(op, self.run.config))
        elif op is isa.RUNTIME_DESKEW:
            self._control(instruction, instruction["cycles"])
        elif op is isa.NOTIFY_LINKS:
            self._control(instruction, 1)
        else:
            self._dispatch_own(instruction, legal)
            self.cycle += 1

    def _enter(self, loop: Instruction) -> None:
        """Begin a LOOP; one that is refused is passed over."""
        body = loop["body"]
        if not self._has_field("loop", "stride", loop["stride"]):
            return
        if (there := self.announced - self.index - 1) < body:
            return self.refuse_once("loop", f"body must be there or asked for, {there} words, not {body}")
        broken = self.loops.enter(self.index, loop["count"], body, loop["stride"])
        if broken is not None:
            self.refuse_once("loop", broken)
        return None

    def _has_field(self, rule: str, name: str, value: int) -> bool:
        """Whether the unit has a stride field that a value could be added to; 0 can always be."""
        if value and self.queue.unit.stride is None:
            self.refuse_once(rule, f"{name} must be 0 in a {self.queue.unit.name} queue, not {value}")
            return False
        return True

    def _control(self, instruction: Instruction, cycles: int) -> None:
        self._step()
        self.run.control.append(Control(self.cycle, cycles, self.queue, self.index, instruction))
        self.cycle += cycles

    def _step(self) -> None:
        self.run.steps += 1
        if self.run.steps > MAX_DISPATCHES and not self.run.full:
            self.run.full = True
            self.refuse("length", f"control instructions must be at most {MAX_DISPATCHES}, not more")

    def _dispatch_own(self, instruction: Instruction, legal: bool) -> None:
        """Dispatch a word's instruction, increased by base and loops."""
        offset = self.base + self.loops.offset
        if offset and instruction.op.code in self._strided:
            instruction = self._advance(instruction, offset)
            legal = legal and self._within(instruction, self.cycle)
        self._dispatch(self.cycle, 0, instruction)
        self.last, self.last_is_legal = instruction, legal

    def _dispatch(self, cycle: int, repetition: int, instruction: Instruction) -> None:
        if len(self.run.dispatches) < MAX_DISPATCHES:
            self.run.dispatches.append(Dispatch(cycle, self.queue, self.index, repetition, instruction))
        elif not self.run.full:
            self.run.full = True
            self.refuse("length", f"dispatches must be at most {MAX_DISPATCHES}, not more", cycle)

    def _repeat(self, count: int, interval: int, stride: int) -> None:
        if self.queue.unit.waits:
            return self.refuse_once("repeat", "REPEAT must follow what can be repeated, nothing of an align queue")
        if self.last is None:
            return self.refuse_once("repeat", "REPEAT must follow a slice instruction, not come first")
        if not self._has_field("repeat", "stride", stride):
            return None
        if stride and self.last.op.code not in self._strided:
            return self.refuse_once("repeat", f"stride must be 0 after {self.last.op.name}, not {stride}")
        if stride:
            return self._repeat_advancing(count, interval, stride)
        for repetition in range(1, count + 1):
            if self.run.full:
                break
            self._dispatch(self.cycle + repetition * interval - 1, repetition, self.last)
        return None

    def _repeat_advancing(self, count: int, interval: int, stride: int) -> None:
        base = self.last
        assert base is not None
        self.last = self._advance(base, count * stride)
        for repetition in range(1, count + 1):
            if self.run.full or not self.last_is_legal:
                break
            cycle = self.cycle + repetition * interval - 1
            instruction = self._advance(base, repetition * stride)
            self.last_is_legal = self._within(instruction, cycle)
            if not self.last_is_legal:
                break
            self._dispatch(cycle, repetition, instruction)

    def _advance(self, instruction: Instruction, by: int) -> Instruction:
        """The instruction with its stride field increased."""
        field = self.queue.unit.stride
        assert field is not None
        return Instruction(instruction.op, {**instruction.values, field.name: instruction[field.name] + by})

    def _within(self, instruction: Instruction, cycle: int) -> bool:
        """Whether an advanced instruction's stride field is within its range; refused if not."""
        field = self.queue.unit.stride
        assert field is not None
        upper = field.upper(self.run.config)
        assert upper is not None, f"{field.name}: a stride field has a limit"
        if 0 <= instruction[field.name] < upper:
            return True
        message = next(m for m in instruction.violations(self.run.config) if m.startswith(f"{field.name} must"))
        self.refuse_once("operand", message, cycle, instruction)
        return False


@lru_cache(1 << 15)
def _decode(unit: str, word: int) -> Instruction:
    """Words recur, and programs are expanded more than once. ValueError as `Unit.decode`."""
    return _UNITS[unit].decode(word)


_UNITS = {unit.name: unit for unit in isa.UNITS}
