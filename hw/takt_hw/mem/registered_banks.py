"""The block RAMs of one MEM slice in one superlane."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out


class RegisteredBanks(wiring.Component):
    """Both banks of a slice, with a register behind what ``read`` finds. One word is read and one written in a cycle,
    which block RAMs do without banks.

    Parameters
    ----------
    words : int
        Words of both banks, a power of two.
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
    found : Out(bits)
        The same, but any where ``read`` was 0.
    write, write_parts, write_address, write_data : In(1), In(parts), In, In(bits)
        Write parts of one word. What is read of a word that is being written is not defined, so that block RAMs need no
        logic for it.
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
                "found": Out(bits),
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
        m.submodules.bank0 = memory = Memory(shape=self.bits, depth=self.words, init=[])
        read, write = memory.read_port(), memory.write_port(granularity=self.bits // self.parts)
        if self.shows:
            show = memory.read_port(transparent_for=(write,))
            m.d.comb += [show.addr.eq(self.show_address), self.shown.eq(show.data)]
        # nothing between a block RAM and its register
        word = Signal(self.bits, name="word0", reset_less=True)
        reading, chosen = Signal(name="reading0"), Signal(name="chosen0")
        m.d.sync += [reading.eq(self.read), chosen.eq(reading), word.eq(read.data)]
        m.d.comb += [
            read.addr.eq(self.read_address),
            write.en.eq(self.write_parts & self.write.replicate(self.parts)),
            write.addr.eq(self.write_address),
            write.data.eq(self.write_data),
            self.read_data.eq(word & chosen.replicate(self.bits)),
            self.found.eq(word),
        ]
        return m
