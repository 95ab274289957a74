"""Check bits of a word, and what they say of it. The code itself is ``takt_hw.isa.secded``."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..config import CHECK_BITS
from ..isa.secded import CODE_BITS, COLUMNS, DATA_BITS, ROWS

POSITION_BITS = CODE_BITS.bit_length()
NOWHERE = CODE_BITS
"""Position of a syndrome that no single flipped bit leaves."""


def encode(data: Value) -> Value:
    """A word with its check bits: the parities of some of its bits."""
    return Cat(data, *((data & Const(row & ((1 << DATA_BITS) - 1), DATA_BITS)).xor() for row in ROWS))


class Corrector(wiring.Component):
    """Mends one flipped bit of a word and says whether there was one, or more. Combinational.

    Members
    -------
    i : In(CODE_BITS)
        A word.
    o : Out(DATA_BITS)
        Its data; as they came if they cannot be mended.
    single, double : Out(1)
        One bit was flipped; more than one.
    """

    i: In(CODE_BITS)
    o: Out(DATA_BITS)
    single: Out(1)
    double: Out(1)

    def elaborate(self, platform) -> Module:
        m = Module()
        # Which bit a syndrome names is looked up: a decoder of 137 comparisons simulates slowly.
        where = {column: bit for bit, column in enumerate(COLUMNS)}
        table = [where.get(syndrome, NOWHERE) for syndrome in range(1 << CHECK_BITS)]
        m.submodules.positions = positions = Memory(shape=POSITION_BITS, depth=len(table), init=table)
        look_up = positions.read_port(domain="comb")
        syndrome = Signal(CHECK_BITS)
        m.d.comb += [
            syndrome.eq(Cat((self.i & Const(row, CODE_BITS)).xor() for row in ROWS)),
            look_up.addr.eq(syndrome),
            self.single.eq((syndrome != 0) & (look_up.data != NOWHERE)),
            self.double.eq((syndrome != 0) & (look_up.data == NOWHERE)),
            self.o.eq(Mux(self.single, self.i[:DATA_BITS] ^ (Const(1, CODE_BITS) << look_up.data), self.i)),
        ]
        return m
