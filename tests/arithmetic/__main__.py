"""A long run of arithmetic: ``python -m tests.arithmetic``. SoftFloat, the Verilated ALU and the reference agree."""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
from tqdm import tqdm

from .cases import CASES, Case
from .compare import Mismatch, compare
from .unit import Unit, compiled

CHUNK = 1 << 18
"""Vectors per call: bounds the memory that SoftFloat's numbers take."""


def soak(case: Case, unit: Unit, count: int, seed: int) -> tuple[str, int]:
    """Vectors of a case that were the same everywhere. Mismatch if one was not."""
    for n in range(-(-count // CHUNK)):
        compare(case, unit, *case.operands(seed + n, min(CHUNK, count - n * CHUNK)))
    return case.name, count


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description="Hold VXM arithmetic against SoftFloat.")
    parser.add_argument("--vectors", type=int, default=1_000_000, help="per operation and type")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    unit = compiled()
    total = 0
    with ProcessPoolExecutor() as pool:
        job = partial(soak, unit=unit, count=arguments.vectors, seed=arguments.seed)
        bar = tqdm(pool.map(job, CASES), total=len(CASES), unit="op", disable=None)
        try:
            for name, count in bar:
                bar.set_postfix_str(name)
                total += count
        except Mismatch as difference:
            pool.shutdown(cancel_futures=True)
            print(f"soak-arith: {difference}", file=sys.stderr)
            return 1
    print(
        f"soak-arith: {total:,} vectors, {arguments.vectors:,} in each of {len(CASES)} operations and types: "
        f"Verilated RTL, reference simulator and SoftFloat agree (seed {arguments.seed})"
    )
    return 0


if __name__ == "__main__":
    np.seterr(all="raise")
    sys.exit(main())
