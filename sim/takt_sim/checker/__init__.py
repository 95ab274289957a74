"""Proof before the run: every rule of docs/manual/timing.md that a program breaks, named with its place.

Shares the expansion on the clock (``takt_sim.timeline``) with the reference simulator, and no evaluation.
"""

from .check import MAX_VIOLATIONS, check, violations

__all__ = ["MAX_VIOLATIONS", "check", "violations"]
