"""Every VXM operation, against plain Python integers."""

import random
from fractions import Fraction

import pytest

from takt_hw import isa
from takt_hw.isa import Alu, Direction, DType, Immediate, Stream, TypedStream
from takt_hw.vxm.alu import VxmAlu
from takt_hw.vxm.floating import FloatPipe
from takt_hw.vxm.pipelined_alu import PipelinedVxmAlu
from takt_hw.vxm.pipelined_arithmetic import STAGES
from takt_hw.vxm.product import ProductPipe
from tests.hw.simulation import dispatch, from_lanes, run, to_lanes

LIMITS = [-(2**31), -(2**31) + 1, -129, -128, -127, -1, 0, 1, 126, 127, 128, 2**16 - 1, 2**31 - 2, 2**31 - 1]
A = TypedStream(Stream(0, Direction.EAST), DType.I32)
B = TypedStream(Stream(4, Direction.WEST), DType.I32)
OUT = TypedStream(Stream(4, Direction.EAST), DType.I32)
OPS = {op.name: op for op in isa.VXM_ALU.ops if op not in isa.CONTROL and op.needs is None}
"""Of every ALU; test_softfloat.py and test_functions.py have what only some ALUs do."""


def wrap(value):
    return (value + 2**31) % 2**32 - 2**31


def requantize(a, b, shift):
    """Python's round() of an exact fraction is round-half-even."""
    return max(-128, min(127, round(Fraction(a * (b & 0xFFFF), 2**shift))))


MODEL = {
    "COPY": lambda a, b: a,
    "ADD": lambda a, b: wrap(a + b),
    "SUB": lambda a, b: wrap(a - b),
    "MUL": lambda a, b: wrap(a * b),
    "MIN": min,
    "MAX": max,
    "AND": lambda a, b: a & b,
    "OR": lambda a, b: a | b,
    "XOR": lambda a, b: a ^ b,
    "NOT": lambda a, b: ~a,
    "SHL": lambda a, b: wrap(a << (b & 31)),
    "SHR": lambda a, b: a >> (b & 31),
    "EQ": lambda a, b: int(a == b),
    "NE": lambda a, b: int(a != b),
    "LT": lambda a, b: int(a < b),
    "LE": lambda a, b: int(a <= b),
    "MASK": lambda a, b: a if b else 0,
    "RELU": lambda a, b: max(a, 0),
    "ADD_SAT": lambda a, b: max(-(2**31), min(2**31 - 1, a + b)),
    "SUB_SAT": lambda a, b: max(-(2**31), min(2**31 - 1, a - b)),
    "ABS": lambda a, b: wrap(abs(a)),
    "NEG": lambda a, b: wrap(-a),
    "SHR_LOGICAL": lambda a, b: wrap(a % 2**32 >> (b & 31)),
}


PRODUCTS = {isa.MUL.name, isa.REQUANT.name}
"""What a pipelined ALU leaves to its product pipe."""


@pytest.fixture(params=[VxmAlu, PipelinedVxmAlu])
def alu(request):
    """Either class of ALUs."""
    return request.param


def word(op, **extra):
    operands = {"dst": OUT, "a": A, "b": B} | extra
    return op.encode(**{f.name: operands[f.name] for f in op.fields if f.name in operands})


def planes(name, lanes):
    return {f"{name}{p}_data": from_lanes([lane >> 8 * p for lane in lanes]) for p in range(4)}


