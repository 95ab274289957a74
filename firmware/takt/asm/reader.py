"""A cursor over one line's tokens, and the expressions in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .lexer import VALUE_BITS, Token, TokenKind

MAX_DEPTH = 32
"""Parentheses and signs within one another."""


class Reader:
    """Takes the tokens of one line in order. The last token is an END."""

    def __init__(self, tokens: Sequence[Token], constants: Mapping[str, int]):
        self.tokens = tokens
        self.constants = constants
        self.place = 0

    @property
    def next(self) -> Token:
        """The token that comes next."""
        return self.tokens[self.place]

    def take(self) -> Token:
        """The next token, taken; at the end the END again."""
        token = self.next
        if token.kind is not TokenKind.END:
            self.place += 1
        return token

    def sees(self, mark: str) -> bool:
        """True if the next token is this mark."""
        return self.next.kind is TokenKind.MARK and self.next.text == mark

    def accept(self, mark: str) -> bool:
        """Take the next token if it is this mark."""
        if not self.sees(mark):
            return False
        self.place += 1
        return True

    def need(self, mark: str) -> None:
        """Take this mark. SourceError if something else comes."""
        if not self.accept(mark):
            raise self.next.fault(f"{mark!r} must come here, not {self.next.text}")

    def name(self, what: str) -> Token:
        """Take a name. SourceError if something else comes."""
        if self.next.kind is not TokenKind.NAME:
            raise self.next.fault(f"{what} must come here, not {self.next.text}")
        return self.take()

    def end(self) -> None:
        """SourceError if anything is left."""
        if self.next.kind is not TokenKind.END:
            raise self.next.fault(f"line must end here, not go on with {self.next.text}")

    def expression(self, start: int | None = None, depth: int = 0) -> int:
        """The value of sums and products of numbers and constants. ``start``: a sum so far, then only terms follow."""
        value = self._product(depth) if start is None else start
        while self.sees("+") or self.sees("-"):
            operator = self.take()
            term = self._product(depth)
            value = self._checked(operator, value + term if operator.text == "+" else value - term)
        return value

    def _product(self, depth: int) -> int:
        value = self._factor(depth)
        while self.sees("*") or self.sees("/"):
            operator = self.take()
            factor = self._factor(depth)
            if operator.text == "/" and (factor == 0 or value % factor):
                raise operator.fault(f"division must leave no remainder, not be {value} / {factor}")
            value = self._checked(operator, value * factor if operator.text == "*" else value // factor)
        return value

    def _factor(self, depth: int) -> int:
        token = self.take()
        if depth > MAX_DEPTH:
            raise token.fault(f"expression must nest at most {MAX_DEPTH} deep")
        if token.kind is TokenKind.NUMBER:
            return token.value
        if token.kind is TokenKind.NAME:
            if token.text not in self.constants:
                raise token.fault(f"constant must be defined before, not {token.text}")
            return self.constants[token.text]
        if token.text == "-":
            return -self._factor(depth + 1)
        if token.text == "(":
            value = self.expression(depth=depth + 1)
            self.need(")")
            return value
        raise token.fault(f"number, constant, '-' or '(' must come here, not {token.text}")

    def _checked(self, token: Token, value: int) -> int:
        if abs(value) >= 1 << VALUE_BITS - 1:
            raise token.fault(f"value must fit {VALUE_BITS} bits")
        return value
