"""What the check bits show of one superlane, and of the chip: counters and the places of the first errors."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..isa.host import ERROR_FIELDS, PLACE_FIELDS

ERROR = data.StructLayout({"single": 1, "double": 1, "counted": 1, "from_memory": 1, "address": 16})
"""What is wrong with one word in this cycle. ``counted``: whoever saw it also mended it, if it was a single flip."""

PLACE = data.StructLayout(dict(PLACE_FIELDS))

REPORT = data.StructLayout({name: 8 * size for name, size in ERROR_FIELDS})
"""Payload beat of an ERRORS response."""

COUNT_BITS = 16

ERRORS = data.StructLayout(
    {"corrected": COUNT_BITS, "uncorrectable": COUNT_BITS, "first_corrected": PLACE, "first_uncorrectable": PLACE}
)
"""Errors of one superlane in one cycle."""


class ErrorCollector(wiring.Component):
    """Brings together what is wrong with the words of one superlane.

    Parameters
    ----------
    slices : sequence of int
        For each source of errors its slice, counted as in ``config.slices``.
    pipelined : bool
        Take errors into registers first: in an FPGA they come a long way.

    Attributes
    ----------
    latency : int
        Cycles from ``error`` to ``errors``: 1, pipelined 2.

    Members
    -------
    error{n} : In(ERROR)
        From source n. Of several in one cycle the first is the one whose place is kept.
    errors : Out(ERRORS)
        Without the superlane's number.
    """

    def __init__(self, slices: Sequence[int], *, pipelined: bool = False):
        self.slices = tuple(slices)
        self.pipelined = pipelined
        self.latency = 2 if pipelined else 1
        super().__init__({f"error{n}": In(ERROR) for n in range(len(self.slices))} | {"errors": Out(ERRORS)})

    def elaborate(self, platform) -> Module:
        m = Module()
        found = [getattr(self, f"error{n}") for n in range(len(self.slices))]
        if self.pipelined:
            arriving, found = found, [Signal(ERROR, name=f"found{n}") for n in range(len(self.slices))]
            m.d.sync += [here.eq(error) for here, error in zip(found, arriving, strict=True)]
        places = []
        for number, error in zip(self.slices, found, strict=True):
            place = Signal(PLACE)
            m.d.comb += [
                place.address.eq(error.address),
                place.slice.eq(number),
                place.from_memory.eq(error.from_memory),
                place.there.eq(1),
            ]
            places.append(place)
        m.d.sync += [
            self.errors.corrected.eq(_sum([error.single & error.counted for error in found])),
            self.errors.uncorrectable.eq(_sum([error.double for error in found])),
            self.errors.first_corrected.eq(_first([error.single for error in found], places)),
            self.errors.first_uncorrectable.eq(_first([error.double for error in found], places)),
        ]
        return m


class ErrorLog(wiring.Component):
    """Counts the errors of all superlanes and keeps the place of the first of each kind.

    Members
    -------
    errors{k} : In(ERRORS)
        From superlane k.
    clear : In(1)
        Forget everything.
    report : Out(REPORT)
        For the host.
    uncorrectable : Out(1)
        There is one in this cycle.
    """

    def __init__(self, superlanes: int):
        self.superlanes = superlanes
        super().__init__(
            {f"errors{k}": In(ERRORS) for k in range(superlanes)}
            | {"clear": In(1), "report": Out(REPORT), "uncorrectable": Out(1)}
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        found = [getattr(self, f"errors{k}") for k in range(self.superlanes)]
        for kind in ("corrected", "uncorrectable"):
            total = self.report[kind]
            more = Signal(len(total) + 1, name=f"more_{kind}")
            m.d.comb += more.eq(total + _sum([errors[kind] for errors in found]))
            m.d.sync += total.eq(Mux(more[-1], (1 << len(total)) - 1, more))
            places = []
            for k, errors in enumerate(found):
                place = Signal(PLACE, name=f"{kind}{k}")
                m.d.comb += [place.eq(errors[f"first_{kind}"]), place.superlane.eq(k)]
                places.append(place)
            kept = self.report[f"first_{kind}"]
            with m.If(~kept[-1]):
                m.d.sync += kept.eq(_first([place.there for place in places], places))
        m.d.comb += self.uncorrectable.eq(Cat(errors.uncorrectable.any() for errors in found).any())
        with m.If(self.clear):
            m.d.sync += self.report.eq(0)
        return m


def _sum(numbers: Sequence[Value]) -> Value:
    """As a tree."""
    if len(numbers) == 1:
        return numbers[0]
    half = len(numbers) // 2
    return _sum(numbers[:half]) + _sum(numbers[half:])


def _first(there: Sequence[Value], places: Sequence[Value]) -> Value:
    """The first place that is there; zeros if none is. As a tree."""
    found = [(now, Mux(now, Value.cast(place), 0)) for now, place in zip(there, places, strict=True)]
    while len(found) > 1:
        pairs = [found[n : n + 2] for n in range(0, len(found), 2)]
        found = [
            (pair[0][0] | pair[1][0], Mux(pair[0][0], pair[0][1], pair[1][1])) if len(pair) == 2 else pair[0]
            for pair in pairs
        ]
    return found[0][1]
