"""The block RAMs of one MEM slice in one superlane."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out


class RegisteredBanks(wiring.Component):
    """Two banks as a `BankPair` has, with a register behind each for what ``read`` finds.

    Parameters
    ----------
    words : int
        Words of both banks together, a power of two.
    bits : int
        Bits of a word.
    parts : int
        Equal parts of a word that are written or not; 1 leaves it whole.
    shows : bool
        Have ``shown``.

    Attributes
    ----------
    latency : int
        Cycles from ``read_address`` to ``read_data``: 2.

    Members
    -------
    read, read_address, read_data : In(1), In, Out(bits)
        Read one word; 0 where ``read`` was 0.
    fetch, fetch_address, fetched : In(1), In, Out(bits)
        Read one word of the bank that ``read`` does not use, in one cycle, without a register behind.
    write, write_parts, write_address, write_data : In(1), In(parts), In, In(bits)
        Write parts of one word. Its bank reads nothing in that cycle: what it would read is not defined, so that block
        RAMs need no logic for it.
    show_address, shown : In, Out(bits)
        What is in a word, one cycle later and with what is being written: only to look at. 0 if nothing is shown.
    """

    latency = 2

    def __init__(self, words: int, bits: int, parts: int, *, shows: bool):
        self.words = words
        self.bits = bits
        self.parts = parts
        self.shows = shows
        address_bits = (words - 1).bit_length()
        super().__init__(
            {
                "read": In(1),
                "read_address": In(address_bits),
                "read_data": Out(bits),
                "fetch": In(1),
                "fetch_address": In(address_bits),
                "fetched": Out(bits),
                "write": In(1),
                "write_parts": In(parts),
                "write_address": In(address_bits),
                "write_data": In(bits),
                "show_address": In(address_bits),
                "shown": Out(bits),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        found, fetched, shown = [], [], []
        for bank in range(2):
            m.submodules[f"bank{bank}"] = memory = Memory(shape=self.bits, depth=self.words // 2, init=[])
            read, write = memory.read_port(), memory.write_port(granularity=self.bits // self.parts)
            if self.shows:
                show = memory.read_port(transparent_for=(write,))
                m.d.comb += show.addr.eq(self.show_address[:-1])
                shown.append(show.data)
            writes = self.write & (self.write_address[-1] == bank)
            fetches = self.fetch & (self.fetch_address[-1] == bank)
            m.d.comb += [
                read.addr.eq(Mux(fetches, self.fetch_address[:-1], self.read_address[:-1])),
                read.en.eq(~writes),
                write.en.eq(self.write_parts & writes.replicate(self.parts)),
                write.addr.eq(self.write_address[:-1]),
                write.data.eq(self.write_data),
            ]
            # nothing between a block RAM and its register
            word = Signal(self.bits, name=f"word{bank}", reset_less=True)
            reading, chosen = Signal(name=f"reading{bank}"), Signal(name=f"chosen{bank}")
            m.d.sync += [
                reading.eq(self.read & (self.read_address[-1] == bank)),
                chosen.eq(reading),
                word.eq(read.data),
            ]
            found.append(word & chosen.replicate(self.bits))
            fetched.append(read.data)
        fetch_bank, show_bank = Signal(), Signal()
        m.d.sync += [fetch_bank.eq(self.fetch_address[-1]), show_bank.eq(self.show_address[-1])]
        m.d.comb += [
            self.read_data.eq(found[0] | found[1]),
            self.fetched.eq(Mux(fetch_bank, fetched[1], fetched[0])),
        ]
        if self.shows:
            m.d.comb += self.shown.eq(Mux(show_bank, shown[1], shown[0]))
        return m
