"""The timed program is legal and ends with the right sums, in every build."""

import numpy as np
import pytest

from bench.chips import Reference
from bench.program import SWEEPS, VECTORS, matmul
from takt_hw.config import BUILDS, ECP5, ECP5_45K, NANO, QUAD, Kind
from takt_sim.checker import check


def defined(work):
    """Which words of memory are loaded."""
    found = {s.name: np.zeros(work.config.mem_words, bool) for s in work.config.mem_slices}
    for name, words in work.memory.items():
        found[name][list(words)] = True
    return found


@pytest.mark.parametrize("config", [NANO, ECP5, ECP5_45K, QUAD], ids=lambda config: config.name)
def test_the_timed_program(config):
    work = matmul(config)
    planes = sum(s.kind is Kind.MXM for s in config.slices)
    assert work.macs == planes * SWEEPS * VECTORS * config.lanes**2
    assert work.macs > 0.99 * config.macs * work.cycles
    assert check(config, work.text, defined(work)).cycles == work.cycles
    assert Reference(work).cycles_per_second() > 0


def test_a_wrong_sum_is_noticed():
    work = matmul(BUILDS["nano"])
    name, words = next(iter(work.expected.items()))
    work.expected[name] = {address: bytes(len(word)) for address, word in words.items()}
    with pytest.raises(RuntimeError, match=r"^the reference simulator must end in time with the right sums$"):
        Reference(work).cycles_per_second()
