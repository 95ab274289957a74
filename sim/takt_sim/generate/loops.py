"""Folds what a queue dispatches again and again into LOOPs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from takt_hw import isa
from takt_hw.isa import Instruction, Queue

MAX_STRIDE = 32767

MAX_PERIOD_ITEMS = 5
"""Items of one iteration, at most."""


@dataclass(frozen=True)
class Fold:
    """A LOOP. The items of its body start in cycles counted from that after the LOOP's own."""

    count: int
    stride: int
    period: int
    """Cycles of one iteration."""

    items: tuple[Item, ...]

    @property
    def depth(self) -> int:
        """Loops within one another."""
        return 1 + max((item.what.depth for item in self.items if isinstance(item.what, Fold)), default=0)


class Item(NamedTuple):
    """Something in a queue, from its first cycle on."""

    start: int
    cycles: int
    what: Instruction | Fold

    @property
    def end(self) -> int:
        """The cycle after."""
        return self.start + self.cycles


def size(item: Item) -> int:
    """Words of an item with all the NOPs that it can need, at most."""
    if isinstance(item.what, Fold):
        return 3 + sum(map(size, item.what.items))
    return 2


def fold(queue: Queue, items: list[Item], random: Random) -> list[Item]:
    """The same dispatches in the same cycles, with loops, and loops within loops."""
    longest = random.random() < 0.3
    for _ in range(isa.LOOP_DEPTH):
        folded = _fold_once(queue, items, longest, random)
        if len(folded) == len(items):
            break
        items = folded
    return items


def _fold_once(queue: Queue, items: list[Item], longest: bool, random: Random) -> list[Item]:
    result: list[Item] = []
    n = 0
    while n < len(items):
        free = result[-1].end if result else 0
        found = None
        if items[n].start > free and random.random() < 0.9:  # the LOOP needs a cycle
            found = _find(queue, items, n, longest)
        if found is None:
            result.append(items[n])
            n += 1
            continue
        length, folded = found
        result.append(Item(items[n].start - 1, 1 + folded.count * folded.period, folded))
        n += length * folded.count
    return result


def _find(queue: Queue, items: Sequence[Item], n: int, longest: bool) -> tuple[int, Fold] | None:
    """Items of one iteration, and a loop that begins with item ``n``.

    ``longest``: the one that takes in the most items. Otherwise that with the shortest body, which leaves
    the most to the loops around it.
    """
    found = [
        (length, folded)
        for length in range(1, MAX_PERIOD_ITEMS + 1)
        if (folded := _loop(queue, items, n, length)) is not None
    ]
    if not found:
        return None
    return max(found, key=lambda pair: pair[0] * pair[1].count) if longest else found[0]


def _loop(queue: Queue, items: Sequence[Item], n: int, length: int) -> Fold | None:
    body = items[n : n + length]
    after = n + length
    if after >= len(items):
        return None
    period = items[after].start - items[n].start
    stride = _common(queue, body, items[after : after + length], period)
    if stride is None or abs(stride) > MAX_STRIDE:
        return None
    count = 2
    while _follows(queue, body, items[n + count * length : n + (count + 1) * length], count, period, stride):
        count += 1
    end = items[n].start + count * period
    if n + count * length < len(items) and items[n + count * length].start < end:
        count -= 1  # the last iteration would last into what follows
    depth = 1 + max((item.what.depth for item in body if isinstance(item.what, Fold)), default=0)
    if count < 2 or depth > isa.LOOP_DEPTH:
        return None
    first = items[n].start
    return Fold(count, stride, period, tuple(item._replace(start=item.start - first) for item in body))


def _follows(queue: Queue, body: Sequence[Item], other: Sequence[Item], n: int, period: int, stride: int) -> bool:
    """Whether ``other`` is iteration ``n`` of a loop."""
    if len(other) != len(body) or any(
        b.start != a.start + n * period or b.cycles != a.cycles for a, b in zip(body, other, strict=True)
    ):
        return False
    return all(_moved(queue, a.what, b.what, n * stride) for a, b in zip(body, other, strict=True))


def _common(queue: Queue, body: Sequence[Item], other: Sequence[Item], period: int) -> int | None:
    """The stride that makes ``other`` the second iteration; None if there is none."""
    if len(other) != len(body):
        return None
    stride = 0
    for a, b in zip(body, other, strict=True):
        first, second = _first_field(queue, a.what), _first_field(queue, b.what)
        if first is not None and second is not None:
            stride = second - first
            break
    return stride if _follows(queue, body, other, 1, period, stride) else None


def _first_field(queue: Queue, what: Instruction | Fold) -> int | None:
    """The stride field of the first instruction that has it."""
    if isinstance(what, Instruction):
        return what.values.get(queue.unit.stride.name) if _has_field(queue, what) else None  # type: ignore[union-attr]
    fields = (_first_field(queue, item.what) for item in what.items)
    return next((value for value in fields if value is not None), None)


def _has_field(queue: Queue, instruction: Instruction) -> bool:
    return queue.unit.stride is not None and queue.unit.stride in instruction.op.fields


def _moved(queue: Queue, a: Instruction | Fold, b: Instruction | Fold, by: int) -> bool:
    """Whether ``b`` is ``a`` with its stride fields increased."""
    if isinstance(a, Instruction) and isinstance(b, Instruction):
        return isa.IFETCH not in (a.op, b.op) and moved(queue, a, by) == b
    if isinstance(a, Fold) and isinstance(b, Fold):
        alike = (a.count, a.stride, a.period, len(a.items)) == (b.count, b.stride, b.period, len(b.items))
        return alike and all(
            x[:2] == y[:2] and _moved(queue, x.what, y.what, by) for x, y in zip(a.items, b.items, strict=True)
        )
    return False


def moved(queue: Queue, instruction: Instruction, by: int) -> Instruction:
    """The instruction with its stride field increased, if it has it."""
    if not by or not _has_field(queue, instruction):
        return instruction
    name = queue.unit.stride.name  # type: ignore[union-attr]
    return Instruction(instruction.op, {**instruction.values, name: instruction.values[name] + by})


def moved_item(queue: Queue, item: Item, by: int) -> Item:
    """An item with all stride fields increased."""
    if isinstance(item.what, Instruction):
        return item._replace(what=moved(queue, item.what, by))
    inner = tuple(moved_item(queue, other, by) for other in item.what.items)
    return item._replace(what=Fold(item.what.count, item.what.stride, item.what.period, inner))


def fields(queue: Queue, item: Item) -> list[int]:
    """Stride fields of the words of an item."""
    if isinstance(item.what, Instruction):
        return [item.what.values[queue.unit.stride.name]] if _has_field(queue, item.what) else []  # type: ignore[union-attr]
    return [value for other in item.what.items for value in fields(queue, other)]
