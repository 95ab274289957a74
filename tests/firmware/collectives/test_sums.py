"""Collectives that add, against NumPy: int32 modulo 2^32, fp32 in the order that they say, the same bits everywhere."""

from dataclasses import replace
from functools import reduce

import numpy as np
import pytest

from takt.collectives import Vectors, all_reduce, bound, reduce_scatter, scratch_count
from takt.system import SystemBuilder
from takt_hw.config import NANO_C2C
from takt_hw.isa import DType
from takt_sim.system.topology import Cable, Port, Topology, dragonfly, full, ring
from tests.firmware.collectives.machine import DRIFTING, EAST, WEST, Machine, planes, values

FULL = [full(2), full(4), full(8)]
RINGS = [ring(4), ring(3), ring(5)]
COUNTS = [1, 4, 13]
SCRATCH = Vectors(WEST, 0, 512)


def name(topology):
    return topology.name


def integers(topology, count):
    """Any int32, extremes included: sums wrap."""
    x = np.random.default_rng(count).integers(-(2**31), 2**31, (topology.chips, count, 16)).astype(np.int32)
    x[:, 0, :3] = 2**31 - 1, -(2**31), 0
    return x


def floats(topology, count):
    """fp32 of very different size, so that the order of additions shows."""
    rng = np.random.default_rng(count)
    shape = topology.chips, count, 16
    return (rng.normal(size=shape) * 10.0 ** rng.integers(-4, 5, shape)).astype(np.float32)


def in_order(terms):
    """fp32, added up one after the other."""
    return reduce(lambda a, b: (a + b).astype(np.float32), terms)


def ring_sums(topology, x):
    """What a ring must make of fp32 [chips, count, lanes], by the docstring of `reduce_scatter`."""
    chips, whole = topology.chips, Vectors(EAST, 0, x.shape[1])
    sums = np.empty_like(x[0])
    for owner in range(chips):
        for half, step in enumerate((1, -1)):
            part = whole.chunk(owner, chips).chunk(half, 2)
            words = slice(part.address, part.address + part.count)
            sums[words] = in_order([x[(owner + step * n) % chips][words] for n in range(1, chips + 1)])
    return sums


def all_reduced(topology, x, dtype, scratch=SCRATCH, config=NANO_C2C):
    vectors = Vectors(EAST, 0, x.shape[1])
    return Machine(topology, vectors, lambda s, c: all_reduce(s, c, vectors, scratch, dtype), config, planes(x))


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("topology", FULL + RINGS, ids=name)
def test_int32_everywhere(topology, count):
    x = integers(topology, count)
    machine = all_reduced(topology, x, DType.I32)
    assert (values(machine.after, np.int32) == x.sum(axis=0, dtype=np.int32)).all()


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("topology", FULL, ids=name)
def test_fp32_is_added_by_number(topology, count):
    x = floats(topology, count)
    found = values(all_reduced(topology, x, DType.F32).after, np.float32)
    assert (found.view(np.int32) == in_order(x).view(np.int32)).all()
    if topology.chips > 2 and count > 1:
        assert (found.view(np.int32) != in_order(x[::-1]).view(np.int32)).any()  # the order does show


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("topology", RINGS[::2], ids=name)
def test_fp32_is_added_round_the_ring(topology, count):
    x = floats(topology, count)
    found = values(all_reduced(topology, x, DType.F32).after, np.float32)
    assert (found.view(np.int32) == ring_sums(topology, x).view(np.int32)).all()


@pytest.mark.parametrize("dtype", [DType.I32, DType.F32], ids=lambda d: d.text)
@pytest.mark.parametrize("topology", [*FULL, ring(4)], ids=name)
def test_reduce_scatter_leaves_each_owner_its_sums(topology, dtype):
    count = 11
    x = integers(topology, count) if dtype is DType.I32 else floats(topology, count)
    vectors = Vectors(EAST, 20, count)
    machine = Machine(topology, vectors, lambda s, c: reduce_scatter(s, c, vectors, SCRATCH, dtype), x=planes(x))
    found = values(machine.after, x.dtype.type)
    wanted = x.sum(axis=0, dtype=np.int32) if dtype is DType.I32 else in_order(x)
    if topology in RINGS and dtype is DType.F32:
        wanted = ring_sums(topology, x)
    for chip in range(topology.chips):
        part = vectors.part(-20, count).chunk(chip, topology.chips)
        words = slice(part.address, part.address + part.count)
        assert (found[chip, words].view(np.int32) == wanted[words].view(np.int32)).all()


