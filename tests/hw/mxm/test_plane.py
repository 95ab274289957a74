"""An MXM plane multiplies like NumPy, in the table's cycles, with the superlanes' stagger."""

from dataclasses import replace

import numpy as np
import pytest

from takt_hw import isa
from takt_hw.config import NANO, ChipConfig
from takt_hw.mxm.accumulator import Accumulator
from takt_hw.mxm.feeder import Feeder
from takt_hw.mxm.plane import Plane
from takt_hw.mxm.supercell import feed_layout
from takt_hw.tiles import TileLibrary
from tests.hw.simulation import dispatch, from_lanes, run, to_lanes

CORNERS = [-128, -127, -1, 0, 1, 126, 127]


def feed(config: ChipConfig, **values) -> int:
    layout = feed_layout(config.weight_streams, config.weight_blocks)
    return sum(value << layout[name].offset for name, value in values.items())


@pytest.mark.parametrize(("superlanes", "weight_streams"), [(1, 8), (1, 16), (2, 4), (3, 16)])
def test_matches_numpy_on_time(superlanes, weight_streams):
    config = replace(NANO, superlanes=superlanes, weight_streams=weight_streams, streams=16)
    rng = np.random.default_rng(superlanes)
    size = config.lanes
    tiles = [rng.choice(CORNERS, (size, size)), rng.integers(-128, 128, (size, size))]
    vectors = rng.integers(-128, 128, (6, size))
    # Both tiles; while the first computes, the second is loaded.
    plan: dict[int, dict] = {}
    for block in range(config.weight_blocks):
        plan[block] = {"load": (tiles[0], block)}
        plan.setdefault(config.weight_blocks + 1 + block, {})["load"] = (tiles[1], block)
    second = 2 * config.weight_blocks + 8
    plan.setdefault(config.weight_blocks, {})["install"] = 1
    plan.setdefault(second, {})["install"] = 1
    expected = []
    dut = Plane(config, TileLibrary(shared=False))
    for n, vector in enumerate(vectors):
        for tile, start in ((tiles[0], config.weight_blocks + 1), (tiles[1], second + 1)):
            cycle = start + n
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

    cycles = second + 8 + dut.latency + superlanes
    watch = {f"{what}{k}{end}" for k in range(superlanes) for what, end in (("product", ""), ("product", "_valid"))}
    seen = run(dut, [step(cycle) for cycle in range(cycles)], lambda d: {name: getattr(d, name) for name in watch})
    got = []
    for cycle in range(cycles - superlanes):
        if seen[cycle]["product0_valid"]:
            parts = [to_lanes(seen[cycle + k][f"product{k}"], 16, 32, signed=True) for k in range(superlanes)]
            assert all(seen[cycle + k][f"product{k}_valid"] for k in range(superlanes))
            got.append((cycle, sum(parts, [])))
    assert sorted(got) == sorted(expected)


def test_accumulates_modulo_2_to_the_32():
    dut = Accumulator(4)
    big = [2**31 - 1 - lane for lane in range(16)]

    def acc(address, mode, dst=None):
        return dispatch(isa.ACC.encode(address=address, mode=mode, dst=dst))

    east = isa.Stream(4, isa.Direction.EAST)
    steps = [
        {"control": acc(1, "first"), "product": from_lanes(big, 32), "product_valid": 1},
        {"control": acc(2, "first"), "product": from_lanes([9] * 16, 32), "product_valid": 1},
        {"control": acc(1, "add", east), "product": from_lanes([2] * 16, 32), "product_valid": 1},
        {"control": acc(3, "add"), "product_valid": 1},
        {"control": acc(1, "first")},
    ]
    watch = lambda d: {f"drive{p}": getattr(d, f"drive{p}") for p in range(4)} | {"undefined": d.undefined}  # noqa: E731
    seen = run(dut, [*steps, {}], watch)
    sent = [(n, row) for n, row in enumerate(seen) if row["drive0"] & 1]
    assert [n for n, _ in sent] == [2 + dut.latency]
    row = sent[0][1]
    assert [row[f"drive{p}"] >> 1 & 63 for p in range(4)] == [east.bits + p for p in range(4)]
    sums = [sum((row[f"drive{p}"] >> 7 >> 8 * lane & 255) << 8 * p for p in range(4)) for lane in range(16)]
    assert sums == [(value + 2) % 2**32 for value in big]
    assert [row["undefined"] for row in seen] == [0, 0, 0, 1, 1, 0]


def test_feeder_reports_what_was_never_loaded():
    dut = Feeder(NANO)
    east = isa.Stream(0, isa.Direction.EAST)
    load = [dispatch(isa.LW.encode(src=east, block=block)) for block in range(NANO.weight_blocks)]
    install, activate = dispatch(isa.IW.encode()), dispatch(isa.ABC.encode(src=east))
    steps = [
        {"activate": activate},
        {"weights": load[0], "activate": install},
        {"weights": load[1]},
        {"activate": install},
        {"activate": activate},
    ]
    assert [row["undefined"] for row in run(dut, steps, lambda d: {"undefined": d.undefined})] == [1, 1, 0, 0, 0]
