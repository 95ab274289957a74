"""Stream registers: a value leaves one cycle later unless a drive replaces it."""

from __future__ import annotations

from functools import partial

from amaranth.asserts import AnySeq
from amaranth.hdl import Assert, Assume, Cat, Cover, Module, Mux, Signal, Value

from takt_hw.isa import Direction
from takt_hw.streams import StreamPosition

from .proof import Mutant, Proof

STREAMS = 8
BITS = 16
DRIVES = (range(STREAMS), range(0, STREAMS, 4))
TAPS = (range(STREAMS), range(0, STREAMS, 2))


def _named(port, number: int, direction: Direction) -> Value:
    """Whether a drive or tap names that register."""
    return port.valid & (port.stream[:5] == number) & (port.stream[5] == direction.value)


def position(checks: bool, one_hot: bool, m: Module) -> None:
    """Every register of a position, all inputs free, two drives and two taps of different alignment."""
    m.submodules.dut = dut = StreamPosition(
        streams=STREAMS, drives=DRIVES, taps=TAPS, bits=BITS, checks=checks, one_hot=one_hot
    )
    begun = Signal()
    m.d.sync += begun.eq(1)
    ports = [*((f"drive{n}", numbers) for n, numbers in enumerate(DRIVES))]
    ports += [(f"tap{n}", numbers) for n, numbers in enumerate(TAPS)]
    for name, numbers in ports:
        port = getattr(dut, name)
        m.d.comb += Value.cast(port).eq(AnySeq(len(Value.cast(port))))
        named = Cat(port.stream[:5] == number for number in numbers).any()
        m.d.comb += Assume(~port.valid | named)
    for flow in (dut.i_east, dut.i_west):
        m.d.comb += Value.cast(flow).eq(AnySeq(len(Value.cast(flow))))

    collides, undefined = [], []
    for direction in Direction:
        east = direction is Direction.EAST
        came, held = (dut.i_east, dut.o_east) if east else (dut.i_west, dut.o_west)
        for number in range(STREAMS):
            mine = [n for n, numbers in enumerate(DRIVES) if number in numbers]
            hits = [_named(getattr(dut, f"drive{n}"), number, direction) for n in mine]
            driven, twice = Signal(), Signal()
            m.d.comb += [driven.eq(Cat(hits).any()), twice.eq(Cat(hits).all() if len(hits) > 1 else 0)]
            place = f"{number}{direction.letter}"
            data = Signal(dut.bits, name=f"data{place}")  # what must be held in the next cycle
            valid, taken, known = (
                Signal(name=f"valid{place}"),
                Signal(name=f"taken{place}"),
                Signal(name=f"known{place}"),
            )
            m.d.sync += [data.eq(came.data[number]), valid.eq(came.valid[number] | driven), known.eq(~twice)]
            m.d.sync += taken.eq(came.taken[number] & ~driven)
            for n, hit in zip(mine, hits, strict=True):
                with m.If(hit):
                    m.d.sync += data.eq(getattr(dut, f"drive{n}").data)
            takes = [
                _named(getattr(dut, f"tap{n}"), number, direction)
                for n, numbers in enumerate(TAPS)
                if number in numbers
            ]
            with m.If(begun):
                with m.If(known):
                    m.d.comb += Assert(held.data[number] == data)
                m.d.comb += Assert(held.valid[number] == valid)
                if checks:
                    m.d.comb += Assert(held.taken[number] == (taken | Cat(takes).any()))
            for n, numbers in enumerate(TAPS):
                if number in numbers:
                    with m.If(_named(getattr(dut, f"tap{n}"), number, direction)):
                        m.d.comb += Assert(getattr(dut, f"tap{n}_data") == held.data[number])
            collides.append(twice | (driven & came.valid[number] & ~came.taken[number]))
            undefined.append(Cat(takes).any() & ~held.valid[number])
    m.d.comb += [
        Assert(dut.collision == (Cat(collides).any() if checks else 0)),
        Assert(dut.undefined == (Cat(undefined).any() if checks else 0)),
        Cover(begun & dut.drive0.valid & dut.drive1.valid & (Cat(collides).any() == 0)),
        Cover(begun & dut.o_east.valid.all() & dut.o_west.valid.all()),
        Cover(begun & Cat(collides).any() & Mux(dut.tap0.valid, dut.tap1.valid, 0)),
    ]


MUTANTS = (
    Mutant(
        "a driven value is not valid",
        "streams.py",
        "valid.eq(incoming.valid | driven)",
        "valid.eq(incoming.valid)",
    ),
    Mutant(
        "a westward register takes from the west",
        "streams.py",
        "incoming = self.i_east if direction is Direction.EAST else self.i_west",
        "incoming = self.i_east",
    ),
    Mutant(
        "a drive changes the register beside its own too",
        "streams.py",
        "with m.If(hits[n][number]):",
        "with m.If(hits[n][number] | hits[n][number ^ 1]):",
    ),
)

PROOFS = [
    Proof(
        name=f"streams{'' if checks else '-unchecked'}{'-one-hot' if one_hot else ''}",
        what="A value leaves a stream register one cycle later unless a drive replaces it; a drive's is there one "
        "cycle later; taps take what is held; nothing else changes"
        + ("; collisions and undefined takes are told" if checks else ""),
        build=partial(position, checks, one_hot),
        depth=2,
        induction=2,
        assumed="drives and taps name streams of their range",
        note="8 streams of 16 bits each way, two drives and two taps",
        mutants=MUTANTS if checks else (),
    )
    for checks, one_hot in ((True, False), (False, False), (False, True))
]
