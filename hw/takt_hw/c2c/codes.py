"""What finds and mends errors on a link: check bits of words, CRC-32 of packets."""

from collections.abc import Sequence
from functools import reduce
from operator import xor

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.crc.catalog import CRC32_ISO_HDLC
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..config import LINK_CRC_BITS
from ..isa.secded import Code

CRC_START = (1 << LINK_CRC_BITS) - 1
"""State of a CRC before the first word; its complement after the last is the CRC."""


def encode(code: Code, word: Value) -> Value:
    """A word with its check bits."""
    return Cat(word, _sum(word, code.columns[: code.data_bits]))


class Corrector(wiring.Component):
    """Mends one flipped bit of a word and says whether there was one, or more. Combinational.

    Parameters
    ----------
    code : Code
        The words' code.

    Members
    -------
    i : In(code.bits)
        A word.
    o : Out(code.data_bits)
        Its data; as they came if they cannot be mended.
    mended, wrong : Out(1)
        One bit was flipped; more than one were.
    """

    def __init__(self, code: Code):
        self.code = code
        super().__init__({"i": In(code.bits), "o": Out(code.data_bits), "mended": Out(1), "wrong": Out(1)})

    def elaborate(self, platform) -> Module:
        m = Module()
        code, nowhere = self.code, self.code.bits
        # Which bit a syndrome names is looked up: a comparison for each bit simulates slowly.
        where = {column: bit for bit, column in enumerate(code.columns)}
        table = [where.get(syndrome, nowhere) for syndrome in range(1 << code.check_bits)]
        m.submodules.positions = positions = Memory(shape=nowhere.bit_length(), depth=len(table), init=table)
        look_up = positions.read_port(domain="comb")
        syndrome = Signal(code.check_bits)
        m.d.comb += [
            syndrome.eq(_sum(self.i, code.columns)),
            look_up.addr.eq(syndrome),
            self.mended.eq((syndrome != 0) & (look_up.data != nowhere)),
            self.wrong.eq((syndrome != 0) & (look_up.data == nowhere)),
            self.o.eq(Mux(self.mended, self.i ^ (Const(1, code.bits) << look_up.data), self.i)),
        ]
        return m


def crc_of(state: Value, payload: Value) -> Value:
    """State of a packet's CRC-32 (that of zlib) after one more payload, low byte first."""
    algorithm = CRC32_ISO_HDLC(data_width=len(payload))
    constant = algorithm.compute([0])
    columns = [algorithm.compute([1 << n]) ^ constant for n in range(len(payload))]
    met = (payload ^ state)[: len(payload)]
    return _sum(met, columns) ^ state[len(payload) :]


def crc_part(state: Value, n: int, link_bits: int) -> Value:
    """Payload of word n of those that hold the CRC."""
    return (~state)[n * link_bits : (n + 1) * link_bits]


def _sum(word: Value, columns: Sequence[int]) -> Value:
    """Exclusive or of the columns of the bits that are set.

    Written as a tree of two-way choices between constants, which simulates fast. Parities of masked words do not:
    they are emitted bit by bit.
    """
    terms: list[Value] = [Mux(bit, column, 0) for bit, column in zip(word, columns, strict=True)]
    while len(terms) > 1:
        terms = [reduce(xor, terms[n : n + 2]) for n in range(0, len(terms), 2)]
    return terms[0]
