"""Checksums of the host port as functions that nobody knows: what is proved holds for every checksum, CRC included.

The hardware's two checksum functions are replaced while a module is elaborated. What comes out of them in a cycle is
free; a harness says with Assert that what went in is right, and goes on with the same value. That the real ones are
CRCs is proved on its own, in ``crc.py``.
"""

from __future__ import annotations

from types import ModuleType
from unittest.mock import patch

from amaranth.asserts import AnySeq
from amaranth.hdl import Module, Signal, Value

from takt_hw.host.frame import CRC32_BITS, HEADER_CRC_BITS


class Checksums:
    """Stand-ins for the checksum functions of one module, and what was asked of them.

    Attributes
    ----------
    words, headers : list of Value
        Arguments, in the order of the calls.
    sum32, sum16 : Signal
        What every call gives in this cycle.
    """

    def __init__(self) -> None:
        self.words: list[Value] = []
        self.headers: list[Value] = []
        self.sum32 = Signal(CRC32_BITS)
        self.sum16 = Signal(HEADER_CRC_BITS)

    def crc32_of(self, word: Value) -> Value:
        """In place of ``takt_hw.host.frame.crc32_of``."""
        self.words.append(word)
        return self.sum32

    def header_crc(self, header: Value) -> Value:
        """In place of ``takt_hw.host.frame.header_crc``."""
        self.headers.append(Value.cast(header))
        return self.sum16


def elaborated(m: Module, dut, module: ModuleType) -> tuple[Module, Checksums]:
    """The inside of a component of ``module``, its checksums free in every cycle."""
    sums = Checksums()
    m.d.comb += [sums.sum32.eq(AnySeq(CRC32_BITS)), sums.sum16.eq(AnySeq(HEADER_CRC_BITS))]
    with patch.multiple(module, crc32_of=sums.crc32_of, header_crc=sums.header_crc):
        return dut.elaborate(None), sums
