"""The transcendental functions: a pipe of five stages in every lane, in the integer steps of docs/manual/functions.md.

All functions share one table of cubic polynomials, one evaluator and one rounding. They differ in stage 1, which
finds the row, the place within it and the exponent.
"""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In

from .. import isa
from ..config import LANES_PER_SUPERLANE
from ..isa import functions as table
from ..isa.functions import PLACE_BITS, ROW_BITS
from .pipe import mode_bits, pipe_signature
from .reduction import Reduced, reduced
from .rounding import EXPONENT_BITS, normalize, round_float

WHOLE_BITS = table.FRACTION_BITS + 8
"""Bits of an exact result: the logarithm of the largest number is just below 128."""

ROUGH_BITS = 16
"""Leading bits of the place that the cubic term sees."""


class FunctionPipe(wiring.Component):
    """EXP2, LOG2, RECIPROCAL, RSQRT, TANH and SIGMOID of fp32 operands: flushes their subnormals, rounds once.

    Stage 1 finds the row, stage 2 reads it and takes its cubic term, stages 3 and 4 the square and the linear term,
    stage 5 normalizes and rounds.

    Attributes
    ----------
    stages : int
        Cycles of computing: 5.
    ops : tuple of Op
        What it computes.

    Members
    -------
    port : In(pipe_signature())
        Operands, of which ``b`` is not used, and result.
    """

    stages = 5
    ops = (isa.EXP2, isa.LOG2, isa.RECIPROCAL, isa.RSQRT, isa.TANH, isa.SIGMOID)

    def __init__(self) -> None:
        super().__init__({"port": In(pipe_signature())})

    def elaborate(self, platform) -> Module:
        m = Module()
        port = self.port
        halves = [Signal(name=f"half{stage}") for stage in range(1, self.stages + 1)]
        works = [port.start, *(Signal(name=f"stage{stage}") for stage in range(2, self.stages))]
        m.d.comb += halves[0].eq(port.mode[mode_bits(isa.TO_FLOAT)] == isa.TO_FLOAT.choices.index("f16"))
        for n, work in enumerate(works):
            if n + 1 < len(works):
                m.d.sync += works[n + 1].eq(work)
            with m.If(work):
                m.d.sync += halves[n + 1].eq(halves[n])
        is_op = {op: Signal(name=f"is_{op.name}") for op in self.ops}
        m.d.comb += [found.eq(port.opcode == op.code) for op, found in is_op.items()]

        # Two memories, each with a port per lane: 64 bits are one word of the simulator.
        memories = [_memory(m, 0, 2), _memory(m, 2, 4)]
        for lane in range(LANES_PER_SUPERLANE):
            name = f"lane{lane}"
            found = reduced(m, port.a[lane], is_op, name)
            coefficients: list[Value] = []
            for memory, columns in zip(memories, (range(2), range(2, 4)), strict=True):
                read = memory.read_port()
                m.d.comb += [read.en.eq(port.start), read.addr.eq(found.row)]
                coefficients += _unpacked(read.data, columns)
            m.d.comb += port.result[lane].eq(_evaluated(m, found, coefficients, works, halves[-1], name))
        return m


def _memory(m: Module, first: int, end: int) -> Memory:
    """The table's columns from ``first`` up to ``end``, side by side, the first lowest."""
    widths = ROW_BITS[first:end]
    words = []
    for row in table.coefficients():
        word = 0
        for value, width in zip(reversed(row[first:end]), reversed(widths), strict=True):
            word = word << width | value & (1 << width) - 1
        words.append(word)
    m.submodules[f"rows{first}"] = memory = Memory(shape=sum(widths), depth=table.ROWS, init=words)
    return memory


def _unpacked(word: Value, columns: range) -> list[Value]:
    """Those columns of a row; all but c0 are signed."""
    found, lsb = [], 0
    for column in columns:
        value = word[lsb : lsb + ROW_BITS[column]]
        found.append(value.as_signed() if column else value)
        lsb += ROW_BITS[column]
    return found


