"""The SRAM of one MEM slice in one superlane."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..streams import BITS


class BankPair(wiring.Component):
    """Two banks, each with a read and a write port; the top address bit names the bank.

    ``fetch`` is a second way to the banks' read ports, for whoever changes a part of a word. What uses one bank
    twice in a cycle is not defined.

    Parameters
    ----------
    words : int
        Words of both banks together, a power of two.
    bits : int
        Bits of a word.

    Attributes
    ----------
    latency : int
        Cycles from ``read`` to ``read_data`` and from ``fetch`` to ``fetch_data``: 1.

    Members
    -------
    read, read_address, read_data : In(1), In, Out(bits)
        Read one word.
    fetch, fetch_address, fetch_data : In(1), In, Out(bits)
        Read one word of the bank that ``read`` does not use.
    write, write_address, write_data : In(1), In, In(bits)
        Write one word.
    """

    latency = 1

    def __init__(self, words: int, bits: int = BITS):
        self.words = words
        self.bits = bits
        address_bits = (words - 1).bit_length()
        super().__init__(
            {
                "read": In(1),
                "read_address": In(address_bits),
                "read_data": Out(bits),
                "fetch": In(1),
                "fetch_address": In(address_bits),
                "fetch_data": Out(bits),
                "write": In(1),
                "write_address": In(address_bits),
                "write_data": In(bits),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        found = []
        for bank in range(2):
            m.submodules[f"bank{bank}"] = memory = Memory(shape=self.bits, depth=self.words // 2, init=[])
            read = memory.read_port()
            write = memory.write_port()
            fetched = self.fetch & (self.fetch_address[-1] == bank)
            m.d.comb += [
                read.en.eq((self.read & (self.read_address[-1] == bank)) | fetched),
                read.addr.eq(Mux(fetched, self.fetch_address[:-1], self.read_address[:-1])),
                write.en.eq(self.write & (self.write_address[-1] == bank)),
                write.addr.eq(self.write_address[:-1]),
                write.data.eq(self.write_data),
            ]
            found.append(read.data)
        read_bank, fetch_bank = Signal(), Signal()
        with m.If(self.read):
            m.d.sync += read_bank.eq(self.read_address[-1])
        with m.If(self.fetch):
            m.d.sync += fetch_bank.eq(self.fetch_address[-1])
        m.d.comb += [
            self.read_data.eq(Mux(read_bank, found[1], found[0])),
            self.fetch_data.eq(Mux(fetch_bank, found[1], found[0])),
        ]
        return m
