"""`system` and `deskew`: what a chip does together with others, and how it realigns with them."""

from __future__ import annotations

from collections.abc import Iterator

from takt_hw import isa
from takt_hw.config import ChipConfig

from ..timeline import Control, Dispatch, Timeline, Violation

SHARED = (isa.SEND, isa.RECEIVE, isa.DESKEW, isa.RUNTIME_DESKEW, isa.SYNC_LINK, isa.NOTIFY_LINKS)
"""Instructions that mean something only together with other chips."""


def lone(timeline: Timeline) -> Iterator[Violation]:
    """Nothing is proved of one chip that needs another."""
    every: list[Dispatch | Control] = [*timeline.dispatches, *timeline.control]
    for d in every:
        if d.instruction.op in SHARED:
            message = f"{d.instruction.op.name} must be proved together with the other chips' programs, not alone"
            yield d.violation("system", message)


def violations(config: ChipConfig, timeline: Timeline) -> Iterator[Violation]:
    """RUNTIME_DESKEW takes long enough, and meanwhile every other queue is parked or has ended."""
    waits = [c for c in timeline.control if c.instruction.op is isa.RUNTIME_DESKEW]
    if not waits:
        return
    parked: dict[str, list[Control]] = {}
    for c in timeline.control:
        if c.instruction.op is isa.SYNC:
            parked.setdefault(c.queue.name, []).append(c)
    least = isa.deskew_minimum(config)
    for wait in waits:
        if wait.cycles < least:
            yield wait.violation("deskew", f"cycles must be at least {least}, not {wait.cycles}")
        end = wait.cycle + wait.cycles
        for name, ends in timeline.ends.items():
            if name == wait.queue.name or ends <= wait.cycle:
                continue
            if not any(c.cycle <= wait.cycle and end <= c.cycle + c.cycles for c in parked.get(name, ())):
                message = f"{name} must be parked in SYNC, or have ended, from cycle {wait.cycle} to {end}"
                yield wait.violation("deskew", message)
