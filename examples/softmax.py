"""Softmax of one fp32 vector as long as the chip is wide, scheduled by hand.

    python examples/run.py softmax --chip nano

y = 2^(x log2 e - max) / sum, where max and sum are lane reductions. Every cycle below is the one before plus
a latency of the table, so the same lines fit every build.
"""

from __future__ import annotations

import math

import numpy as np

from takt.asm import Builder
from takt.program import Program, Run
from takt.schedule import flight
from takt_hw import isa
from takt_hw.config import ChipConfig
from takt_hw.isa import Immediate

X, Y = 0x10, 0x20
"""Addresses of the operand in MEM_W0 to MEM_W3, one byte plane each, and of the result in MEM_E0 to MEM_E3."""

BOUND = 2e-6
"""Largest relative error against NumPy in float64: some 16 roundings of 2^-24, and the two functions' own."""


def program(config: ChipConfig) -> Program:
    """The program, with an input ``x`` and an output ``y`` of ``lanes`` numbers."""
    b = Builder(config)
    b.input("x", (config.lanes,), "f32", [Run(f"MEM_W{n}", X) for n in range(4)])
    b.output("y", (config.lanes,), "f32", [Run(f"MEM_E{n}", Y) for n in range(4)])
    log2_e = Immediate(int(np.float32(math.log2(math.e)).view(np.int32)))
    reduced = flight(config, "VXM.reduce", isa.LANE_MAX, "VXM.alu1", isa.FSUB)

    for n in range(4):
        b.at(0, f"MEM_W{n}.read", isa.READ, dst=f"s{n}e", address=X)
    scaled = flight(config, "MEM_W0.read", isa.READ, "VXM.alu1", isa.FMUL)
    b.at(scaled, "VXM.alu1", isa.FMUL, dst=None, a="s0e:f32", b=log2_e, to="f32")
    largest = scaled + isa.FMUL.chain(config)
    b.at(largest, "VXM.reduce", isa.LANE_MAX, dst="s0e:f32", a="alu1", kind="f32")
    less = largest + reduced
    b.at(less, "VXM.alu1", isa.FSUB, dst=None, a="alu1", b="s0e:f32", to="f32")
    power = less + isa.FSUB.chain(config)
    b.at(power, "VXM.alu0", isa.EXP2, dst=None, a="alu1", to="f32")
    total = power + isa.EXP2.chain(config)
    b.at(total, "VXM.reduce", isa.LANE_SUM, dst="s0e:f32", a="alu0", kind="f32")
    b.at(total, "VXM.alu2", isa.COPY, dst=None, a="alu0")  # alu0 is about to hold the reciprocal
    inverse = total + reduced
    b.at(inverse, "VXM.alu0", isa.RECIPROCAL, dst=None, a="s0e:f32", to="f32")
    quotient = inverse + isa.RECIPROCAL.chain(config)
    b.at(quotient, "VXM.alu1", isa.FMUL, dst="s0e:f32", a="alu2", b="alu0", to="f32")
    stored = quotient + flight(config, "VXM.alu1", isa.FMUL, "MEM_E0.write", isa.WRITE)
    for n in range(4):
        b.at(stored, f"MEM_E{n}.write", isa.WRITE, src=f"s{n}e", address=Y)
    return b.build()


def operand(config: ChipConfig) -> dict[str, np.ndarray]:
    """Inputs to try it with."""
    return {"x": np.random.default_rng(1).normal(0, 3, config.lanes).astype(np.float32)}


def expected(config: ChipConfig) -> dict[str, np.ndarray]:
    """What NumPy makes of the inputs, in float64."""
    inputs = operand(config)
    x = inputs["x"].astype(np.float64)
    powers = np.exp(x - x.max())
    return {"y": powers / powers.sum()}
