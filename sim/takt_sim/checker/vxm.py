"""`undefined-result`: held ALU results are taken no earlier than they are there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from takt_hw import isa
from takt_hw.config import ChipConfig, Kind
from takt_hw.isa import Alu

from ..timeline import Dispatch, Violation


def violations(config: ChipConfig, dispatches: Sequence[Dispatch]) -> Iterator[Violation]:
    """An ALU operand needs a dispatch of that ALU at least VXM_CHAIN cycles before."""
    operations = [d for d in dispatches if d.queue.unit.kind is Kind.VXM]
    first: dict[int, int] = {}
    for d in operations:
        first.setdefault(d.queue.alu, d.cycle)
    for d in operations:
        for alu in dict.fromkeys(v for v in d.instruction.values.values() if isinstance(v, Alu)):
            ready = first[alu.index] + isa.VXM_CHAIN(config) if alu.index in first else None
            if ready is None or d.cycle < ready:
                when = "not never" if ready is None else f"not first from cycle {ready} on"
                yield d.violation("undefined-result", f"{alu} must hold a result, {when}")
