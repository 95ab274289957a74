"""A MEM slice for an FPGA: registers in front of its block RAMs and behind them."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value

from .. import isa
from ..config import LANES_PER_SUPERLANE
from ..streams import BITS
from .registered_banks import RegisteredBanks
from .secded import Corrector
from .slice import ADDRESS_STREAM_BITS, MemSlice


class PipelinedMemSlice(MemSlice):
    """A `MemSlice` whose banks are used one cycle later, for reading and for writing, so that nothing changes between
    the two.

    Without check bits WRITE_MASKED is one write of some lanes. With them it fetches its word and writes in the next
    cycle, as in a `MemSlice`; that is the slowest path of such a build.

    ``write``, ``write_address`` and ``write_data`` show a write in the table's cycle, one before it happens.
    ``address_range`` comes one cycle later than from a `MemSlice`. ``next_drive`` is what ``drive`` names in the next
    cycle.

    Parameters
    ----------
    words, ecc, shows :
        As of a `MemSlice`; but the old words of what is shown have read ports of their own, so twice the block RAMs.

    Attributes
    ----------
    latency : int
        Cycles from ``reads`` to ``drive`` and from ``host_read`` to ``read_data``: 3.
    """

    latency = 1 + RegisteredBanks.latency
    ahead = True

    @staticmethod
    def marks(ecc: bool) -> bool:
        """Without check bits: the lanes of the mask are looked at once for all slices of a position."""
        return not ecc

    def elaborate(self, platform) -> Module:
        m = Module()
        bits, address_bits = len(self.arriving_data), len(self.write_address)
        m.submodules.banks = banks = RegisteredBanks(
            self.words, bits, 1 if self.ecc else LANES_PER_SUPERLANE, fetches=self.ecc, shows=self.shows
        )
        self._taps(m)
        gathers, masks, scatters = self._is(isa.GATHER), self._is(isa.WRITE_MASKED), self._is(isa.SCATTER)
        fixed = self.writes.word[isa.ADDRESS.bits][:address_bits]
        if self.marks(self.ecc):
            chosen = self.marked_data
        else:
            chosen = Cat(self.chosen_data.word_select(n, 8).any() for n in range(LANES_PER_SUPERLANE))

        # Reading: where, in the first cycle, then the banks', then the register behind them. Block RAMs stand far and
        # wide, so that nothing but a register is in front of them.
        read_at, gather_misses = Signal(address_bits), Signal()
        named = Mux(gathers, self.gathered_data, self.reads.word[isa.ADDRESS.bits])
        m.d.sync += [
            read_at.eq(Mux(self.host_read, self.host_address, named)),
            gather_misses.eq(gathers & self.gathered_data[address_bits:ADDRESS_STREAM_BITS].any()),
        ]
        m.d.comb += [
            banks.read.eq(~gather_misses),
            banks.read_address.eq(read_at),
            self.next_drive.valid.eq(_delayed(m, self.reads.valid, self.latency - 1, "sending")),
            self.next_drive.stream.eq(_delayed(m, self.reads.word[isa.READ_TO.bits], self.latency - 1, "to")),
            self.drive.valid.eq(_delayed(m, self.next_drive.valid, 1, "sends")),
            self.drive.stream.eq(_delayed(m, self.next_drive.stream, 1, "sends_to")),
            self.drive.data.eq(banks.read_data),
        ]
        hosted = used = address = None
        if self.ecc:
            hosted = _delayed(m, self.host_read, self.latency, "hosted")
            used = (self.drive.valid & _delayed(m, banks.read, banks.latency, "fits")) | hosted
            address = _delayed(m, banks.read_address, banks.latency, "address")
        m.d.comb += self.read_data.eq(self._mended(m, "read", banks.found, used, address=address, counted=hosted))

        # Writing: the same, but for the register behind.
        storing, masking, write_at, scatter_misses = Signal(), Signal(), Signal(address_bits), Signal()
        misses = scatters & self.chosen_data[address_bits:ADDRESS_STREAM_BITS].any()
        stored_at = Mux(scatters, self.chosen_data, fixed)
        writes = (self.writes.valid & ~misses) | self.host_write
        news = Signal(bits, reset_less=True)
        lanes = Signal(LANES_PER_SUPERLANE, reset_less=True)
        m.d.sync += [
            storing.eq(writes & ~masks),
            masking.eq(masks),
            scatter_misses.eq(misses),
            write_at.eq(Mux(self.host_write, self.host_address, stored_at)),
            news.eq(Mux(self.host_write, self._code(self.host_data), self.arriving_data)),
            lanes.eq(chosen),
        ]
        m.d.comb += self.address_range.eq(gather_misses | scatter_misses)
        if self.ecc:
            self._merge(m, banks, storing, masking, write_at, news, lanes)
        else:
            m.d.comb += [
                banks.write.eq(1),
                # one level of gates: which lanes there are takes the cycle before
                banks.write_parts.eq(Mux(masking, lanes, storing.replicate(LANES_PER_SUPERLANE))),
                banks.write_address.eq(write_at),
                banks.write_data.eq(news),
            ]

        if self.shows:
            self._show(m, banks, masks, scatters, masking, write_at, news, lanes)
        self._check(m, gathers, scatters, masking, write_at)
        return m

    def _merge(self, m: Module, banks, stores, masking, write_at, news, lanes) -> None:
        """Words with check bits are written whole: at once, or merged into the old one in the next cycle."""
        merging, merged_at = _delayed(m, masking, 1, "merging"), _delayed(m, write_at, 1, "merged_at")
        held, held_lanes = _delayed(m, news, 1, "held"), _delayed(m, lanes, 1, "held_lanes")
        old = self._mended(m, "old", banks.fetched, merging, address=merged_at)
        new = self._mended(m, "new", held, merging)
        m.d.comb += [
            banks.fetch.eq(masking),
            banks.fetch_address.eq(write_at),
            banks.write.eq(merging | stores),
            banks.write_parts.eq(1),
            banks.write_address.eq(Mux(merging, merged_at, write_at)),
            banks.write_data.eq(Mux(merging, self._code(_merged(held_lanes, new, old)), news)),
        ]

    def _show(self, m: Module, banks, masks, scatters, masking, write_at, news, lanes) -> None:
        """What is seen of writing, in the table's cycles."""
        address_bits = len(self.write_address)
        fixed = self.writes.word[isa.ADDRESS.bits][:address_bits]
        shown: Value = banks.shown
        new: Value = news
        if self.ecc:
            correctors = [Corrector(), Corrector()]
            m.submodules.shown_corrector, m.submodules.shown_new_corrector = correctors
            m.d.comb += [correctors[0].i.eq(shown), correctors[1].i.eq(news)]
            shown, new = (corrector.o for corrector in correctors)
        at_once = Mux(scatters, self.chosen_data[:address_bits], fixed)
        misses = scatters & self.chosen_data[address_bits:ADDRESS_STREAM_BITS].any()
        m.d.comb += [
            banks.show_address.eq(fixed),
            self.write.eq(masking | (self.writes.valid & ~masks & ~misses)),
            self.write_address.eq(Mux(masking, write_at, at_once)),
            self.write_data.eq(Mux(masking, _merged(lanes, new, shown), self.arriving_data[:BITS])),
        ]


def _merged(lanes: Value, new: Value, old: Value) -> Value:
    """The new word in some lanes, the old one in the others."""
    return Cat(Mux(lanes[n], new.word_select(n, 8), old.word_select(n, 8)) for n in range(LANES_PER_SUPERLANE))


def _delayed(m: Module, value: Value, cycles: int, name: str) -> Value:
    """A value, some cycles later."""
    for n in range(cycles):
        value, before = Signal(len(value), name=f"{name}{n}"), value
        m.d.sync += value.eq(before)
    return value
