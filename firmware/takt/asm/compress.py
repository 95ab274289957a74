"""Dispatches at their cycles as steps: REPEATs for regular runs, blocks for loops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from takt_hw import isa
from takt_hw.isa import Instruction, Unit

from ..program import Step

MAX_REPEAT = (1 << isa.COUNT.width) - 1
"""Repetitions, and cycles of one interval, that one REPEAT can hold."""

_STRIDE_LIMIT = 1 << isa.STRIDE.width - 1


@dataclass(frozen=True)
class Body:
    """What a LOOP repeats."""

    loop: Instruction
    """With its count and stride."""

    period: int | None
    """Cycles of one iteration; None for as many as its instructions need."""

    slots: dict[int, Instruction | Body] = field(default_factory=dict)
    """By cycle, counted from the first of the body."""


def steps_of(unit: Unit, slots: Mapping[int, Instruction | Body], first: int = 0) -> list[Step]:
    """Steps that dispatch instructions and loops in their cycles, counted from ``first``."""
    steps: list[Step] = []
    run: list[tuple[int, Instruction]] = []
    for cycle, what in sorted(slots.items(), key=lambda slot: slot[0]):
        if isinstance(what, Instruction):
            run.append((first + cycle, what))
            continue
        steps += compress(unit, run)
        run = []
        begin = first + cycle + 1
        steps.append(Step(what.loop, at=begin - 1, block=True))
        steps += steps_of(unit, what.slots, begin)
        steps.append(Step(None, at=None if what.period is None else begin + what.period))
    return steps + compress(unit, run)


def compress(unit: Unit, dispatches: Sequence[tuple[int, Instruction]]) -> list[Step]:
    """Sorted dispatches as steps, runs of equal instructions as REPEATs of the longest constant interval and stride.

    A REPEAT goes on from the last dispatch, so that each further run costs one word, gaps included. In a queue whose
    instructions wait nothing is repeated.
    """
    stride_name = unit.stride.name if unit.stride else ""
    rest = [tuple((k, v) for k, v in i.values.items() if k != stride_name) for _, i in dispatches]
    joins: list[tuple[int, int] | None] = [None]
    for ((before, last), (cycle, here)), (x, y) in zip(pairwise(dispatches), pairwise(rest), strict=True):
        strided = last.op is here.op and stride_name in here.values
        stride = here[stride_name] - last[stride_name] if strided else 0
        same = last.op is here.op and x == y and here.op not in isa.CONTROL and not unit.waits
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
