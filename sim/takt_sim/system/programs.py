"""Programs of many chips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from ..timeline import Text

Programs = Mapping[int, Text] | Sequence[Text]
"""Instruction words of each chip, by its number. A chip that is not there has no program."""

T = TypeVar("T")


def of_chip(things: Mapping[int, T] | Sequence[T], chip: int, missing: T) -> T:
    """What belongs to a chip; ``missing`` if nothing does."""
    if isinstance(things, Mapping):
        return things.get(chip, missing)
    return things[chip] if chip < len(things) else missing
