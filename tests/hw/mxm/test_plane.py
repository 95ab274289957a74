"""An MXM plane multiplies like NumPy, in the table's cycles, with the superlanes' stagger."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from takt_hw import isa
from takt_hw.config import ECP5_45K, ECP5_NANO, NANO, ChipConfig
from takt_hw.mxm import exact
from takt_hw.mxm.accumulator import Accumulator
from takt_hw.mxm.pipelined_accumulator import PipelinedAccumulator
from takt_hw.mxm.plane import Plane
from takt_hw.mxm.supercell import feed_layout, sums_layout
from takt_hw.tiles import TileLibrary
from tests.halves import CORNERS as HALVES
from tests.halves import SPECIAL, dot, nearest_fp32, number
from tests.hw.simulation import dispatch, from_lanes, run, to_lanes

CORNERS = [-128, -127, -1, 0, 1, 126, 127]


INT8_ONLY = replace(NANO, mxm_fp16=False, mxm_fp16_int8=False)
FP16 = replace(NANO, mxm_fp16=True, mxm_fp16_int8=False)
ALL_LUTS, FEW_DSP, ALL_DSP = (replace(ECP5_NANO, mxm_dsp=count) for count in (0, 28, 256))
ALL_TURNS = replace(ECP5_45K, mxm_turns=16)
WEIGHT_ONLY = replace(NANO, mxm_fp16=False, mxm_fp16_int8=True)


def feed(config: ChipConfig, **values) -> int:
    layout = feed_layout(config)
    return sum(value << layout[name].offset for name, value in values.items())


@pytest.mark.parametrize(
    ("build", "superlanes", "weight_streams"),
    [
        *((INT8_ONLY, 1, 8), (INT8_ONLY, 1, 16), (INT8_ONLY, 2, 4), (INT8_ONLY, 3, 16), (NANO, 1, 8)),
        *((ECP5_NANO, 1, 8), (ECP5_NANO, 2, 16), (ALL_LUTS, 2, 4), (ALL_DSP, 1, 8), (FEW_DSP, 1, 8)),
        *((ECP5_45K, 1, 4), (ECP5_45K, 2, 8), (replace(ECP5_45K, mxm_turns=2), 3, 16), (ALL_TURNS, 1, 2)),
    ],
)
def test_matches_numpy_on_time(build, superlanes, weight_streams):
    config = replace(build, superlanes=superlanes, weight_streams=weight_streams, streams=16)
    rng = np.random.default_rng(superlanes)
    size = config.lanes
    tiles = [rng.choice(CORNERS, (size, size)), rng.integers(-128, 128, (size, size))]
    tiles[0][:, :2] = -128, 127
    vectors = rng.integers(-128, 128, (6, size))
    vectors[:2] = [[-128], [127]]
    # Both tiles; while the first computes, the second is loaded.
    plan: dict[int, dict] = {}
    for block in range(config.weight_blocks):
        plan[block] = {"load": (tiles[0], block)}
        plan.setdefault(config.weight_blocks + 1 + block, {})["load"] = (tiles[1], block)
    turns = config.mxm_turns
    # right after a vector
    second = max(2 * config.weight_blocks, config.weight_blocks + turns * len(vectors)) + 1
    plan.setdefault(config.weight_blocks, {})["install"] = 1
    plan.setdefault(second, {})["install"] = 1
    expected = []
    dut = Plane(config, TileLibrary(shared=False))
    for n, vector in enumerate(vectors):
        for tile, start in ((tiles[0], config.weight_blocks + 1), (tiles[1], second + 1)):
            cycle = start + turns * n
            plan.setdefault(cycle, {})["activate"] = vector
            expected.append((cycle + dut.latency, (vector @ tile).tolist()))

    def step(cycle):
        values = {}
        for k in range(superlanes):
            at = plan.get(cycle - k, {})
            rows = slice(16 * k, 16 * k + 16)
            part = {}
            if "load" in at:
                tile, block = at["load"]
                columns = tile[rows, block * weight_streams : (block + 1) * weight_streams]
                part |= {"load": 1, "block": block, "weights": from_lanes(columns.T.flatten())}
            if "install" in at:
                part["install"] = 1
            if "activate" in at:
                part |= {"activate": 1, "activations": from_lanes(at["activate"][rows])}
            values[f"feed{k}"] = feed(config, **part)
        return values

    cycles = second + 2 + turns * len(vectors) + dut.latency + superlanes
    watch = {f"{what}{k}{end}" for k in range(superlanes) for what, end in (("product", ""), ("product", "_valid"))}
    seen = run(dut, [step(cycle) for cycle in range(cycles)], lambda d: {name: getattr(d, name) for name in watch})
    got = []
    for cycle in range(cycles - superlanes):
        if seen[cycle]["product0_valid"]:
            parts = [to_lanes(seen[cycle + k][f"product{k}"], 16, 32, signed=True) for k in range(superlanes)]
            assert not any(seen[cycle + k].get(f"product{k}_is_fp16") for k in range(superlanes))
            assert all(seen[cycle + k][f"product{k}_valid"] for k in range(superlanes))
            got.append((cycle, sum(parts, [])))
    assert sorted(got) == sorted(expected)


def exact_sum(product: int, layout, column: int):
    """The integer that a column's limbs make, in units of 2^-48, or a word for what has no value."""
    parts = layout.from_bits(product)
    nan, plus, minus = (parts.special[name] >> column & 1 for name in ("nan", "plus", "minus"))
    if nan or plus or minus:
        return "nan" if nan or (plus and minus) else "+inf" if plus else "-inf"
    low, high = int(parts.low[column]), int(parts.high[column])
    high -= (high >> 63) << 64
    below = (low - (high << 32)) % 2**64
    return (below - (below >> 63 << 64)) + (high << 32)


