"""What stands beside an ALU's base pipeline: a pipe for operations that take more than one cycle to compute."""

from amaranth.hdl import signed
from amaranth.lib import data
from amaranth.lib.wiring import In, Out, Signature

from .. import isa
from ..config import LANES_PER_SUPERLANE

RESULT = data.ArrayLayout(signed(32), LANES_PER_SUPERLANE)
"""One 32-bit result in every lane."""

MODE_LSB = isa.SHIFT_BITS.lsb
MODE_BITS = max(f.msb for f in (isa.SHIFT_BITS, isa.TO_ANY, isa.FROM)) + 1 - MODE_LSB
"""Bits of a word that say how to compute: they follow the operands."""


def pipe_signature(lanes: int = LANES_PER_SUPERLANE) -> Signature:
    """The ports of a pipe for some lanes.

    ``start`` is set in the cycle in which the operands ``a`` and ``b`` are of one of the pipe's operations;
    ``opcode`` and ``mode`` (the word's bits from ``MODE_LSB`` on) belong to them. Stage 1 works in that cycle, and
    ``result`` is valid in the cycle of the last stage, ``stages - 1`` cycles later. Starts in every cycle.
    """
    numbers = data.ArrayLayout(RESULT.elem_shape, lanes)
    return Signature(
        {
            "start": Out(1),
            "opcode": Out(isa.OPCODE_BITS),
            "mode": Out(MODE_BITS),
            "a": Out(numbers),
            "b": Out(numbers),
            "result": In(numbers),
        }
    )


def mode_bits(f: isa.Field) -> slice:
    """Where a field lies within ``mode``."""
    return slice(f.lsb - MODE_LSB, f.lsb - MODE_LSB + f.width)
