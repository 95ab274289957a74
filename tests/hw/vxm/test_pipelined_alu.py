"""What only a pipelined build's ALU has: shared units, widened operands, chains that start later than streams."""

import random

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from takt_hw import isa
from takt_hw.config import ECP5
from takt_hw.isa import Alu, Direction, DType, Immediate, Stream, TypedStream
from takt_hw.vxm.alu import VxmAlu
from takt_hw.vxm.pipelined_alu import PipelinedVxmAlu
from takt_hw.vxm.pipelined_arithmetic import OPS as BASE_OPS
from takt_hw.vxm.pipelined_operand import widened
from takt_hw.vxm.product import ProductPipe
from tests.hw.simulation import dispatch, drive, from_lanes, run, tap, to_lanes
from tests.hw.vxm.test_alu import MODEL, OPS, PRODUCTS, A, latency_of, pairs, planes, requant_rows, requantize, word


def test_every_operation_is_of_the_base_or_of_the_pipe():
    assert {op.name for op in BASE_OPS} | PRODUCTS == set(OPS)
    assert PRODUCTS == {op.name for op in ProductPipe(False).ops}


@pytest.mark.parametrize("turns", [1, 4])
def test_operations_follow_each_other(turns):
    """As soon as turns allow: what steers one must not reach the next. Products come after, so none meet.

    Held and sent, all lanes of a result are there when the last group's is.
    """
    work = [(name, 0, row) for name in MODEL for row in pairs(seed=len(name), rows=2) if name not in PRODUCTS]
    random.Random(1).shuffle(work)
    work = work[: len(work) // turns]
    work += [("MUL", 0, row) for row in pairs(seed=3, rows=8)]
    work += [("REQUANT", shift, row) for shift in (0, 1, 15, 16, 47) for row in requant_rows(shift)]
    steps = []
    for name, shift, (a, b) in work:
        steps += [{"control": dispatch(word(OPS[name], shift=shift))} | planes("a", a) | planes("b", b)]
        steps += [planes("a", b) | planes("b", a)] * (turns - 1)  # other things pass by
    steps += [{}] * (latency_of(PipelinedVxmAlu, "MUL") + turns)

    def probe(d):
        return {"result": d.result, "undefined": d.undefined} | {f"drive{q}": getattr(d, f"drive{q}") for q in range(4)}

    seen = run(PipelinedVxmAlu(2, turns=turns), steps, probe)
    assert not any(row["undefined"] for row in seen)
    for n, (name, shift, (a, b)) in enumerate(work):
        row = seen[turns * n + latency_of(PipelinedVxmAlu, name) + turns - 1]
        got = to_lanes(row["result"], 16, 32, signed=True)
        model = MODEL.get(name, lambda x, y, shift=shift: requantize(x, y, shift))
        assert got == [model(x, y) for x, y in zip(a, b, strict=True)], (name, shift)
        expected = [drive(4 + q, from_lanes([lane >> 8 * q for lane in got])) for q in range(4)]
        assert [row[f"drive{q}"] for q in range(4)] == expected


@pytest.mark.parametrize(("turns", "late"), [(1, 0), (4, 0), (1, 1), (4, 2)])
@pytest.mark.parametrize("dtype", list(DType))
def test_smaller_types_use_a_part_of_a_group_of_streams(dtype, turns, late):
    """Bytes come from, and go to, the streams that an instruction names; the others of the four are left alone.

    They are asked for at once, however late they come.
    """
    size, rng = dtype.streams, random.Random(dtype)
    lanes = [[rng.randrange(256) for _ in range(16)] for _ in range(4)]
    for first in range(0, 8, size):
        source = TypedStream(Stream(first, Direction.WEST), dtype)
        to = TypedStream(Stream(first, Direction.EAST), dtype)
        copy = {"control": dispatch(word(isa.XOR, a=source, b=Immediate(0), dst=to))}
        alu = PipelinedVxmAlu(1, turns=turns, late=late)
        steps: list[dict] = [{} for _ in range(alu.latency + turns + 1)]
        steps[0] |= copy
        steps[late] |= {f"a{q}_data": from_lanes(lanes[q]) for q in range(4)}

        def probe(d):
            return {f"{name}{q}": getattr(d, f"{name}{q}") for name in ("a", "drive") for q in range(4)}

        seen = run(alu, steps, probe)
        there = [q for q in range(4) if first % 4 <= q < first % 4 + size]
        tapped = {q: seen[0][f"a{q}"] for q in range(4) if seen[0][f"a{q}"] & 1}
        assert tapped == {q: tap(32 + first // 4 * 4 + q) for q in there}
        row = seen[alu.latency + turns - 1]
        sent = {q: row[f"drive{q}"] for q in range(4) if row[f"drive{q}"] & 1}
        assert list(sent) == there
        if dtype is not DType.F16:  # which becomes fp32
            assert sent == {q: drive(first // 4 * 4 + q, from_lanes(lanes[q])) for q in there}


class Widened(wiring.Component):
    """`widened` by itself."""

    def __init__(self):
        super().__init__({"chosen": In(32), "signed_byte": In(1), "half": In(1), "o": Out(32)})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.o.eq(widened(m, self.chosen, self.signed_byte, self.half, "it"))
        return m


def test_fp16_numbers_and_bytes_are_widened():
    """Every subnormal fp16 number, each exponent with its neighbours, and every byte."""
    halves = np.concatenate([np.arange(1 << 10), np.arange(1 << 15, (1 << 15) + 1024), np.arange(0, 1 << 16, 31)])
    ends = np.arange(0, 1 << 16, 1 << 10)
    halves = np.concatenate([halves, ends, ends + 1, ends + 512, ends + 1023]).astype(np.uint16)
    with np.errstate(invalid="ignore"):
        floats = np.where(np.isnan(halves.view(np.float16)), np.float32(np.nan), halves.view(np.float16))
    assert floats.dtype == np.float32
    expected = np.where(np.isnan(floats), np.uint32(0x7FC00000), floats.view(np.uint32)).tolist()
    steps = [{"chosen": int(half), "half": 1} for half in halves]
    expected += [(byte ^ 128) - 128 & 0xFFFFFFFF for byte in range(256)]
    steps += [{"chosen": byte, "signed_byte": 1} for byte in range(256)]
    whole = [0, 1, 0x7C01, 0x80, 0xFFFFFFFF, 0x80000000, 0x12345678]
    steps += [{"chosen": number} for number in whole]
    assert [row["o"] for row in run(Widened(), steps, lambda d: {"o": d.o})] == expected + whole


@pytest.mark.parametrize("dtype", list(DType))
def test_streams_and_held_results_have_the_same_types(dtype):
    """As the ALU of the other builds, where their bytes above the type's are not 0."""
    lanes = [
        0,
        1,
        0x7F,
        0x80,
        0xFF,
        0x3C00,
        0x8001,
        0x03FF,
        0x7C00,
        0xFC01,
        0x1234ABCD,
        0xFFFFFFFF,
        0x80808080,
        7,
        8,
        9,
    ]
    held = from_lanes(lanes, 32) << 512
    results = []
    for alu in (VxmAlu, PipelinedVxmAlu):
        stream = word(isa.SUB, a=TypedStream(A.stream, dtype), b=Alu(1, dtype))
        other = word(isa.SUB, a=Alu(1, dtype), b=Immediate(3))
        steps = [
            {"control": dispatch(text)} | planes("a", lanes) | {"held": held, "holds": 2} for text in (stream, other)
        ]
        steps += [{"held": held, "holds": 2}] * alu.latency
        seen = run(alu(2), steps, lambda d: {"result": d.result, "undefined": d.undefined})
        assert not any(row["undefined"] for row in seen)
        results.append([row["result"] for row in seen[alu.latency :]])
    assert results[0] == results[1]
    assert results[0][0] == 0
    assert results[0][1] != 0


class Looped(wiring.Component):
    """An ALU that can take its own result."""

    def __init__(self):
        self.alu = PipelinedVxmAlu(1)
        super().__init__(
            {"control": In(self.alu.control.shape()), "clear": In(1), "result": Out(32), "undefined": Out(1)}
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.alu = alu = self.alu
        m.d.comb += [
            alu.control.eq(self.control),
            alu.clear.eq(self.clear),
            alu.held[0].eq(alu.result),
            alu.holds.eq(alu.has_result),
            self.result.eq(alu.result[15]),
            self.undefined.eq(alu.undefined),
        ]
        return m


@pytest.mark.parametrize("name", ["COPY", "MUL"])
def test_results_can_be_chained_as_soon_as_the_table_says(name):
    """At the chain's end the new result is there, and one cycle earlier the old; before the first there is none."""
    source = {"a": Immediate(5)} | ({"b": Immediate(5)} if name == "MUL" else {})
    chain = OPS[name].chain(ECP5)
    for wait, undefined in ((chain - 1, True), (chain, False)):
        steps = [{}] * 40
        steps[0] = {"control": dispatch(word(OPS[name], **source))}
        steps[wait] = {"control": dispatch(word(isa.ADD, a=Alu(0), b=Immediate(1)))}
        seen = run(Looped(), steps, lambda d: {"result": d.result, "undefined": d.undefined})
        assert any(row["undefined"] for row in seen) == undefined
        if not undefined:
            assert seen[-1]["result"] == (26 if name == "MUL" else 6)


def test_an_instruction_before_its_turn_is_reported():
    for wait, undefined in ((3, True), (4, False)):
        steps = [{}] * 12
        steps[0] = steps[wait] = {"control": dispatch(word(isa.COPY, a=Immediate(5)))}
        seen = run(PipelinedVxmAlu(1, turns=4), steps, lambda d: {"undefined": d.undefined})
        assert any(row["undefined"] for row in seen) == undefined


def test_a_program_begins_without_a_result():
    steps = [{}] * 24
    steps[0] = {"control": dispatch(word(isa.COPY, a=Immediate(5)))}
    steps[10] = {"clear": 1}
    steps[11] = {"control": dispatch(word(isa.NOT, a=Alu(0)))}
    seen = run(Looped(), steps, lambda d: {"undefined": d.undefined})
    assert [n for n, row in enumerate(seen) if row["undefined"]] == [11 + PipelinedVxmAlu.held_latency]
