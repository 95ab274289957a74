"""A program for one build of the chip. What is in it is structurally sound; whether it is legal, the checker says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from takt_hw import isa
from takt_hw.config import ChipConfig
from takt_sim.timeline import trace

from .tensor import TensorLayout
from .text import fetches
from .timing import Step, schedule

MAIN = "main"
"""The entry point that runs if no other is named."""

MAX_ITEMS = 1024
"""Entry points, and tensors, of one program."""

Memory = Mapping[str, Mapping[int, bytes]]
"""Memory words: slice to address to the vector's bytes."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)


class ProgramError(ValueError):
    """A program or program file that is refused: one line that names the place and the rule."""


@dataclass(frozen=True)
class Entry:
    """One thing that the program can be asked to do: what each queue runs, from cycle 0."""

    name: str
    text: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """Instruction words per queue."""

    expected: Memory = field(default_factory=dict)
    """Words that memory must hold after a run of this entry, if the program is an example that proves itself."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """Text, memory contents and tensor layouts for one build.

    Construction puts everything in the build's order (queues and slices west to east, addresses
    ascending), drops what is empty and refuses what does not fit the build.

    Raises
    ------
    ProgramError
        ``<place>: <name> must <rule>, not <value>``.
    """

    config: ChipConfig
    entries: tuple[Entry, ...]
    data: Memory = field(default_factory=dict)
    """Words that loading the program puts into memory."""

    tensors: tuple[TensorLayout, ...] = ()

    def __post_init__(self) -> None:
        names = [entry.name for entry in self.entries]
        _unique("entries", names)
        _unique("tensors", [tensor.name for tensor in self.tensors])
        if not names:
            raise ProgramError("entries: there must be at least one, not none")
        entries = tuple(_entry(self.config, entry) for entry in self.entries)
        object.__setattr__(self, "entries", entries)
        object.__setattr__(self, "data", _memory(self.config, "data", self.data))
        object.__setattr__(self, "tensors", tuple(self.tensors))
        for queue, words in self.text.items():
            if len(words) > self.config.queue_words:
                rule = f"queue must hold at most {self.config.queue_words} words, not {len(words)}"
                raise ProgramError(f"{queue}: {rule}")
        inputs: set[tuple[str, int]] = set()
        for tensor in self.tensors:
            for violation in tensor.violations(self.config):
                raise ProgramError(f"tensor {tensor.name}: {violation}")
            words_of = set(tensor.words()) if tensor.role == "input" else set()
            if inputs & words_of:
                name, address = min(inputs & words_of)
                raise ProgramError(f"tensor {tensor.name}: inputs must not share words, not {name} {address:#x}")
            inputs |= words_of

    @cached_property
    def text(self) -> dict[str, tuple[int, ...]]:
        """What each queue's memory holds: the words of all entries, in their order."""
        text: dict[str, tuple[int, ...]] = {}
        for queue in isa.queues(self.config):
            words = tuple(word for entry in self.entries for word in entry.text.get(queue.name, ()))
            if words:
                text[queue.name] = words
        return text

    @cached_property
    def ranges(self) -> dict[str, dict[str, tuple[int, int]]]:
        """Entry to queue to first word and number of words in the queue's memory."""
        taken = dict.fromkeys(self.text, 0)
        ranges: dict[str, dict[str, tuple[int, int]]] = {}
        for entry in self.entries:
            ranges[entry.name] = {queue: (taken[queue], len(words)) for queue, words in entry.text.items()}
            for queue, words in entry.text.items():
                taken[queue] += len(words)
        return ranges

    @cached_property
    def cycles(self) -> dict[str, int | None]:
        """Entry to its predicted cycle count; None if some queue never ends, or fetches text that cannot be."""
        return {entry.name: _predict(self.config, entry.text, self.data) for entry in self.entries}

    @property
    def defined(self) -> dict[str, NDArray[np.bool_]]:
        """Per slice bool [mem_words]: words that hold a value before a run, as loaded data or input tensor."""
        defined = {s.name: np.zeros(self.config.mem_words, np.bool_) for s in self.config.mem_slices}
        for name, words in self.data.items():
            defined[name][list(words)] = True
        for tensor in self.tensors:
            if tensor.role == "input":
                for name, address in tensor.words():
                    defined[name][address] = True
        return defined

    def entry(self, name: str = MAIN) -> Entry:
        """The entry of that name. ProgramError if there is none."""
        return _named("entry", self.entries, name)

    def tensor(self, name: str) -> TensorLayout:
        """The tensor of that name. ProgramError if there is none."""
        return _named("tensor", self.tensors, name)


def is_name(text: str) -> bool:
    """True if the text can name an entry, a tensor, a constant or a label."""
    return _NAME.fullmatch(text) is not None


def _named(what: str, items: Iterable, name: str):  # noqa: ANN202 - entries or tensors
    items = tuple(items)
    for item in items:
        if item.name == name:
            return item
    known = ", ".join(item.name for item in items) or "none"
    raise ProgramError(f"{what} must be one of the program's ({known}), not {name!r}")


def _unique(place: str, names: Sequence[str]) -> None:
    if len(names) > MAX_ITEMS:
        raise ProgramError(f"{place}: there must be at most {MAX_ITEMS}, not {len(names)}")
    for index, name in enumerate(names):
        if not isinstance(name, str) or not is_name(name):
            raise ProgramError(f"{place}: name must be an identifier of at most 64 letters, not {name!r}")
        if name in names[:index]:
            raise ProgramError(f"{place}: names must differ, not be {name!r} twice")


def _entry(config: ChipConfig, entry: Entry) -> Entry:
    """The entry in the build's order, every word checked to be an instruction of its queue on this build."""
    known = isa.queue_by_name(config)
    for name, words in entry.text.items():
        if name not in known:
            raise ProgramError(f"entry {entry.name}: queue must be one of the build's, not {name!r}")
        for index, word in enumerate(words):
            try:
                violations = known[name].unit.decode(word).violations(config, known[name])
            except (ValueError, TypeError) as error:
                violations = [str(error)]
            if violations:
                raise ProgramError(f"entry {entry.name}, {name} word {index}: {violations[0]}")
    text = {name: tuple(entry.text[name]) for name in known if entry.text.get(name)}
    return Entry(entry.name, text, _memory(config, f"entry {entry.name} expected", entry.expected))


def _memory(config: ChipConfig, place: str, memory: Memory) -> dict[str, dict[int, bytes]]:
    """Memory words in the build's order, each checked to fit it."""
    names = [s.name for s in config.mem_slices]
    for name, words in memory.items():
        if name not in names:
            raise ProgramError(f"{place}: slice must be a memory slice of the build, not {name!r}")
        for address, word in words.items():
            if not 0 <= address < config.mem_words:
                rule = f"address must be from 0 to {config.mem_words - 1:#x}, not {address:#x}"
                raise ProgramError(f"{place} {name}: {rule}")
            if len(word) != config.lanes:
                rule = f"word must hold {config.lanes} bytes, not {len(word)}"
                raise ProgramError(f"{place} {name} {address:#x}: {rule}")
    return {name: {a: bytes(memory[name][a]) for a in sorted(memory[name])} for name in names if memory.get(name)}


def _predict(config: ChipConfig, text: Mapping[str, Sequence[int]], data: Memory) -> int | None:
    if any(fetches(words) for words in text.values()):
        timeline, violations = trace(config, text, data)
        return None if violations else timeline.cycles
    known = isa.queue_by_name(config)
    steps = {name: [Step(known[name].unit.decode(word)) for word in words] for name, words in text.items()}
    return schedule(config, steps).cycles(config)
