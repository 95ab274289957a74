"""The reference simulator: bit-exact and cycle-exact, on diagonals, written from the manual."""

from .chip import ReferenceChip
from .result import LinkVector, Result, Write
from .run import ReferenceRun

__all__ = ["LinkVector", "ReferenceChip", "ReferenceRun", "Result", "Write"]
