"""The reference simulator: bit-exact and cycle-exact, on diagonals, written from the manual."""

from .chip import ReferenceChip, Result, Write

__all__ = ["ReferenceChip", "Result", "Write"]
