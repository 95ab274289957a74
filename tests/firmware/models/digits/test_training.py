"""Data and float network: a fair split, the same weights every time, a network worth running."""

import numpy as np

from takt.models.digits import load_scans, train, trained
from takt.models.digits.scans import HELD_BACK


def test_split_is_fair_and_fixed():
    scans = load_scans()
    assert len(scans.test_images) == HELD_BACK >= 360
    assert len(scans.train_images) + HELD_BACK == 1797
    assert scans.test_images.dtype == np.int8
    assert (scans.test_images.min(), scans.test_images.max()) == (0, 16)
    shares = np.bincount(scans.test_labels) / HELD_BACK - np.bincount(scans.train_labels) / len(scans.train_labels)
    assert np.abs(shares).max() < 0.003
    again = load_scans()
    assert all(np.array_equal(getattr(again, name), value) for name, value in vars(scans).items())


def test_no_scan_is_in_both_halves():
    scans = load_scans()
    held_back = {image.tobytes() for image in scans.test_images}
    assert not held_back & {image.tobytes() for image in scans.train_images}


def test_network_recognizes_what_it_never_saw(trained_digits):
    scans, network = trained_digits.scans, trained_digits.float_network
    assert (network.logits(scans.test_images).argmax(axis=1) == scans.test_labels).mean() > 0.97


def test_training_is_reproducible(trained_digits):
    again = train(trained_digits.scans)
    for name, weights in vars(trained_digits.float_network).items():
        assert np.array_equal(getattr(again, name), weights)


def test_cache_gives_the_same_weights(trained_digits, tmp_path, monkeypatch):
    monkeypatch.setattr("takt.models.digits.training.train", lambda *_: trained_digits.float_network)
    trained(trained_digits.scans, cache=tmp_path)
    monkeypatch.setattr("takt.models.digits.training.train", None)
    again = trained(trained_digits.scans, cache=tmp_path)
    for name, weights in vars(trained_digits.float_network).items():
        assert np.array_equal(getattr(again, name), weights)
    assert len(list(tmp_path.iterdir())) == 1
