"""A system with its chips' tensors by name: on the reference simulator, or on the RTL of all chips."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from takt_sim.reference import Result
from takt_sim.system.reference import ReferenceSystem
from takt_sim.tb.build import BUILD_ROOT
from takt_sim.tb.run import RtlResult
from takt_sim.tb.system.run import SystemRtl

from ..program import MAIN, Memory
from .system import System, prove

DIRECTORY = Path("build/system")


class Chips(ABC):
    """All chips of a system, loaded with their programs.

    Parameters
    ----------
    system : System
        What is loaded. IllegalProgram if the checker refuses it.
    """

    def __init__(self, system: System):
        self.system = system
        prove(system)

    @abstractmethod
    def run(self) -> Sequence[Result | RtlResult]:
        """Run all programs to their end. What each chip did, by number."""

    @abstractmethod
    def write_words(self, chip: int, words: Memory) -> None:
        """Put words into a chip's memory."""

    @abstractmethod
    def read_words(self, chip: int, slice: str, address: int, count: int = 1) -> NDArray[np.uint8]:
        """Words of a chip's memory as uint8 [count, lanes]."""

    def differences(self) -> list[str]:
        """Words that are not what their program says they must be after a run, each as one line."""
        found = []
        for chip, program in enumerate(self.system.programs):
            for name, words in program.entry(MAIN).expected.items():
                for address, word in words.items():
                    held = self.read_words(chip, name, address)[0].tobytes()
                    if held != word:
                        found.append(f"chip {chip}, {name} {address:#x}: must be {word.hex()}, not {held.hex()}")
        return found

    def write_tensor(self, chip: int, name: str, array: ArrayLike) -> None:
        """Put an array where a chip's tensor lies. ValueError if it does not fit."""
        tensor = self.system.programs[chip].tensor(name)
        self.write_words(chip, tensor.pack(np.asarray(array), self.system.config.lanes))

    def read_tensor(self, chip: int, name: str) -> NDArray[np.generic]:
        """The array that a chip's tensor holds."""
        tensor = self.system.programs[chip].tensor(name)
        return tensor.unpack(lambda s, a: self.read_words(chip, s, a)[0].tobytes(), self.system.config.lanes)

    @abstractmethod
    def close(self) -> None:
        """Give back what the chips hold."""


class SystemDevice(Chips):
    """The chips on the reference simulator."""

    def __init__(self, system: System):
        super().__init__(system)
        self._reference = ReferenceSystem(system.config, system.topology)
        for chip, program in enumerate(system.programs):
            self.write_words(chip, program.data)

    def close(self) -> None:
        """Nothing is held beyond the object's life."""

    def run(self) -> list[Result]:
        return self._reference.run(self.system.texts)

    def write_words(self, chip: int, words: Memory) -> None:
        memory = self._reference.chips[chip].memory
        for name, content in words.items():
            for address, word in content.items():
                memory[name][address] = np.frombuffer(word, np.uint8)

    def read_words(self, chip: int, slice: str, address: int, count: int = 1) -> NDArray[np.uint8]:
        return self._reference.chips[chip].memory[slice][address : address + count].copy()


class RtlSystemDevice(Chips):
    """The chips' RTL in one simulation, with a clock each, and the links brought up.

    Parameters
    ----------
    system : System
        What is loaded.
    seed : int
        Decides clocks, within the topology's ppm, their phases, and when which chip is started.
    directory : Path
        Where logs go.
    root : Path
        Where compiled simulators are kept.

    Raises
    ------
    BuildError, SimulationError, LinkError
        From the constructor or any method: no simulator can be made, the simulation failed, a link does not come up.
    """

    def __init__(self, system: System, *, seed: int = 1, directory: Path = DIRECTORY, root: Path = BUILD_ROOT):
        super().__init__(system)
        self._chips = SystemRtl(system.config, system.topology, directory=directory, seed=seed, root=root)
        self._open = ExitStack()
        self._open.enter_context(self._chips)
        self._chips.bring_up()
        for chip, program in enumerate(system.programs):
            self.write_words(chip, program.data)

    def close(self) -> None:
        """End the simulation."""
        self._open.close()

    def run(self) -> list[RtlResult]:
        self._chips.load(self.system.texts)
        self._chips.start()
        return self._chips.finish().chips

    def write_words(self, chip: int, words: Memory) -> None:
        self._chips.write(chip, words)

    def read_words(self, chip: int, slice: str, address: int, count: int = 1) -> NDArray[np.uint8]:
        words = self._chips.read(chip, {slice: range(address, address + count)})[slice]
        return np.frombuffer(b"".join(words.values()), np.uint8).reshape(count, -1).copy()
