"""Assembler text to a program. docs/manual/assembler.md is the language; its lines are read in ``draft``."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from takt_hw.config import BUILDS, ChipConfig

from ..program import Program, ProgramError
from .draft import Draft, Places, Surroundings
from .errors import AssemblyError, Diagnostic, SourceError
from .lexer import Token, logical_lines


@dataclass(frozen=True)
class Assembly:
    """A program and where each of its instructions stands in the text."""

    program: Program
    filename: str
    source: str
    places: Places

    def diagnostic(self, entry: str, queue: str, word: int | None, message: str) -> Diagnostic:
        """A message placed at the line that a word of a queue's text came from; at the top if there is none."""
        places = self.places.get(entry, {}).get(queue, [])
        index = bisect_right([first for first, _, _ in places], word) - 1 if word is not None else -1
        _, line, column = places[index] if index >= 0 else places[0] if places else (0, 1, 1)
        return Diagnostic(line, column, message)


def assemble(
    source: str,
    filename: str = "<text>",
    config: ChipConfig | None = None,
    surroundings: Surroundings | None = None,
) -> Assembly:
    """Assemble a text for the build that it names, or for ``config``, which must then have that name.

    ``surroundings``: what goes without saying because the chip is one of several.

    Raises
    ------
    AssemblyError
        Every mistake in the text, with file, line, column and rule.
    """
    draft = Draft(config, surroundings)
    try:
        for tokens, faults in logical_lines(source):
            draft.diagnostics += [fault.diagnostic for fault in faults]
            if not faults:
                _line(draft, tokens)
        if draft.config is None:
            raise SourceError(1, 1, f"text must name its build: .chip {'|'.join(BUILDS)}")
        draft.settle_labels()
    except SourceError as fault:
        draft.diagnostics.append(fault.diagnostic)
    try:
        finished = None if draft.diagnostics else draft.finish()
    except ProgramError as error:
        raise AssemblyError(filename, source, [Diagnostic(1, 1, str(error))]) from None
    if finished is None:
        raise AssemblyError(filename, source, draft.diagnostics)
    return Assembly(finished[0], filename, source, finished[1])


def _line(draft: Draft, tokens: list[Token]) -> None:
    """Take in a line. A mistake goes to the diagnostics; without a build nothing more can be read."""
    try:
        draft.line(tokens)
    except SourceError as fault:
        if draft.config is None:
            raise
        draft.diagnostics.append(fault.diagnostic)
