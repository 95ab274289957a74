"""The SXM's movers within a superlane: operands taken at dispatch, results driven exactly ``latency`` cycles later."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from amaranth.asserts import AnySeq
from amaranth.hdl import Assert, Cat, Cover, Module, Mux, Signal, Value

from takt_hw.sxm.local import LocalMover, distributor, selector, transposer

from .proof import Mutant, Proof

LANES = 16


def _select(taken: list[Value]) -> list[Value]:
    a, b, mask = taken
    return [Cat(Mux(mask.word_select(n, 8) == 0, b.word_select(n, 8), a.word_select(n, 8)) for n in range(LANES))]


def _distribute(taken: list[Value]) -> list[Value]:
    source, numbers = taken
    lanes = []
    for n in range(LANES):
        number, lane = numbers.word_select(n, 8), Cat()
        lane = Cat(*((source.bit_select(8 * number[:4], 8) & (number < LANES).replicate(8)),))
        lanes.append(lane)
    return [Cat(lanes)]


def _transpose(taken: list[Value]) -> list[Value]:
    size = len(taken)
    return [
        Cat(taken[lane % size].word_select(lane - lane % size + stream, 8) for lane in range(LANES))
        for stream in range(size)
    ]


def mover(make: Callable[[], LocalMover], says: Callable[[list[Value]], list[Value]], m: Module) -> None:
    """Free instructions and operands in every cycle."""
    m.submodules.dut = dut = make()
    m.d.comb += Value.cast(dut.control).eq(AnySeq(len(Value.cast(dut.control))))
    taken = []
    for n in range(len(dut.sources)):
        port = getattr(dut, f"tap{n}_data")
        m.d.comb += port.eq(AnySeq(len(port)))
        taken.append(port)
        field, offset = dut.sources[n]
        tap = getattr(dut, f"tap{n}")
        m.d.comb += Assert(tap.valid == dut.control.valid)
        m.d.comb += Assert(tap.stream == (dut.control.word[field.bits] + offset)[: len(tap.stream)])
    valid, to, results = dut.control.valid, dut.control.word[dut.dest.bits], says(taken)
    clean = Signal(dut.latency)  # what is at the output came in since the beginning
    m.d.sync += clean.eq(Cat(1, clean))
    for cycle in range(dut.latency):
        later = [Signal.like(Value.cast(v), name=f"late{cycle}_{n}") for n, v in enumerate((valid, to, *results))]
        m.d.sync += [after.eq(before) for after, before in zip(later, (valid, to, *results), strict=True)]
        valid, to, *results = later
    for n, result in enumerate(results):
        drive = getattr(dut, f"drive{n}")
        m.d.comb += Assert(~clean[-1] | (drive.valid == valid))
        with m.If(valid & clean[-1]):
            m.d.comb += [Assert(drive.stream == (to + n)[: len(drive.stream)]), Assert(drive.data == result)]
    m.d.comb += Cover(clean[-1] & valid & dut.control.valid & results[0].all())


PROOFS = [
    Proof(
        name=f"mover-{name}",
        what=f"{name.upper()} drives its result, exactly `latency` cycles after its operands, and else nothing",
        build=partial(mover, make, says),
        depth=6,
        induction=5,
        cover=8,
        mutants=mutants,
    )
    for name, make, says, mutants in (
        (
            "select",
            selector,
            _select,
            (
                Mutant(
                    "lane SELECT chooses the other",
                    "sxm/local.py",
                    "Mux(mask[lane] != 0, a[lane], b[lane])",
                    "Mux(mask[lane] != 0, b[lane], a[lane])",
                ),
            ),
        ),
        (
            "distribute",
            distributor,
            _distribute,
            (
                Mutant(
                    "a map may name one lane too many",
                    "sxm/local.py",
                    "Mux(number < LANES_PER_SUPERLANE",
                    "Mux(number <= LANES_PER_SUPERLANE",
                ),
            ),
        ),
        ("distribute-one-hot", partial(distributor, one_hot=True), _distribute, ()),
        ("transpose", partial(transposer, 8), _transpose, ()),
    )
]
