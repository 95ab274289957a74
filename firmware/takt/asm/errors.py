"""What is wrong with assembler text, and where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MAX_SHOWN = 20
"""Diagnostics that one report prints."""

MAX_EXCERPT = 160
"""Characters of a source line that a report prints."""


@dataclass(frozen=True, order=True)
class Diagnostic:
    """One mistake. Lines and columns count from 1."""

    line: int
    column: int
    message: str


class SourceError(Exception):
    """Raised while one line is read; becomes a diagnostic of the whole text."""

    def __init__(self, line: int, column: int, message: str):
        super().__init__(message)
        self.diagnostic = Diagnostic(line, column, message)


class AssemblyError(ValueError):
    """Assembler text that is refused, with every mistake that was found.

    Its text is a report: per mistake ``file:line:column: message``, the line, and a caret below the column.
    """

    def __init__(self, filename: str, source: str, diagnostics: Sequence[Diagnostic]):
        self.filename = filename
        self.diagnostics = tuple(sorted(set(diagnostics)))
        super().__init__(report(filename, source, self.diagnostics))


def report(filename: str, source: str, diagnostics: Sequence[Diagnostic]) -> str:
    """The readable report of some mistakes in a source text."""
    lines = source.split("\n")
    parts = []
    for diagnostic in diagnostics[:MAX_SHOWN]:
        parts.append(f"{filename}:{diagnostic.line}:{diagnostic.column}: {_printable(diagnostic.message)}")
        text = lines[diagnostic.line - 1] if diagnostic.line <= len(lines) else ""
        first = max(0, diagnostic.column - MAX_EXCERPT * 3 // 4)
        excerpt = _printable(text.rstrip("\r")[first : first + MAX_EXCERPT])
        parts += [f"    {excerpt}", f"    {' ' * (diagnostic.column - 1 - first)}^"]
    if len(diagnostics) > MAX_SHOWN:
        parts.append(f"{filename}: {len(diagnostics) - MAX_SHOWN} more errors")
    return "\n".join(parts)


def _printable(text: str) -> str:
    """The text with tabs as one space and control characters as ``?``, so that columns and terminals hold."""
    return "".join(c if c.isprintable() else " " if c == "\t" else "?" for c in text)
