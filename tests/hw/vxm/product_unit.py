"""A `ProductPipe`, Verilated alone: another instruction in every cycle."""

import struct
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.verilated import compile_verilog
from takt_hw.config import LANES_PER_SUPERLANE
from takt_hw.isa import OPCODE_BITS, Immediate, Instruction, TypedStream
from takt_hw.tiles import TileLibrary
from takt_hw.verilog import convert
from takt_hw.vxm.pipe import MODE_BITS, MODE_LSB
from takt_hw.vxm.product import ProductPipe
from takt_sim.reference import vxm
from takt_sim.tb.build import locked

HARNESS = Path(__file__).parent / "product.cpp"
ROOT = Path(__file__).parents[3]

Words = np.ndarray


def taken(instruction: Instruction, a: Words, b: Words) -> list[Words]:
    """int32[n] each: what the ALU's operands are when its streams carry ``a`` and ``b``, uint32[n]."""
    found = []
    for name, given in (("a", a), ("b", b)):
        match instruction.values.get(name):
            case TypedStream(_, dtype):
                found.append(vxm.as_type(given.view(np.int32), dtype))
            case Immediate(value):
                found.append(np.full(len(given), value, np.int32))
            case _:
                found.append(given.view(np.int32))  # not used: whatever was there
    return found


def reference(instruction: Instruction, a: Words, b: Words) -> Words:
    """uint32[n] from the reference simulator's arithmetic."""
    values: Mapping = instruction.values
    return vxm.execute(instruction.op.code, *taken(instruction, a, b), None, values).view(np.uint32)


@dataclass(frozen=True)
class ProductUnit:
    """A compiled pipe."""

    executable: Path

    def run(self, instruction: Instruction, a: Words, b: Words) -> Words:
        """uint32[n]: the results of one instruction for each pair of operands, uint32[n] each."""
        rows = -(-len(a) // LANES_PER_SUPERLANE)
        padded = [np.resize(values, rows * LANES_PER_SUPERLANE) for values in (a, b)]
        return self.mixed([instruction] * rows, *padded)[: len(a)]

    def mixed(self, instructions: Sequence[Instruction], a: Words, b: Words) -> Words:
        """uint32[16 n]: the results of n instructions, each for 16 pairs of operands. RuntimeError if it fails."""
        rows = len(instructions)
        stimulus = np.zeros((rows, 2 + 2 * LANES_PER_SUPERLANE), "<u4")
        words = [instruction.word for instruction in instructions]
        stimulus[:, 0] = [word & (1 << OPCODE_BITS) - 1 for word in words]
        stimulus[:, 1] = [word >> MODE_LSB & (1 << MODE_BITS) - 1 for word in words]
        for instruction in {id(each): each for each in instructions}.values():
            here = np.array([each is instruction for each in instructions])
            given = [values.reshape(rows, -1)[here].ravel() for values in (a, b)]
            for n, values in enumerate(taken(instruction, *given)):
                first = 2 + n * LANES_PER_SUPERLANE
                stimulus[here, first : first + LANES_PER_SUPERLANE] = values.view(np.uint32).reshape(here.sum(), -1)
        head = struct.pack("<II", ProductPipe.stages, rows)
        done = subprocess.run([self.executable], input=head + stimulus.tobytes(), stdout=subprocess.PIPE, check=False)
        if done.returncode:
            raise RuntimeError(f"the Verilated pipe must run, not end with {done.returncode}")
        return np.frombuffer(done.stdout, "<u4")


def compiled(floating: bool) -> ProductUnit:
    """The pipe, with or without floating point. Compiled into build/ only if its Verilog has changed."""
    name = "product_float" if floating else "product_integer"
    directory = ROOT / "build" / name
    tiles = TileLibrary()
    text = convert(ProductPipe(floating, tiles), name, tiles)
    with locked(directory):
        verilog = directory / f"{name}.v"
        verilog.write_text(text)
        return ProductUnit(compile_verilog(directory, [verilog, HARNESS], name, macros={}, parameters={}))
