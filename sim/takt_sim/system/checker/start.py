"""`start`: all chips begin with the start-up sequence of their place, and nothing runs before it is over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from takt_hw import isa
from takt_hw.config import ChipConfig

from ...timeline import Control, Dispatch, Timeline, Violation
from ..startup import startup
from ..topology import Topology
from ..violation import ChipViolation

ONCE = (isa.DESKEW, isa.SYNC_LINK, isa.NOTIFY_LINKS)
"""What stands in the sequence and nowhere else."""


def violations(config: ChipConfig, topology: Topology, timelines: Sequence[Timeline]) -> Iterator[ChipViolation]:
    """Of every chip: the sequence itself, no other of its instructions, and SYNC before all else in other queues."""
    align = next(queue for queue in isa.queues(config) if queue.unit is isa.C2C_ALIGN)
    for chip, timeline in enumerate(timelines):
        sequence = startup(config, topology, chip)
        own = [c for c in timeline.control if c.queue == align]
        for wanted, there in zip_longest(sequence, own[: len(sequence)]):
            if there is None:
                message = f"start-up sequence must go on with {wanted}, not end"
                yield ChipViolation("start", align.name, align.slice, None, "-", message, chip=chip)
                break
            if there.instruction.word != wanted.word:
                message = f"start-up sequence must have {wanted} here, not {there.instruction}"
                yield ChipViolation.of(chip, there.violation("start", message))
                break
        else:
            for c in own[len(sequence) :]:
                if c.instruction.op in ONCE:
                    message = f"{c.instruction.op.name} must stand in the start-up sequence, not behind it"
                    yield ChipViolation.of(chip, c.violation("start", message))
        for violation in _other_queues(timeline, align):
            yield ChipViolation.of(chip, violation)


def _other_queues(timeline: Timeline, align: isa.Queue) -> Iterator[Violation]:
    first: dict[str, Control | Dispatch] = {}
    every: list[Control | Dispatch] = [*timeline.control, *timeline.dispatches]
    for d in every:
        if d.queue != align and (d.queue.name not in first or d.cycle < first[d.queue.name].cycle):
            first[d.queue.name] = d
    for d in first.values():
        if d.instruction.op is not isa.SYNC:
            yield d.violation("start", f"queue must begin with SYNC, not with {d.instruction.op.name}")