def pairs(seed, rows):
    """Every pair of limits, then random ones, in rows of 16 lanes."""
    rng = random.Random(seed)
    flat = [(a, b) for a in LIMITS for b in LIMITS]
    flat += [(wrap(rng.getrandbits(32)), wrap(rng.getrandbits(rng.choice([4, 16, 32])))) for _ in range(rows * 16)]
    flat = flat[: len(flat) // 16 * 16]
    return [([a for a, _ in flat[n : n + 16]], [b for _, b in flat[n : n + 16]]) for n in range(0, len(flat), 16)]


def latency_of(alu, name):
    """Cycles from the control to the result."""
    in_pipe = alu is PipelinedVxmAlu and name in PRODUCTS
    return alu.latency + (ProductPipe(False).stages - STAGES if in_pipe else 0)


def with_held(alu, step, **held):
    """The steps of an instruction and of the held results that it takes: perhaps some cycles later."""
    steps = [{} for _ in range(alu.held_latency + 1)]
    steps[0] |= step
    steps[-1] |= held
    return steps


def execute(alu, name, steps):
    """Results of one operation in back-to-back steps."""
    latency = latency_of(alu, name)
    steps = [*steps, *({} for _ in range(latency))]
    seen = run(alu(4), steps, lambda d: {"result": d.result, "drive": d.drive2, "undefined": d.undefined})
    assert not any(row["undefined"] for row in seen)
    return [to_lanes(row["result"], 16, 32, signed=True) for row in seen[latency:]]


@pytest.mark.parametrize("name", sorted(MODEL))
def test_matches_python_on_time(name):
    rows = pairs(seed=len(name), rows=8)
    steps = [{"control": dispatch(word(OPS[name]))} | planes("a", a) | planes("b", b) for a, b in rows]
    assert execute(VxmAlu, name, steps) == [[MODEL[name](x, y) for x, y in zip(a, b, strict=True)] for a, b in rows]


def test_every_operation_has_a_model():
    assert set(MODEL) | {"SELECT", "REQUANT"} == set(OPS)


def requant_rows(shift):
    """Operands whose products lie about the limits of int8, and about halves, once shifted."""
    rng = random.Random(shift)
    rows = []
    for _ in range(12):
        multipliers = [rng.choice([0, 1, 2, 3, 2**15, 2**16 - 1, rng.getrandbits(16)]) for _ in range(16)]
        target = [rng.randrange(-300, 300) * 2**shift // max(1, m) for m in multipliers]
        a = [max(-(2**31), min(2**31 - 1, t + rng.choice([-1, 0, 0, 1]))) for t in target]
        rows.append((a, multipliers))
    half = [(2 * n + 1) * 2 ** (shift - 1) if 0 < shift < 24 else n for n in range(-8, 8)]
    return [*rows, (half, [1] * 16), (LIMITS + [5, -5], [2**16 - 1] * 16)]


@pytest.mark.parametrize("shift", [0, 1, 2, 15, 16, 31, 46, 47])
def test_requant_rounds_half_to_even_and_saturates(shift):
    rows = requant_rows(shift)
    steps = [{"control": dispatch(word(isa.REQUANT, shift=shift))} | planes("a", a) | planes("b", b) for a, b in rows]
    expected = [[requantize(x, y, shift) for x, y in zip(a, b, strict=True)] for a, b in rows]
    assert execute(VxmAlu, "REQUANT", steps) == expected


def test_select_takes_a_where_the_chooser_is_not_zero(alu):
    chooser = [0, 1, -1, 256] * 4
    held = from_lanes(chooser, 32) << 2 * 512
    a, b = list(range(100, 116)), list(range(200, 216))
    step = {"control": dispatch(word(isa.SELECT, c=Alu(2)))} | planes("a", a) | planes("b", b)
    got = execute(alu, "SELECT", with_held(alu, step, held=held, holds=0b0100))[0]
    assert got == [x if c else y for x, y, c in zip(a, b, chooser, strict=True)]


@pytest.mark.parametrize("value", [-(2**31), -5, 0, 2**31 - 1])
def test_immediates_and_held_results_as_operands(alu, value):
    held = from_lanes(range(16), 32) << 3 * 512
    step = {"control": dispatch(word(isa.ADD, a=Alu(3), b=Immediate(value)))}
    assert execute(alu, "ADD", with_held(alu, step, held=held, holds=0b1000))[0] == [
        wrap(lane + value) for lane in range(16)
    ]


def test_int8_streams_are_sign_extended_and_sent_as_low_bytes(alu):
    narrow = TypedStream(Stream(3, Direction.WEST), DType.I8)
    place = 3 if alu is PipelinedVxmAlu else 0  # whose ports are those of the streams of an aligned group
    lanes = [-128, -1, 0, 1, 127] + [5] * 11
    step = {"control": dispatch(word(isa.SUB, dst=narrow, a=narrow, b=Immediate(1)))}
    steps = [step | {f"a{place}_data": from_lanes(lanes)}, *({} for _ in range(alu.latency))]
    seen = run(alu(1), steps, lambda d: {"result": d.result} | {f"drive{p}": getattr(d, f"drive{p}") for p in range(4)})
    sent = seen[alu.latency]
    assert to_lanes(sent["result"], 16, 32, signed=True) == [lane - 1 for lane in lanes]
    assert [p for p in range(4) if sent[f"drive{p}"] & 1] == [place]
    assert sent[f"drive{place}"] >> 1 & 63 == narrow.stream.bits
    assert to_lanes(sent[f"drive{place}"] >> 7, 16) == [(lane - 1) & 255 for lane in lanes]


@pytest.mark.parametrize("source", ["a", "b", "c"])
def test_taking_a_result_that_does_not_exist_is_reported(alu, source):
    op = isa.SELECT if source == "c" else isa.ADD
    step = {"control": dispatch(word(op, **{"c": Alu(0), source: Alu(1)}))}
    steps = [*with_held(alu, step, holds=0b1101), *with_held(alu, step, holds=0b0011)]
    seen = run(alu(4), steps, lambda d: {"undefined": d.undefined})
    assert [n for n, row in enumerate(seen) if row["undefined"]] == [alu.held_latency]


def test_the_result_is_held_until_the_next(alu):
    steps = [{"control": dispatch(word(isa.COPY, a=Immediate(7)))}, *({} for _ in range(alu.latency + 2))]
    seen = run(alu(1), steps, lambda d: {"result": d.result[0], "has": d.has_result})
    assert [row["has"] for row in seen] == [0] * alu.latency + [1, 1, 1]
    assert [row["result"] for row in seen][alu.latency :] == [7, 7, 7]


def test_results_of_the_same_cycle_are_reported(alu):
    """The ALU with a pipe beside it: a product and a shorter operation that ends when it does."""
    if alu is VxmAlu:
        dut, long, gap = VxmAlu(1, floating=True), isa.MUL_SAT, FloatPipe.stages - 1
    else:
        dut, long, gap = PipelinedVxmAlu(1), isa.MUL, ProductPipe(False).stages - STAGES
    period = dut.latency + 2 * gap + 2
    steps = []
    for wait in (gap - 1, gap, gap + 1):
        segment = [{} for _ in range(period)]
        segment[0] = {"control": dispatch(word(long, a=Immediate(5), b=Immediate(5)))}
        segment[wait] = {"control": dispatch(word(isa.ADD, a=Immediate(4), b=Immediate(4)))}
        steps += segment
    seen = run(dut, steps, lambda d: {"result": d.result[0], "undefined": d.undefined})
    landing = dut.latency + gap
    # reported in the cycle before the results would be held
    assert [n for n, row in enumerate(seen) if row["undefined"]] == [period + landing - 1]
    assert [seen[landing + n]["result"] for n in (-1, 0)] == [8, 25]
    assert [seen[2 * period + landing + n]["result"] for n in (0, 1)] == [25, 8]
