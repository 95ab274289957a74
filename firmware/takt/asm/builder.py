"""Programs from Python: dispatches at absolute cycles in any order, memory words, tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from takt_hw import isa
from takt_hw.config import ChipConfig
from takt_hw.isa import DType, Instruction, Op, Queue, Unit

from ..program import MAIN, Entry, Program, Run, Step, TensorLayout, schedule
from .disassembler import disassemble
from .errors import SourceError
from .lexer import Token, TokenKind, tokens_of
from .operands import operand
from .reader import Reader

MAX_REPEAT = (1 << isa.REPEAT.fields[0].width) - 1
"""Repetitions, and cycles of one interval, that one REPEAT can hold."""

_STRIDE_LIMIT = 1 << isa.REPEAT.fields[2].width - 1


class BuildError(ValueError):
    """A call that the builder refuses: one line that names the place and the rule."""


class Builder:
    """Collects a program for one build.

    Instructions may be given in any order; each names the cycle of its dispatch. `build` sorts them, turns
    gaps into NOPs and regular runs (one operand apart from the stride field, constant interval and stride)
    into REPEATs. After a `sync`, cycles are still absolute: the builder knows which `notify` ends it.

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
        self._dispatches: dict[str, dict[str, dict[int, Instruction]]] = {}
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
        unit = self._queue(queue).unit
        place = f"{queue}, cycle {cycle}"
        if not isinstance(cycle, int | np.integer) or cycle < 0:
            raise BuildError(f"{place}: cycle must be an integer of at least 0")
        name = op if isinstance(op, str) else op.name
        row = unit.by_name.get(name)
        if row is None or (isinstance(op, Op) and row is not op):
            raise BuildError(f"{place}: instruction must be one of {', '.join(unit.by_name)}, not {name}")
        if row in (isa.NOP, isa.REPEAT):
            raise BuildError(f"{place}: instruction must not be {row.name}, which the builder makes itself")
        instruction = self._instruction(place, row, operands)
        slots = self._dispatches.setdefault(self._entry, {}).setdefault(queue, {})
        if cycle in slots:
            raise BuildError(f"{place}: cycle must hold one instruction, not {slots[cycle]} and {instruction}")
        slots[int(cycle)] = instruction
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

    def build(self) -> Program:
        """The program. ProgramError if it does not fit the build; whether it is legal, the checker says."""
        names = dict.fromkeys([*self._dispatches, *self._expected]) or {MAIN: None}
        entries = tuple(Entry(name, self._text(name), self._expected.get(name, {})) for name in names)
        return Program(config=self.config, entries=entries, data=self._data, tensors=tuple(self._tensors))

    def text(self) -> str:
        """The program as canonical assembler text."""
        return disassemble(self.build())

    def _text(self, entry: str) -> dict[str, list[int]]:
        steps: dict[str, list[Step]] = {}
        for name, slots in self._dispatches.get(entry, {}).items():
            steps[name] = compress(self._queue(name).unit, sorted(slots.items()))
        plan = schedule(self.config, steps)
        for problem in plan.problems:
            step = steps[problem.queue][problem.step]
            raise BuildError(f"{problem.queue}, {step.instruction} at cycle {step.at}: {problem.message}")
        return plan.words

    def _queue(self, name: str) -> Queue:
        queue = isa.queue_by_name(self.config).get(name)
        if queue is None:
            raise BuildError(f"queue must be one of {self.config.name}, as MEM_E0.read or VXM.alu0, not {name!r}")
        return queue

    def _instruction(self, place: str, op: Op, operands: Mapping[str, Any]) -> Instruction:
        values = {}
        for f in op.fields:
            value = operands.get(f.name)
            if isinstance(value, str):
                value = self._operand(place, op, f, value)
            elif isinstance(value, np.integer):
                value = int(value)
            if f.name in operands:
                values[f.name] = value
        unknown = {name: value for name, value in operands.items() if name not in values}
        try:
            instruction = op.make(**values, **unknown)
        except ValueError as error:
            raise BuildError(f"{place}: {error}") from None
        for violation in instruction.violations(self.config):
            raise BuildError(f"{place}: {op.name}: {violation}")
        return instruction

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


def compress(unit: Unit, dispatches: Sequence[tuple[int, Instruction]]) -> list[Step]:
    """Sorted dispatches as steps, runs of equal instructions as REPEATs of the longest constant interval and stride.

    A REPEAT goes on from the last dispatch, so that each further run costs one word, gaps included.
    """
    stride_name = unit.stride.name if unit.stride else None
    rest = [tuple((k, v) for k, v in i.values.items() if k != stride_name) for _, i in dispatches]
    joins: list[tuple[int, int] | None] = [None]
    for ((before, last), (cycle, here)), (x, y) in zip(pairwise(dispatches), pairwise(rest), strict=True):
        stride = here[stride_name] - last[stride_name] if stride_name and last.op is here.op else 0
        same = last.op is here.op and x == y and here.op not in isa.CONTROL
        fits = cycle - before <= MAX_REPEAT and -_STRIDE_LIMIT <= stride < _STRIDE_LIMIT
        joins.append((cycle - before, stride) if same and fits else None)
    steps: list[Step] = []
    index = 0
    while index < len(dispatches):
        cycle, instruction = dispatches[index]
        join = joins[index]
        count = 1
        while join and index + count < len(dispatches) and joins[index + count] == join and count < MAX_REPEAT:
            count += 1
        if join is None or (count == 1 and join[0] == 1):
            steps.append(Step(instruction, at=cycle))
            index += 1
            continue
        repeat = isa.REPEAT.make(count=count, interval=join[0], stride=join[1])
        steps.append(Step(repeat, at=cycle - join[0] + 1))
        index += count
    return steps
