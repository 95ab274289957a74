"""Stream values by diagonal: a hop costs nothing (docs/manual/timing.md, "Diagonals")."""

from __future__ import annotations

import numpy as np

from takt_hw.isa import Direction, Stream


class Diagonals:
    """All values in flight. A value lies on the diagonal (stream, cycle - position), westward cycle + position.

    Parameters
    ----------
    positions : int
        Stream registers along the row.
    """

    PURGE_EVERY = 256
    """Puts between two purges of values that have left the row."""

    def __init__(self, positions: int) -> None:
        self.positions = positions
        self.values: dict[tuple[int, int], list[tuple[int, np.ndarray]]] = {}
        self.puts = 0

    def put(self, stream: Stream, position: int, cycle: int, vector: np.ndarray) -> None:
        """A producer at ``position`` fills the stream's register in ``cycle`` with uint8[lanes]."""
        step = stream.direction.step
        self.values.setdefault((stream.bits, cycle - step * position), []).append((step * position, vector))
        self.puts += 1
        if self.puts % self.PURGE_EVERY == 0:
            self._purge(cycle)

    def take(self, stream: Stream, position: int, cycle: int) -> np.ndarray | None:
        """What the stream's register at ``position`` holds in ``cycle``: the nearest producer's; None if undefined."""
        step = stream.direction.step
        nearest, found = None, None
        for place, vector in self.values.get((stream.bits, cycle - step * position), ()):
            if place <= step * position and (nearest is None or place >= nearest):
                nearest, found = place, vector
        return found

    def _purge(self, cycle: int) -> None:
        """Forget diagonals that left the row before ``cycle`` by more than any instruction's latency."""
        oldest = cycle - 2 * self.PURGE_EVERY
        for bits, diagonal in list(self.values):
            leaves = diagonal + (self.positions - 1 if Stream.from_bits(bits).direction is Direction.EAST else 0)
            if leaves < oldest:
                del self.values[bits, diagonal]
