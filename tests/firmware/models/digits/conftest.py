"""The network, trained once for all tests of this directory."""

from types import SimpleNamespace

import pytest

from takt.models.digits import load_scans, quantize, train


@pytest.fixture(scope="session")
def trained_digits():
    """Scans, float network and quantized network."""
    scans = load_scans()
    float_network = train(scans)
    return SimpleNamespace(
        scans=scans, float_network=float_network, network=quantize(float_network, scans.train_images)
    )
