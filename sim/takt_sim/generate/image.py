"""Memory images with the values that break arithmetic: limits, zeros, masks, lane maps, addresses."""

from __future__ import annotations

from random import Random

import numpy as np

from takt_hw.config import LANES_PER_SUPERLANE, ChipConfig

WINDOW_WORDS = 24
"""Words loaded in each bank of each slice, at a place of the program's own."""

KINDS = (
    *("any", "corner", "map", "address", "low", "exponent", "mask", "high"),
    *("low half", "high half", "any", "map"),
)
"""What a word holds, by its address modulo their number."""

CORNERS = np.array([0x80, 0x81, 0xFF, 0x00, 0x01, 0x7E, 0x7F], np.uint8)
"""-128, -127, -1, 0, 1, 126, 127."""

LOW_BYTES = np.array([0x00, 0xFF], np.uint8)
HIGH_BYTES = np.array([0x80, 0x7F, 0x00, 0xFF], np.uint8)
"""With LOW_BYTES below them: the limits of int32, 0 and -1."""

EXPONENT_BYTES = np.array([0x3F, 0xBF, 0x40, 0xC0, 0x3C, 0xBC], np.uint8)
"""On top of anything: floating-point numbers near 1, so that sums and products do not all overflow or vanish."""

LOW_HALVES = np.array([0x00, 0x00, 0x00, 0x01, 0xFF], np.uint8)
HIGH_HALVES = np.array([0x00, 0x80, 0x03, 0x84, 0x3C, 0xBC, 0x13, 0xD1, 0x7B, 0xFB], np.uint8)
"""With LOW_HALVES below them: fp16 zeros, subnormal numbers, the least and the largest, ones, some between."""

ENDLESS_HALVES = np.array([*HIGH_HALVES] * 3 + [0x7C, 0xFC], np.uint8)
"""The same with infinities, which LOW_HALVES now and then make NaN."""


def windows(config: ChipConfig, random: Random) -> dict[str, tuple[range, range]]:
    """The loaded addresses of each MEM slice, one range in each bank."""
    size = min(WINDOW_WORDS, config.bank_words)
    result = {}
    for s in config.mem_slices:
        low, high = (
            random.choice((0, config.bank_words - size, random.randint(0, config.bank_words - size))) for _ in "01"
        )
        result[s.name] = range(low, low + size), range(config.bank_words + high, config.bank_words + high + size)
    return result


def _addresses(
    config: ChipConfig, windows: dict[str, tuple[range, range]], count: int, strays: bool, rng: np.random.Generator
) -> np.ndarray:
    """uint8[count, lanes]: bytes 0 and 1 of each superlane address a word, mostly one that some slice has loaded.

    Never one of kind "address": a SCATTER leaves those as they are. With ``strays`` some are out of range.
    """
    every = {address for banks in windows.values() for bank in banks for address in bank}
    loaded = np.array(sorted(address for address in every if KINDS[address % len(KINDS)] != "address"))
    limits = np.array([0, config.bank_words - 1, config.bank_words, config.mem_words - 1])
    beyond = np.array([config.mem_words, config.mem_words + 1, 2 * config.mem_words - 1, 0xFF00, 0xFFFF]) & 0xFFFF
    words = rng.integers(0, 256, (count, config.superlanes, LANES_PER_SUPERLANE), np.uint8)
    kind = rng.random((count, config.superlanes))
    found = rng.choice(loaded, kind.shape)
    found = np.where(kind < 0.1, rng.choice(limits, kind.shape), found)
    if strays:
        found = np.where(kind > 0.8, rng.choice(beyond, kind.shape), found)
    words[:, :, 0], words[:, :, 1] = found & 0xFF, found >> 8
    return words.reshape(count, -1)


def fill(config: ChipConfig, windows: dict[str, tuple[range, range]], strays: bool, seed: int) -> dict[str, np.ndarray]:
    """uint8[mem_words, lanes] by MEM slice; zero outside the windows. With ``strays`` some addresses are no word's."""
    rng = np.random.default_rng(seed)
    size = len(next(iter(windows.values()))[0])
    total, lanes = 2 * size * len(windows), config.lanes
    of_kind = {
        "any": rng.integers(0, 256, (total, lanes), np.uint8),
        "corner": rng.choice(CORNERS, (total, lanes)),
        "map": rng.integers(0, min(256, lanes + 3), (total, lanes), np.uint8),
        "address": _addresses(config, windows, total, strays, rng),
        "mask": rng.choice(np.array([0, 0, 1, 0x80], np.uint8), (total, lanes)),
        "low": rng.choice(LOW_BYTES, (total, lanes)),
        "high": rng.choice(HIGH_BYTES, (total, lanes)),
        "exponent": rng.choice(EXPONENT_BYTES, (total, lanes)),
        "low half": rng.choice(LOW_HALVES, (total, lanes)),
        "high half": np.where(
            rng.random((total, 1)) < 0.3,
            rng.choice(ENDLESS_HALVES, (total, lanes)),
            rng.choice(HIGH_HALVES, (total, lanes)),
        ),
    }
    memory, row = {}, 0
    for name, banks in windows.items():
        memory[name] = np.zeros((config.mem_words, lanes), np.uint8)
        for address in (*banks[0], *banks[1]):
            memory[name][address] = of_kind[KINDS[address % len(KINDS)]][row]
            row += 1
    return memory
