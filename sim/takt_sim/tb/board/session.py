"""A running simulation of a board, seen from the process that started it."""

from __future__ import annotations

from pathlib import Path

from ..link import Kind
from ..session import Session
from .bench import PORT


class BoardSession(Session):
    """One simulation of a board, from reset until closed. A context manager.

    Attributes
    ----------
    port : Path
        The pseudo-terminal that is the board's serial line. It is there while the session is open.
    """

    bench = "takt_sim.tb.board.bench"

    @property
    def port(self) -> Path:
        return self.directory / PORT

    def __enter__(self) -> BoardSession:
        super().__enter__()
        self._ask(Kind.PASS)  # answered when the board is reset and the port is there
        return self

    def look(self) -> int:
        """Cycles that have been simulated by now."""
        self._ask(Kind.PASS)
        return self.cycles
