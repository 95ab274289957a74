"""The reference chip: memory, and the programs that run on it."""

from __future__ import annotations

import numpy as np

from takt_hw.config import ChipConfig

from ..timeline import Text, expand
from .result import Result
from .run import ReferenceRun


class ReferenceChip:
    """One chip. Memory starts as zero and keeps its content from program to program; nothing else does.

    Parameters
    ----------
    config : ChipConfig
        The build.

    Attributes
    ----------
    memory : dict of str to ndarray
        uint8[mem_words, lanes] by MEM slice. The host's view: write it before a run, read it after.
    """

    def __init__(self, config: ChipConfig) -> None:
        self.config = config
        self.memory = {s.name: np.zeros((config.mem_words, config.lanes), np.uint8) for s in config.mem_slices}

    def run(self, text: Text) -> Result:
        """Run a program to its end.

        The checker's rules are taken as kept; the few that would leave no answer, like an undefined
        operand, raise IllegalProgram here too. Words of memory are all taken as defined.
        """
        return self.start(text).finish()

    def start(self, text: Text) -> ReferenceRun:
        """A program that has done nothing yet: it can be advanced in steps, with vectors from other chips between them.

        Instruction text that it fetches is read now.
        """
        return ReferenceRun(self.config, self.memory, expand(self.config, text, self.memory))