def expected_sum(x: np.ndarray, w: np.ndarray):
    """The same by fractions."""
    bits = dot(x, w)
    if bits & 0x7F800000 == 0x7F800000:
        return "nan" if bits & 0x7FFFFF else "-inf" if bits >> 31 else "+inf"
    values = [int(v) for v in w] if w.dtype == np.int8 else [number(v) for v in w]
    return sum((number(a) * v for a, v in zip(x, values, strict=True)), Fraction(0)) * 2**48


@pytest.mark.parametrize(
    ("build", "int8", "superlanes"),
    [(NANO, False, 1), (NANO, True, 1), (FP16, False, 2), (WEIGHT_ONLY, True, 2)],
    ids=["both, fp16", "both, int8", "fp16", "int8"],
)
def test_fp16_products_are_exact(build, int8, superlanes):
    """Limbs at their limits: every pair of corners, the largest numbers in all rows, infinities and NaN."""
    config = replace(build, superlanes=superlanes)
    rng = np.random.default_rng(superlanes)
    size = config.lanes
    weights = rng.choice(HALVES, (size, size))
    if int8:
        weights = rng.choice(np.array([-128, -127, -1, 0, 1, 127], np.int8), (size, size))
    else:
        weights[:, 0] = 0x7BFF
        weights[rng.integers(size, size=3), [1, 2, 3]] = SPECIAL[:3]
    vectors = [np.full(size, 0xFBFF, np.uint16), *rng.choice(HALVES, (6, size))]
    vectors += [np.where(rng.random(size) < 0.1, rng.choice(SPECIAL[:3], size), v) for v in vectors[1:5]]
    words = weights.view(np.uint8).astype(np.uint16) if int8 else weights
    plan: list[dict] = []
    for name, shift in (("load", 0),) if int8 else (("load", 0), ("load_high", 8)):
        for block in range(config.weight_blocks):
            columns = (words >> shift & 255)[:, block * 8 : block * 8 + 8]
            plan.append({name: 1, "block": block, "columns": columns})
    plan.append({"install": 1} | ({} if int8 else {"install_fp16": 1}))
    start = len(plan)
    plan += [{"activate_fp16": 1, "x": x} for x in vectors]
    dut = Plane(config, TileLibrary(shared=False))

    def step(cycle):
        values = {}
        for k in range(superlanes):
            at = dict(plan[cycle - k]) if 0 <= cycle - k < len(plan) else {}
            rows = slice(16 * k, 16 * k + 16)
            if (columns := at.pop("columns", None)) is not None:
                at["weights"] = from_lanes(columns[rows].T.flatten())
            if (x := at.pop("x", None)) is not None:
                at["operands"] = operands_of(x[rows])
            values[f"feed{k}"] = feed(config, **at)
        return values

    cycles = len(plan) + dut.latency + superlanes
    names = [f"product{k}{end}" for k in range(superlanes) for end in ("", "_valid", "_is_fp16")]
    seen = run(dut, [step(cycle) for cycle in range(cycles)], lambda d: {name: getattr(d, name) for name in names})
    layout = sums_layout(config)
    for n, x in enumerate(vectors):
        for column in range(size):
            row = seen[start + n + dut.latency + column // 16]
            assert (row[f"product{column // 16}_valid"], row[f"product{column // 16}_is_fp16"]) == (1, 1)
            got = exact_sum(row[f"product{column // 16}"], layout, column % 16)
            assert got == expected_sum(x, weights[:, column]), (n, column)


def operands_of(x: np.ndarray) -> int:
    """Sixteen numbers taken apart, by NumPy."""
    halves = x.view(np.float16)
    finite = np.where(np.isfinite(halves), halves, 0).astype(np.float64)
    shifts = np.maximum((x >> 10 & 31).astype(int), 1) - 1
    return exact.OPERANDS.const(
        {
            "significands": (finite * 2.0 ** (24 - shifts)).astype(int).tolist(),
            "shifts": (shifts & 31).tolist(),
            "nan": from_lanes(np.isnan(halves), 1),
            "infinite": from_lanes(np.isinf(halves), 1),
            "zero": from_lanes(halves == 0, 1),
            "negative": from_lanes(np.signbit(halves), 1),
        }
    ).as_bits()


def accumulator(config):
    """As a superlane has it."""
    return (PipelinedAccumulator if config.pipelined else Accumulator)(config)


@pytest.mark.parametrize("build", [INT8_ONLY, NANO, ECP5_NANO], ids=["int8", "fp16", "pipelined"])
def test_accumulates_modulo_2_to_the_32(build):
    dut = accumulator(replace(build, accumulators=4))
    big = [2**31 - 1 - lane for lane in range(16)]
    steps = [
        {"control": acc(1, "first"), "product": from_lanes(big, 32), "product_valid": 1},
        {"control": acc(2, "first"), "product": from_lanes([9] * 16, 32), "product_valid": 1},
        {"control": acc(1, "add", EAST), "product": from_lanes([2] * 16, 32), "product_valid": 1},
        {"control": acc(3, "add"), "product_valid": 1},
        {"control": acc(1, "first")},
    ]
    seen = run(dut, [*steps, {}, {}], watch_drives)
    assert sent(seen) == [(2 + dut.latency, [(value + 2) % 2**32 for value in big])]
    assert [row["undefined"] for row in seen] == [0, 0, 0, 1, 1, 0, 0]


@pytest.mark.parametrize("build", [INT8_ONLY, NANO, ECP5_NANO], ids=["int8", "fp16", "pipelined"])
def test_drain_sends_clears_and_drops_the_product(build):
    dut = accumulator(replace(build, accumulators=4))
    nine, five = (from_lanes([value] * 16, 32) for value in (9, 5))
    steps = [
        {"control": drain(1)},
        {"control": acc(1, "first"), "product": nine, "product_valid": 1},
        {"control": drain(1, EAST), "product": five, "product_valid": 1},
        {"control": acc(1, "add", EAST), "product": five, "product_valid": 1},
        {"control": drain(1)},
        {"control": drain(1, EAST)},
    ]
    seen = run(dut, [*steps, {}, {}, {}], watch_drives)
    assert sent(seen) == [(n + dut.latency, [value] * 16) for n, value in ((2, 9), (3, 5), (5, 0))]
    assert [row["undefined"] for row in seen] == [1, *[0] * 8]


def acc(address, mode, dst=None):
    return dispatch(isa.ACC.encode(address=address, mode=mode, dst=dst))


def drain(address, dst=None):
    return dispatch(isa.DRAIN.encode(address=address, dst=dst))


EAST = isa.Stream(4, isa.Direction.EAST)


def watch_drives(dut):
    return {f"drive{p}": getattr(dut, f"drive{p}") for p in range(4)} | {"undefined": dut.undefined}


def sent(seen):
    """(cycle, sixteen words) of all that left."""
    found = []
    for n, row in enumerate(seen):
        if row["drive0"] & 1:
            assert [row[f"drive{p}"] & 127 for p in range(4)] == [1 | EAST.bits + p << 1 for p in range(4)]
            planes = [to_lanes(row[f"drive{p}"] >> 7, 16) for p in range(4)]
            found.append((n, [sum(plane[lane] << 8 * p for p, plane in enumerate(planes)) for lane in range(16)]))
    return found


def limbs(totals, special=()):
    """A product with these exact sums, in units of 2^-48. ``special``: (name, column) of what has no value."""
    highs = [total >> 44 << 12 for total in totals]  # any split does in which the rest is below 2^63
    parts = {
        "low": [total % 2**64 for total in totals],
        "high": [high % 2**64 for high in highs],
        "special": {name: sum(1 << column for n, column in special if n == name) for name in ("nan", "plus", "minus")},
    }
    return sums_layout(NANO).const(parts).as_bits()


def arriving(product):
    return {"product": product, "product_valid": 1, "product_is_fp16": 1}


LARGEST = 2**92
"""Beyond what one product can be."""


def test_exact_sums_are_rounded_once():
    """Ties, their neighbours, all places of the leading one, in sums from which something huge cancels."""
    rng = np.random.default_rng(3)
    dut = Accumulator(replace(NANO, accumulators=4))
    totals = [0, 2**24 + 1, 2**24 + 3, 2**25 + 2, 2**25 + 6, 2**25 - 1, LARGEST - 1]
    for place in range(92):
        half = 1 << place >> 24  # of the last place that stays
        totals += [(1 << place) + half + more for more in (-1, 0, 1)] + [(1 << place) + 3 * half]
    totals += [int(rng.integers(2**24)) << int(rng.integers(68)) for _ in range(100)]
    totals += [-total for total in totals]
    totals += [0] * (-len(totals) % 16)
    steps, expected = [], []
    for n in range(0, len(totals), 16):
        group, address = totals[n : n + 16], n // 16 % 4
        away = [int(rng.integers(-(2**62), 2**62)) << 29 for _ in group]
        steps += [
            {"control": acc(address, "first"), **arriving(limbs(away))},
            {"control": acc(address, "add"), **arriving(limbs(group))},
            {"control": acc(address, "add", EAST), **arriving(limbs([-value for value in away]))},
        ]
        expected.append((len(steps) - 1 + dut.latency, [nearest_fp32(Fraction(total, 2**48)) for total in group]))
    seen = run(dut, [*steps, {}, {}, {}], watch_drives)
    assert sent(seen) == expected
    assert not any(row["undefined"] for row in seen)


def test_sums_go_on_past_96_bits():
    rng = np.random.default_rng(4)
    dut = Accumulator(replace(NANO, accumulators=4))
    totals, steps, expected = [0] * 16, [], []
    for n in range(150):
        more = [int(rng.integers(2**62)) << 30 | 1 for _ in totals]
        more = [-value if lane % 2 else value for lane, value in enumerate(more)]
        totals = [total + value for total, value in zip(totals, more, strict=True)]
        steps.append({"control": acc(2, "add" if n else "first", EAST), **arriving(limbs(more))})
        expected.append((n + dut.latency, [nearest_fp32(Fraction(total, 2**48)) for total in totals]))
    assert min(map(abs, totals)) > 2**96
    assert sent(run(dut, [*steps, {}, {}, {}], watch_drives)) == expected


def test_what_has_no_value_stays_until_replaced():
    dut = Accumulator(replace(NANO, accumulators=4))
    first = limbs([1 << 48] * 16, [("nan", 0), ("plus", 1), ("minus", 2), ("plus", 3)])
    later = limbs([1 << 48] * 16, [("plus", 0), ("plus", 1), ("minus", 3), ("minus", 4)])
    one, two, nan, inf = 0x3F800000, 0x40000000, 0x7FC00000, 0x7F800000
    steps = [
        {"control": acc(0, "first", EAST), **arriving(first)},
        {"control": acc(0, "add", EAST), **arriving(later)},
        {"control": drain(0, EAST)},
        {"control": acc(0, "add", EAST), **arriving(limbs([1 << 48] * 16))},
    ]
    negative = inf | 1 << 31
    second = [nan, inf, negative, nan, negative, *[two] * 11]
    seen = run(dut, [*steps, {}, {}, {}], watch_drives)
    assert sent(seen) == [
        (0 + dut.latency, [nan, inf, negative, inf, *[one] * 12]),
        (1 + dut.latency, second),
        (2 + dut.latency, second),
        (3 + dut.latency, [one] * 16),
    ]


def test_sums_of_the_other_kind_are_refused_and_replaced():
    dut = Accumulator(replace(NANO, accumulators=4))
    seven, half = {"product": from_lanes([7] * 16, 32), "product_valid": 1}, arriving(limbs([1 << 47] * 16))
    steps = [
        {"control": acc(0, "first"), **seven},
        {"control": acc(0, "add", EAST), **half},
        {"control": acc(0, "add", EAST), **seven},
        {"control": drain(0)},
        {"control": acc(0, "add", EAST), **half},
        {"control": drain(0)},
        {"control": acc(0, "add", EAST), **seven},
    ]
    seen = run(dut, [*steps, {}, {}, {}], watch_drives)
    assert [words[0] for _, words in sent(seen)] == [0x3F000000, 7, 0x3F000000, 7]
    assert [row["undefined"] for row in seen] == [0, 1, 1, *[0] * 7]


@pytest.mark.parametrize("build", [INT8_ONLY, ECP5_NANO], ids=["int8", "pipelined"])
def test_any_order_of_instructions_gives_the_same_sums(build):
    """Random ACCs and DRAINs of few accumulators, so that many follow another on the same one at once."""
    rng = np.random.default_rng(5)
    dut = accumulator(replace(build, accumulators=4))
    held = {n: np.zeros(16, np.int64) for n in range(4)}
    steps = [{"control": acc(n, "first"), "product_valid": 1} for n in range(4)]
    expected = []
    for cycle in range(4, 300):
        n, kind = int(rng.choice([0, 0, 0, 1, 3])), rng.choice(["first", "add", "add", "drain", "pause"])
        product = rng.integers(-(2**31), 2**31, 16)
        control = {"pause": 0, "drain": drain(n, EAST)}.get(kind) if kind in ("pause", "drain") else acc(n, kind, EAST)
        steps.append({"control": control, "product": from_lanes(product % 2**32, 32), "product_valid": 1})
        if kind == "pause":
            continue
        total = held[n] if kind == "drain" else product + (held[n] if kind == "add" else 0)
        held[n] = 0 * total if kind == "drain" else total % 2**32
        expected.append((cycle + dut.latency, [int(value) % 2**32 for value in total]))
    seen = run(dut, [*steps, *[{}] * dut.latency], watch_drives)
    assert sent(seen) == expected
    assert not any(row["undefined"] for row in seen)
