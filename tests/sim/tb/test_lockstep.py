"""What the lockstep comparison says when the executors differ."""

from dataclasses import replace

import numpy as np
import pytest

from takt_hw.config import NANO
from takt_hw.isa.host import Fault
from takt_sim.reference import Result
from takt_sim.tb.lockstep import Disagreement, compare_memories, compare_runs, lockstep
from takt_sim.tb.run import RtlResult, Write

WORD = bytes(range(16))
WRITES = [Write(3, "MEM_W0", 5, WORD), Write(4, "MEM_E0", 6, WORD)]
FOUND = RtlResult(cycles=9, faults=0, memory={}, writes=WRITES, simulated_cycles=20, seconds=0.1)
EXPECTED = Result(9, list(WRITES), None)
SHOWN = WORD.hex()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cycles": 10}, "cycles must be 9 as in the reference, not 10"),
        ({"faults": 1 << Fault.COLLISION}, "faults must be none as in the reference, not COLLISION"),
        (
            {"writes": [WRITES[0], replace(WRITES[1], cycle=5)]},
            f"write must be MEM_E0 0x6 in cycle 4: {SHOWN} as in the reference, not MEM_E0 0x6 in cycle 5: {SHOWN}",
        ),
        (
            {"writes": [replace(WRITES[0], data=bytes(16)), WRITES[1]]},
            f"write must be MEM_W0 0x5 in cycle 3: {SHOWN} as in the reference, not MEM_W0 0x5 in cycle 3: {'00' * 16}",
        ),
        (
            {"writes": [replace(WRITES[0], superlanes=(1, 3)), WRITES[1]]},
            f"write must be MEM_W0 0x5 in cycle 3: {SHOWN} as in the reference, "
            f"not MEM_W0 0x5 in superlanes 1, 3 in cycle 3: {SHOWN}",
        ),
        ({"writes": WRITES[:1]}, f"write must be MEM_E0 0x6 in cycle 4: {SHOWN} as in the reference, not none"),
        (
            {"writes": [*WRITES, replace(WRITES[1], cycle=8)]},
            f"write must be none as in the reference, not MEM_E0 0x6 in cycle 8: {SHOWN}",
        ),
    ],
)
def test_each_difference_is_named(change, message):
    compare_runs("nano, seed 1", EXPECTED, FOUND)
    with pytest.raises(Disagreement, match=f"^nano, seed 1: {message}$"):
        compare_runs("nano, seed 1", EXPECTED, replace(FOUND, **change))


def test_both_must_raise_the_same_faults():
    """A legal program raises ADDRESS_RANGE if its data say so."""
    flag = 1 << Fault.ADDRESS_RANGE
    compare_runs("nano", replace(EXPECTED, faults=flag), replace(FOUND, faults=flag))
    with pytest.raises(Disagreement, match="^nano: faults must be ADDRESS_RANGE as in the reference, not none$"):
        compare_runs("nano", replace(EXPECTED, faults=flag), FOUND)


def test_a_memory_word_that_differs_is_named():
    memory = {"MEM_W0": np.zeros((4, 16), np.uint8)}
    compare_memories("nano", memory, {"MEM_W0": {n: bytes(16) for n in range(4)}})
    with pytest.raises(Disagreement, match=f"^nano: MEM_W0 0x2 must be {'00' * 16} as in the reference, not {SHOWN}$"):
        compare_memories("nano", memory, {"MEM_W0": {2: WORD}})


def test_no_programs_are_refused(tmp_path):
    with pytest.raises(ValueError, match="^programs must be at least 1, not 0$"):
        lockstep(NANO, programs=0, seed=1, directory=tmp_path)
