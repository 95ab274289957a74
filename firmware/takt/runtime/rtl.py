"""The RTL in simulation as a device."""

from __future__ import annotations

import weakref
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from takt_hw.config import ChipConfig
from takt_sim.tb.build import BUILD_ROOT, Variant
from takt_sim.tb.run import RtlChip

from ..program import Memory, Program
from .device import Device, RunResult, fault_names

DIRECTORY = Path("build/run")


class RtlDevice(Device):
    """The chip's Verilog under Verilator, behind its host port. One simulation for the life of the device.

    Parameters
    ----------
    config : ChipConfig
        A named build.
    variant : Variant
        What to compile in; only CHECKED reports what illegal programs do, only WAVES writes a VCD, when closed.
    directory : Path
        Where logs and waves go.
    root : Path
        Where compiled simulators are kept.

    Attributes
    ----------
    simulated_cycles : int
        Clock cycles simulated so far, host traffic included.
    seconds : float
        Wall time of these cycles.

    Raises
    ------
    BuildError, SimulationError
        From the constructor or any method: no simulator can be made, or the simulation failed.
    """

    def __init__(
        self,
        config: ChipConfig,
        variant: Variant = Variant.FAST,
        *,
        directory: Path = DIRECTORY,
        root: Path = BUILD_ROOT,
    ):
        super().__init__(config)
        self._chip = RtlChip(config, variant, directory=directory, root=root)
        self._entry: str | None = None
        open_chip = ExitStack()
        open_chip.enter_context(self._chip)
        self._finalizer = weakref.finalize(self, open_chip.close)

    def close(self) -> None:
        """End the simulation. It ends with the device or the process otherwise."""
        self._finalizer()

    @property
    def simulated_cycles(self) -> int:
        return self._chip.session.cycles

    @property
    def seconds(self) -> float:
        return self._chip.session.seconds

    def write_words(self, words: Memory) -> None:
        """Put words into the chip's memory."""
        self._chip.write(words)

    def read_words(self, slice: str, address: int, count: int = 1) -> NDArray[np.uint8]:
        """Memory words as uint8 [count, lanes]."""
        words = self._chip.read({slice: range(address, address + count)})[slice]
        return np.frombuffer(b"".join(words.values()), np.uint8).reshape(count, self.config.lanes).copy()

    def _load(self, program: Program) -> None:
        """The text follows with the first run: an entry's text replaces that of the one before."""
        self._entry = None

    def _run(self, entry: str) -> RunResult:
        if entry != self._entry:
            self._chip.load_text(self.program.entry(entry).text)
            self._entry = entry
        done = self._chip.run()
        if done.faults:
            self._entry = None  # flags stay until the text is loaded anew
        return RunResult(done.cycles, fault_names(done.faults))
