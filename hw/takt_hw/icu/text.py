"""The way of instruction text to the queues of one position in a pipelined build: of the host and from the streams."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .. import isa
from ..streams import TAP
from .fetch import ASK, TAKE_LATENCY, FetchPort

CONTROL = (isa.NOP, isa.REPEAT, isa.SYNC, isa.NOTIFY, isa.LOOP, isa.IFETCH, isa.CONFIG)

MARKS = data.StructLayout(
    dict.fromkeys([op.name.lower() for op in CONTROL], 1)
    | dict.fromkeys(("quick", "once", "twice", "thrice", "every", "single"), 1)
)
"""What a queue would else have to find out in a hurry: which instruction of `isa.CONTROL` a word is, if any. ``loop``:
and its count is not 1. ``quick``: one of them that takes one cycle. ``once``, ``twice``, ``thrice``: its count is 1, is
2, is 3; ``every``: its interval is 1; ``single``: its body is one word."""


def mark(m: Module, word: Value, marks) -> None:
    """Work out the marks of a word."""
    code, count = word[: isa.OPCODE_BITS], word[isa.COUNT.bits]
    is_op = {op.name.lower(): code == op.code for op in CONTROL}
    m.d.comb += [marks[name].eq(value) for name, value in is_op.items()]
    m.d.comb += [
        marks.once.eq(count == 1),
        marks.twice.eq(count == 2),
        marks.thrice.eq(count == 3),
        marks.every.eq(word[isa.INTERVAL.bits] == 1),
        marks.single.eq(word[isa.BODY.bits] == 1),
        marks.loop.eq(is_op["loop"] & ~marks.once),
        marks.quick.eq(Cat(is_op[name] for name in ("notify", "loop", "ifetch", "config")).any()),
    ]


class TextPort(wiring.Component):
    """A `FetchPort`, behind it a register that host and IFETCHes share, and marks of each word beside it.

    Word n of an IFETCH dispatched in cycle t reaches the queue in cycle t + latency + n; a word of the host
    ``host_latency`` cycles after it is here.

    Parameters
    ----------
    superlanes, queues, word_bits, control_latency : int
        As of `FetchPort`.

    Members
    -------
    host_write, host_word : In(1), In(word_bits)
        A word of the host. Not while a program runs.
    marks : Out(MARKS)
        Of ``word``.

    The other members are those of `FetchPort`; each ``ask`` is all zeros unless it is valid.
    """

    host_latency = 2
    """Cycles from ``host_word`` to ``word``: a register beside the host's and one that IFETCHes share."""

    def __init__(self, superlanes: int, queues: int, word_bits: int, control_latency: int):
        self.superlanes = superlanes
        self.queues = queues
        self.word_bits = word_bits
        self.control_latency = control_latency
        self.latency = control_latency + TAKE_LATENCY + 1
        super().__init__(
            {f"ask{n}": In(ASK) for n in range(queues)}
            | {f"fetched{k}": In(word_bits) for k in range(superlanes)}
            | {
                "clear": In(1),
                "take": Out(TAP),
                "host_write": In(1),
                "host_word": In(word_bits),
                "word": Out(word_bits),
                "marks": Out(MARKS),
                "arrives": Out(queues),
                "conflict": Out(1),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.fetch = fetch = FetchPort(
            self.superlanes, self.queues, self.word_bits, self.control_latency, zeroed=True
        )
        # The host is far from most positions.
        host_write, host_word = Signal(), Signal(self.word_bits, reset_less=True)
        m.d.sync += [host_write.eq(self.host_write), host_word.eq(self.host_word)]
        coming = Signal(self.word_bits)
        marks = Signal(MARKS)
        mark(m, coming, marks)
        m.d.comb += [
            fetch.clear.eq(self.clear),
            self.take.eq(fetch.take),
            self.conflict.eq(fetch.conflict),
            coming.eq(Mux(host_write, host_word, fetch.word)),
        ]
        for ports, count in (("ask", self.queues), ("fetched", self.superlanes)):
            m.d.comb += [getattr(fetch, f"{ports}{n}").eq(getattr(self, f"{ports}{n}")) for n in range(count)]
        m.d.sync += [self.word.eq(coming), self.marks.eq(marks), self.arrives.eq(fetch.arrives)]
        with m.If(self.clear):
            m.d.sync += self.arrives.eq(0)
        return m
