"""The deskew buffer: vectors that have arrived, until their RECEIVE."""

from __future__ import annotations

from amaranth.hdl import Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..config import ChipConfig
from ..streams import BITS
from .word import NUMBER_BITS, packet_layout


class DeskewBuffer(wiring.Component):
    """Keeps vectors in slot *number of the SEND* modulo `link_buffer`; the n-th RECEIVE takes what is in slot n.

    A vector is in superlane k's memory k cycles after it is in superlane 0's, where it can be received in the cycle
    after ``arrived``. Until all have it no other arrives: a packet takes more cycles than the chip has superlanes.

    In a pipelined build there is a register in front of the memories, for writing and for reading.

    Parameters
    ----------
    config : ChipConfig
        The build.

    Attributes
    ----------
    latency : int
        Cycles from ``receive`` to ``part0``: 1, in a pipelined build 2.

    Members
    -------
    arrived, packet : In(1), In(packet_layout(lanes))
        From the `Receiver`. Nothing is done with bad ones.
    clear : In(1)
        Forget all vectors; the next SEND and the next RECEIVE are number 0.
    receive : In(1)
        The next RECEIVE.
    part{k} : Out(BITS)
        Superlane k's part of its vector, k + ``latency`` cycles after ``receive``. Zeros if it is not there.
    lost : Out(1)
        With ``receive``: the vector is not there.
    late : Out(1)
        With ``arrived``: its RECEIVE is over. The vector is dropped.
    conflict : Out(1)
        With ``arrived``: its slot still holds the vector before. It is dropped.
    """

    def __init__(self, config: ChipConfig):
        self.latency = 1 + config.receive_cycles
        self.superlanes = config.superlanes
        self.slots = config.link_buffer
        super().__init__(
            {
                "arrived": In(1),
                "packet": In(packet_layout(config.lanes)),
                "clear": In(1),
                "receive": In(1),
                **{f"part{k}": Out(BITS) for k in range(config.superlanes)},
                "lost": Out(1),
                "late": Out(1),
                "conflict": Out(1),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        expected = Signal(NUMBER_BITS)
        full, left = Signal(self.slots), Signal(self.slots)
        read_slot, write_slot = Signal(range(self.slots)), Signal(range(self.slots))
        found, good, stored = Signal(), Signal(), Signal()
        m.d.comb += [
            read_slot.eq(expected),
            write_slot.eq(self.packet.number),
            found.eq(full.bit_select(read_slot, 1)),
            self.lost.eq(self.receive & ~found),
            left.eq(full & ~(self.receive << read_slot)),
            good.eq(self.arrived & self.packet.good),
        ]

        # What becomes of a vector without ``receive`` and with it, both at once: it comes late in the cycle.
        over, fits = Signal(2), Signal(2)
        for received in range(2):
            # Number of RECEIVEs that come before this vector's; more than half of what a number can say: it is over.
            ahead = Signal(NUMBER_BITS, name=f"ahead{received}")
            empties = (write_slot == read_slot) if received else Const(0)
            taken = full.bit_select(write_slot, 1) & ~empties
            m.d.comb += [
                ahead.eq(self.packet.number - expected - received),
                over[received].eq(ahead[-1]),
                fits[received].eq(~((ahead >= self.slots) | taken)),
            ]
        m.d.comb += [
            stored.eq(good & Mux(self.receive, fits[1], fits[0])),
            self.late.eq(good & Mux(self.receive, over[1], over[0])),
            self.conflict.eq(good & ~self.late & ~stored),
        ]
        m.d.sync += [expected.eq(expected + self.receive), full.eq(left | (stored << write_slot))]
        with m.If(self.clear):
            m.d.sync += [expected.eq(0), full.eq(0)]
        self._memories(m, (stored, write_slot), (self.receive, read_slot, found))
        return m

    def _memories(self, m: Module, write: tuple, read: tuple) -> None:
        """A memory for each superlane, used a cycle later than that of the superlane before."""
        held = Signal.like(self.packet.vector, reset_less=True)
        with m.If(self.arrived | Const(self.superlanes == 1)):  # more than one share it, for as many cycles
            m.d.sync += held.eq(self.packet.vector)
        late = self.latency - 1
        for n in range(late):
            write, read = self._later(m, n, write), self._later(m, n, read)
        for k in range(self.superlanes):
            m.submodules[f"slots{k}"] = memory = Memory(shape=BITS, depth=self.slots, init=[])
            write_port, read_port = memory.write_port(), memory.read_port()
            vector = held if k + late else self.packet.vector
            shown = Signal(name=f"shown{k}")
            m.d.comb += [
                write_port.en.eq(write[0]),
                write_port.addr.eq(write[1]),
                write_port.data.eq(vector.word_select(k, BITS)),
                read_port.en.eq(read[0]),
                read_port.addr.eq(read[1]),
                getattr(self, f"part{k}").eq(Mux(shown, read_port.data, 0)),
            ]
            m.d.sync += shown.eq(read[0] & read[2])
            if k < self.superlanes - 1:
                write, read = self._later(m, k + late, write), self._later(m, k + late, read)

    @staticmethod
    def _later(m: Module, k: int, signals: tuple[Value, ...]) -> tuple[Value, ...]:
        """The same one cycle later."""
        later = tuple(Signal.like(signal, name=f"{signal.name}_{k + 1}") for signal in signals)
        m.d.sync += [after.eq(before) for after, before in zip(later, signals, strict=True)]
        return later
