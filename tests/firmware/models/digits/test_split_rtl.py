"""The network on several chips' RTL, each with a clock of its own: NumPy's logits, in the cycles foretold."""

from pathlib import Path

import numpy as np
import pytest

from takt.models.digits import by_column, by_layer, logits
from takt.system import RtlSystemDevice
from takt_hw.config import NANO_C2C
from takt_sim.system.topology import full

ROOT = Path(__file__).parents[4] / "build" / "rtl"
IMAGES = 4


@pytest.mark.parametrize("chips", [2, 4])
@pytest.mark.parametrize("way", [by_column, by_layer])
def test_logits_and_cycles(trained_digits, way, chips, tmp_path):
    images = trained_digits.scans.test_images[:IMAGES]
    split = way(NANO_C2C, full(chips), trained_digits.network)
    device = RtlSystemDevice(split.system, seed=chips, directory=tmp_path, root=ROOT)
    found, cycles, faults = [], [], []
    for image in images:
        for chip, words in split.load(image).items():
            device.write_words(chip, words)
        results = device.run()
        cycles.append(max(result.cycles for result in results))
        faults += [result.faults for result in results]
        found.append(split.logits(lambda chip, name, address: device.read_words(chip, name, address)[0].tobytes()))
    device.close()
    assert np.array_equal(np.array(found), logits(trained_digits.network, images))
    assert cycles == [split.system.cycles] * IMAGES
    assert not any(faults)
