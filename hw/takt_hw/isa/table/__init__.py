"""The instruction set: one row per instruction, one unit per kind of queue.

Everything that knows an opcode, a bit position or a latency reads it here. To add an instruction,
see docs/add-an-instruction.md.
"""

from __future__ import annotations

from .c2c import C2C_ALIGN, C2C_RECEIVE, C2C_SEND
from .mem import MEM_READ, MEM_WRITE
from .mxm import MXM_ACCUMULATE, MXM_ACTIVATE, MXM_WEIGHTS
from .sxm import SXM_DISTRIBUTE, SXM_PERMUTE, SXM_SELECT, SXM_SHIFT, SXM_TRANSPOSE
from .vxm import VXM_ALU, VXM_REDUCE

UNITS = (
    *(MEM_READ, MEM_WRITE),
    *(VXM_ALU, VXM_REDUCE),
    *(MXM_WEIGHTS, MXM_ACTIVATE, MXM_ACCUMULATE),
    *(SXM_SHIFT, SXM_SELECT, SXM_PERMUTE, SXM_DISTRIBUTE, SXM_TRANSPOSE),
    *(C2C_ALIGN, C2C_SEND, C2C_RECEIVE),
)
"""Every unit; within a slice, queues come in this order."""
