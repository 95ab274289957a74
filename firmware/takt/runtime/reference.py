"""The reference simulator as a device."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from takt_hw.config import ChipConfig
from takt_sim.reference import ReferenceChip

from ..program import Memory, Program
from .device import Device, RunResult, fault_names


class ReferenceDevice(Device):
    """Bit-exact and cycle-exact, in NumPy, with no chip and no compiler."""

    def __init__(self, config: ChipConfig):
        super().__init__(config)
        self._chip = ReferenceChip(config)

    def write_words(self, words: Memory) -> None:
        """Put words into the chip's memory."""
        for name, content in words.items():
            for address, word in content.items():
                self._chip.memory[name][address] = np.frombuffer(word, np.uint8)

    def read_words(self, slice: str, address: int, count: int = 1) -> NDArray[np.uint8]:
        """Memory words as uint8 [count, lanes]."""
        return self._chip.memory[slice][address : address + count].copy()

    def _load(self, program: Program) -> None:
        """Nothing to do: the text stays with the program."""

    def _run(self, entry: str) -> RunResult:
        done = self._chip.run(self.program.entry(entry).text)
        return RunResult(done.cycles, fault_names(done.faults))
