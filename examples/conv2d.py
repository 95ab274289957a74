"""A 3 × 3 convolution of an int8 image on the MXM, scheduled by hand.

    python examples/run.py conv2d --chip nano

A row of the image, all its channels side by side, is one vector. For each of the three rows of the kernel
the weights form a banded matrix from the lanes of an image row to the lanes of a result row; the accumulators
add the three products up. Zeros pad the image to the left and right. The sums are scaled to int8 in the VXM.
"""

from __future__ import annotations

import numpy as np

from takt.asm import Builder
from takt.program import Program, Run
from takt.schedule import flight
from takt_hw import isa
from takt_hw.config import ChipConfig
from takt_hw.isa import Immediate

CHANNELS = {16: 2, 32: 4, 64: 4, 320: 16}
"""Channels of image and result, by lanes."""

ROWS = 8
"""Rows of the image; the result has two less."""

SCALE = np.float32(0.013)

BOUND = 0.0
"""Integers: equal to NumPy, bit for bit."""

WEIGHTS = 0x00
"""Address of the first weight column in each slice that holds some."""


def program(config: ChipConfig) -> Program:
    """The program, with inputs ``image`` [rows, lanes] and ``bands`` [3 lanes, lanes], and an output ``result``."""
    b = Builder(config)
    results, blocks, plane = ROWS - 2, config.weight_blocks, "MXM_E0"
    held = [s.name for s in config.mem_slices if s.position < config.slice_by_name[plane].position]
    sources = held[-config.weight_streams :]
    image = WEIGHTS + 3 * blocks
    stored = config.bank_words
    # Column c of the matrix of kernel row k: block c // streams of it, in slice c % streams.
    bands = [[Run(source, WEIGHTS, 3 * blocks)] for source in sources]
    b.input("image", (ROWS, config.lanes), "i8", [Run(sources[0], image, ROWS)])
    for n, band in enumerate(bands):
        b.input(f"columns{n}", (3 * blocks, config.lanes), "i8", [band])
    b.output("result", (results, config.lanes), "i8", [Run("MEM_W0", stored, results)])

    def arrives(source: str) -> int:
        """Cycles from a READ's dispatch to that of the MXM instruction that takes the word."""
        return flight(config, f"{source}.read", isa.READ, f"{plane}.weights", isa.LW)

    start = max(arrives(source) for source in sources)
    product = isa.ABC.d_func(config) - isa.ACC.d_skew(config)
    scaled = flight(config, f"{plane}.accumulate", isa.ACC, "VXM.alu1", isa.CONVERT)
    written = flight(config, "VXM.alu1", isa.CONVERT, "MEM_W0.write", isa.WRITE)
    scale = Immediate(int(SCALE.view(np.int32)))
    for k in range(3):
        load = start + k * (blocks + 1 + results)
        for block in range(blocks):
            for n, source in enumerate(sources):
                address = WEIGHTS + k * blocks + block
                b.at(load + block - arrives(source), f"{source}.read", isa.READ, dst=f"s{n}e", address=address)
            b.at(load + block, f"{plane}.weights", isa.LW, src="s0e", block=block)
        b.at(load + blocks, f"{plane}.activate", isa.IW)
        for y in range(results):
            multiply = load + blocks + 1 + y
            b.at(multiply - arrives(sources[0]), f"{sources[0]}.read", isa.READ, dst="s0e", address=image + y + k)
            b.at(multiply, f"{plane}.activate", isa.ABC, src="s0e")
            add = multiply + product
            mode, to = "first" if k == 0 else "add", "s0w" if k == 2 else None
            b.at(add, f"{plane}.accumulate", isa.ACC, address=y, mode=mode, dst=to)
            if k == 2:
                convert = {"dst": "s4w:i8", "a": "s0w:i32", "b": scale, "from": "i32", "to": "i8"}
                b.at(add + scaled, "VXM.alu1", isa.CONVERT, **convert)
                b.at(add + scaled + written, "MEM_W0.write", isa.WRITE, src="s4w", address=stored + y)
    return b.build()


def kernel_and_image(config: ChipConfig) -> tuple[np.ndarray, np.ndarray]:
    """int8 [3, 3, channels in, channels out] and int8 [rows, width, channels]."""
    rng, channels = np.random.default_rng(3), CHANNELS[config.lanes]
    kernel = rng.integers(-20, 21, (3, 3, channels, channels), np.int8)
    return kernel, rng.integers(-128, 128, (ROWS, config.lanes // channels, channels), np.int8)


def operand(config: ChipConfig) -> dict[str, np.ndarray]:
    """Inputs to try it with: the image's rows, and the columns of the banded matrices."""
    kernel, image = kernel_and_image(config)
    channels, width = CHANNELS[config.lanes], config.lanes // CHANNELS[config.lanes]
    bands = np.zeros((3, width, channels, width, channels), np.int8)
    for k in range(3):
        for x in range(width):
            for dx in range(max(0, x - 1), min(width, x + 2)):
                bands[k, dx, :, x, :] = kernel[k, dx - x + 1]
    # [kernel row, lane in, lane out] to one row per column, then to the slices in turn
    columns = bands.reshape(3, config.lanes, config.lanes).transpose(0, 2, 1).reshape(-1, config.lanes)
    streams = config.weight_streams
    inputs = {f"columns{n}": columns[n::streams] for n in range(streams)}
    return {"image": image.reshape(ROWS, config.lanes), **inputs}


def expected(config: ChipConfig) -> dict[str, np.ndarray]:
    """The same convolution as nine sums of shifted images, in integers."""
    kernel, image = kernel_and_image(config)
    padded = np.pad(image.astype(np.int64), ((0, 0), (1, 1), (0, 0)))
    width = image.shape[1]
    sums = sum(
        padded[k : k + ROWS - 2, dx : dx + width] @ kernel[k, dx].astype(np.int64) for k in range(3) for dx in range(3)
    )
    # an int32 sum of less than 2^24 times an fp32 number is exact in float64; rint rounds half to even
    scaled = np.clip(np.rint(sums * np.float64(SCALE)), -128, 127)
    return {"result": scaled.astype(np.int8).reshape(ROWS - 2, config.lanes)}
