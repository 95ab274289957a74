"""RMSNorm of one fp32 vector as long as the chip is wide, scheduled by hand.

    python examples/run.py rmsnorm --chip nano

y = x / sqrt(mean(x²) + epsilon) * gain
"""

from __future__ import annotations

import numpy as np

from takt.asm import Builder
from takt.program import Program, Run
from takt.schedule import flight
from takt_hw import isa
from takt_hw.config import ChipConfig
from takt_hw.isa import Immediate

X, GAIN, Y = 0x10, 0x11, 0x20
"""Addresses of the operands in MEM_W0 to MEM_W3, one byte plane each, and of the result in MEM_E0 to MEM_E3."""

EPSILON = np.float32(1e-5)

BOUND = 1e-6
"""Largest relative error against NumPy in float64: some 10 roundings of 2^-24, and RSQRT's own."""


def program(config: ChipConfig) -> Program:
    """The program, with inputs ``x`` and ``gain`` and an output ``y`` of ``lanes`` numbers."""
    b = Builder(config)
    b.input("x", (config.lanes,), "f32", [Run(f"MEM_W{n}", X) for n in range(4)])
    b.input("gain", (config.lanes,), "f32", [Run(f"MEM_W{n}", GAIN) for n in range(4)])
    b.output("y", (config.lanes,), "f32", [Run(f"MEM_E{n}", Y) for n in range(4)])
    arrives = flight(config, "MEM_W0.read", isa.READ, "VXM.alu1", isa.FMUL)
    step = isa.FMUL.chain(config)

    squared = arrives
    b.at(squared, "VXM.alu1", isa.FMUL, dst=None, a="s0e:f32", b="s0e:f32", to="f32")
    b.at(squared, "VXM.alu2", isa.COPY, dst=None, a="s0e:i32")
    total = squared + step
    b.at(total, "VXM.reduce", isa.LANE_SUM, dst="s0e:f32", a="alu1", kind="f32")
    mean = total + flight(config, "VXM.reduce", isa.LANE_SUM, "VXM.alu1", isa.FMUL)
    b.at(mean, "VXM.alu1", isa.FMUL, dst=None, a="s0e:f32", b=_constant(1 / config.lanes), to="f32")
    biased = mean + step
    b.at(biased, "VXM.alu1", isa.FADD, dst=None, a="alu1", b=_constant(EPSILON), to="f32")
    root = biased + step
    b.at(root, "VXM.alu0", isa.RSQRT, dst=None, a="alu1", to="f32")
    normal = root + isa.RSQRT.chain(config)
    b.at(normal, "VXM.alu1", isa.FMUL, dst=None, a="alu2", b="alu0", to="f32")
    scaled = normal + step
    b.at(scaled, "VXM.alu1", isa.FMUL, dst="s4e:f32", a="alu1", b="s0e:f32", to="f32")
    stored = scaled + flight(config, "VXM.alu1", isa.FMUL, "MEM_E0.write", isa.WRITE)
    for n in range(4):
        b.at(0, f"MEM_W{n}.read", isa.READ, dst=f"s{n}e", address=X)
        b.at(scaled - arrives, f"MEM_W{n}.read", isa.READ, dst=f"s{n}e", address=GAIN)
        b.at(stored, f"MEM_E{n}.write", isa.WRITE, src=f"s{n + 4}e", address=Y)
    return b.build()


def _constant(value: float) -> Immediate:
    return Immediate(int(np.float32(value).view(np.int32)))


def operand(config: ChipConfig) -> dict[str, np.ndarray]:
    """Inputs to try it with."""
    rng = np.random.default_rng(2)
    x, gain = rng.normal(0, 2, config.lanes), rng.normal(1, 0.1, config.lanes)
    return {"x": x.astype(np.float32), "gain": gain.astype(np.float32)}


def expected(config: ChipConfig) -> dict[str, np.ndarray]:
    """What NumPy makes of the inputs, in float64."""
    inputs = operand(config)
    x, gain = (inputs[name].astype(np.float64) for name in ("x", "gain"))
    return {"y": x / np.sqrt((x * x).mean() + np.float64(EPSILON)) * gain}
