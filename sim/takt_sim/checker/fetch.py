"""`fetch-conflict`, `fetch-overwrite` and `fetch-text`: instruction text that arrives by stream."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from takt_hw import isa
from takt_hw.config import ChipConfig

from ..latency import d_func
from ..timeline import Control, Timeline, Violation


def violations(config: ChipConfig, timeline: Timeline) -> Iterator[Violation]:
    """Words come one at a time to each position, replace what is no longer needed, and nobody writes their source."""
    fetches = [c for c in timeline.control if c.instruction.op is isa.IFETCH]
    if fetches:
        yield from _conflicts(fetches)
        yield from _overwrites(config, timeline, fetches)
        yield from _writes(timeline)


def _conflicts(fetches: Sequence[Control]) -> Iterator[Violation]:
    busy: dict[int, tuple[int, Control]] = {}
    for fetch in fetches:  # by cycle
        position = fetch.queue.position
        until, other = busy.get(position, (0, fetch))
        if fetch.cycle < until:
            message = f"position {position} must be free from cycle {until} on, after {other.queue.name}'s IFETCH"
            yield fetch.violation("fetch-conflict", message)
        busy[position] = max(until, fetch.cycle + fetch.instruction["words"]), fetch


def _overwrites(config: ChipConfig, timeline: Timeline, fetches: Sequence[Control]) -> Iterator[Violation]:
    """A word needs its place until its last dispatch is over."""
    needed = _needed(timeline)
    by_queue: dict[str, list[Control]] = defaultdict(list)
    for fetch in fetches:
        by_queue[fetch.queue.name].append(fetch)
    for name, own in by_queue.items():
        words = 1 + max(needed[name])
        first = words - sum(fetch.instruction["words"] for fetch in own)  # every word asked for is dispatched
        for fetch in own:
            for n in range(fetch.instruction["words"]):
                replaced = first + n - config.queue_words
                arrives = fetch.cycle + d_func(isa.IFETCH, config) + n
                if needed[name].get(replaced, 0) > arrives:
                    message = f"word {replaced} must be over when {first + n} replaces it in cycle {arrives}"
                    yield fetch.violation("fetch-overwrite", f"{message}, not in cycle {needed[name][replaced]}")
                    break
            first += fetch.instruction["words"]


def _needed(timeline: Timeline) -> dict[str, dict[int, int]]:
    """By queue and word number: the cycle in which the queue has gone on from the word for the last time."""
    needed: dict[str, dict[int, int]] = defaultdict(dict)
    for c in timeline.control:
        needed[c.queue.name][c.index] = c.cycle + c.cycles
    for d in timeline.dispatches:
        if d.repetition == 0:
            needed[d.queue.name][d.index] = d.cycle + 1
    return needed


def _writes(timeline: Timeline) -> Iterator[Violation]:
    """No word that text comes from is written; of a SCATTER, any word of its slice may be."""
    slices = {name for name, _ in timeline.fetched}
    for d in timeline.dispatches:
        if d.instruction.op in (isa.WRITE, isa.WRITE_MASKED):
            if (d.queue.slice, d.instruction["address"]) in timeline.fetched:
                yield d.violation("fetch-text", "address must not be that of a word that text is fetched from")
        elif d.instruction.op is isa.SCATTER and d.queue.slice in slices:
            yield d.violation("fetch-text", "slice must not be one that text is fetched from")
