"""Check bits, mending and CRC as circuits against the plain data and zlib."""

import random
import zlib
from itertools import combinations

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from takt_hw.c2c.codes import CRC_START, Corrector, crc_of, encode
from takt_hw.c2c.word import wire_bits
from takt_hw.isa.secded import Code
from tests.hw.c2c.words import LONG, NARROW, WIDE
from tests.hw.simulation import run

CODE = Code(19)


class Codes(wiring.Component):
    """The functions as a component; the CRC of all words so far."""

    def __init__(self, code, payload_bits):
        self.code = code
        super().__init__({"i": In(code.data_bits), "o": Out(code.bits), "next": In(payload_bits), "crc": Out(32)})

    def elaborate(self, platform):
        m = Module()
        state = Signal(32, init=CRC_START)
        m.d.sync += state.eq(crc_of(state, self.next))
        m.d.comb += [self.o.eq(encode(self.code, self.i)), self.crc.eq(~state)]
        return m


def test_wires():
    assert [wire_bits(config) for config in (NARROW, LONG, WIDE)] == [25, 42, 140]


@pytest.mark.parametrize("bits", [16, 32, 64, 128])
def test_check_bits_and_crc(bits):
    code, source = Code(bits + 3), random.Random(bits)
    words = [0, (1 << bits) - 1, 1, 1 << (bits - 1), *(source.getrandbits(bits) for _ in range(20))]
    seen = run(
        Codes(code, bits),
        [{"i": word << 3 | word & 7, "next": word} for word in words],
        lambda d: {"o": d.o, "crc": d.crc},
    )
    assert [row["o"] for row in seen] == [code.encode(word << 3 | word & 7) for word in words]
    octets = [word.to_bytes(bits // 8, "little") for word in words]
    assert [row["crc"] for row in seen] == [zlib.crc32(b"".join(octets[:n])) for n in range(len(words))]


def test_the_corrector_mends_every_flip_and_sees_every_pair():
    data = 0x5A5C3
    word = CODE.encode(data)
    singles = [word ^ 1 << bit for bit in range(CODE.bits)]
    pairs = [word ^ 1 << a ^ 1 << b for a, b in combinations(range(CODE.bits), 2)]
    seen = run(
        Corrector(CODE), [{"i": i} for i in (word, *singles, *pairs)], lambda d: {"o": d.o, "m": d.mended, "w": d.wrong}
    )
    judged = [(row["o"], row["m"], row["w"]) for row in seen]
    assert judged[0] == (data, 0, 0)
    assert set(judged[1 : CODE.bits + 1]) == {(data, 1, 0)}
    assert {row[1:] for row in judged[CODE.bits + 1 :]} == {(0, 1)}
