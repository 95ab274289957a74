"""A feeder takes operands from the streams, and reports what was never loaded."""

from dataclasses import replace

import numpy as np
import pytest

from takt_hw import isa
from takt_hw.config import ECP5_45K, NANO
from takt_hw.mxm import exact
from takt_hw.mxm.feeder import Feeder
from takt_hw.mxm.supercell import feed_layout
from tests.halves import CORNERS as HALVES
from tests.halves import SPECIAL
from tests.hw.mxm.test_plane import FP16, INT8_ONLY, operands_of
from tests.hw.simulation import dispatch, from_lanes, run


def undefined(dut, steps):
    return [row["undefined"] for row in run(dut, steps, lambda d: {"undefined": d.undefined})]


def activated(op, **values):
    return {"activate": dispatch(op.encode(**values))}


def filled(op):
    """Every block but the last, and the last."""
    east = isa.Stream(0, isa.Direction.EAST)
    return [{"weights": dispatch(op.encode(src=east, block=block))} for block in range(NANO.weight_blocks)]


S0E = isa.Stream(0, isa.Direction.EAST)
INSTALL, ACTIVATE = activated(isa.IW), activated(isa.ABC, src=S0E)
INSTALL_FP16, ACTIVATE_FP16 = activated(isa.IW_FP16), activated(isa.ABC_FP16, src=S0E)


@pytest.mark.parametrize("build", [INT8_ONLY, NANO], ids=["int8", "fp16"])
def test_feeder_reports_what_was_never_loaded(build):
    load = filled(isa.LW)
    steps = [ACTIVATE, load[0] | INSTALL, load[1], INSTALL, ACTIVATE]
    assert undefined(Feeder(build), steps) == [1, 1, 0, 0, 0]


@pytest.mark.parametrize(("build", "mixed"), [(NANO, 0), (FP16, 1)], ids=["both", "fp16"])
def test_feeder_reports_weights_of_the_wrong_type(build, mixed):
    load, high = filled(isa.LW), filled(isa.LW_HIGH)
    steps = [ACTIVATE_FP16, *load, INSTALL_FP16, *high, INSTALL_FP16, ACTIVATE_FP16, ACTIVATE, INSTALL, ACTIVATE]
    assert undefined(Feeder(build), [*steps, ACTIVATE_FP16]) == [1, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, mixed]


def test_feeder_reports_what_comes_while_columns_take_turns():
    load = [{"weights": dispatch(isa.LW.encode(src=S0E, block=block))} for block in range(ECP5_45K.weight_blocks)]
    steps = [*load, INSTALL, ACTIVATE, {}, {}, ACTIVATE, {}, {}, {}, INSTALL, ACTIVATE, INSTALL]
    late = [0] * len(steps)
    late[len(load) + 4] = late[-1] = 1
    assert undefined(Feeder(ECP5_45K), steps) == late


def test_feeder_asks_at_once_for_what_comes_mended():
    """The word of a cycle's tap is there in the next, and leaves with the instruction that it is for."""
    build = replace(ECP5_45K, ecc=True)
    block = {"weights": dispatch(isa.LW.encode(src=S0E, block=2))} | ACTIVATE
    words = {f"weights_tap{n}_data": 100 + n for n in range(build.weight_streams)}
    watch = ("activations_tap", *(f"weights_tap{n}" for n in range(build.weight_streams)))
    feed = ("load", "activate", "block", "activations", "weights")

    def probe(d):
        return {name: getattr(d, name) for name in watch} | {name: d.feed[name] for name in feed}

    dut = Feeder(build)
    seen = run(dut, [block, words | {"activations_tap_data": 7}, {}, {}], probe)
    assert dut.latency == 2
    assert [[row[name] & 1 for name in watch] for row in seen] == [[n == 0] * len(watch) for n in range(4)]
    assert [(row["load"], row["activate"]) for row in seen] == [(0, 0), (0, 0), (1, 1), (0, 0)]
    taken = from_lanes([100 + n for n in range(build.weight_streams)], 128)
    assert [seen[2][name] for name in feed[2:]] == [2, 7, taken]


def test_feeder_takes_fp16_apart():
    dut = Feeder(NANO)
    numbers = np.concatenate([np.arange(1, 1 << 16, 32, np.uint16), HALVES, SPECIAL, HALVES[:13]])
    rows = numbers.reshape(-1, 16)
    steps = [
        ACTIVATE_FP16
        | {"activations_tap_data": from_lanes(row & 255), "activations_high_tap_data": from_lanes(row >> 8)}
        for row in rows
    ]
    seen = run(dut, [*steps, {}], lambda d: {"feed": d.feed, "tap": d.activations_high_tap})
    layout = feed_layout(NANO)["operands"]
    for n, row in enumerate(rows):
        got = exact.OPERANDS.from_bits(seen[n + 1]["feed"] >> layout.offset & (1 << layout.width) - 1)
        want = exact.OPERANDS.from_bits(operands_of(row))
        for lane in range(16):
            assert got.significands[lane] == want.significands[lane]
            assert got.shifts[lane] == want.shifts[lane] or not want.significands[lane]
        assert (got.nan, got.infinite, got.zero, got.negative) == (want.nan, want.infinite, want.zero, want.negative)
    assert seen[0]["tap"] == 1 | 1 << 1
