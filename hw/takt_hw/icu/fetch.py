"""The way of instruction text from the streams of one position into its queues."""

from __future__ import annotations

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .. import isa
from ..streams import TAP, pick

ASK = data.StructLayout({"valid": 1, "stream": isa.TEXT_FROM.width, "words": isa.TEXT_WORDS.width})
"""An IFETCH in the cycle of its dispatch."""

TAKE_LATENCY = 1
"""Cycles from a superlane's tap to its ``fetched`` port."""


class FetchPort(wiring.Component):
    """Carries out the IFETCHes of all queues at one position, one at a time.

    Word n of an IFETCH dispatched in cycle t reaches the queue in cycle t + latency + n. Superlane 0 is
    told to take a vector every ``superlanes`` cycles; the others follow one cycle after each other, so that
    one word arrives per cycle.

    Parameters
    ----------
    superlanes, queues : int
        Superlanes of the chip, queues of the position.
    word_bits : int
        Bits of the longest word that these queues store.
    control_latency : int
        Cycles from ``take`` to when superlane 0 has what it takes.
    zeroed : bool
        Each ``ask`` is all zeros unless it is valid, so that they need not be told apart.

    Members
    -------
    clear : In(1)
        A program begins.
    ask{n} : In(ASK)
        From queue n.
    take : Out(TAP)
        To superlane 0, in the cycle in which an instruction is dispatched there.
    fetched{k} : In(word_bits)
        From superlane k: what its tap took last.
    word, arrives : Out(word_bits), Out(queues)
        A word of text, and the queue that it is for.
    conflict : Out(1)
        An IFETCH came while another had words to come, or together with another.
    """

    def __init__(self, superlanes: int, queues: int, word_bits: int, control_latency: int, zeroed: bool = False):
        self.zeroed = zeroed
        self.superlanes = superlanes
        self.queues = queues
        self.latency = control_latency + TAKE_LATENCY
        super().__init__(
            {f"ask{n}": In(ASK) for n in range(queues)}
            | {f"fetched{k}": In(word_bits) for k in range(superlanes)}
            | {
                "clear": In(1),
                "take": Out(TAP),
                "word": Out(word_bits),
                "arrives": Out(queues),
                "conflict": Out(1),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        asks = [getattr(self, f"ask{n}") for n in range(self.queues)]
        asking = Signal(self.queues)
        asked = Signal()
        m.d.comb += [asking.eq(Cat(ask.valid for ask in asks)), asked.eq(asking.any())]

        left = Signal(isa.TEXT_WORDS.width)
        superlane = Signal(range(self.superlanes))
        owner = Signal(self.queues)
        stream = Signal(isa.TEXT_FROM.width)
        going_on = Signal()
        m.d.comb += [
            going_on.eq(left != 0),
            self.take.valid.eq(asked | (going_on & (superlane == 0))),
            self.take.stream.eq(stream),
            self.conflict.eq((asked & going_on) | (asking & (asking - 1)).any()),
        ]
        if self.zeroed:
            words = Signal(isa.TEXT_WORDS.width)
            m.d.comb += words.eq(reduce(or_, (ask.words for ask in asks)))
            with m.If(asked):
                m.d.comb += self.take.stream.eq(reduce(or_, (ask.stream for ask in asks)))
                m.d.sync += [left.eq(words - 1), stream.eq(self.take.stream)]
        for n, ask in enumerate(() if self.zeroed else asks):
            with m.If(asking[n]):
                m.d.comb += self.take.stream.eq(ask.stream)
                m.d.sync += [left.eq(ask.words - 1), stream.eq(ask.stream)]
        # ``superlane`` is where the word of this cycle comes from; in the cycle of the IFETCH that is superlane 0.
        with m.If(asked):
            m.d.sync += [owner.eq(asking), superlane.eq(0 if self.superlanes == 1 else 1)]
        with m.Elif(going_on):
            m.d.sync += [left.eq(left - 1), superlane.eq(Mux(superlane == self.superlanes - 1, 0, superlane + 1))]

        now = Signal(self.queues)
        m.d.comb += now.eq(Mux(asked, asking, Mux(going_on, owner, 0)))
        owners, places = [now], [Mux(asked, 0, superlane)]
        for delay in range(1, self.latency + 1):
            owners.append(Signal(self.queues, name=f"owner{delay}"))
            places.append(Signal(range(self.superlanes), name=f"superlane{delay}"))
            m.d.sync += [owners[delay].eq(owners[delay - 1]), places[delay].eq(places[delay - 1])]
        m.d.comb += [
            self.arrives.eq(owners[-1]),
            self.word.eq(pick(places[-1], {k: getattr(self, f"fetched{k}") for k in range(self.superlanes)})),
        ]
        with m.If(self.clear):
            m.d.sync += [left.eq(0), *(late.eq(0) for late in owners[1:])]
        return m
