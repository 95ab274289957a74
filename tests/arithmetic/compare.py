"""One case on three executors."""

from __future__ import annotations

import numpy as np

from takt_hw.isa import Immediate, TypedStream
from takt_sim.reference import vxm

from .cases import Case
from .unit import Unit


class Mismatch(AssertionError):
    """Two executors gave different bits: one line with the first operands for which they do."""


def reference(case: Case, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """uint32[n] from the reference simulator's arithmetic."""
    values = case.instruction.values
    taken = []
    for name, given in (("a", a), ("b", b)):
        match values.get(name):
            case TypedStream(_, dtype):
                taken.append(vxm.as_type(given.view(np.int32), dtype))
            case Immediate(value):
                taken.append(np.full(len(given), value, np.int32))
            case _:
                taken.append(None)
    return vxm.execute(case.instruction.op.code, *taken, None, values).view(np.uint32)


def compare(case: Case, unit: Unit, a: np.ndarray, b: np.ndarray) -> None:
    """Mismatch unless the Verilated ALU, the reference and the case's oracle give the same bits."""
    expected = case.oracle(a, b)
    for who, got in (("RTL", unit.run(case.instruction, a, b)), ("reference", reference(case, a, b))):
        wrong = np.flatnonzero(got != expected)
        if len(wrong):
            n = wrong[0]
            raise Mismatch(
                f"{case.name}: {case.instruction} of {a[n]:#010x}, {b[n]:#010x} must be {expected[n]:#010x}, "
                f"not {got[n]:#010x} ({who}); {len(wrong)} of {len(a)} differ"
            )
