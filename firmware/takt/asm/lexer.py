"""Assembler text to tokens. A comment runs from ``;`` to the end of its line; a line that ends in ``,`` goes on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from .errors import SourceError

VALUE_BITS = 64
"""Numbers lie strictly between plus and minus 2 to this power less one."""


class TokenKind(Enum):
    """What a token is."""

    NUMBER = auto()
    FLOAT = auto()
    """``1.5``, ``1e-3``: only as an immediate."""
    NAME = auto()
    """``first``, ``MEM_W0.read``, ``s0e``; directives begin with a dot."""
    MARK = auto()
    END = auto()


@dataclass(frozen=True)
class Token:
    """A token and its place; lines and columns count from 1."""

    kind: TokenKind
    text: str
    line: int
    column: int
    value: int = 0

    def fault(self, message: str) -> SourceError:
        """A fault at this token."""
        return SourceError(self.line, self.column, message)


_PATTERN = re.compile(
    r"(?P<space>[ \t]+)|(?P<float>[0-9]+(?:\.[0-9]+(?:[eE][+-]?[0-9]+)?|[eE][+-]?[0-9]+))"
    r"|(?P<number>[0-9][0-9A-Za-z_]*)|(?P<name>\.?[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*)"
    r"|(?P<mark>[@+\-*/(),:=#\[\]|])|(?P<comment>;.*)",
    re.ASCII,
)


def logical_lines(source: str) -> Iterator[tuple[list[Token], list[SourceError]]]:
    """The tokens of each line that has any, continued lines joined, with what could not be read."""
    tokens: list[Token] = []
    faults: list[SourceError] = []
    number = 0
    for number, text in enumerate(source.split("\n"), start=1):
        try:
            tokens += tokens_of(text.rstrip("\r"), number)
        except SourceError as fault:
            faults.append(fault)
        if tokens and tokens[-1].text == "," and not faults:
            continue
        if tokens or faults:
            yield [*tokens, _end(tokens, number)], faults
            tokens, faults = [], []
    if tokens or faults:
        yield [*tokens, _end(tokens, number)], faults


def tokens_of(text: str, line: int = 1) -> list[Token]:
    """The tokens of one line, without an end. SourceError at a character that begins none."""
    tokens = []
    place = 0
    while place < len(text):
        match = _PATTERN.match(text, place)
        if match is None:
            raise SourceError(line, place + 1, f"character must begin a number, a name or a mark, not {text[place]!r}")
        if match.lastgroup == "number":
            value = _number(match[0], line, place + 1)
            tokens.append(Token(TokenKind.NUMBER, match[0], line, place + 1, value))
        elif match.lastgroup in ("float", "name", "mark"):
            tokens.append(Token(TokenKind[match.lastgroup.upper()], match[0], line, place + 1))
        place = match.end()
    return tokens


def _end(tokens: list[Token], line: int) -> Token:
    if not tokens:
        return Token(TokenKind.END, "the end of the line", line, 1)
    last = tokens[-1]
    return Token(TokenKind.END, "the end of the line", last.line, last.column + len(last.text))


def _number(text: str, line: int, column: int) -> int:
    base = {"0x": 16, "0X": 16, "0b": 2, "0B": 2}.get(text[:2], 10)
    try:
        value = int(text, base)
    except ValueError:
        raise SourceError(line, column, f"number must be decimal, 0x… or 0b…, not {text[:40]}") from None
    if value >= 1 << VALUE_BITS - 1:
        raise SourceError(line, column, f"number must fit {VALUE_BITS} bits, not {text[:40]}")
    return value
