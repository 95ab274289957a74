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
    """``lanes`` and the other SIZES, ``MEM_W0.position``, ``READ.d_func``, ``FADD.chain`` and the like.

    Where two units have an instruction of one name and, in this build, another latency, the names say whose it is:
    ``VXM.SELECT.d_func``.
    """
    constants = {name: getattr(config, name) for name in SIZES}
    constants |= {f"{s.name}.position": s.position for s in config.slices}
    constants["VXM_CHAIN"] = isa.VXM_CHAIN(config)
    latencies: dict[str, dict[str, int]] = {}
    for unit in isa.UNITS:
        for op in unit.ops:
            for name, cycles in (("d_func", op.d_func), ("d_skew", op.d_skew), ("chain", op.chain)):
                if cycles is not None:
                    latencies.setdefault(f"{op.name}.{name}", {})[unit.kind.value] = cycles(config)
    for name, of_kind in latencies.items():
        if len(set(of_kind.values())) == 1:
            constants[name] = next(iter(of_kind.values()))
        else:
            constants |= {f"{kind}.{name}": value for kind, value in of_kind.items()}
    return constants
