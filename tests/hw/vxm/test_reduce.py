"""Lane reductions: sums against Berkeley SoftFloat in the tree's order, maxima against NumPy."""

from dataclasses import replace

import numpy as np
import pytest
import softfloatpy as sf
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from takt_hw import isa
from takt_hw.config import ECP5, NANO
from takt_hw.isa import DType, TypedStream
from takt_hw.streams import dispatch_layout
from takt_hw.vxm.reduce import LaneReducer, ReduceNetwork
from tests.hw.simulation import dispatch, from_lanes, run
from tests.sim.texts import stream

LIMITS = np.array(
    [0, 1 << 31, 1, 0x80000001, 0x007FFFFF, 0x00800000, 0x80800000, 0x00800001, 0x7F7FFFFF, 0xFF7FFFFF, 0x7F800000]
    + [0xFF800000, 0x7FC00000, 0x7F800001, 0xFFFFFFFF, 0x3F800000, 0xBF800000, 0x3F800001, 0x33800000, 0x34000000],
    np.uint32,
)
"""fp32: zeros, subnormals, least and greatest normals, infinities, NaN, 1 and its neighbours, half an ulp of 1."""


class Stack(wiring.Component):
    """Reducers of all superlanes with their network, fed without stagger; superlane k waits by itself."""

    def __init__(self, config):
        self.config = config
        ports = {f"control{k}": In(dispatch_layout(isa.VXM_REDUCE.word_bits)) for k in range(config.superlanes)}
        ports |= {f"a{k}_{p}": In(128) for k in range(config.superlanes) for p in range(4)}
        super().__init__(
            ports | {f"drive{k}_{p}": Out(1 + 6 + 128) for k in range(config.superlanes) for p in range(4)}
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.network = network = ReduceNetwork(self.config)
        for k in range(self.config.superlanes):
            m.submodules[f"reducer{k}"] = reducer = LaneReducer(self.config)
            wiring.connect(m, getattr(network, f"port{k}"), reducer.partial)
            m.d.comb += reducer.control.eq(getattr(self, f"control{k}"))
            for p in range(4):
                m.d.comb += getattr(reducer, f"a{p}_data").eq(getattr(self, f"a{k}_{p}"))
                m.d.comb += getattr(self, f"drive{k}_{p}").eq(getattr(reducer, f"drive{p}"))
        return m


def reduce(config, operations):
    """Results of back-to-back operations, (op, kind, uint32[lanes]) each, as one uint32 per superlane."""
    depth = config.superlanes
    latency = LaneReducer(config).latency
    steps = [{} for _ in range(len(operations) + depth + latency + 1)]
    to = TypedStream(stream("s4e"), DType.F32)
    for n, (op, kind, lanes) in enumerate(operations):
        word = op.encode(dst=to, a=TypedStream(stream("s0e"), DType.I32), kind=kind)
        for k in range(depth):
            planes = lanes[16 * k : 16 * k + 16].view(np.uint8).reshape(16, 4).T
            steps[n + k][f"control{k}"] = dispatch(word)
            steps[n + k] |= {f"a{k}_{p}": from_lanes(plane) for p, plane in enumerate(planes)}
    dut = Stack(config)
    ports = {f"drive{k}_{p}": getattr(dut, f"drive{k}_{p}") for k in range(depth) for p in range(4)}
    seen = run(dut, steps, lambda dut: ports)
    results = []
    for n in range(len(operations)):
        values = []
        for k in range(depth):
            planes = [seen[n + k + latency][f"drive{k}_{p}"] for p in range(4)]
            assert [plane & 127 for plane in planes] == [1 | (4 + p) << 1 for p in range(4)]
            copies = [(plane >> 7).to_bytes(16, "little") for plane in planes]
            assert all(len(set(copy)) == 1 for copy in copies)
            values.append(sum(copy[0] << 8 * p for p, copy in enumerate(copies)))
        assert len(set(values)) == 1
        results.append(values[0])
    quiet = [n for n, step in enumerate(seen) if step["drive0_0"] & 1]
    assert quiet == [n + latency for n in range(len(operations))]
    return results


def flush(bits):
    if bits >> 23 & 255 == 255 and bits & 0x7FFFFF:
        return 0x7FC00000
    return bits if bits >> 23 & 255 else bits & 1 << 31


def soft_sum(lanes):
    values = [flush(int(lane)) for lane in lanes]
    while len(values) > 1:
        pairs = [values[n : n + 2] for n in range(0, len(values), 2)]
        values = [flush(soft_add(*pair)) if len(pair) == 2 else pair[0] for pair in pairs]
    return values[0]


def soft_add(a, b):
    numbers = [sf.Float32.from_bytes(value.to_bytes(4, "big")) for value in (a, b)]
    return int.from_bytes(sf.f32_add(*numbers).to_bytes(), "big")


def ordered(lanes):
    bits = np.array([flush(int(lane)) for lane in lanes], np.uint32).view(np.int32)
    return np.where(bits < 0, bits ^ 0x7FFFFFFF, bits)


@pytest.mark.parametrize("pipelined", [False, True])
@pytest.mark.parametrize("superlanes", [1, 2, 3, 5])
def test_reductions(superlanes, pipelined):
    config = replace(ECP5 if pipelined else NANO, superlanes=superlanes)
    rng = np.random.default_rng(superlanes)
    operations = []
    for _ in range(40):
        lanes = rng.integers(0, 1 << 32, config.lanes, np.uint32)
        near = rng.normal(0, 1, config.lanes).astype(np.float32).view(np.uint32)
        special = rng.choice(LIMITS, config.lanes)
        few = np.where(rng.random(config.lanes) < 0.1, special, near)
        tiny = np.where(rng.random(config.lanes) < 0.5, lanes & 0x81FFFFFF, near & 0x80FFFFFF)
        for values in (lanes, near, few, tiny, special if rng.random() < 0.5 else lanes & 0x8FFFFFFF):
            op = (isa.LANE_SUM, isa.LANE_SUM, isa.LANE_MAX, isa.LANE_ARGMAX)[rng.integers(4)]
            operations.append((op, ("i32", "f32", "f32")[rng.integers(3)], values))
    for (op, kind, lanes), found in zip(operations, reduce(config, operations), strict=True):
        values = ordered(lanes) if kind == "f32" else lanes.view(np.int32)
        if op is isa.LANE_ARGMAX:
            expected = int(np.argmax(values))
        elif op is isa.LANE_MAX:
            expected = flush(int(lanes[np.argmax(values)])) if kind == "f32" else int(values.max()) & 0xFFFFFFFF
        elif kind == "f32":
            expected = soft_sum(lanes)
        else:
            expected = int(lanes.astype(np.uint64).sum()) & 0xFFFFFFFF
        assert found == expected, (op.name, kind, lanes)
