"""The network on several chips: NumPy's logits, bit for bit, for any network, in the cycles foretold."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from takt.models.digits import NoRoom, by_column, by_layer, logits
from takt.models.digits.layout import columns
from takt.program import MAIN, Entry, Program
from takt.system import System, SystemDevice, prove
from takt_hw import isa
from takt_hw.config import NANO_C2C
from takt_sim.system.topology import Cable, Port, Topology, full, ring
from takt_sim.timeline import IllegalProgram
from tests.firmware.models.digits.test_program import networks

WAYS = [
    (by_column, full(2)),
    (by_column, full(4)),
    (by_column, full(8)),
    (by_layer, full(2)),
    (by_layer, full(4)),
    (by_layer, ring(4)),
]
EACH = pytest.mark.parametrize(
    ("way", "topology"), WAYS, ids=lambda value: getattr(value, "__name__", None) or value.name
)


def run(split, images):
    """Logits of some images, one run each; every run takes the cycles that the programs foretell."""
    device = SystemDevice(split.system)
    found = []
    for image in images:
        for chip, words in split.load(image).items():
            device.write_words(chip, words)
        assert max(result.cycles for result in device.run()) == split.system.cycles
        found.append(split.logits(lambda chip, name, address: device.read_words(chip, name, address)[0].tobytes()))
    return np.array(found)


@EACH
def test_logits_are_numpys(trained_digits, way, topology):
    images = trained_digits.scans.test_images[:10]
    split = way(NANO_C2C, topology, trained_digits.network)
    assert np.array_equal(run(split, images), logits(trained_digits.network, images))


@EACH
@settings(max_examples=8, deadline=None)
@given(network=networks(), seed=st.integers(0, 2**32 - 1))
def test_any_network_of_the_shape_is_exact(way, topology, network, seed):
    images = np.random.default_rng(seed).integers(-128, 128, (1, 64)).astype(np.int8)
    try:
        split = way(NANO_C2C, topology, network)
    except NoRoom:
        assert way is by_layer  # four chips need two vectors of hidden units
        assert topology.chips == 4
        assert network.units <= 15
        return
    assert np.array_equal(run(split, images), logits(network, images))


def test_takes_the_cycles_that_the_design_note_counts(trained_digits):
    """The table of docs/design/digits.md."""
    foretold = {(way.__name__, t.name): way(NANO_C2C, t, trained_digits.network).system.cycles for way, t in WAYS}
    assert foretold == {
        ("by_column", "2 fully connected"): 131,
        ("by_column", "4 fully connected"): 147,
        ("by_column", "8 fully connected"): 179,
        ("by_layer", "2 fully connected"): 143,
        ("by_layer", "4 fully connected"): 392,
        ("by_layer", "ring of 4"): 392,
    }


def test_longer_cables_cost_their_latency_and_nothing_else(trained_digits):
    for way, topology, hops in ((by_column, full, 1), (by_layer, ring, 3)):
        near, far = (
            way(NANO_C2C, topology(4, latency=latency), trained_digits.network).system.cycles for latency in (64, 100)
        )
        assert far - near == hops * 36


@EACH
def test_pixels_and_classes_are_all_there(trained_digits, way, topology):
    split = way(NANO_C2C, topology, trained_digits.network)
    shown = [n for first, count in split.classes.values() for n in range(first, first + count)]
    assert sorted(shown) == list(range(10))
    assert {chip: len(words) for chip, words in split.places().items()} == dict.fromkeys(split.classes, 4)
    assert set().union(*(range(first, first + count) for first, count in split.pixels.values())) == set(range(64))


@pytest.mark.parametrize("queue", ["C2C_W.send0", "C2C_W.receive0", "VXM.alu2", "MXM_E0.activate"])
def test_a_queue_one_cycle_late_is_refused(trained_digits, queue):
    system = by_column(NANO_C2C, full(2), trained_digits.network).system
    first = system.programs[0]
    text = dict(first.entry().text)
    text[queue] = (text[queue][0], isa.NOP.encode(count=1), *text[queue][1:])
    late = Program(config=NANO_C2C, entries=(Entry(MAIN, text),), data=first.data, tensors=first.tensors)
    with pytest.raises(IllegalProgram, match="chip 0"):
        prove(System(system.topology, (late, system.programs[1])))


def test_a_changed_weight_is_noticed(trained_digits):
    network, images = trained_digits.network, trained_digits.scans.test_images[:10]
    output = network.output.copy()
    output[np.abs(output.astype(int)).argmin() // 10, 3] ^= 1
    split = by_column(NANO_C2C, full(4), replace(network, output=output))
    assert (run(split, images) != logits(network, images)).any()


def test_refusals(trained_digits):
    network = trained_digits.network
    with pytest.raises(ValueError, match="^ring of 4 must be fully connected$"):
        by_column(NANO_C2C, ring(4), network)
    with pytest.raises(ValueError, match="^chips must be 2 or 4, not 3$"):
        by_layer(NANO_C2C, full(3), network)
    apart = Topology("apart", 4, tuple(Cable(Port(0, n), Port(n + 1, 0)) for n in range(3)))
    with pytest.raises(ValueError, match="^apart: chip 1 must have a cable to chip 2, not none$"):
        by_layer(NANO_C2C, apart, network)
    wide = replace(
        network,
        hidden=np.zeros((64, 31), np.int8),
        threshold=np.zeros(31, np.int32),
        output=np.zeros((31, 10), np.int8),
    )
    with pytest.raises(NoRoom, match="^hidden units of a chip must be at most 15, not 16$"):
        columns(NANO_C2C, wide, 2)
    with pytest.raises(NoRoom, match="^chips must be at most 10, one for each class, not 11$"):
        columns(NANO_C2C, network, 11)
    with pytest.raises(
        NoRoom, match="^network must have 2 vectors of hidden units and an even number of pixel vectors, "
    ):
        by_layer(NANO_C2C, full(4), wide)
