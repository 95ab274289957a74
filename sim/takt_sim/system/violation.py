"""What is wrong with the programs of a system."""

from __future__ import annotations

from dataclasses import dataclass, fields

from ..violation import Violation


@dataclass(frozen=True)
class ChipViolation(Violation):
    """One rule that the program of one chip breaks."""

    chip: int = 0

    @staticmethod
    def of(chip: int, violation: Violation) -> ChipViolation:
        """What a lone chip's checker says, with the chip's number."""
        return ChipViolation(**{f.name: getattr(violation, f.name) for f in fields(Violation)}, chip=chip)

    def __str__(self) -> str:
        if self.instruction == "-":
            return f"{self.rule}: chip {self.chip}, {self.queue}: {self.message}"
        rule, rest = super().__str__().split(": ", 1)
        return f"{rule}: chip {self.chip}, {rest}"
