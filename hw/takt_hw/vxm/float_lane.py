"""One lane of a `ProductPipe` with floating point: every result is a value of 56 bits, normalized, shifted, rounded.

The value is a product of magnitudes or a sum of two significands. It is shifted right such that the result's lowest
bit always comes to the same place. By how much is the larger of two numbers: what normalizes it, and what the type
asks for at least: an integer's lowest bit stands for 1, a subnormal's for the smallest one. Of fp32 subnormals only
those that round up to a normal number are left in the end.
"""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .float_exact import exact
from .float_result import LATENCY, result
from .product_control import Control
from .register import register


class FloatLane(wiring.Component):
    """Integer and floating-point products, and sums, of one pair of operands in every cycle.

    Attributes
    ----------
    latency : int
        Cycles from the operands to ``result``: 9. Registers and one level of gates make the result.

    Members
    -------
    control : In(Control)
        What to do.
    a, b : In(32)
        Operands.
    result : Out(32)
        What comes of them.
    """

    latency = LATENCY

    control: In(Control)
    a: In(32)
    b: In(32)
    result: Out(32)

    def elaborate(self, platform) -> Module:
        m = Module()
        controls = [self.control]
        for stage in range(2, self.latency + 1):
            controls.append(register(m, controls[-1], f"control{stage}"))
        m.d.comb += self.result.eq(result(m, controls, exact(m, controls, self.a, self.b)))
        return m
