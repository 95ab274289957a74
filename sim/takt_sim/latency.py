"""The table's latencies where an instruction is known to have them."""

from __future__ import annotations

from takt_hw.config import ChipConfig
from takt_hw.isa import Op


def d_skew(op: Op, config: ChipConfig) -> int:
    """Cycles from dispatch until the operands are taken. ValueError if there are none."""
    if op.d_skew is None:
        raise ValueError(f"{op.name}: must take operands")
    return op.d_skew(config)


def d_func(op: Op, config: ChipConfig) -> int:
    """Cycles from dispatch until the result is there. ValueError if there is none."""
    if op.d_func is None:
        raise ValueError(f"{op.name}: must have a result")
    return op.d_func(config)


def chain(op: Op, config: ChipConfig) -> int:
    """Cycles from dispatch to the first dispatch that can take the held result. ValueError if none is held."""
    if op.chain is None:
        raise ValueError(f"{op.name}: must hold a result")
    return op.chain(config)
