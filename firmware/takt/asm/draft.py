"""What has been read of an assembler text, line by line, and how it becomes a program."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from takt_hw import isa
from takt_hw.config import BUILDS, ChipConfig
from takt_hw.isa import Instruction, Queue

from ..program import MAIN, Entry, Program, Step, TensorLayout, schedule
from ..program.program import is_name
from ..program.text import MAX_STORED, place_text, split_text
from .constants import predefined
from .directives import memory_words, tensor_layout
from .errors import Diagnostic
from .lexer import Token, TokenKind
from .operands import instruction, loop
from .reader import Reader

Places = dict[str, dict[str, list[tuple[int, int, int]]]]
"""Entry to queue to (number of the first word, line, column) per instruction line, in order."""


@dataclass(frozen=True)
class Surroundings:
    """What a text need not say because of where its chip stands."""

    constants: Callable[[ChipConfig], Mapping[str, int]]
    """Constants beside those of the build."""
    head: Callable[[ChipConfig, Queue], Sequence[Instruction]]
    """What a queue begins with, if it is named at all."""
    always: Callable[[Queue], bool]
    """Whether a queue has its head even if it is not named."""


@dataclass(frozen=True)
class Stored:
    """Where the words of a queue from some step on lie in memory."""

    step: int
    slice: str
    address: int
    token: Token


@dataclass
class EntryDraft:
    """What one entry has so far."""

    steps: dict[str, list[Step]] = field(default_factory=dict)
    places: dict[str, list[Token]] = field(default_factory=dict)
    expected: dict[str, dict[int, bytes]] = field(default_factory=dict)
    labels: set[str] = field(default_factory=set)
    references: list[Token] = field(default_factory=list)
    loops: dict[str, list[Token]] = field(default_factory=dict)
    """Per queue the LOOPs that no END has closed yet, outermost first."""
    stored: dict[str, Stored] = field(default_factory=dict)


class Draft:
    """The program as far as it has been read."""

    def __init__(self, config: ChipConfig | None, surroundings: Surroundings | None = None):
        self.wanted, self.surroundings = config, surroundings
        self.config: ChipConfig | None = config
        self.diagnostics: list[Diagnostic] = []
        self.constants: dict[str, int] = {}
        self.entries: dict[str, EntryDraft] = {}
        self.data: dict[str, dict[int, bytes]] = {}
        self.tensors: list[TensorLayout] = []
        self.inputs: set[tuple[str, int]] = set()
        self.entry: EntryDraft | None = None
        self.queue: Queue | None = None
        self.pending: list[Token] = []
        self.lost = False
        """A .queue was refused: the instructions after it have nowhere to go, without another word."""

        self.began = False
        if config is not None:
            self._predefine(config)

    def line(self, tokens: list[Token]) -> None:
        """Take in one logical line. SourceError if it breaks a rule."""
        reader = Reader(tokens, self.constants)
        first = reader.next
        if first.kind is TokenKind.NAME and first.text.startswith("."):
            self._directive(reader)
            self.began = True
            return
        self.began = True
        self._config(first)
        if first.kind is TokenKind.NAME and tokens[1].text == ":":
            self._label(reader)
        if reader.next.kind is not TokenKind.END:
            self._step(reader)

    def settle_labels(self) -> None:
        """SourceError if labels stand before no instruction."""
        if self.pending:
            label, self.pending = self.pending[0], []
            raise label.fault(f"label must stand before an instruction of its queue, not at its end: {label.text}")

    def finish(self) -> tuple[Program, Places] | None:
        """Place every instruction in time and make the program; None if that adds to the diagnostics.

        ProgramError if the whole does not fit the build in a way that no single line shows.
        """
        assert self.config is not None
        entries: list[Entry] = []
        places: Places = {}
        for name, draft in (self.entries or {MAIN: EntryDraft()}).items():
            for queue in isa.queues(self.config) if self.surroundings is not None else ():
                if self.surroundings is not None and self.surroundings.always(queue):
                    self._head(draft, queue, Token(TokenKind.END, "", 1, 1))
            undefined = [token for token in draft.references if token.text not in draft.labels]
            for token in undefined:
                self._report(token, f"label must be defined in this entry, not {token.text}")
            if undefined:
                continue
            for token in (token for tokens in draft.loops.values() for token in tokens):
                self._report(token, "LOOP must be closed by END, in its queue and entry")
            plan = schedule(self.config, draft.steps, dict.fromkeys(draft.stored, MAX_STORED))
            for problem in plan.problems:
                self._report(draft.places[problem.queue][problem.step], problem.message)
            for queue_name, stored in draft.stored.items():
                self._store(plan.words, queue_name, stored, plan.own[queue_name])
            entries.append(Entry(name, plan.words, draft.expected))
            places[name] = {
                queue: [(word, t.line, t.column) for word, t in zip(plan.firsts[queue], tokens, strict=False)]
                for queue, tokens in draft.places.items()
            }
        self._check_lengths(entries)
        if self.diagnostics:
            return None
        program = Program(config=self.config, entries=tuple(entries), data=self.data, tensors=tuple(self.tensors))
        return program, places

    def _store(self, words: dict[str, list[int]], queue: str, stored: Stored, own: list[int]) -> None:
        """Put the end of a queue's text into memory, and leave the rest to the host."""
        assert self.config is not None
        host = own[stored.step] if stored.step < len(own) else len(words[queue])
        try:
            words[queue], fetched = split_text(words[queue], host)
            place_text(self.config, self.data, stored.slice, stored.address, fetched)
        except ValueError as error:
            self._report(stored.token, str(error))

    def _report(self, token: Token, message: str) -> None:
        self.diagnostics.append(token.fault(message).diagnostic)

    def _check_lengths(self, entries: list[Entry]) -> None:
        """Report queues that must hold more words than they can, at the queue's last instruction."""
        assert self.config is not None
        lengths: dict[str, int] = {}
        for entry in entries:
            for queue, words in entry.text.items():
                lengths[queue] = lengths.get(queue, 0) + len(words)
                if lengths[queue] > self.config.queue_words and self.entries[entry.name].places[queue]:
                    rule = f"queue must hold at most {self.config.queue_words} words with NOPs, not {lengths[queue]}"
                    self._report(self.entries[entry.name].places[queue][-1], rule)

    def _config(self, token: Token) -> ChipConfig:
        if self.config is None:
            raise token.fault(f"text must begin with its build: .chip {'|'.join(BUILDS)}")
        return self.config

    # Directives

    def _directive(self, reader: Reader) -> None:
        token = reader.take()
        if token.text == ".chip":
            self._chip(reader)
            return
        config = self._config(token)
        match token.text:
            case ".const":
                self._const(reader)
            case ".entry":
                self._entry(reader)
            case ".queue":
                self._queue(reader, config)
            case ".data":
                memory_words(reader, config, self.data)
            case ".expect":
                memory_words(reader, config, self._current_entry().expected)
            case ".text":
                self._text(reader, config)
            case ".input" | ".output":
                self._tensor(reader, token.text[1:], config)
            case _:
                known = ".chip, .const, .data, .entry, .expect, .input, .output, .queue, .text"
                raise token.fault(f"directive must be one of {known}, not {token.text}")
        reader.end()

    def _chip(self, reader: Reader) -> None:
        token = reader.name("name of a build")
        if self.began:
            raise token.fault("directive .chip must come before everything else, once")
        if self.wanted is not None and token.text != self.wanted.name:
            raise token.fault(f"build must be {self.wanted.name}, not {token.text}")
        if self.wanted is None:
            if token.text not in BUILDS:
                raise token.fault(f"build must be one of {', '.join(BUILDS)}, not {token.text}")
            self.config = BUILDS[token.text]
            self._predefine(self.config)
        reader.end()

    def _predefine(self, config: ChipConfig) -> None:
        self.constants.update(predefined(config))
        if self.surroundings is not None:
            self.constants.update(self.surroundings.constants(config))

    def _head(self, entry: EntryDraft, queue: Queue, token: Token) -> None:
        """Let a queue begin with what its surroundings want."""
        if self.surroundings is None or self.config is None or queue.name in entry.steps:
            return
        head = self.surroundings.head(self.config, queue)
        entry.steps[queue.name] = [Step(instruction) for instruction in head]
        entry.places[queue.name] = [token] * len(head)

    def _const(self, reader: Reader) -> None:
        token = self._new_name(reader, "name of a constant")
        if token.text in self.constants:
            raise token.fault(f"constant must be defined once, not again: {token.text}")
        if any(token.text in entry.labels for entry in self.entries.values()):
            raise token.fault(f"constant must not have the name of a label: {token.text}")
        reader.need("=")
        self.constants[token.text] = reader.expression()

    def _entry(self, reader: Reader) -> None:
        self.settle_labels()
        token = self._new_name(reader, "name of an entry")
        if token.text in self.entries:
            raise token.fault(f"entry must be defined once, not again: {token.text}")
        self.entry = self.entries[token.text] = EntryDraft()
        self.queue, self.lost = None, False

    def _queue(self, reader: Reader, config: ChipConfig) -> None:
        self.settle_labels()
        token = reader.name("name of a queue")
        queue = isa.queue_by_name(config).get(token.text)
        if queue is None:
            self.lost = True
            raise token.fault(f"queue must be one of {config.name}, as MEM_E0.read or VXM.alu0, not {token.text}")
        self.queue, self.lost = queue, False
        self._head(self._current_entry(), queue, token)

    def _text(self, reader: Reader, config: ChipConfig) -> None:
        """``SLICE, address``: the queue's words from here on lie in memory, for IFETCH."""
        place = reader.next
        name = reader.name("name of a memory slice")
        if name.text not in {s.name for s in config.mem_slices}:
            raise name.fault(f"slice must be a memory slice of {config.name}, as MEM_E0, not {name.text}")
        reader.need(",")
        address = reader.expression()
        if self.queue is None:
            if self.lost:
                return
            raise place.fault("directive .text must stand in a queue: .queue NAME must come before")
        entry = self._current_entry()
        if self.queue.name in entry.stored:
            raise place.fault(f"directive .text must stand once in {self.queue.name}, not again")
        steps = len(entry.steps.get(self.queue.name, ()))
        entry.stored[self.queue.name] = Stored(steps, name.text, address, place)

    def _tensor(self, reader: Reader, role: str, config: ChipConfig) -> None:
        token = self._new_name(reader, "name of a tensor")
        tensor = tensor_layout(reader, token.text, role)
        reader.end()
        for violation in tensor.violations(config):
            raise token.fault(violation)
        if any(tensor.name == other.name for other in self.tensors):
            raise token.fault(f"tensor must be defined once, not again: {tensor.name}")
        words = set(tensor.words()) if role == "input" else set()
        if words & self.inputs:
            name, address = min(words & self.inputs)
            raise token.fault(f"inputs must not share words, not {name} {address:#x}")
        self.inputs |= words
        self.tensors.append(tensor)

    @staticmethod
    def _new_name(reader: Reader, what: str) -> Token:
        token = reader.name(what)
        if not is_name(token.text):
            raise token.fault(f"{what} must be letters, digits and _, at most 64, not {token.text[:80]}")
        return token

    def _current_entry(self) -> EntryDraft:
        """The entry in which this line stands; ``main`` if none was named."""
        if self.entry is None:
            self.entry = self.entries[MAIN] = EntryDraft()
        return self.entry

    # Instructions

    def _label(self, reader: Reader) -> None:
        token = self._new_name(reader, "label")
        entry = self._current_entry()
        if token.text in entry.labels or token.text in self.constants:
            raise token.fault(f"label must be a name not used before, not {token.text}")
        reader.need(":")
        entry.labels.add(token.text)
        self.pending.append(token)

    def _step(self, reader: Reader) -> None:
        names, self.pending = tuple(token.text for token in self.pending), []
        config = self._config(reader.next)
        place = reader.next
        at, label, after = None, None, 1
        if reader.accept("@"):
            place = reader.next
            if place.kind is TokenKind.NAME and place.text not in self.constants:
                label = reader.take().text
                self._current_entry().references.append(place)
            at = reader.expression(start=None if label is None else 0)
        elif reader.accept("+"):
            place = reader.next
            after = reader.expression()
            if after < 1:
                raise place.fault(f"relative time must be at least 1, not {after}")
        if self.lost:
            return
        if self.queue is None:
            raise place.fault("instruction must stand in a queue: .queue NAME must come before")
        entry = self._current_entry()
        loops = entry.loops.setdefault(self.queue.name, [])
        made, block, opens = None, False, reader.next
        if opens.text == "END":
            reader.take()
            reader.end()
            if not loops:
                raise opens.fault("END must close a LOOP of its queue, and none is open")
            loops.pop()
        elif opens.text == isa.LOOP.name:
            loops.append(opens)  # even if it is refused: its END is not to blame
            made, block = loop(reader, config)
            if not block:
                loops.pop()
        else:
            made = instruction(reader, self.queue, config)
        entry.steps.setdefault(self.queue.name, []).append(Step(made, at, label, after, names, block))
        entry.places.setdefault(self.queue.name, []).append(place)
