"""The transcendental functions on the Verilated ALU and the reference: ``python -m tests.arithmetic.functions``."""

import argparse
import sys
from collections.abc import Iterator

import numpy as np

from takt_hw import isa
from takt_hw.isa import Direction, DType, Instruction, Op, Stream, TypedStream
from takt_sim.functions.exact import FUNCTIONS
from takt_sim.reference import vxm

from .unit import Unit, compiled

TYPES = isa.TO_FLOAT.choices
HALVES = np.arange(1 << 16, dtype=np.uint32)
SPECIAL = np.array([0, 0x7F800000, 0x7F800001, 0x7FC00000, 0x7FFFFFFF, 1, 0x7FFFFF, 0x800000, 0x7F7FFFFF], np.uint32)


class Mismatch(AssertionError):
    """RTL and reference gave different bits."""


def limits() -> np.ndarray:
    """uint32: special operands, every exponent's ends, every row's ends; all with both neighbours and both signs."""
    exponents = np.arange(256, dtype=np.uint32) << 23
    rows = [np.arange(32, dtype=np.uint32) << 18 | np.uint32(e + 127) << 23 for e in range(-27, 9)]
    near_one = [(1 + np.ldexp(s, -np.arange(1, 25))).astype(np.float32).view(np.uint32) for s in (-1.0, 1.0)]
    found = np.concatenate([SPECIAL, exponents, *rows, *near_one]).astype(np.int64)
    found = np.unique(np.concatenate([found - 1, found, found + 1]).clip(0, 0x7FFFFFFF)).astype(np.uint32)
    return np.concatenate([found, found | 1 << 31])


def sweep(op: Op, count: int, seed: int) -> np.ndarray:
    """uint32[count]: a quarter any bits, a quarter near 1, the rest where the function is not constant."""
    rng = np.random.default_rng(seed)
    low, high = next(f.exponents for f in FUNCTIONS if f.op is op)
    anything = rng.integers(0, 1 << 32, count // 4, np.uint32)
    near_one = 1 + np.ldexp(rng.uniform(-1, 1, count // 4), rng.integers(-23, 0, count // 4))
    rest = count - 2 * (count // 4)
    exponents = rng.integers(low + 127, high + 128, rest, np.uint32) << 23
    tried = rng.integers(0, 1 << 32, rest, np.uint32) & 0x807FFFFF | exponents
    return np.concatenate([anything, near_one.astype(np.float32).view(np.uint32), tried])


def instruction(op: Op, to: str, dtype: DType = DType.I32) -> Instruction:
    """The function of a stream's elements."""
    return Instruction(op, {"dst": None, "a": TypedStream(Stream(0, Direction.EAST), dtype), "to": to})


def compare(unit: Unit, op: Op, to: str, bits: np.ndarray, dtype: DType = DType.I32) -> int:
    """How many operands there were. Mismatch unless the Verilated ALU and the reference agree on all."""
    chosen = instruction(op, to, dtype)
    got = unit.run(chosen, bits, bits)
    taken = vxm.as_type(bits.view(np.int32), dtype)
    expected = vxm.execute(op.code, taken, None, None, chosen.values).view(np.uint32)
    wrong = np.flatnonzero(got != expected)
    if len(wrong):
        n = wrong[0]
        raise Mismatch(
            f"{chosen} of {bits[n]:#010x} must be {expected[n]:#010x}, not {got[n]:#010x}; {len(wrong)} differ"
        )
    return len(bits)


def cases(count: int, seed: int) -> Iterator[tuple[Op, str, np.ndarray, DType]]:
    """Every function and type: all fp16 numbers, all limits, and a sweep."""
    for function in FUNCTIONS:
        for to in TYPES:
            yield function.op, to, HALVES, DType.F16
            yield function.op, to, np.concatenate([limits(), sweep(function.op, count, seed)]), DType.I32


def main() -> int:
    """Command line; exit status 1 if the two differ."""
    parser = argparse.ArgumentParser(description="Hold the transcendental functions of RTL and reference together.")
    parser.add_argument("--vectors", type=int, default=4_000_000, help="per function and type")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    unit = compiled()
    try:
        total = sum(compare(unit, *case) for case in cases(arguments.vectors, arguments.seed))
    except Mismatch as difference:
        print(f"functions: {difference}", file=sys.stderr)
        return 1
    print(f"functions: {total:,} operands, every fp16 number among them: Verilated RTL and reference agree")
    return 0


if __name__ == "__main__":
    sys.exit(main())
