"""Tiles follow each other without a bubble: no queue of the plane waits where the streams allow it."""

from dataclasses import replace

import numpy as np
import pytest

from takt_hw.config import NANO
from takt_sim.checker import check
from takt_sim.reference import ReferenceChip
from tests.sim.tiles import tiles

APART = replace(NANO, name="apart", weight_streams=4)
"""Four streams for weights leave the others to the activations."""


def run(config, program):
    """The program is legal and leaves what it must."""
    defined = {s.name: np.zeros(config.mem_words, bool) for s in config.mem_slices}
    chip = ReferenceChip(config)
    for name, words in program.memory.items():
        defined[name][list(words)] = True
        for address, word in words.items():
            chip.memory[name][address] = list(word)
    check(config, program.text, defined)
    chip.run(program.text)
    for name, words in program.results.items():
        for address, word in words.items():
            assert chip.memory[name][address].tobytes() == word


@pytest.mark.parametrize("fp16", [False, True], ids=["int8", "fp16"])
def test_loads_and_products_in_every_cycle(fp16):
    program = tiles(APART, 5, None, fp16=fp16)
    assert set(program.busy) <= program.cycles["weights"]
    assert set(program.busy) <= program.cycles["activate"]
    run(APART, program)


@pytest.mark.parametrize("fp16", [False, True], ids=["int8", "fp16"])
def test_loads_and_products_in_turns(fp16):
    """On `nano` LW takes all eight streams: each cycle has a load or a product, and installs cost none."""
    program = tiles(NANO, 4, 5, fp16=fp16)
    assert set(program.busy) <= program.cycles["weights"] | program.cycles["activate"]
    both = program.cycles["weights"] & program.cycles["activate"] & set(program.busy)
    assert len(both) == len(range(2, 4))  # the installs
    run(NANO, program)
