"""A MEM slice for an FPGA whose words have check bits."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value

from .. import isa
from ..config import LANES_PER_SUPERLANE
from ..streams import BITS, later
from .pipelined import PipelinedMemSlice, delayed, merged
from .registered_banks import RegisteredBanks
from .slice import ADDRESS_STREAM_BITS, MemSlice


class PipelinedEccMemSlice(PipelinedMemSlice):
    """A `PipelinedMemSlice` with check bits, which are those of whole words.

    So WRITE_MASKED reads its word as a READ does. When it has been mended it is merged with what arrived, and stored.
    Until then no other instruction may use the slice.

    ``chosen_data`` comes mended, a cycle after ``chosen`` asks for it; all else waits for that. ``chosen`` is also the
    tap of a GATHER's addresses, which cannot come in the same cycle as a mask or a SCATTER's. ``host_data`` comes with
    check bits: one encoder is enough for all slices. ``read_data`` comes a cycle later than ``drive`` would, since it
    is mended.

    Parameters
    ----------
    words, shows :
        As of a `MemSlice`.

    Attributes
    ----------
    mending_cycles : int
        Cycles from ``chosen`` to ``chosen_data``: 1. As much later than in a `PipelinedMemSlice` words are read and
        written, and writes shown.
    masked_cycles : int
        By how much later still, next to other writes, a WRITE_MASKED writes: 2.
    """

    marks = False
    taps = ("arriving", "chosen")
    mended = ("read", "new")
    one_hot = True
    encodes = False
    mending_cycles = 1
    masked_cycles = RegisteredBanks.latency
    latency = PipelinedMemSlice.latency + mending_cycles

    def __init__(self, words: int, *, shows: bool = True):
        MemSlice.__init__(self, words, ecc=True, shows=shows)

    def elaborate(self, platform) -> Module:
        m = Module()
        bits, address_bits = len(self.arriving_data), len(self.write_address)
        m.submodules.banks = banks = RegisteredBanks(self.words, bits, 1, fetches=False, shows=False)
        self._taps(m)

        # Everything else in the cycle in which ``chosen_data`` is there.
        reads = later(m, self.reads, self.mending_cycles, "reads")
        writes = later(m, self.writes, self.mending_cycles, "writes")
        host_reads, host_writes = Signal(), Signal()
        host_address = Signal(address_bits, reset_less=True)
        host_data, arriving = Signal(bits, reset_less=True), Signal(bits, reset_less=True)
        m.d.sync += [
            host_reads.eq(self.host_read),
            host_writes.eq(self.host_write),
            host_address.eq(self.host_address),
            host_data.eq(self.host_data),
            arriving.eq(self.arriving_data),
        ]
        gathers, masks, scatters = (
            port.valid & (port.word[: isa.OPCODE_BITS] == op.code)
            for port, op in ((reads, isa.GATHER), (writes, isa.WRITE_MASKED), (writes, isa.SCATTER))
        )
        fixed = writes.word[isa.ADDRESS.bits][:address_bits]
        out_of_range = self.chosen_data[address_bits:ADDRESS_STREAM_BITS].any()

        # Reading: also what is going to be merged.
        read_at, gather_misses = Signal(address_bits), Signal()
        named = Mux(gathers, self.chosen_data, Mux(masks, fixed, reads.word[isa.ADDRESS.bits]))
        m.d.sync += [read_at.eq(Mux(host_reads, host_address, named)), gather_misses.eq(gathers & out_of_range)]
        self._send(m, banks, read_at, gather_misses)

        # Writing, in the next cycle; what is masked waits for its word.
        storing, masking, write_at, scatter_misses = Signal(), Signal(), Signal(address_bits), Signal()
        misses = scatters & out_of_range
        news = Signal(bits, reset_less=True)
        lanes = Signal(LANES_PER_SUPERLANE, reset_less=True)
        m.d.sync += [
            storing.eq((writes.valid & ~masks & ~misses) | host_writes),
            masking.eq(masks),
            scatter_misses.eq(misses),
            write_at.eq(Mux(host_writes, host_address, Mux(scatters, self.chosen_data, fixed))),
            news.eq(Mux(host_writes, host_data, arriving)),
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
        whole = Signal(BITS, reset_less=True)
        m.d.sync += whole.eq(old)
        storing_both = delayed(m, merging, 1, "storing_both")
        m.d.comb += [
            self.read_data.eq(whole),
            banks.write.eq(storing | storing_both),
            banks.write_parts.eq(1),
            banks.write_address.eq(Mux(storing_both, merged_at, write_at)),
            banks.write_data.eq(Mux(storing_both, self._code(merged(held_lanes, held, whole)), news)),
        ]

        m.d.comb += [
            self.write.eq(merging | (writes.valid & ~masks & ~misses)),
            self.write_address.eq(Mux(merging, merged_at, Mux(scatters, self.chosen_data[:address_bits], fixed))),
            self.write_data.eq(Mux(merging, merged(held_lanes, held, old), arriving[:BITS])),
        ]
        self._conflicts(m, reads, writes, gathers, scatters | masks, masking | waiting | merging)
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

    def _conflicts(self, m: Module, reads, writes, reads_both: Value, writes_both: Value, busy: Value) -> None:
        """With a WRITE_MASKED under way, nobody else may use either bank, and until it is done no other may write."""
        bank = len(self.write_address) - 1
        reading, writing = (Signal(2, name=name) for name in ("reading", "writing"))
        for used, port, both in ((reading, reads, reads_both), (writing, writes, writes_both)):
            own = port.word[isa.ADDRESS.bits][bank]
            m.d.comb += used.eq(Mux(port.valid, Mux(both, 0b11, Cat(~own, own)), 0))
        m.d.comb += self.bank_conflict.eq((reading & (writing | busy.replicate(2))).any() | (busy & writes.valid))
