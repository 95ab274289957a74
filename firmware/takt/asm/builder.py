"""Programs from Python: dispatches at absolute cycles in any order, memory words, tensors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from takt_hw import isa
from takt_hw.config import ChipConfig
from takt_hw.isa import DType, Form, Immediate, Instruction, Op, Queue

from ..program import MAIN, Entry, Program, Run, Step, TensorLayout, schedule
from ..program.text import MAX_STORED, place_text, split_text
from .compress import Body, steps_of
from .disassembler import disassemble
from .errors import SourceError
from .lexer import Token, TokenKind, tokens_of
from .operands import operand
from .reader import Reader


class BuildError(ValueError):
    """A call that the builder refuses: one line that names the place and the rule."""


class Builder:
    """Collects a program for one build.

    Instructions may be given in any order; each names the cycle of its dispatch. `build` sorts them, turns
    gaps into NOPs and regular runs (one operand apart from the stride field, constant interval and stride)
    into REPEATs. Loops are given by `loop`. After a `sync`, cycles are still absolute: the builder knows which
    `notify` ends it.

    Parameters
    ----------
    config : ChipConfig
        The build.

    Raises
    ------
    BuildError
        From any method, for what does not fit the build or a dispatch taken twice.
    """

    def __init__(self, config: ChipConfig):
        self.config = config
        self._dispatches: dict[str, dict[str, dict[int, Instruction | Body]]] = {}
        self._stored: dict[str, dict[str, tuple[int, str, int]]] = {}
        """Per entry and queue: first cycle of the text that lies in memory, slice and address."""
        self._expected: dict[str, dict[str, dict[int, bytes]]] = {}
        self._data: dict[str, dict[int, bytes]] = {}
        self._tensors: list[TensorLayout] = []
        self._entry = MAIN

    def entry(self, name: str) -> Builder:
        """Let what follows belong to this entry point; ``main`` until the first call."""
        self._entry = name
        self._dispatches.setdefault(name, {})
        return self

    def at(self, cycle: int, queue: str, op: Op | str, **operands: Any) -> Builder:
        """Dispatch ``op`` in a cycle. Operands by field name, as objects, numbers or assembler text (``"s0e:i8"``)."""
        self._queue(queue)
        self._at(self._slots(queue), cycle, queue, op, operands)
        return self

    @contextmanager
    def loop(self, cycle: int, queue: str, count: int, stride: int = 0, period: int | None = None) -> Iterator[Loop]:
        """A LOOP that is dispatched in a cycle; what is done to the value of the ``with`` is its body.

        The body begins in the cycle after. Each iteration takes ``period`` cycles, or as many as the body's
        instructions need, and increases their stride field by ``stride`` over the one before.
        """
        self._queue(queue)
        yield self._loop(self._slots(queue), cycle, queue, count, stride, period)

    def text_in_memory(self, queue: str, cycle: int, slice: str, address: int) -> Builder:
        """Let a queue's words, from its first instruction in or after a cycle on, lie in memory instead of the queue.

        The wait before that instruction stays in the queue.
        IFETCHes must bring them in time, and READs must put them on the stream: one memory word holds
        ``superlanes`` words of text. Where the IFETCHes bring more words than there are, NOPs follow.
        """
        if slice not in {s.name for s in self.config.mem_slices}:
            raise BuildError(f"{queue}: slice must be a memory slice of {self.config.name}, as MEM_E0, not {slice!r}")
        self._queue(queue)
        self._stored.setdefault(self._entry, {})[queue] = cycle, slice, address
        return self

    def sync(self, cycle: int, *queues: str) -> Builder:
        """Park queues in a cycle."""
        for queue in queues:
            self.at(cycle, queue, isa.SYNC)
        return self

    def notify(self, cycle: int, queue: str) -> Builder:
        """Release all parked queues ``NOTIFY.d_func`` cycles after this one."""
        return self.at(cycle, queue, isa.NOTIFY)

    def data(self, slice: str, address: int, words: ArrayLike) -> Builder:
        """Words to load: int8 or uint8 [lanes] or [count, lanes], from ``address`` on."""
        self._put(self._data, slice, address, words)
        return self

    def expect(self, slice: str, address: int, words: ArrayLike) -> Builder:
        """Words that memory must hold after the current entry has run."""
        self._put(self._expected.setdefault(self._entry, {}), slice, address, words)
        return self

    def input(self, name: str, shape: Sequence[int], dtype: str, planes: Sequence[Run | Sequence[Run]]) -> Builder:
        """An input tensor: ``i8`` with one byte plane or ``i32`` with four, each a run or some runs."""
        return self._tensor("input", name, shape, dtype, planes)

    def output(self, name: str, shape: Sequence[int], dtype: str, planes: Sequence[Run | Sequence[Run]]) -> Builder:
        """An output tensor, as `input`."""
        return self._tensor("output", name, shape, dtype, planes)

    def begins(self) -> dict[str, tuple[int, ...]]:
        """The cycles that instructions and LOOPs were given, sorted, of each queue of the current entry with any."""
        return {name: tuple(sorted(slots)) for name, slots in self._dispatches.get(self._entry, {}).items() if slots}

    def build(self) -> Program:
        """The program. ProgramError if it does not fit the build; whether it is legal, the checker says."""
        names = dict.fromkeys([*self._dispatches, *self._expected]) or {MAIN: None}
        data = {name: dict(words) for name, words in self._data.items()}
        entries = tuple(Entry(name, self._text(name, data), self._expected.get(name, {})) for name in names)
        return Program(config=self.config, entries=entries, data=data, tensors=tuple(self._tensors))

    def text(self) -> str:
        """The program as canonical assembler text."""
        return disassemble(self.build())

    def _text(self, entry: str, data: dict[str, dict[int, bytes]]) -> dict[str, list[int]]:
        """The words that the host loads; those in memory are added to ``data``."""
        steps: dict[str, list[Step]] = {}
        for name, slots in self._dispatches.get(entry, {}).items():
            steps[name] = steps_of(self._queue(name).unit, slots)
        stored = self._stored.get(entry, {})
        plan = schedule(self.config, steps, dict.fromkeys(stored, MAX_STORED))
        for problem in plan.problems:
            step = steps[problem.queue][problem.step]
            place = "end of a loop" if step.instruction is None else str(step.instruction)
            raise BuildError(f"{problem.queue}, {place} at cycle {step.at}: {problem.message}")
        for name, (cycle, slice_name, address) in stored.items():
            own = steps.get(name, [])
            first = next((n for n, step in enumerate(own) if step.at is not None and step.at >= cycle), len(own))
            words = plan.words.get(name, [])
            try:
                words, fetched = split_text(words, plan.own[name][first] if first < len(own) else len(words))
                place_text(self.config, data, slice_name, address, fetched)
            except ValueError as error:
                raise BuildError(f"{name}: {error}") from None
            plan.words[name] = words
        return plan.words

    def _slots(self, queue: str) -> dict[int, Instruction | Body]:
        return self._dispatches.setdefault(self._entry, {}).setdefault(queue, {})

    def _at(
        self, slots: dict[int, Instruction | Body], cycle: int, queue: str, op: Op | str, operands: Mapping[str, Any]
    ) -> None:
        """Put an instruction into a cycle of a queue or of a loop's body."""
        known = self._queue(queue)
        unit = known.unit
        place = f"{queue}, cycle {cycle}"
        self._check_cycle(place, cycle)
        name = op if isinstance(op, str) else op.name
        row = unit.by_name.get(name)
        if row is None or (isinstance(op, Op) and row is not op):
            raise BuildError(f"{place}: instruction must be one of {', '.join(unit.by_name)}, not {name}")
        if row in (isa.NOP, isa.REPEAT):
            raise BuildError(f"{place}: instruction must not be {row.name}, which the builder makes itself")
        if row is isa.LOOP:
            raise BuildError(f"{place}: instruction must not be LOOP, which loop() makes")
        self._take(slots, place, cycle, self._instruction(place, known, row, operands))

    def _loop(
        self, slots: dict[int, Instruction | Body], cycle: int, queue: str, count: int, stride: int, period: int | None
    ) -> Loop:
        place = f"{queue}, cycle {cycle}"
        self._check_cycle(place, cycle)
        loop = self._instruction(place, self._queue(queue), isa.LOOP, {"count": count, "body": 1, "stride": stride})
        if period is not None and period < 1:
            raise BuildError(f"{place}: period must be at least 1, not {period}")
        body = Body(loop, period)
        self._take(slots, place, cycle, body)
        return Loop(self, queue, body)

    @staticmethod
    def _check_cycle(place: str, cycle: int) -> None:
        if not isinstance(cycle, int | np.integer) or cycle < 0:
            raise BuildError(f"{place}: cycle must be an integer of at least 0")

    @staticmethod
    def _take(slots: dict[int, Instruction | Body], place: str, cycle: int, what: Instruction | Body) -> None:
        if cycle in slots:
            both = " and ".join(str(w.loop if isinstance(w, Body) else w) for w in (slots[cycle], what))
            raise BuildError(f"{place}: cycle must hold one instruction, not {both}")
        slots[int(cycle)] = what

    def _queue(self, name: str) -> Queue:
        queue = isa.queue_by_name(self.config).get(name)
        if queue is None:
            raise BuildError(f"queue must be one of {self.config.name}, as MEM_E0.read or VXM.alu0, not {name!r}")
        return queue

    def _instruction(self, place: str, queue: Queue, op: Op, operands: Mapping[str, Any]) -> Instruction:
        values = {}
        for f in op.fields:
            value = operands.get(f.name)
            if isinstance(value, str):
                value = self._operand(place, op, f, value)
            elif isinstance(value, np.integer):
                value = int(value)
            elif isinstance(value, float | np.floating) and f.form is Form.VXM_SOURCE:
                value = self._float(place, op, f, float(value))
            if f.name in operands:
                values[f.name] = value
        unknown = {name: value for name, value in operands.items() if name not in values}
        try:
            instruction = op.make(**values, **unknown)
        except ValueError as error:
            raise BuildError(f"{place}: {error}") from None
        for violation in instruction.violations(self.config, queue):
            raise BuildError(f"{place}: {op.name}: {violation}")
        return instruction

    @staticmethod
    def _float(place: str, op: Op, f: isa.Field, value: float) -> Immediate:
        try:
            return Immediate.of_float(value)
        except ValueError:
            raise BuildError(f"{place}: {op.name}: {f.name} must fit fp32, not {value!r}") from None

    @staticmethod
    def _operand(place: str, op: Op, f: isa.Field, text: str) -> Any:
        try:
            reader = Reader([*tokens_of(text), Token(TokenKind.END, "the end", 1, len(text) + 1)], {})
            value = operand(reader, f)
            reader.end()
        except SourceError as fault:
            raise BuildError(f"{place}: {op.name}: {fault}") from None
        return value

    def _put(self, memory: dict[str, dict[int, bytes]], slice: str, address: int, words: ArrayLike) -> None:
        place = f"{slice}, {address:#x}"
        if slice not in {s.name for s in self.config.mem_slices}:
            raise BuildError(f"{place}: slice must be a memory slice of {self.config.name}, as MEM_E0")
        array = np.atleast_2d(np.asarray(words))
        if array.ndim != 2 or array.shape[1] != self.config.lanes:
            rule = f"words must have shape [{self.config.lanes}] or [count, {self.config.lanes}]"
            raise BuildError(f"{place}: {rule}, not {list(np.shape(words))}")
        if array.dtype.kind not in "iu" or (array.size and (array.min() < -128 or array.max() > 255)):
            raise BuildError(f"{place}: words must hold integers from -128 to 255")
        if not 0 <= address <= self.config.mem_words - len(array):
            rule = f"words must lie below {self.config.mem_words:#x}, not end at {address + len(array):#x}"
            raise BuildError(f"{place}: {rule}")
        held = memory.setdefault(slice, {})
        for offset, row in enumerate((array.astype(np.int64) & 0xFF).astype(np.uint8)):
            if address + offset in held:
                raise BuildError(f"{place}: word must be given once, not again: {address + offset:#x}")
            held[int(address) + offset] = row.tobytes()

    def _tensor(
        self, role: str, name: str, shape: Sequence[int], dtype: str, planes: Sequence[Run | Sequence[Run]]
    ) -> Builder:
        dtypes = {item.text: item for item in DType}
        if dtype not in dtypes:
            raise BuildError(f"tensor {name}: dtype must be one of {', '.join(dtypes)}, not {dtype!r}")
        placed = tuple((plane,) if isinstance(plane, Run) else tuple(plane) for plane in planes)
        layout = TensorLayout(
            name=name, role=role, dtype=dtypes[dtype], shape=tuple(int(size) for size in shape), planes=placed
        )
        for violation in layout.violations(self.config):
            raise BuildError(f"tensor {name}: {violation}")
        self._tensors.append(layout)
        return self


class Loop:
    """The body of a LOOP in a queue. Cycles count from the first of the body."""

    def __init__(self, builder: Builder, queue: str, body: Body):
        self._builder, self._queue, self._body = builder, queue, body

    def at(self, cycle: int, op: Op | str, **operands: Any) -> Loop:
        """Dispatch ``op`` in a cycle of every iteration; operands, as they are in the first, as in `Builder.at`."""
        self._builder._at(self._body.slots, cycle, self._queue, op, operands)
        return self

    @contextmanager
    def loop(self, cycle: int, count: int, stride: int = 0, period: int | None = None) -> Iterator[Loop]:
        """A LOOP within the body, as `Builder.loop`."""
        yield self._builder._loop(self._body.slots, cycle, self._queue, count, stride, period)
