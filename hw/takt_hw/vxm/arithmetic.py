"""What the VXM computes in one lane, as Amaranth expressions."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, Value, signed

from .. import isa
from ..isa import Op


def requantize(m: Module, a: Value, b: Value, shift: Value, name: str) -> Value:
    """``a * (b & 0xffff) / 2**shift``, rounded to nearest even and saturated to int8.

    Ties: adding half an output step minus one, plus the lowest bit that stays, carries into that
    bit exactly when the dropped part is above one half, or is one half and the bit is odd.
    """
    product = Signal(signed(49), name=f"{name}_product")
    below = Signal(48, name=f"{name}_below")
    rounded = Signal(signed(50), name=f"{name}_rounded")
    scaled = Signal(signed(50), name=f"{name}_scaled")
    odd = Signal(name=f"{name}_odd")
    m.d.comb += [
        product.eq(a * b[:16]),
        below.eq((1 << shift) - 1),
        odd.eq((product >> shift)[0] & (shift != 0)),
        rounded.eq(product + (below >> 1) + odd),
        scaled.eq(rounded >> shift),
    ]
    return Mux(scaled > 127, 127, Mux(scaled < -128, -128, scaled))


def saturated(m: Module, exact: Value, name: str) -> Value:
    """A 33-bit sum, at least -2^31 and at most 2^31 - 1."""
    total = Signal(signed(33), name=f"{name}_exact")
    m.d.comb += total.eq(exact)
    return Mux(total[32] == total[31], total[:32], Mux(total[32], 1 << 31, (1 << 31) - 1))


def results(m: Module, a: Value, b: Value, choose: Value, shift: Value, name: str) -> dict[Op, Value]:
    """Results of the one-cycle VXM operations for signed 32-bit ``a`` and ``b``; ``choose`` is SELECT's condition."""
    return {
        isa.COPY: a,
        isa.ADD: (a + b)[:32],
        isa.SUB: (a - b)[:32],
        isa.MUL: (a * b)[:32],
        isa.MIN: Mux(a < b, a, b),
        isa.MAX: Mux(a < b, b, a),
        isa.AND: a & b,
        isa.OR: a | b,
        isa.XOR: a ^ b,
        isa.NOT: ~a,
        isa.SHL: (a.as_unsigned() << b[:5])[:32],
        isa.SHR: a >> b[:5].as_unsigned(),
        isa.EQ: a == b,
        isa.NE: a != b,
        isa.LT: a < b,
        isa.LE: a <= b,
        isa.MASK: Mux(b != 0, a, 0),
        isa.SELECT: Mux(choose, a, b),
        isa.RELU: Mux(a < 0, 0, a),
        isa.REQUANT: requantize(m, a, b, shift, name),
        isa.ADD_SAT: saturated(m, a + b, f"{name}_add"),
        isa.SUB_SAT: saturated(m, a - b, f"{name}_sub"),
        isa.ABS: Mux(a < 0, -a, a)[:32],
        isa.NEG: (-a)[:32],
        isa.SHR_LOGICAL: a.as_unsigned() >> b[:5].as_unsigned(),
    }
