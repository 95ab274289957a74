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

    Parameters
    ----------
    one_hot : bool
        Each bit is compared with the syndrome by decoders of AND gates: half the LUTs of an FPGA, but slow to simulate.
        Three flips, or five, then count as one; otherwise they do if they look like one.

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

    def __init__(self, *, one_hot: bool = False):
        self.one_hot = one_hot
        super().__init__()

    def elaborate(self, platform) -> Module:
        m = Module()
        syndrome = Signal(CHECK_BITS)
        m.d.comb += syndrome.eq(Cat((self.i & Const(row, CODE_BITS)).xor() for row in ROWS))
        flips, single = self._decoded(m, syndrome) if self.one_hot else self._looked_up(m, syndrome)
        m.d.comb += [
            self.single.eq(single),
            self.double.eq((syndrome != 0) & ~single),
            self.o.eq(self.i ^ flips),
        ]
        return m

    def _looked_up(self, m: Module, syndrome: Value) -> tuple[Value, Value]:
        """The bit that a syndrome names, if it does, and whether it does."""
        where = {column: bit for bit, column in enumerate(COLUMNS)}
        table = [where.get(syndrome, NOWHERE) for syndrome in range(1 << CHECK_BITS)]
        m.submodules.positions = positions = Memory(shape=POSITION_BITS, depth=len(table), init=table)
        look_up = positions.read_port(domain="comb")
        m.d.comb += look_up.addr.eq(syndrome)
        single = (syndrome != 0) & (look_up.data != NOWHERE)
        return Mux(single, Const(1, CODE_BITS) << look_up.data, 0), single

    def _decoded(self, m: Module, syndrome: Value) -> tuple[Value, Value]:
        """The same, from two decoders; of any odd syndrome it is said that it names one."""
        low_bits = CHECK_BITS // 2
        low, high = Signal(1 << low_bits), Signal(1 << (CHECK_BITS - low_bits))
        m.d.comb += [low.eq(1 << syndrome[:low_bits]), high.eq(1 << syndrome[low_bits:])]
        flips = Cat(low[column & (len(low) - 1)] & high[column >> low_bits] for column in COLUMNS)
        return flips, syndrome.xor()
