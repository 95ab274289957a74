"""One lane of a `ProductPipe` without floating point."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .float_result import LATENCY
from .product_control import PRODUCT_PLACES, Control
from .register import register
from .rounding import shift_right

SHIFT_BITS = 6
COARSE, FINE = (5, 4, 3), (2, 1, 0)
"""Which bits of a number of places stage 5 and stage 6 shift by."""


class IntegerLane(wiring.Component):
    """MUL and REQUANT of one pair of operands in every cycle.

    Stage 2 takes the magnitude of REQUANT's ``a``, stage 3 multiplies halves, stage 4 adds the products, stages 5 to 7
    shift and round. Then the result waits for as long as a `FloatLane` takes.

    Attributes
    ----------
    latency : int
        Cycles from the operands to ``result``: 9. Nothing stands behind the register of ``result``.

    Members
    -------
    control : In(Control)
        What to do; of interest are ``short_b``, set for REQUANT, and ``scale``.
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
        scales, places = [self.control.short_b], [(self.control.scale - PRODUCT_PLACES)[:SHIFT_BITS]]
        for stage in range(2, 9):
            scales.append(register(m, scales[-1], f"scales{stage}"))
            places.append(register(m, places[-1], f"places{stage}"))

        # Stages 1 and 2: magnitudes.
        a2, b2 = register(m, self.a, "a2"), register(m, self.b, "b2")
        negate, short = Signal(), scales[1]
        m.d.comb += negate.eq(short & a2[31])
        a3 = register(m, ((a2 ^ negate.replicate(32)) + negate)[:32], "a3")
        b3 = register(m, Cat(b2[:16], b2[16:] & ~short.replicate(16)), "b3")

        # Stages 3 and 4: 48 bits of their product, of which MUL needs 32: REQUANT has no upper half of b.
        low4 = register(m, a3[:16] * b3[:16], "low4")
        crossed_a4, crossed_b4 = (
            register(m, a3[16:] * b3[:16], "crossed_a4"),
            register(m, a3[:16] * b3[16:], "crossed_b4"),
        )
        crossed, upper = Signal(32), Signal(32)
        m.d.comb += [
            crossed.eq(Cat((crossed_a4[:16] + crossed_b4[:16])[:16], crossed_a4[16:])),
            upper.eq(low4[16:] + crossed),
        ]
        product5 = register(m, Cat(low4[:16], upper), "product5")

        # Stages 5 and 6: 8 bits, and below them one that decides about rounding.
        kept = 9 + sum(1 << step for step in FINE)
        coarse, lost, over = shift_right(m, product5 << 1, places[4], kept, "coarse", COARSE)
        value6, lost6, over6 = register(m, coarse, "value6"), register(m, lost, "lost6"), register(m, over, "over6")
        fine, lost, over = shift_right(m, value6, places[5], 9, "fine", FINE)
        value7, lost7, over7 = (
            register(m, value, name)
            for value, name in ((fine, "value7"), (lost6 | lost, "lost7"), (over6 | over, "over7"))
        )
        sign7 = _delayed(m, negate, 2, 7, "sign")
        word7 = _delayed(m, product5[:32], 5, 7, "word")

        # Stages 7 and 8: minus (kept + up) is ~kept + 1 - up.
        up, rounded = value7[0] & (lost7 | value7[1]), Signal(8)
        m.d.comb += rounded.eq((value7[1:] ^ sign7.replicate(8)) + (up ^ sign7))
        value8, over8 = register(m, rounded, "value8"), register(m, over7 | value7[8], "over8")
        sign8, word8 = register(m, sign7, "sign8"), register(m, word7, "word8")
        clips = over8 | (value8[7] & ~sign8)
        byte = Cat(Mux(clips, ~sign8.replicate(7), value8[:7]), Mux(clips, sign8, value8[7]))
        result9 = register(m, Mux(scales[7], Cat(byte, byte[7].replicate(24)), word8), "result9")
        m.d.comb += self.result.eq(_delayed(m, result9, 9, 1 + self.latency, "result"))
        return m


def _delayed(m: Module, value, first: int, last: int, name: str):
    """A value of stage ``first``, in stage ``last``."""
    for stage in range(first + 1, last + 1):
        value = register(m, value, f"{name}{stage}")
    return value
