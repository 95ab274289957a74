"""The build that tests synthesize: memory, vector unit and matrix unit, and of each as little as there can be."""

from __future__ import annotations

from dataclasses import replace

from ..config import ECP5_NANO, Kind

SMALL = replace(
    ECP5_NANO,
    name="ecp5_small",
    row=(Kind.MEM, Kind.VXM, Kind.MXM),
    streams=4,
    weight_streams=4,
    mem_group_slices=1,
    accumulators=4,
    queue_words=64,
    vxm_float_alus=0,
    vxm_turns=8,
    vxm_reductions=False,
)
"""One MEM slice of 8 KiB, one ALU without floating point and with two lanes, a 16×16 plane, four streams each way."""
