"""One MEM slice in one superlane: two queues' instructions become accesses of its banks."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .. import isa
from ..config import LANES_PER_SUPERLANE
from ..isa import Op
from ..isa.secded import CODE_BITS
from ..streams import BITS, TAP, dispatch_layout, drive_layout
from .bank_pair import BankPair
from .errors import ERROR
from .secded import Corrector, encode

ADDRESS_STREAM_BITS = 16
"""Bits of a stream that GATHER and SCATTER take for an address."""


class MemSlice(wiring.Component):
    """Reads words onto a stream and stores what arrives on another.

    GATHER's and SCATTER's addresses go from the tap to the banks within a cycle, so both take as long as READ
    and WRITE. WRITE_MASKED fetches its word in that cycle and writes in the next.

    Parameters
    ----------
    words : int
        Words of the slice, a power of two.
    ecc : bool
        Words, ``arriving_data`` and ``drive`` carry check bits. They are stored and sent as they came; whoever changes
        a word, or takes it out of the row, mends it.

    shows : bool
        Whether anybody looks at ``write`` and its like. Here they cost nothing.

    Attributes
    ----------
    latency : int
        Cycles from ``reads`` to ``drive``: 1.

    Members
    -------
    reads, writes : In(dispatch_layout), In(dispatch_layout)
        What the read and the write queue dispatched in the cycle before.
    gathered, gathered_data : Out(TAP), In(ADDRESS_STREAM_BITS)
        Addresses of a GATHER.
    arriving, arriving_data : Out(TAP), In(bits)
        What is to be written, as it is in the stream register.
    chosen, chosen_data : Out(TAP), In(BITS)
        Mask of a WRITE_MASKED, addresses of a SCATTER.
    marked_data : In(LANES_PER_SUPERLANE)
        Only where ``chosen_data`` is no wider than an address: the lanes of ``chosen`` that are not 0.
    drive : Out(drive_layout(bits))
        The word that was read.
    host_read, host_write, host_address, host_data : In
        Host access while no program runs.
    read_data : Out(BITS)
        One cycle after ``host_read``.
    write, write_address, write_data : Out
        A memory write by the program, in the cycle in which memory changes.
    bank_conflict : Out(1)
        Two instructions use one bank, or two write.
    address_range : Out(1)
        An address from a stream is beyond the slice: nothing is written, or 0 is read.
    read_error, old_error, new_error : Out(ERROR)
        With ECC: of a word that leaves the banks, and of the two words that a WRITE_MASKED merges.
    """

    latency = BankPair.latency
    ahead = False
    """Whether a slice says a cycle before, in ``next_drive``, what it will drive."""
    marks = False
    """Whether a slice is told which lanes of a mask are not 0, and does not see the mask."""
    taps = ("gathered", "arriving", "chosen")
    """Its taps, by name."""
    mended = ("read", "old", "new")
    """With ECC: the words that it mends, as they are named in its errors."""
    one_hot = False
    """With ECC: of which form its `Corrector`s are."""
    encodes = True
    """With ECC: whether it makes the check bits of ``host_data``, or gets them."""

    def __init__(self, words: int, *, ecc: bool = False, shows: bool = True):
        self.words = words
        self.ecc = ecc
        self.shows = shows
        address_bits = (words - 1).bit_length()
        bits = CODE_BITS if ecc else BITS
        super().__init__(
            {
                "reads": In(dispatch_layout(isa.MEM_READ.word_bits)),
                "writes": In(dispatch_layout(isa.MEM_WRITE.word_bits)),
                **({"gathered": Out(TAP), "gathered_data": In(ADDRESS_STREAM_BITS)} if "gathered" in self.taps else {}),
                "arriving": Out(TAP),
                "arriving_data": In(bits),
                "chosen": Out(TAP),
                "chosen_data": In(ADDRESS_STREAM_BITS if self.marks else BITS),
                "drive": Out(drive_layout(bits)),
                **({"next_drive": Out(TAP)} if self.ahead else {}),
                "host_read": In(1),
                "host_write": In(1),
                "host_address": In(address_bits),
                "host_data": In(BITS if self.encodes else bits),
                "read_data": Out(BITS),
                "write": Out(1),
                "write_address": Out(address_bits),
                "write_data": Out(BITS),
                "bank_conflict": Out(1),
                "address_range": Out(1),
            }
            | ({"marked_data": In(LANES_PER_SUPERLANE)} if self.marks else {})
            | ({f"{name}_error": Out(ERROR) for name in self.mended} if ecc else {})
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        bits = len(self.arriving_data)
        m.submodules.banks = banks = BankPair(self.words, bits)
        self._taps(m)
        address_bits = len(self.write_address)
        gathers, masks, scatters = self._is(isa.GATHER), self._is(isa.WRITE_MASKED), self._is(isa.SCATTER)
        gather_misses = gathers & self.gathered_data[address_bits:].any()
        scatter_misses = scatters & self.chosen_data[address_bits:ADDRESS_STREAM_BITS].any()

        # Reading.
        empty, sending = Signal(), Signal()
        to = Signal(len(self.drive.stream))
        m.d.comb += [
            banks.read.eq(self.reads.valid | self.host_read),
            banks.read_address.eq(
                Mux(gathers, self.gathered_data[:address_bits], self.reads.word[isa.ADDRESS.bits][:address_bits])
            ),
            self.drive.valid.eq(sending),
            self.drive.stream.eq(to),
            self.drive.data.eq(Mux(empty, 0, banks.read_data)),
        ]
        with m.If(self.host_read):
            m.d.comb += banks.read_address.eq(self.host_address)
        m.d.sync += [
            sending.eq(self.reads.valid),
            to.eq(self.reads.word[isa.READ_TO.bits]),
            empty.eq(gather_misses),
        ]
        # What a program reads is mended where it is taken; only the host gets it from here.
        read_address, hosted = Signal(address_bits), Signal()
        if self.ecc:
            m.d.sync += [read_address.eq(banks.read_address), hosted.eq(self.host_read)]
        found = self._mended(
            m, "read", banks.read_data, (sending & ~empty) | hosted, address=read_address, counted=hosted
        )
        m.d.comb += self.read_data.eq(found)

        # Writing: at once, or merged into the old word in the next cycle.
        merging = Signal()
        merged_address = Signal(address_bits)
        news = Signal(bits, reset_less=True)
        lanes = Signal(LANES_PER_SUPERLANE, reset_less=True)
        merged = Signal(BITS)
        at_once = Signal(address_bits)
        fixed = self.writes.word[isa.ADDRESS.bits][:address_bits]
        old = self._mended(m, "old", banks.fetch_data, merging, address=merged_address)
        new = self._mended(m, "new", news, merging)
        m.d.sync += merging.eq(masks)
        with m.If(masks):
            m.d.sync += [
                merged_address.eq(fixed),
                news.eq(self.arriving_data),
                lanes.eq(Cat(self.chosen_data.word_select(n, 8).any() for n in range(LANES_PER_SUPERLANE))),
            ]
        m.d.comb += [
            merged.eq(
                Cat(Mux(lanes[n], new.word_select(n, 8), old.word_select(n, 8)) for n in range(LANES_PER_SUPERLANE))
            ),
            at_once.eq(Mux(scatters, self.chosen_data[:address_bits], fixed)),
            banks.fetch.eq(masks),
            banks.fetch_address.eq(fixed),
            self.write.eq(merging | (self.writes.valid & ~masks & ~scatter_misses)),
            self.write_address.eq(Mux(merging, merged_address, at_once)),
            self.write_data.eq(Mux(merging, merged, self.arriving_data[:BITS])),
            banks.write.eq(self.write | self.host_write),
            banks.write_address.eq(self.write_address),
            banks.write_data.eq(Mux(merging, self._code(merged), self.arriving_data)),
        ]
        with m.If(self.host_write):
            m.d.comb += [banks.write_address.eq(self.host_address), banks.write_data.eq(self._code(self.host_data))]

        self._check(m, gathers, scatters, merging, merged_address)
        m.d.comb += self.address_range.eq(gather_misses | scatter_misses)
        return m

    def _check(self, m: Module, gathers, scatters, merging, merged_address) -> None:
        """Each kind of use as one bit per bank."""
        reading = Signal(2)
        writing = Signal(2)
        read_bank = self.reads.word[isa.ADDRESS.bits][len(self.write_address) - 1]
        fixed_bank = self.writes.word[isa.ADDRESS.bits][len(self.write_address) - 1]
        merged_bank = merged_address[-1]
        m.d.comb += [
            reading.eq(Mux(self.reads.valid, Mux(gathers, 0b11, Cat(~read_bank, read_bank)), 0)),
            writing.eq(
                Mux(self.writes.valid, Mux(scatters, 0b11, Cat(~fixed_bank, fixed_bank)), 0)
                | Mux(merging, Cat(~merged_bank, merged_bank), 0)
            ),
            self.bank_conflict.eq((reading & writing).any() | (merging & self.writes.valid)),
        ]

    def _code(self, word: Value) -> Value:
        """A word with its check bits, if words have them."""
        return encode(word) if self.ecc else word

    def _mended(
        self, m: Module, name: str, word: Value, used: Value, *, address: Value | None = None, counted: Value | int = 1
    ) -> Value:
        """The data of a word. Its error, if it is ``used`` at all, has an address if it comes from the banks."""
        if not self.ecc:
            return word
        m.submodules[f"{name}_corrector"] = corrector = Corrector(one_hot=self.one_hot)
        error = getattr(self, f"{name}_error")
        m.d.comb += [
            corrector.i.eq(word),
            error.single.eq(used & corrector.single),
            error.double.eq(used & corrector.double),
            error.counted.eq(counted),
            error.from_memory.eq(address is not None),
            error.address.eq(0 if address is None else address),
        ]
        return corrector.o

    def _taps(self, m: Module) -> None:
        m.d.comb += [
            self.gathered.valid.eq(self._is(isa.GATHER)),
            self.gathered.stream.eq(self.reads.word[isa.ADDRESSES.bits]),
            self.arriving.valid.eq(self.writes.valid),
            self.arriving.stream.eq(self.writes.word[isa.WRITE_FROM.bits]),
            self.chosen.valid.eq(self._is(isa.WRITE_MASKED) | self._is(isa.SCATTER)),
            self.chosen.stream.eq(self.writes.word[isa.WRITE_MASK.bits]),
        ]

    def _is(self, op: Op):
        """Whether this instruction is in its queue's port."""
        port = self.reads if op in isa.MEM_READ.ops else self.writes
        return port.valid & (port.word[: isa.OPCODE_BITS] == op.code)