def test_a_ring_within_a_dragonfly():
    """Twelve chips, cables of two lengths, and a ring that must be found."""
    topology = dragonfly(3, 4, 2)
    linked = replace(NANO_C2C, name="linked", c2c_links=5)
    x = integers(topology, 30)
    machine = all_reduced(topology, x, DType.I32, config=linked)
    assert (values(machine.after, np.int32) == x.sum(axis=0, dtype=np.int32)).all()


def test_with_scratch_for_two_steps_only():
    """Without room for an exchange: the same sums, and twice the latency."""
    x = floats(full(4), 2)
    exchanged = all_reduced(full(4), x, DType.F32)
    least = Vectors(WEST, 0, scratch_count(full(4), 2))
    in_steps = all_reduced(full(4), x, DType.F32, least)
    assert np.array_equal(exchanged.after, in_steps.after)
    assert exchanged.cycles < in_steps.cycles


def test_terms_and_scratch_in_the_same_slices():
    x = integers(full(4), 9)
    machine = all_reduced(full(4), x, DType.I32, Vectors(EAST, 9, 200))
    assert (values(machine.after, np.int32) == x.sum(axis=0, dtype=np.int32)).all()


@pytest.mark.parametrize("topology", [full(2, ppm=250), full(4, ppm=250), ring(4, ppm=250)], ids=name)
def test_long_ones_are_realigned_in_loops(topology):
    """More than the drift budget of 2000 cycles: a loop of whole segments, and a rest."""
    x = integers(topology, 151)
    machine = all_reduced(topology, x, DType.I32, config=DRIFTING)
    assert (values(machine.after, np.int32) == x.sum(axis=0, dtype=np.int32)).all()
    assert all(len(words) <= 256 for p in machine.system.programs for words in p.text.values())


def test_within_three_percent_of_the_links():
    """The closed form of the schedule alone, for 65,536 vectors; other tests show that runs take as long."""
    large = replace(NANO_C2C, name="large", mem_words=65536)
    for topology in (full(2), full(8), ring(4)):
        system = SystemBuilder(large, topology)
        vectors, scratch = Vectors(EAST, 0, 16384), Vectors(WEST, 0, 65536)
        end = all_reduce(system, system.start, vectors, scratch)
        assert 0.97 * end < bound(system, vectors) < end
        assert system.build().cycles == end + 1


def test_wide_links_and_few_streams_need_a_longer_period():
    """The chip is the limit, not the link."""
    wide = replace(NANO_C2C, name="wide", link_bits=128, streams=4, weight_streams=4)
    x = integers(full(4), 12)
    machine = all_reduced(full(4), x, DType.I32, config=wide)
    assert (values(machine.after, np.int32) == x.sum(axis=0, dtype=np.int32)).all()


def test_refusals():
    system = SystemBuilder(NANO_C2C, full(4))
    x = Vectors(EAST, 0, 8)

    def refused(match, vectors=x, scratch=SCRATCH, dtype=DType.I32, system=system):
        with pytest.raises(ValueError, match=match):
            reduce_scatter(system, system.start, vectors, scratch, dtype)

    refused("^dtype must be i32 or f32, not i8$", dtype=DType.I8)
    refused("^vectors must have 4 slices, not 1$", Vectors(EAST[:1], 0, 8))
    refused("^scratch must hold 6 vectors, not 5$", scratch=Vectors(WEST, 0, 5))
    refused("^scratch must lie apart from the vectors, not in the same words of MEM_E0$", scratch=Vectors(EAST, 7, 8))
    line = Topology("line of 3", 3, (Cable(Port(0, 1), Port(1, 0)), Cable(Port(1, 1), Port(2, 0))))
    rule = "^line of 3 must be fully connected or have a ring through all chips$"
    refused(rule, system=SystemBuilder(NANO_C2C, line))
    no_float = replace(NANO_C2C, name="ints", vxm_float_alus=0, vxm_function_alus=0)
    rule = "^ints must have a float ALU to add f32$"
    refused(rule, dtype=DType.F32, system=SystemBuilder(no_float, full(4)))
