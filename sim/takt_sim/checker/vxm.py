"""`undefined-result`, `result-conflict` and `alu-busy`: held ALU results are there when they are taken, and land alone.

Where groups of lanes take turns, an ALU takes an operation, and holds a result, once in as many cycles.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from takt_hw import isa
from takt_hw.config import ChipConfig, Kind
from takt_hw.isa import Alu

from ..latency import chain
from ..timeline import Dispatch, Violation


def violations(config: ChipConfig, dispatches: Sequence[Dispatch]) -> Iterator[Violation]:
    """An ALU operand needs a result that has landed; operations of an ALU, and their results, keep their distance."""
    operations = [d for d in dispatches if d.queue.unit.kind is Kind.VXM]
    turns = config.vxm_turns
    first: dict[int, int] = {}
    landed: dict[tuple[int, int], Dispatch] = {}
    last: dict[int, Dispatch] = {}
    for d in (d for d in operations if d.queue.unit is isa.VXM_ALU):
        alu, lands = d.queue.alu, d.cycle + chain(d.instruction.op, config)
        first[alu] = min(lands, first.get(alu, lands))
        before = last.get(alu)
        if before is not None and d.cycle < before.cycle + turns:
            yield d.violation(
                "alu-busy",
                f"alu{alu} must have {turns} cycles for {before.instruction.op.name}, not {d.cycle - before.cycle}",
            )
        last[alu] = d
        for cycle in range(lands - turns + 1, lands + turns):
            if (other := landed.get((alu, cycle))) is not None:
                name = other.instruction.op.name
                rule = f"must land in a cycle of its own, not in cycle {lands} with that of {name}"
                if turns > 1:
                    rule = f"must land {turns} cycles from others, not in cycle {lands}, by that in {cycle} of {name}"
                yield d.violation("result-conflict", f"result {rule} dispatched in cycle {other.cycle}")
                break
        landed.setdefault((alu, lands), d)
    for d in operations:
        for alu in dict.fromkeys(v.index for v in d.instruction.values.values() if isinstance(v, Alu)):
            ready = first.get(alu)
            if ready is None or d.cycle < ready:
                when = "not never" if ready is None else f"not first from cycle {ready} on"
                yield d.violation("undefined-result", f"alu{alu} must hold a result, {when}")
