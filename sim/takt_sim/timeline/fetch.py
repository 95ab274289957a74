"""Instruction text that arrives by stream: which memory word the words of an IFETCH come from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from takt_hw import isa
from takt_hw.config import LANES_PER_SUPERLANE, ChipConfig
from takt_hw.isa import Instruction, Queue, Role, Stream

from ..latency import d_func, d_skew
from .dispatch import Dispatch, Memory


class NoText(Exception):
    """Why a word cannot be had: rule and message."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message


@dataclass(frozen=True)
class Fetch:
    """One IFETCH of a queue: words ``first`` to ``first + words - 1`` of its text."""

    cycle: int
    first: int
    instruction: Instruction

    @property
    def words(self) -> int:
        """Words that it brings."""
        return int(self.instruction["words"])

    def ready(self, index: int, config: ChipConfig) -> int:
        """First cycle in which a word can be dispatched."""
        return self.cycle + d_func(isa.IFETCH, config) + index - self.first

    def taken(self, vector: int, config: ChipConfig) -> int:
        """Cycle in which one of its vectors is taken, in superlane-0 time."""
        return self.cycle + d_skew(isa.IFETCH, config) + vector * config.superlanes

    def vectors(self, config: ChipConfig) -> int:
        """Vectors that it takes."""
        return -(-self.words // config.superlanes)


class TextSource:
    """Finds words of text in the memory image.

    Parameters
    ----------
    config : ChipConfig
        The build.
    dispatches : list of Dispatch
        All that has been dispatched so far. It may grow: what a word needs must be there when it is asked for.
    memory : Memory or None
        What memory holds before the program; None if that is not known.
    """

    def __init__(self, config: ChipConfig, dispatches: Sequence[Dispatch], memory: Memory | None) -> None:
        self.config = config
        self.memory = memory
        self.fetched: set[tuple[str, int]] = set()
        """Slice and address of the memory words that text came from."""
        self._dispatches = dispatches
        self._indexed = 0
        self._producers: dict[tuple[int, int], list[tuple[int, Dispatch]]] = defaultdict(list)
        """(flow step times position, dispatch) by (stream bits, diagonal)."""

    def word(self, queue: Queue, fetch: Fetch, index: int) -> int:
        """A word that an IFETCH brings. NoText if it cannot be known."""
        if self.memory is None:
            raise NoText("fetch-text", "memory before the program must be known, to know the words fetched from it")
        vector, superlane = divmod(index - fetch.first, self.config.superlanes)
        read = self._producer(queue, fetch.instruction["src"], fetch.taken(vector, self.config))
        source, address = read.queue.slice, read.instruction["address"]
        words = self.memory.get(source)
        if words is None or (address not in words if isinstance(words, Mapping) else address >= len(words)):
            raise NoText("fetch-text", f"text must come from a word loaded before, not from {source}, {address:#x}")
        self.fetched.add((source, address))
        content = bytes(words[address])
        return int.from_bytes(content[superlane * LANES_PER_SUPERLANE :][:LANES_PER_SUPERLANE], "little")

    def _producer(self, queue: Queue, stream: Stream, cycle: int) -> Dispatch:
        """The READ whose word the stream's register at the queue's position holds in a cycle."""
        for dispatch in self._dispatches[self._indexed :]:
            self._index(dispatch)
        self._indexed = len(self._dispatches)
        step = stream.direction.step
        place = step * queue.position
        before = [p for p in self._producers[stream.bits, cycle - place] if p[0] <= place]
        if not before:
            raise NoText("undefined-stream", f"{stream} must carry text in cycle {cycle}, not nothing")
        nearest = max(before, key=lambda producer: producer[0])[1]
        if nearest.instruction.op is not isa.READ:
            made = f"{nearest.instruction} in {nearest.queue.name}, cycle {nearest.cycle}"
            raise NoText("fetch-text", f"text must come from a READ, not from {made}")
        return nearest

    def _index(self, dispatch: Dispatch) -> None:
        op = dispatch.instruction.op
        for stream in dispatch.instruction.streams(Role.DEST, self.config):
            place = stream.direction.step * dispatch.queue.position
            diagonal = dispatch.cycle + d_func(op, self.config) - place
            self._producers[stream.bits, diagonal].append((place, dispatch))
