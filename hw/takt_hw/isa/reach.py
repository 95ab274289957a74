"""Which streams a slice names in a build whose streams go between positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..config import ChipConfig, Kind
from .form import Form, Queue, Role
from .operands import Direction, DType, Stream


def between_positions(config: ChipConfig, queues: Sequence[Queue]) -> list[Queue]:
    """The queues, each taking only what a slice upstream can put, and putting only what one downstream can take.

    Memory also takes what memory of its own position puts: a slice that names few streams has no other for both the
    data and the addresses or the mask of a SCATTER or WRITE_MASKED. Instruction text counts as taken wherever there is
    a queue. Queues that name groups name whole ones.
    """
    takes = {(q.position, s) for q in queues for s in q.takes if _has(q, Role.SOURCE) or s.index in q.text}
    found = []
    for queue in queues:
        go = {s for place, s in takes if (place - queue.position) * s.direction.step > 0}
        found.append(replace(queue, puts=queue.puts & _whole_groups(go, _largest_group(config, queue))))
    puts = _put(found)
    for n, queue in enumerate(found):
        come = _arriving(puts, queue.position)
        if queue.unit.kind is Kind.MEM:
            come |= {s for place, s in puts if place == queue.position}
        found[n] = replace(queue, takes=queue.takes & _whole_groups(come, _largest_group(config, queue)))
    return found


def arriving(queues: Sequence[Queue], position: int) -> frozenset[Stream]:
    """Streams that can carry something from one position's neighbours to it."""
    return frozenset(_arriving(_put(queues), position))


def all_streams(numbers: range) -> frozenset[Stream]:
    """Those of some numbers, in either direction."""
    return frozenset(Stream(number, direction) for direction in Direction for number in numbers)


def _put(queues: Sequence[Queue]) -> set[tuple[int, Stream]]:
    """What slices can put where."""
    return {(q.position, s) for q in queues for s in q.puts if _has(q, Role.DEST)}


def _arriving(puts: set[tuple[int, Stream]], position: int) -> set[Stream]:
    return {s for place, s in puts if (position - place) * s.direction.step > 0}


def _has(queue: Queue, role: Role) -> bool:
    """Whether some instruction of the queue names a stream in this role."""
    return any(f.role is role for op in queue.unit.ops for f in op.fields if not op.brings_text)


def _largest_group(config: ChipConfig, queue: Queue) -> int:
    fields = [f for op in queue.unit.ops for f in op.fields if f.role in (Role.SOURCE, Role.DEST)]
    typed = any(f.form in (Form.TYPED_DEST, Form.VXM_SOURCE) for f in fields)
    return max([f.group_size(config) for f in fields] + [max(t.streams for t in DType)] * typed)


def _whole_groups(streams: set[Stream], size: int) -> frozenset[Stream]:
    firsts = {Stream(s.index - s.index % size, s.direction) for s in streams}
    return frozenset(member for first in firsts for member in first.group(size))
