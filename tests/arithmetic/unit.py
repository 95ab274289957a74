"""One VXM ALU of the chip's Verilog, Verilated alone: many operands through one instruction."""

import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.verilated import compile_verilog
from takt_hw.config import LANES_PER_SUPERLANE
from takt_hw.isa import WORD_BITS, Instruction
from takt_hw.tiles import TileLibrary
from takt_hw.verilog import convert
from takt_hw.vxm.alu import VxmAlu
from takt_sim.tb.build import locked

HARNESS = Path(__file__).parent / "unit.cpp"
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Unit:
    """A compiled ALU."""

    executable: Path

    def run(self, instruction: Instruction, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """uint32[n]: what the ALU holds after each pair of operands, uint32[n] each. RuntimeError if it fails."""
        op = instruction.op
        latency = op.chain.base  # an operand taken with the control arrives `chain` cycles before the result
        rows = -(-len(a) // LANES_PER_SUPERLANE)
        operands = np.zeros((rows, 2, LANES_PER_SUPERLANE), "<u4")
        for n, values in enumerate((a, b)):
            padded = np.zeros(rows * LANES_PER_SUPERLANE, "<u4")
            padded[: len(values)] = values
            operands[:, n] = padded.reshape(rows, -1)
        stimulus = instruction.word.to_bytes(WORD_BITS // 8, "little") + struct.pack("<II", latency, rows)
        done = subprocess.run(
            [self.executable], input=stimulus + operands.tobytes(), stdout=subprocess.PIPE, check=False
        )
        if done.returncode:
            raise RuntimeError(f"the Verilated ALU must run, not end with {done.returncode}")
        return np.frombuffer(done.stdout, "<u4")[: len(a)]


def compiled() -> Unit:
    """The ALU with all that it can have. Compiled into build/ only if its Verilog has changed."""
    directory = ROOT / "build" / "alu"
    tiles = TileLibrary()
    verilog = directory / "alu.v"
    text = convert(VxmAlu(1, floating=True, functions=True), "alu", tiles)
    with locked(directory):
        verilog.write_text(text)
        return Unit(compile_verilog(directory, [verilog, HARNESS], "alu", macros={}, parameters={}))
