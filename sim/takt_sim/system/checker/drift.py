"""`drift`: no program runs further away from the aligned counter than receivers wait."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from takt_hw import isa
from takt_hw.config import ChipConfig

from ...timeline import Control, Dispatch, Timeline
from ..startup import notify_cycle
from ..topology import Topology
from ..violation import ChipViolation

WATCHED = (isa.SEND, isa.RECEIVE)


def budget(config: ChipConfig, topology: Topology) -> int | None:
    """Cycles that a chip may go without being aligned; None if clocks are all the same.

    The chip's clock and the root's may both be off by ``ppm``, one fast and one slow.
    """
    return config.link_drift * 10**6 // (2 * topology.ppm) if topology.ppm else None


def violations(config: ChipConfig, topology: Topology, timelines: Sequence[Timeline]) -> Iterator[ChipViolation]:
    """Of what each chip does at a time that others rely on, the first that is too long after each alignment."""
    limit = budget(config, topology)
    if limit is None:
        return
    for chip, timeline in enumerate(timelines):
        aligned, excess = notify_cycle(config, topology), False
        for d, cycle in _watched(timeline):
            if cycle - aligned > limit and not excess:
                excess = True
                yield ChipViolation.of(chip, d.violation("drift", _message(limit, aligned, cycle)))
            if d.instruction.op is isa.RUNTIME_DESKEW:
                aligned, excess = cycle, False
        if timeline.cycles - aligned > limit and not excess:
            latest = max(timeline.ends, key=lambda name: timeline.ends[name])
            message = _message(limit, aligned, timeline.cycles)
            yield ChipViolation("drift", latest, latest.split(".")[0], None, "-", message, chip=chip)


def _watched(timeline: Timeline) -> list[tuple[Dispatch | Control, int]]:
    """What must happen at the right time, and the cycle in which it is over."""
    found: list[tuple[Dispatch | Control, int]] = []
    found += [(d, d.cycle) for d in timeline.dispatches if d.instruction.op in WATCHED]
    found += [(c, c.cycle + c.cycles) for c in timeline.control if c.instruction.op is isa.RUNTIME_DESKEW]
    return sorted(found, key=lambda pair: (pair[1], pair[0].queue.index))


def _message(limit: int, aligned: int, cycle: int) -> str:
    return f"chip must be aligned again within {limit} cycles of cycle {aligned}, not go on to cycle {cycle}"
