"""Memory images with the values that break arithmetic: limits, zeros, masks, lane maps."""

from __future__ import annotations

from random import Random

import numpy as np

from takt_hw.config import ChipConfig

WINDOW_WORDS = 24
"""Words loaded in each bank of each slice, at a place of the program's own."""

KINDS = ("any", "corner", "map", "any", "low", "high", "mask", "map")
"""What a word holds, by its address modulo 8."""

CORNERS = np.array([0x80, 0x81, 0xFF, 0x00, 0x01, 0x7E, 0x7F], np.uint8)
"""-128, -127, -1, 0, 1, 126, 127."""

LOW_BYTES = np.array([0x00, 0xFF], np.uint8)
HIGH_BYTES = np.array([0x80, 0x7F, 0x00, 0xFF], np.uint8)
"""With LOW_BYTES below them: the limits of int32, 0 and -1."""


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


def fill(config: ChipConfig, windows: dict[str, tuple[range, range]], seed: int) -> dict[str, np.ndarray]:
    """uint8[mem_words, lanes] by MEM slice; zero outside the windows."""
    rng = np.random.default_rng(seed)
    size = len(next(iter(windows.values()))[0])
    total, lanes = 2 * size * len(windows), config.lanes
    of_kind = {
        "any": rng.integers(0, 256, (total, lanes), np.uint8),
        "corner": rng.choice(CORNERS, (total, lanes)),
        "map": rng.integers(0, min(256, lanes + 3), (total, lanes), np.uint8),
        "mask": rng.choice(np.array([0, 0, 1, 0x80], np.uint8), (total, lanes)),
        "low": rng.choice(LOW_BYTES, (total, lanes)),
        "high": rng.choice(HIGH_BYTES, (total, lanes)),
    }
    memory, row = {}, 0
    for name, banks in windows.items():
        memory[name] = np.zeros((config.mem_words, lanes), np.uint8)
        for address in (*banks[0], *banks[1]):
            memory[name][address] = of_kind[KINDS[address % len(KINDS)]][row]
            row += 1
    return memory
