"""Assembler text for several chips: ordinary text, with a line that names the topology and lines that say for whom."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from takt_hw import isa
from takt_hw.config import ChipConfig
from takt_hw.isa import Instruction, Queue
from takt_sim.system.startup import start_cycle, startup
from takt_sim.system.topology import Topology, dragonfly, full, ring

from ..asm import AssemblyError, assemble
from ..asm.draft import Surroundings
from ..asm.errors import Diagnostic, SourceError
from ..program import Program, ProgramError
from .system import System

TOPOLOGIES: dict[str, Callable[..., Topology]] = {"ring": ring, "full": full, "dragonfly": dragonfly}
"""What a text can name, with the numbers that each takes."""

OPTIONS = ("latency", "ppm")
MAX_NUMBER = 512

_DIRECTIVE = re.compile(r"\s*(\.system|\.member)\b([^;]*)")


@dataclass(frozen=True)
class SystemText:
    """A text cut into what is for each chip."""

    topology: Topology
    sources: tuple[str, ...]
    """By chip, the text with the lines of the others empty, so that lines keep their numbers."""


def assemble_system(source: str, filename: str = "<text>", config: ChipConfig | None = None) -> System:
    """Assemble a text for several chips. docs/manual/systems.md has the language.

    Queues that are named begin with SYNC, and the chip's start-up sequence is added, so nothing of it stands in the
    text. Each chip's part knows the constants ``chip``, ``chips``, ``start``, ``packet_cycles`` and ``deskew_minimum``.

    Raises
    ------
    AssemblyError
        Every mistake in the text, with file, line, column and rule.
    """
    try:
        text = cut(source)
    except SourceError as fault:
        raise AssemblyError(filename, source, [fault.diagnostic]) from None
    programs: list[Program] = []
    diagnostics: list[Diagnostic] = []
    for chip, own in enumerate(text.sources):
        try:
            programs.append(assemble(own, filename, config, surroundings(text.topology, chip)).program)
        except AssemblyError as error:
            diagnostics += error.diagnostics
    if diagnostics:
        raise AssemblyError(filename, source, diagnostics)
    try:
        return System(text.topology, tuple(programs))
    except ProgramError as error:
        raise AssemblyError(filename, source, [Diagnostic(1, 1, str(error))]) from None


def surroundings(topology: Topology, chip: int) -> Surroundings:
    """What a chip's text need not say."""

    def constants(config: ChipConfig) -> dict[str, int]:
        return {
            "chip": chip,
            "chips": topology.chips,
            "start": start_cycle(config, topology),
            "packet_cycles": config.packet_cycles,
            "deskew_minimum": isa.deskew_minimum(config),
        }

    def head(config: ChipConfig, queue: Queue) -> Sequence[Instruction]:
        return startup(config, topology, chip) if queue.unit is isa.C2C_ALIGN else [isa.SYNC.make()]

    return Surroundings(constants, head, lambda queue: queue.unit is isa.C2C_ALIGN)


def cut(source: str) -> SystemText:
    """The topology that a text names, and each chip's part. SourceError at a directive that is refused."""
    topology: Topology | None = None
    lines: dict[int, list[str]] = {}
    members: Sequence[int] = ()
    for number, line in enumerate(source.split("\n"), start=1):
        found = _DIRECTIVE.match(line)
        if found is None:
            if topology is None and (code := line.split(";")[0].strip()):
                raise SourceError(number, 1, f"text must begin with its topology: .system ring 4, not {code[:80]}")
            for chip, own in lines.items():
                own.append(line if chip in members else "")
            continue
        try:
            if found[1] == ".system":
                if topology is not None:
                    raise ValueError("directive .system must come before everything else, once")
                topology = named(found[2].split())
                members = range(topology.chips)
                lines = {chip: [""] * (number - 1) for chip in members}
            elif topology is None:
                raise ValueError("text must begin with its topology: .system ring 4, not .member")
            else:
                members = list(_members(found[2], topology.chips))
        except ValueError as error:
            raise SourceError(number, found.start(1) + 1, str(error)) from None
        for own in lines.values():
            own.append("")
    if topology is None:
        raise SourceError(1, 1, "text must name its topology: .system ring 4")
    return SystemText(topology, tuple("\n".join(lines[chip]) for chip in range(topology.chips)))


def named(words: Sequence[str]) -> Topology:
    """A topology from its words, as ``ring 4`` or ``full 8 latency=80 ppm=50``. ValueError if they name none."""
    make = TOPOLOGIES.get(words[0]) if words else None
    if make is None:
        raise ValueError(f"topology must be one of {', '.join(TOPOLOGIES)}, not {words[0] if words else 'nothing'}")
    numbers, options = [], {}
    for word in words[1:]:
        name, equals, value = word.rpartition("=")
        if not re.fullmatch(r"[0-9]{1,6}", value) or (equals and name not in OPTIONS):
            raise ValueError(
                f"topology must be a name, numbers and {' and '.join(f'{o}=…' for o in OPTIONS)}, not {word}"
            )
        if equals:
            options[name] = int(value)
        else:
            numbers.append(int(value))
    if max(numbers, default=0) > MAX_NUMBER:
        raise ValueError(f"numbers of a topology must be at most {MAX_NUMBER}, not {max(numbers)}")
    try:
        return make(*numbers, **options)
    except TypeError:
        raise ValueError(f"{words[0]} must have its numbers, not {len(numbers)} of them") from None


def _members(text: str, chips: int) -> Iterator[int]:
    """Numbers of chips: ``0, 2`` or ``all``."""
    if text.strip() == "all":
        yield from range(chips)
        return
    for word in text.split(","):
        if not re.fullmatch(r"\s*[0-9]{1,9}\s*", word) or int(word) >= chips:
            raise ValueError(f"member must be all, or chips from 0 to {chips - 1}, not {word.strip() or 'nothing'}")
        yield int(word)
