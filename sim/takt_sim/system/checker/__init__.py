"""Proof before the run for a system: each chip's program is legal, and so is what the chips do to each other.

Each rule of docs/manual/timing.md is asked of each chip; the rules between chips are `cables`, `start`, `links` and
`drift` here.
"""

from .check import check, violations

__all__ = ["check", "violations"]
