"""The SRAM of one MEM slice in one superlane."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..streams import BITS


class BankPair(wiring.Component):
    """Two banks, each with a read and a write port; the top address bit names the bank.

    Parameters
    ----------
    words : int
        Words of both banks together, a power of two.

    Attributes
    ----------
    latency : int
        Cycles from ``read`` to ``read_data``: 1.

    Members
    -------
    read, read_address, read_data : In(1), In, Out(BITS)
        Read one word.
    write, write_address, write_data : In(1), In, In(BITS)
        Write one word. A read of the same bank in the same cycle is not defined.
    conflict : Out(1)
        A read and a write use the same bank.
    """

    latency = 1

    def __init__(self, words: int):
        self.words = words
        address_bits = (words - 1).bit_length()
        super().__init__(
            {
                "read": In(1),
                "read_address": In(address_bits),
                "read_data": Out(BITS),
                "write": In(1),
                "write_address": In(address_bits),
                "write_data": In(BITS),
                "conflict": Out(1),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        reads = []
        for bank in range(2):
            m.submodules[f"bank{bank}"] = memory = Memory(shape=BITS, depth=self.words // 2, init=[])
            read = memory.read_port()
            write = memory.write_port()
            m.d.comb += [
                read.en.eq(self.read & (self.read_address[-1] == bank)),
                read.addr.eq(self.read_address[:-1]),
                write.en.eq(self.write & (self.write_address[-1] == bank)),
                write.addr.eq(self.write_address[:-1]),
                write.data.eq(self.write_data),
            ]
            reads.append(read.data)
        from_bank1 = Signal()
        with m.If(self.read):
            m.d.sync += from_bank1.eq(self.read_address[-1])
        m.d.comb += [
            self.read_data.eq(Mux(from_bank1, reads[1], reads[0])),
            self.conflict.eq(self.read & self.write & (self.read_address[-1] == self.write_address[-1])),
        ]
        return m
