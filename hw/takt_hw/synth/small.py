"""The build that tests synthesize: every kind of slice in it, and of each as little as there can be."""

from __future__ import annotations

from dataclasses import replace

from ..config import ECP5_NANO

SMALL = replace(
    ECP5_NANO,
    name="ecp5_small",
    streams=4,
    weight_streams=4,
    mem_group_slices=1,
    accumulators=4,
    queue_words=64,
    vxm_float_alus=0,
)
"""Two MEM slices of 8 KiB, one ALU without floating point, four streams each way."""
