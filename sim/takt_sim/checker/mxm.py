"""`undefined-weights`, `undefined-product` and `undefined-accumulator`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from takt_hw import isa
from takt_hw.config import ChipConfig, Kind

from ..latency import d_func, d_skew
from ..timeline import Dispatch, Violation


def violations(config: ChipConfig, dispatches: Sequence[Dispatch]) -> Iterator[Violation]:
    """What a plane uses must have been made: in an earlier cycle or, for a product, in exactly one."""
    operations = [d for d in dispatches if d.queue.unit.kind is Kind.MXM]
    first_load: dict[tuple[str, int], int] = {}
    first_install: dict[str, int] = {}
    first_sum: dict[tuple[str, int], int] = {}
    products: set[tuple[str, int]] = set()
    for d in operations:
        op, plane = d.instruction.op, d.queue.slice
        if op is isa.LW:
            first_load.setdefault((plane, d.instruction["block"]), d.cycle)
        elif op is isa.IW:
            first_install.setdefault(plane, d.cycle)
        elif op is isa.ABC:
            products.add((plane, d.cycle + d_func(isa.ABC, config)))
        elif op is isa.ACC:
            first_sum.setdefault((plane, d.instruction["address"]), d.cycle)
    for d in operations:
        op, plane = d.instruction.op, d.queue.slice
        if op is isa.IW:
            # a missing load counts as one in this cycle: too late
            late = [b for b in range(config.weight_blocks) if first_load.get((plane, b), d.cycle) >= d.cycle]
            if late:
                yield d.violation("undefined-weights", f"block {late[0]} must be loaded in an earlier cycle")
        elif op is isa.ABC:
            if first_install.get(plane, d.cycle) >= d.cycle:
                yield d.violation("undefined-weights", "weights must be installed in an earlier cycle")
        elif op is isa.ACC:
            if (plane, d.cycle + d_skew(isa.ACC, config)) not in products:
                before = d_func(isa.ABC, config) - d_skew(isa.ACC, config)
                message = f"a product must arrive: ABC in cycle {d.cycle - before}"
                yield d.violation("undefined-product", message)
            if d.instruction["mode"] == "add":
                if first_sum[plane, d.instruction["address"]] >= d.cycle:
                    message = f"accumulator {d.instruction['address']} must be set in an earlier cycle"
                    yield d.violation("undefined-accumulator", message)
