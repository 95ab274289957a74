"""A MEM slice for an FPGA whose words have check bits."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value

from .. import isa
from ..config import LANES_PER_SUPERLANE
from ..streams import BITS
from .pipelined import PipelinedMemSlice, delayed, merged
from .registered_banks import RegisteredBanks
from .slice import ADDRESS_STREAM_BITS, MemSlice


class PipelinedEccMemSlice(PipelinedMemSlice):
    """A `PipelinedMemSlice` with check bits, which are those of whole words.

    So WRITE_MASKED reads its word as a READ does. It is merged, with what arrived, in the cycle in which a READ's word
    would leave, and stored one later. Until then no other instruction may use the slice.

    ``host_data`` comes with check bits: one encoder is enough for all slices. ``chosen`` is also the tap of a GATHER's
    addresses, which cannot come in the same cycle as a mask or a SCATTER's.

    Parameters
    ----------
    words, shows :
        As of a `MemSlice`.

    Attributes
    ----------
    masked_cycles : int
        By how much later than in a `MemSlice` a WRITE_MASKED writes, next to other writes: 2.
    """

    marks = False
    taps = ("arriving", "chosen")
    mended = ("read", "new")
    one_hot = True
    encodes = False
    masked_cycles = PipelinedMemSlice.latency - MemSlice.latency

    def __init__(self, words: int, *, shows: bool = True):
        MemSlice.__init__(self, words, ecc=True, shows=shows)

    def elaborate(self, platform) -> Module:
        m = Module()
        bits, address_bits = len(self.arriving_data), len(self.write_address)
        m.submodules.banks = banks = RegisteredBanks(self.words, bits, 1, shows=False)
        self._taps(m)
        gathers, masks, scatters = self._is(isa.GATHER), self._is(isa.WRITE_MASKED), self._is(isa.SCATTER)
        fixed = self.writes.word[isa.ADDRESS.bits][:address_bits]
        out_of_range = self.chosen_data[address_bits:ADDRESS_STREAM_BITS].any()

        # Reading: also what is going to be merged.
        read_at, gather_misses = Signal(address_bits), Signal()
        named = Mux(gathers, self.chosen_data, Mux(masks, fixed, self.reads.word[isa.ADDRESS.bits]))
        m.d.sync += [
            read_at.eq(Mux(self.host_read, self.host_address, named)),
            gather_misses.eq(gathers & out_of_range),
        ]
        self._send(m, banks, read_at, gather_misses)

        # Writing, in the next cycle; what is masked waits for its word.
        storing, masking, write_at, scatter_misses = Signal(), Signal(), Signal(address_bits), Signal()
        misses = scatters & out_of_range
        news = Signal(bits, reset_less=True)
        lanes = Signal(LANES_PER_SUPERLANE, reset_less=True)
        m.d.sync += [
            storing.eq((self.writes.valid & ~masks & ~misses) | self.host_write),
            masking.eq(masks),
            scatter_misses.eq(misses),
            write_at.eq(Mux(self.host_write, self.host_address, Mux(scatters, self.chosen_data, fixed))),
            news.eq(Mux(self.host_write, self.host_data, self.arriving_data)),
            lanes.eq(Cat(self.chosen_data.word_select(n, 8).any() for n in range(LANES_PER_SUPERLANE))),
        ]
        m.d.comb += self.address_range.eq(gather_misses | scatter_misses)

        # Merging. One corrector looks at what leaves the banks, whoever it is for.
        new = self._mended(m, "new", news, masking)
        held = Signal(BITS, reset_less=True)
        held_lanes = Signal.like(lanes)
        merged_at = Signal(address_bits)
        with m.If(masking):
            m.d.sync += [held.eq(new), held_lanes.eq(lanes), merged_at.eq(write_at)]
        waiting = delayed(m, masking, 1, "waiting")
        merging = delayed(m, waiting, 1, "merging")
        hosted = delayed(m, self.host_read, self.latency, "hosted")
        sent = self.drive.valid & delayed(m, banks.read, banks.latency, "fits")
        address = delayed(m, banks.read_address, banks.latency, "address")
        old = self._mended(m, "read", banks.found, sent | hosted | merging, address=address, counted=hosted | merging)
        both = merged(held_lanes, held, old)
        stores_both = delayed(m, merging, 1, "stores_both")
        m.d.comb += [
            self.read_data.eq(old),
            banks.write.eq(storing | stores_both),
            banks.write_parts.eq(1),
            banks.write_address.eq(Mux(stores_both, merged_at, write_at)),
            banks.write_data.eq(Mux(stores_both, self._code(delayed(m, both, 1, "both")), news)),
        ]

        m.d.comb += [
            self.write.eq(merging | (self.writes.valid & ~masks & ~misses)),
            self.write_address.eq(Mux(merging, merged_at, Mux(scatters, self.chosen_data[:address_bits], fixed))),
            self.write_data.eq(Mux(merging, both, self.arriving_data[:BITS])),
        ]
        self._conflicts(m, gathers, scatters, masks, masking | waiting | merging)
        return m

    def _taps(self, m: Module) -> None:
        gathers = self._is(isa.GATHER)
        m.d.comb += [
            self.arriving.valid.eq(self.writes.valid),
            self.arriving.stream.eq(self.writes.word[isa.WRITE_FROM.bits]),
            self.chosen.valid.eq(gathers | self._is(isa.WRITE_MASKED) | self._is(isa.SCATTER)),
            self.chosen.stream.eq(
                Mux(gathers, self.reads.word[isa.ADDRESSES.bits], self.writes.word[isa.WRITE_MASK.bits])
            ),
        ]

    def _conflicts(self, m: Module, gathers: Value, scatters: Value, masks: Value, busy: Value) -> None:
        """With a WRITE_MASKED under way, nobody else may use either bank, and until it is done no other may write."""
        bank = len(self.write_address) - 1
        reading, writing = (Signal(2, name=name) for name in ("reading", "writing"))
        for used, port, both in ((reading, self.reads, gathers), (writing, self.writes, scatters | masks)):
            own = port.word[isa.ADDRESS.bits][bank]
            m.d.comb += used.eq(Mux(port.valid, Mux(both, 0b11, Cat(~own, own)), 0))
        m.d.comb += self.bank_conflict.eq((reading & (writing | busy.replicate(2))).any() | (busy & self.writes.valid))
