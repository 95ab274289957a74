"""The block RAMs of one MEM slice in one superlane."""

from __future__ import annotations

from functools import reduce
from operator import or_

from amaranth.hdl import Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out


class RegisteredBanks(wiring.Component):
    """Two banks as a `BankPair` has, with a register behind each for what ``read`` finds.

    Without ``fetch`` one word is read and one written in a cycle, which block RAMs do without banks: then there is one,
    with half of the wires and no multiplexer behind.

    Parameters
    ----------
    words : int
        Words of all banks together, a power of two.
    bits : int
        Bits of a word.
    parts : int
        Equal parts of a word that are written or not; 1 leaves it whole.
    fetches : bool
        Have ``fetch``.
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
    found : Out(bits)
        The same, but any where ``read`` was 0.
    fetch, fetch_address, fetched : In(1), In, Out(bits)
        Read one word of the bank that ``read`` does not use, in one cycle, without a register behind.
    write, write_parts, write_address, write_data : In(1), In(parts), In, In(bits)
        Write parts of one word. Of two banks its own reads nothing in that cycle. What is read of a word that is being
        written is not defined, so that block RAMs need no logic for it.
    show_address, shown : In, Out(bits)
        What is in a word, one cycle later and with what is being written: only to look at. 0 if nothing is shown.
    """

    latency = 2

    def __init__(self, words: int, bits: int, parts: int, *, fetches: bool, shows: bool):
        self.words = words
        self.bits = bits
        self.parts = parts
        self.fetches = fetches
        self.shows = shows
        address_bits = (words - 1).bit_length()
        super().__init__(
            {
                "read": In(1),
                "read_address": In(address_bits),
                "read_data": Out(bits),
                "found": Out(bits),
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
        banks = 2 if self.fetches else 1
        bank_bits = banks - 1
        place_bits = len(self.read_address) - bank_bits

        def chosen_bank(address: Value) -> Value:
            return address[place_bits:]

        found, fetched, shown = [], [], []
        for bank in range(banks):
            m.submodules[f"bank{bank}"] = memory = Memory(shape=self.bits, depth=self.words // banks, init=[])
            read, write = memory.read_port(), memory.write_port(granularity=self.bits // self.parts)
            if self.shows:
                show = memory.read_port(transparent_for=(write,))
                m.d.comb += show.addr.eq(self.show_address)
                shown.append(show.data)
            writes = self.write & (chosen_bank(self.write_address) == bank)
            fetches = self.fetch & (chosen_bank(self.fetch_address) == bank) if self.fetches else Const(0)
            m.d.comb += [
                read.addr.eq(Mux(fetches, self.fetch_address, self.read_address)),
                read.en.eq(~writes if self.fetches else 1),
                write.en.eq(self.write_parts & writes.replicate(self.parts)),
                write.addr.eq(self.write_address),
                write.data.eq(self.write_data),
            ]
            # nothing between a block RAM and its register
            word = Signal(self.bits, name=f"word{bank}", reset_less=True)
            reading, chosen = Signal(name=f"reading{bank}"), Signal(name=f"chosen{bank}")
            m.d.sync += [
                reading.eq(self.read & (chosen_bank(self.read_address) == bank)),
                chosen.eq(reading),
                word.eq(read.data),
            ]
            found.append(word & chosen.replicate(self.bits))
            fetched.append(read.data)
        fetch_bank, show_bank = Signal(bank_bits), Signal(bank_bits)
        m.d.sync += [fetch_bank.eq(chosen_bank(self.fetch_address)), show_bank.eq(chosen_bank(self.show_address))]
        m.d.comb += [self.read_data.eq(reduce(or_, found)), self.found.eq(self.read_data if self.fetches else word)]
        if self.fetches:
            m.d.comb += self.fetched.eq(Mux(fetch_bank, fetched[1], fetched[0]))
        if self.shows:
            m.d.comb += self.shown.eq(Mux(show_bank, shown[-1], shown[0]))
        return m
