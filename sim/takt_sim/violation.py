"""What is wrong with a program, and the refusal to run it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Violation:
    """One rule that a program breaks, and where."""

    rule: str
    """Name of the rule, as in the manual's table."""

    queue: str
    slice: str
    cycle: int | None
    """Dispatch cycle of the instruction; None if it never gets one."""

    instruction: str
    """The instruction as text; the word in hexadecimal if it is none."""

    message: str
    """``<name> must <rule>, not <value>``."""

    word: int | None = field(default=None, compare=False)
    """Number of the instruction's word along its queue's text, for those who know what stands there."""

    def __str__(self) -> str:
        cycle = "never dispatched" if self.cycle is None else f"cycle {self.cycle}"
        return f"{self.rule}: {self.queue}, {cycle}, {self.instruction}: {self.message}"


class IllegalProgram(ValueError):
    """A program that must not run. The message has one line for each of the first violations."""

    SHOWN = 20

    def __init__(self, violations: Sequence[Violation]) -> None:
        self.violations = tuple(violations)
        lines = [str(violation) for violation in self.violations[: self.SHOWN]]
        if len(self.violations) > self.SHOWN:
            lines.append(f"and {len(self.violations) - self.SHOWN} more")
        super().__init__("\n".join(lines))
