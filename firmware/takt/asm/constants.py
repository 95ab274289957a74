"""Constants that every text can use: sizes, positions and latencies of the build."""

from __future__ import annotations

from takt_hw import isa
from takt_hw.config import ChipConfig

SIZES = (
    *("lanes", "superlanes", "streams", "positions", "mem_words", "bank_words", "vxm_alus", "queue_words"),
    *("accumulators", "weight_streams", "weight_blocks", "transpose_size"),
)
"""Attributes of ChipConfig, under their own names."""


def predefined(config: ChipConfig) -> dict[str, int]:
    """``lanes`` and the other SIZES, ``MEM_W0.position``, ``READ.d_func``, ``FADD.chain`` and the like."""
    constants = {name: getattr(config, name) for name in SIZES}
    constants |= {f"{s.name}.position": s.position for s in config.slices}
    constants["VXM_CHAIN"] = isa.VXM_CHAIN(config)
    for unit in isa.UNITS:
        for op in unit.ops:
            for name, cycles in (("d_func", op.d_func), ("d_skew", op.d_skew), ("chain", op.chain)):
                if cycles is None:
                    continue
                value = constants.setdefault(f"{op.name}.{name}", cycles(config))
                if value != cycles(config):
                    raise NotImplementedError(f"{op.name}.{name}: units must agree on it, or it needs two names")
    return constants
