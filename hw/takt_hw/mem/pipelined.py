"""A MEM slice for an FPGA: registers in front of its block RAMs and behind them."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value

from .. import isa
from ..config import LANES_PER_SUPERLANE
from ..streams import BITS
from .registered_banks import RegisteredBanks
from .slice import ADDRESS_STREAM_BITS, MemSlice


class PipelinedMemSlice(MemSlice):
    """A `MemSlice` whose words are read and written one cycle later, so that nothing changes between the two.

    WRITE_MASKED is one write of some lanes.

    ``write``, ``write_address`` and ``write_data`` show a write in the table's cycle, one before it happens.
    ``address_range`` comes one cycle later than from a `MemSlice`. ``next_drive`` is what ``drive`` names in the next
    cycle.

    Parameters
    ----------
    words, shows :
        As of a `MemSlice`; but the old words of what is shown have read ports of their own, so twice the block RAMs.

    Attributes
    ----------
    latency : int
        Cycles from ``reads`` to ``drive`` and from ``host_read`` to ``read_data``: 3.
    """

    latency = 1 + RegisteredBanks.latency
    ahead = True
    marks = True

    def __init__(self, words: int, *, shows: bool = True):
        super().__init__(words, shows=shows)

    def elaborate(self, platform) -> Module:
        m = Module()
        bits, address_bits = len(self.arriving_data), len(self.write_address)
        m.submodules.banks = banks = RegisteredBanks(
            self.words, bits, LANES_PER_SUPERLANE, fetches=False, shows=self.shows
        )
        self._taps(m)
        gathers, masks, scatters = self._is(isa.GATHER), self._is(isa.WRITE_MASKED), self._is(isa.SCATTER)
        fixed = self.writes.word[isa.ADDRESS.bits][:address_bits]

        # Reading: where, in the first cycle, then the banks', then the register behind them. Block RAMs stand far and
        # wide, so that nothing but a register is in front of them.
        read_at, gather_misses = Signal(address_bits), Signal()
        named = Mux(gathers, self.gathered_data, self.reads.word[isa.ADDRESS.bits])
        m.d.sync += [
            read_at.eq(Mux(self.host_read, self.host_address, named)),
            gather_misses.eq(gathers & self.gathered_data[address_bits:ADDRESS_STREAM_BITS].any()),
        ]
        self._send(m, banks, read_at, gather_misses)
        m.d.comb += self.read_data.eq(banks.found)

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
            news.eq(Mux(self.host_write, self.host_data, self.arriving_data)),
            lanes.eq(self.marked_data),
        ]
        m.d.comb += [
            self.address_range.eq(gather_misses | scatter_misses),
            banks.write.eq(1),
            # one level of gates: which lanes there are takes the cycle before
            banks.write_parts.eq(Mux(masking, lanes, storing.replicate(LANES_PER_SUPERLANE))),
            banks.write_address.eq(write_at),
            banks.write_data.eq(news),
        ]

        if self.shows:
            at_once = Mux(scatters, self.chosen_data[:address_bits], fixed)
            m.d.comb += [
                banks.show_address.eq(fixed),
                self.write.eq(masking | (self.writes.valid & ~masks & ~misses)),
                self.write_address.eq(Mux(masking, write_at, at_once)),
                self.write_data.eq(Mux(masking, merged(lanes, news, banks.shown), self.arriving_data[:BITS])),
            ]
        self._check(m, gathers, scatters, masking, write_at)
        return m

    def _send(self, m: Module, banks: RegisteredBanks, read_at: Value, misses: Value) -> None:
        """Read a word, and drive it when it is there."""
        m.d.comb += [
            banks.read.eq(~misses),
            banks.read_address.eq(read_at),
            self.next_drive.valid.eq(delayed(m, self.reads.valid, self.latency - 1, "sending")),
            self.next_drive.stream.eq(delayed(m, self.reads.word[isa.READ_TO.bits], self.latency - 1, "to")),
            self.drive.valid.eq(delayed(m, self.next_drive.valid, 1, "sends")),
            self.drive.stream.eq(delayed(m, self.next_drive.stream, 1, "sends_to")),
            self.drive.data.eq(banks.read_data),
        ]


def merged(lanes: Value, new: Value, old: Value) -> Value:
    """The new word in some lanes, the old one in the others."""
    return Cat(Mux(lanes[n], new.word_select(n, 8), old.word_select(n, 8)) for n in range(LANES_PER_SUPERLANE))


def delayed(m: Module, value: Value, cycles: int, name: str) -> Value:
    """A value, some cycles later."""
    for n in range(cycles):
        value, before = Signal(len(value), name=f"{name}{n}"), value
        m.d.sync += value.eq(before)
    return value
