"""`undefined-result` and `result-conflict`: held ALU results are there when they are taken, and land alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from takt_hw import isa
from takt_hw.config import ChipConfig, Kind
from takt_hw.isa import Alu

from ..latency import chain
from ..timeline import Dispatch, Violation


def violations(config: ChipConfig, dispatches: Sequence[Dispatch]) -> Iterator[Violation]:
    """An ALU operand needs a result of that ALU that has landed; no two results of an ALU land in one cycle."""
    operations = [d for d in dispatches if d.queue.unit.kind is Kind.VXM]
    first: dict[int, int] = {}
    landed: dict[tuple[int, int], Dispatch] = {}
    for d in (d for d in operations if d.queue.unit is isa.VXM_ALU):
        alu, lands = d.queue.alu, d.cycle + chain(d.instruction.op, config)
        first[alu] = min(lands, first.get(alu, lands))
        other = landed.setdefault((alu, lands), d)
        if other is not d:
            rule = f"must land in a cycle of its own, not in cycle {lands} with that of {other.instruction.op.name}"
            yield d.violation("result-conflict", f"result {rule} dispatched in cycle {other.cycle}")
    for d in operations:
        for alu in dict.fromkeys(v.index for v in d.instruction.values.values() if isinstance(v, Alu)):
            ready = first.get(alu)
            if ready is None or d.cycle < ready:
                when = "not never" if ready is None else f"not first from cycle {ready} on"
                yield d.violation("undefined-result", f"alu{alu} must hold a result, {when}")
