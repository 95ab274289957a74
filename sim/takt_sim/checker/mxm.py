"""`mxm-busy`, `undefined-weights`, `undefined-product`, `undefined-accumulator` and `mixed-accumulator`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from takt_hw import isa
from takt_hw.config import ChipConfig, Kind

from ..latency import d_func, d_skew
from ..timeline import Dispatch, Violation

LOADS = {isa.IW: (isa.LW,), isa.IW_FP16: (isa.LW, isa.LW_HIGH)}
"""Of each install, the loads that must have filled the buffer."""

INSTALLS = (isa.IW, isa.IW_FP16)

MULTIPLIES = (isa.ABC, isa.ABC_FP16)


def violations(config: ChipConfig, dispatches: Sequence[Dispatch]) -> Iterator[Violation]:
    """What a plane uses must have been made: in an earlier cycle or, for a product, in exactly one."""
    planes: dict[str, list[Dispatch]] = {}
    for d in dispatches:
        if d.queue.unit.kind is Kind.MXM:
            planes.setdefault(d.queue.slice, []).append(d)
    for operations in planes.values():
        yield from _turns(config, operations)
        yield from _installs(config, operations)
        yield from _weights(config, operations)
        yield from _sums(config, operations)


def _turns(config: ChipConfig, operations: Sequence[Dispatch]) -> Iterator[Violation]:
    """All columns have had their turn before there are other activations or weights."""
    turns, last = config.mxm_turns, None
    for d in operations:
        op = d.instruction.op
        if op in (*INSTALLS, *MULTIPLIES) and last is not None and d.cycle < last.cycle + turns:
            name = last.instruction.op.name
            yield d.violation("mxm-busy", f"the plane must have {turns} cycles for {name}, not {d.cycle - last.cycle}")
        if op in MULTIPLIES:
            last = d


def _installs(config: ChipConfig, operations: Sequence[Dispatch]) -> Iterator[Violation]:
    """The whole buffer is loaded before it is installed."""
    first: dict[tuple[isa.Op, int], int] = {}
    for d in operations:
        if d.instruction.op in (isa.LW, isa.LW_HIGH):
            first.setdefault((d.instruction.op, d.instruction["block"]), d.cycle)
    for d in operations:
        for load in LOADS.get(d.instruction.op, ()):
            # a missing load counts as one in this cycle: too late
            late = [b for b in range(config.weight_blocks) if first.get((load, b), d.cycle) >= d.cycle]
            if late:
                yield d.violation(
                    "undefined-weights", f"block {late[0]} must be loaded in an earlier cycle by {load.name}"
                )
                break


def _weights(config: ChipConfig, operations: Sequence[Dispatch]) -> Iterator[Violation]:
    """Weights of the right type are installed before they are used. One queue: operations come in its order."""
    installed: isa.Op | None = None
    for d in operations:
        op = d.instruction.op
        if op in INSTALLS:
            installed = op
        elif op in MULTIPLIES and installed is None:
            yield d.violation("undefined-weights", "weights must be installed in an earlier cycle")
        elif op is isa.ABC and installed is isa.IW_FP16:
            yield d.violation("undefined-weights", "weights must be int8, installed by IW, not fp16 by IW_FP16")
        elif op is isa.ABC_FP16 and installed is isa.IW and not config.mxm_fp16_int8:
            yield d.violation(
                "undefined-weights",
                "weights must be fp16, installed by IW_FP16, not int8 by IW "
                f"(mxm_fp16_int8 of {config.name} is {config.mxm_fp16_int8})",
            )


def _sums(config: ChipConfig, operations: Sequence[Dispatch]) -> Iterator[Violation]:
    """Products are taken when they arrive, and added to sums of their own kind."""
    products = {d.cycle + d_func(d.instruction.op, config): d for d in operations if d.instruction.op in MULTIPLIES}
    kinds: dict[int, isa.Op | None] = {}
    """What made the products in each accumulator that is set; None if nothing since a DRAIN."""
    for d in operations:
        op = d.instruction.op
        if op not in (isa.ACC, isa.DRAIN):
            continue
        address = d.instruction["address"]
        product = products.get(d.cycle + d_skew(isa.ACC, config)) if op is isa.ACC else None
        if op is isa.ACC and product is None:
            before = d_func(isa.ABC, config) - d_skew(isa.ACC, config)
            yield d.violation(
                "undefined-product", f"a product must arrive: ABC or ABC_FP16 in cycle {d.cycle - before}"
            )
        adds = op is isa.ACC and d.instruction["mode"] == "add"
        if (adds or op is isa.DRAIN) and address not in kinds:
            yield d.violation("undefined-accumulator", f"accumulator {address} must be set in an earlier cycle")
        held, kind = kinds.get(address), product.instruction.op if product is not None else None
        if adds and held is not None and kind is not None and held is not kind:
            message = f"accumulator {address} must hold a sum of {kind.name}, not of {held.name}"
            yield d.violation("mixed-accumulator", message)
        kinds[address] = held if adds and kind is None else kind
