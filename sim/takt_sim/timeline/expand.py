"""All queues along the clock: each goes on until it must know what the others did."""

from __future__ import annotations

import heapq

from takt_hw import isa
from takt_hw.config import ChipConfig

from ..violation import IllegalProgram, Violation
from .dispatch import Memory, Text, Timeline
from .fetch import TextSource
from .walker import Record, Wait, Walker

Waiting = list[tuple[int, int, Walker]]
"""Heap of (cycle, index of the queue, walker)."""


def expand(config: ChipConfig, text: Text, memory: Memory | None = None) -> Timeline:
    """The timeline of ``text``, as in `trace`. IllegalProgram if it has none."""
    timeline, violations = trace(config, text, memory)
    if violations:
        raise IllegalProgram(violations)
    return timeline


def trace(config: ChipConfig, text: Text, memory: Memory | None = None) -> tuple[Timeline, list[Violation]]:
    """The timeline of ``text`` and all that is wrong with it; the timeline means something if that is nothing.

    ``memory`` is what memory holds before the program; only instruction text is taken from it. If it is
    None, a program with an IFETCH is refused.
    """
    run = Record(config)
    known = isa.queue_by_name(config)
    for name in text:
        if name not in known:
            run.violations.append(Violation("text", name, "", None, "-", f"queue must be one of {config.name}'s"))
    walkers = [Walker(run, queue, text.get(queue.name, ())) for queue in isa.queues(config)]
    source = TextSource(config, run.dispatches, memory)
    parked = _walk_all(run, walkers, source)
    # a broken or missing word may have been the NOTIFY
    if not (run.full or run.lost or any(v.rule == "encoding" for v in run.violations)):
        for _, _, walker in sorted(parked, key=lambda entry: entry[:2]):
            walker.refuse("sync", "SYNC must be ended by a NOTIFY, not wait for ever")
    ends = {w.queue.name: w.cycle for w in walkers}
    run.dispatches.sort(key=lambda d: (d.cycle, d.queue.index))
    run.control.sort(key=lambda c: (c.cycle, c.queue.index))
    cycles = max(ends.values()) + config.superlanes
    timeline = Timeline(tuple(run.dispatches), tuple(run.control), ends, cycles, frozenset(source.fetched))
    return timeline, sorted(run.violations, key=lambda v: -1 if v.cycle is None else v.cycle)


def _walk_all(run: Record, walkers: list[Walker], source: TextSource) -> Waiting:
    """Walk every queue as far as it goes; those that are parked for ever.

    The earliest of releases and missing words comes first. Nothing that a walker dispatches later can precede
    it: a release comes after its NOTIFY, and a queue that waits dispatches nothing before it goes on.
    """
    parked: Waiting = []
    hungry: Waiting = []

    def go_on(walker: Walker) -> None:
        waits = walker.walk()
        if waits is not Wait.END:
            heapq.heappush(parked if waits is Wait.RELEASE else hungry, (walker.cycle, walker.queue.index, walker))

    for walker in walkers:
        go_on(walker)
    while hungry or (parked and run.releases):
        if hungry and not (parked and run.releases and run.releases[0] <= hungry[0][0]):
            walker = heapq.heappop(hungry)[2]
            if walker.receive(source):
                go_on(walker)
            continue
        release = heapq.heappop(run.releases)
        while parked and parked[0][0] < release:
            walker = heapq.heappop(parked)[2]
            walker.release(release)
            go_on(walker)
    return parked
