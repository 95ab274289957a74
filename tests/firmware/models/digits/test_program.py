"""The program: legal, bit-exact for any network of its shape, as fast as its weights load, and brittle when bent."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from takt.models.digits import NoRoom, QuantizedNetwork, emit, logits
from takt.models.digits.evaluate import run_reference
from takt.models.digits.program import RECTIFY
from takt.program import MAIN, Entry, Program
from takt.runtime import judge
from takt.schedule import flight
from takt_hw import isa
from takt_hw.config import ECP5, ECP5_45K, ECP5_NANO, NANO, QUAD, Kind
from takt_sim.timeline import expand

BUILDS = pytest.mark.parametrize("config", [NANO, ECP5, ECP5_45K, ECP5_NANO, QUAD], ids=lambda config: config.name)
COUNT = 20
WEIGHTS_LIMIT = [NANO, ECP5, ECP5_NANO, QUAD]
"""Builds whose array is done with a tile before the next one's weights are loaded."""


@BUILDS
def test_answers_are_numpys(trained_digits, config):
    program = emit(config, trained_digits.network)
    images = trained_digits.scans.test_images[:COUNT]
    run = run_reference(program, images)
    assert np.array_equal(run.logits, logits(trained_digits.network, images))
    assert set(run.cycles) == {program.cycles[MAIN]}


@pytest.mark.parametrize("config", WEIGHTS_LIMIT, ids=lambda config: config.name)
def test_weights_load_without_a_pause_until_the_last_layer(trained_digits, config):
    timeline = expand(config, emit(config, trained_digits.network).entry().text)
    loads = [d.cycle for d in timeline.dispatches if d.instruction.op is isa.LW]
    hidden = 64 // config.lanes * -(-trained_digits.network.units // (config.lanes - 1)) * config.weight_blocks
    assert loads[:hidden] == list(range(loads[0], loads[0] + hidden))
    plane = [s for s in config.slices if s.kind is Kind.MXM][-1]
    feeding = [d for d in timeline.dispatches if d.instruction.op is isa.READ][: config.weight_streams]
    farthest = min(feeding, key=lambda d: d.queue.position).queue.name
    assert loads[0] == flight(config, farthest, isa.READ, f"{plane.name}.weights", isa.LW)


def test_takes_the_cycles_that_the_design_note_counts(trained_digits):
    """The table of docs/design/digits.md, row by row: an improvement, or a slip, belongs there too."""
    fill, hidden_weights, into_the_array = 6, 16, 1
    hidden_layer, output_layer = 3 + 7 + 2 + 6, 3 + 6
    last_write = fill + hidden_weights + into_the_array + hidden_layer + output_layer
    program = emit(NANO, trained_digits.network)
    timeline = expand(NANO, program.entry().text)
    assert max(d.cycle for d in timeline.dispatches) == last_write
    assert program.cycles[MAIN] == last_write + 1 + NANO.superlanes


@st.composite
def networks(draw) -> QuantizedNetwork:
    """Any integers that a network can have, extremes included."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    units = draw(st.integers(1, 30))
    low, high = draw(st.sampled_from([(-128, 127), (-3, 3), (127, 127), (-128, -128)]))
    span = draw(st.sampled_from([1, 1000, 10**6, 2**31 - 1]))
    return QuantizedNetwork(
        hidden=rng.integers(low, high + 1, (64, units)).astype(np.int8),
        threshold=rng.integers(-span, span, units).astype(np.int32),
        multiplier=draw(st.integers(1, 2**16 - 1)),
        shift=draw(st.integers(0, 23)),
        output=rng.integers(-128, 128, (units, 10)).astype(np.int8),
        bias=rng.integers(-127, 128, 10).astype(np.int32),
    )


@settings(max_examples=40, deadline=None)
@given(network=networks(), seed=st.integers(0, 2**32 - 1))
def test_any_network_of_the_shape_is_exact(network, seed):
    images = np.random.default_rng(seed).integers(-128, 128, (2, 64)).astype(np.int8)
    run = run_reference(emit(NANO, network), images)
    assert np.array_equal(run.logits, logits(network, images))


def test_a_changed_weight_is_noticed(trained_digits):
    """The comparison is not blind: one weight of 2220, off by one in NumPy alone, shows in most digits."""
    network = trained_digits.network
    images = trained_digits.scans.test_images[:COUNT]
    run = run_reference(emit(NANO, network), images)
    output = network.output.copy()
    output[np.abs(network.output.astype(int)).argmin() // 10, 3] ^= 1
    assert (run.logits != logits(replace(network, output=output), images)).sum() > COUNT / 4


@pytest.mark.parametrize("queue", [RECTIFY, "MEM_E3.read", "MXM_E0.activate", "MXM_E0.accumulate", "MEM_E0.write"])
def test_a_queue_one_cycle_late_is_refused(trained_digits, queue):
    program = emit(NANO, trained_digits.network)
    text = dict(program.entry().text)
    text[queue] = (isa.NOP.encode(count=1), *text[queue])
    late = Program(config=NANO, entries=(Entry(MAIN, text),), data=program.data, tensors=program.tensors)
    (verdict,) = judge(late)
    assert verdict.timeline is None


def test_refuses_a_network_that_needs_a_third_tile(trained_digits):
    network = trained_digits.network
    wide = replace(
        network,
        hidden=np.zeros((64, 31), np.int8),
        threshold=np.zeros(31, np.int32),
        output=np.zeros((31, 10), np.int8),
    )
    with pytest.raises(NoRoom, match=r"^hidden units must reach the array after cycle \d+, not in \d+$"):
        emit(NANO, wide)


def test_refuses_a_build_without_enough_slices(trained_digits):
    with pytest.raises(NoRoom, match="^build must have 8 MEM slices west of an MXM, not 4$"):
        emit(replace(NANO, name="small", mem_group_slices=2), trained_digits.network)
    vxm_first = (Kind.VXM, Kind.MEM, Kind.MEM, Kind.SXM, Kind.MXM)
    with pytest.raises(NoRoom, match="^build must have 4 MEM slices west of the VXM, not 0$"):
        emit(replace(NANO, name="odd", row=vxm_first), trained_digits.network)
