"""The loops that a queue is in."""

from __future__ import annotations

from dataclasses import dataclass

from takt_hw import isa


@dataclass
class _Loop:
    first: int
    end: int
    """Number of the word after the body."""

    count: int
    stride: int
    iteration: int = 0


class Loops:
    """LOOPs in progress, outermost first. Words are named by their number along the queue's text."""

    def __init__(self) -> None:
        self._active: list[_Loop] = []
        self.offset = 0
        """What all of them add to the stride field: sum of iteration times stride."""

    def __bool__(self) -> bool:
        return bool(self._active)

    def enter(self, at: int, count: int, body: int, stride: int) -> str | None:
        """Begin a LOOP that stands at a word. The rule that it breaks, if any; it is then passed over."""
        end = at + 1 + body
        if len(self._active) == isa.LOOP_DEPTH:
            return f"loops must nest at most {isa.LOOP_DEPTH} deep, not {isa.LOOP_DEPTH + 1}"
        if self._active and end > self._active[-1].end:
            inside = self._active[-1].end - at - 1
            return f"body must end within the loop around it, after at most {inside} words, not {body}"
        self._active.append(_Loop(at + 1, end, count, stride))
        return None

    def after(self, index: int) -> int:
        """The word that follows a word that is done."""
        while self._active and self._active[-1].end == index + 1:
            loop = self._active[-1]
            loop.iteration += 1
            if loop.iteration < loop.count:
                self.offset += loop.stride
                return loop.first
            self.offset -= (loop.count - 1) * loop.stride
            self._active.pop()
        return index + 1