def _evaluated(
    m: Module, found: Reduced, coefficients: Sequence[Value], works: Sequence[Value], half: Value, name: str
) -> Signal:
    """Stages 2 to 5 of one lane. A stage's registers are named for the stage that fills them."""

    def moved(value: Value, first: int, last: int, suffix: str) -> Signal:
        """A value of stage ``first``, in stage ``last``."""
        for stage in range(first, last):
            register = Signal(value.shape(), name=f"{name}_{suffix}{stage}", reset_less=True)
            with m.If(works[stage - 1]):
                m.d.sync += register.eq(value)
            value = register
        return value

    def term(outer: Value, inner: Value, place: Value, suffix: str, shape) -> Signal:
        """``outer + inner * place``, rounded down."""
        width = len(inner) + len(place)
        product, total = Signal(signed(width), name=f"{name}_{suffix}_product"), Signal(shape, name=f"{name}_{suffix}")
        m.d.comb += [product.eq(inner * place), total.eq(outer + (product >> len(place)))]
        return total

    c0, c1, c2, c3 = coefficients
    place2 = moved(found.place, 1, 2, "place")
    rough = place2[PLACE_BITS - ROUGH_BITS :]
    square = moved(term(c2, c3, rough, "square", signed(ROW_BITS.c2 + 1)), 2, 3, "square")
    c0_3, c1_3, place3 = moved(c0, 2, 3, "c0"), moved(c1, 2, 3, "c1"), moved(place2, 2, 3, "place_")
    linear = moved(term(c1_3, square, place3, "linear", signed(ROW_BITS.c1 + 1)), 3, 4, "linear")
    place4 = moved(place3, 3, 4, "place__")

    offset3, minus3 = moved(found.offset, 1, 3, "offset"), moved(found.subtracts, 1, 3, "minus")
    start = Signal(signed(WHOLE_BITS + 1), name=f"{name}_start")
    m.d.comb += start.eq((offset3 << table.FRACTION_BITS) + Mux(minus3, -c0_3, c0_3))
    start4, minus4 = moved(start, 3, 4, "start"), moved(minus3, 3, 4, "minus_")
    rest, exact = Signal(signed(ROW_BITS.c1 + 1), name=f"{name}_rest"), Signal(WHOLE_BITS, name=f"{name}_exact")
    product = Signal(signed(ROW_BITS.c1 + PLACE_BITS + 2), name=f"{name}_rest_product")
    m.d.comb += [
        product.eq(linear * place4),
        rest.eq(product >> PLACE_BITS),
        exact.eq(Mux(minus4, start4 - rest, start4 + rest)),
    ]
    exact5 = moved(exact, 4, 5, "exact")

    # 32 bits are enough: of a larger result, those shifted out are below the 24 that are kept.
    spare = WHOLE_BITS - 32
    wide = Signal(name=f"{name}_wide")
    narrow, sticky = Signal(32, name=f"{name}_narrow"), Signal(name=f"{name}_sticky")
    exponent = Signal(signed(EXPONENT_BITS), name=f"{name}_rounded_exponent")
    zero = moved(found.zero, 1, 5, "zero")
    significand, zeros = normalize(m, narrow, 32, f"{name}_exact")
    m.d.comb += [
        wide.eq(exact5[32:] != 0),
        narrow.eq(Mux(zero, 0, Mux(wide, exact5[spare:], exact5[:32]))),
        sticky.eq(wide & (exact5[:spare] != 0)),
        exponent.eq(moved(found.exponent, 1, 5, "exponent") + Mux(wide, spare, 0) + 31 - table.FRACTION_BITS - zeros),
    ]
    return round_float(
        m,
        sign=moved(found.sign, 1, 5, "sign"),
        exponent=exponent,
        significand=significand,
        sticky=sticky & ~zero,
        infinite=moved(found.infinite, 1, 5, "infinite"),
        nan=moved(found.nan, 1, 5, "nan"),
        half=half,
        name=name,
    )
