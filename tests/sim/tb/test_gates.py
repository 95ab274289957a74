"""A chip's netlist under the bench of the RTL."""

import numpy as np
import pytest

from takt_hw.synth.small import SMALL
from takt_sim.tb.gates import build_gates, compare
from takt_sim.tb.lockstep import Disagreement


@pytest.fixture(scope="module")
def simulator():
    """The netlist of the smallest build, synthesized and compiled once for all machines' runs with these sources."""
    return build_gates(SMALL, fast=True)


def test_random_programs_do_on_the_netlist_what_they_do_on_the_reference(simulator, tmp_path):
    """Cycles, faults, and every word of every memory after each of three programs."""
    words = len(SMALL.mem_slices) * SMALL.mem_words
    assert compare(SMALL, simulator, programs=3, seed=1, directory=tmp_path) == 3 * words


def test_a_netlist_that_is_another_chip_is_noticed(simulator, tmp_path, monkeypatch):
    """The comparison looks: one byte of the reference's memory is changed behind its back."""
    from takt_sim.reference import ReferenceChip

    run = ReferenceChip.run

    def wrong(self, text):
        result = run(self, text)
        name = next(iter(self.memory))
        self.memory[name][-1] ^= np.uint8(1)
        return result

    monkeypatch.setattr(ReferenceChip, "run", wrong)
    with pytest.raises(Disagreement, match="^netlist of ecp5_small, seed 1: MEM_W0 0x1ff must be "):
        compare(SMALL, simulator, programs=1, seed=1, directory=tmp_path)
