"""Random legal programs: choose pieces, repeat them, emit words, have the checker confirm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np

from takt_hw import isa
from takt_hw.config import ChipConfig, Kind
from takt_hw.isa import Instruction

from ..checker import check
from ..timeline import Timeline
from . import image
from .compose import Composer
from .emit import emit
from .plan import Issued, Plan
from .planes import Plane


@dataclass(frozen=True)
class RandomProgram:
    """A legal program and the memory that it starts from."""

    text: dict[str, list[int]]
    """128-bit words by queue name."""

    memory: dict[str, np.ndarray]
    """uint8[mem_words, lanes] by MEM slice."""

    defined: dict[str, np.ndarray]
    """bool[mem_words] by MEM slice: the words of ``memory`` that need loading. The program reads no others."""

    timeline: Timeline


def random_program(config: ChipConfig, seed: int, length: int = 240) -> RandomProgram:
    """The legal program of a seed.

    Parameters
    ----------
    config : ChipConfig
        Build to run on.
    seed : int
        Decides everything else.
    length : int
        Cycles in which slice instructions are dispatched, at least 1.

    Raises
    ------
    ValueError
        If ``length`` is less than 1.
    """
    if length < 1:
        raise ValueError(f"length must be at least 1, not {length!r}")
    random = Random(seed)
    windows = image.windows(config, random)
    memory = image.fill(config, windows, seed)
    defined = {name: np.zeros(config.mem_words, bool) for name in memory}
    for name, banks in windows.items():
        for bank in banks:
            defined[name][bank.start : bank.stop] = True
    plan = Plan(config, length, {name: words.copy() for name, words in defined.items()})
    _Author(plan, Composer(plan, windows, random)).write()
    text = emit(config, plan.slots, length, random)
    return RandomProgram(text, memory, defined, check(config, text, defined))


class _Author:
    """Fills a plan with pieces."""

    def __init__(self, plan: Plan, composer: Composer) -> None:
        self.plan = plan
        self.composer = composer
        self.random = composer.random
        self.planes = [Plane(composer, s.name) for s in plan.config.slices if s.kind is Kind.MXM]

    def write(self) -> None:
        """Weights first, then what needs many streams at once, then anything."""
        for plane in self.planes:
            self._load_plane(plane)
        for queue in self.composer.operators:
            if queue.unit is isa.SXM_TRANSPOSE:
                for _ in range(6):
                    self._operate(queue)
        # pieces per cycle: enough to keep most queues busy, few enough to stay quick
        for _ in range(self.plan.length * len(self.plan.slots) // 50):
            chance = self.random.random()
            if self.planes and chance < 0.35:
                self._use_plane(self.random.choice(self.planes))
            elif chance < 0.45:
                self._move()
            else:
                self._operate(self.random.choice(self.composer.operators))

    def _cycle(self) -> int:
        return self.random.randrange(self.plan.length)

    def _load_plane(self, plane: Plane) -> None:
        """Every block once, early, and the IW that makes them weights."""
        blocks = self.plan.config.weight_blocks
        cycle = 0
        for block in range(blocks):
            if self.plan.is_set(("block", plane.weights.slice, block), self.plan.length):
                continue
            for _ in range(20):
                cycle = self.random.randrange(min(self.plan.length, 24 + 4 * blocks))
                mark = self.plan.mark()
                if plane.load(cycle, block):
                    stride = {plane.weights.index: 1}
                    self._replicate(
                        self.plan.issued[mark[1] :], blocks - block - 1, self.random.choice((1, 1, 2)), stride
                    )
                    break
        loaded = [self.plan.earliest.get(("block", plane.weights.slice, n), self.plan.length) for n in range(blocks)]
        plane.install(max(loaded) + self.random.choice((1, 1, 2, 9)))

    def _use_plane(self, plane: Plane) -> None:
        mark, chance = self.plan.mark(), self.random.random()
        if chance < 0.15:
            done = plane.load(self._cycle(), self.random.randrange(self.plan.config.weight_blocks))
        elif chance < 0.25:
            done = plane.install(self._cycle())
        else:
            done = plane.multiply(self._cycle())
        if done:
            self._maybe_replicate(mark)

    def _move(self) -> None:
        """READ to WRITE, straight."""
        queue, cycle, mark = self.random.choice(self.composer.reads), self._cycle(), self.plan.mark()
        if self.composer.read_anywhere(queue, cycle) and self.composer.settle(self.plan.issued[-1]):
            self._maybe_replicate(mark)
        else:
            self.plan.rollback(mark)

    def _operate(self, queue: isa.Queue) -> None:
        mark = self.plan.mark()
        if not self.composer.operate(queue, self._cycle()):
            return
        last = self.plan.issued[-1]
        if self.composer.settle(last) or self.random.random() < 0.05:
            self.composer.chain(last)
            self._maybe_replicate(mark)
        else:
            self.plan.rollback(mark)

    def _maybe_replicate(self, mark: tuple[int, int]) -> None:
        if self.random.random() < 0.3:
            strides = {q.index: self.random.choice((1, 1, 0, -1, 2)) for q in isa.queues(self.plan.config)}
            interval = self.random.choice((1, 1, 2, 3, 5))
            self._replicate(self.plan.issued[mark[1] :], self.random.randint(1, 7), interval, strides)

    def _replicate(self, pieces: Sequence[Issued], count: int, interval: int, strides: dict[int, int]) -> None:
        """Plan the same pieces again and again, ``interval`` cycles apart, as far as they stay legal."""
        for n in range(1, count + 1):
            mark = self.plan.mark()
            for piece in pieces:
                field = piece.queue.unit.stride
                values = dict(piece.instruction.values)
                if field is not None and field.name in values:
                    values[field.name] += n * strides.get(piece.queue.index, 0)
                instruction = Instruction(piece.instruction.op, values)
                cycle = piece.cycle + n * interval
                if not self.plan.issue(piece.queue, cycle, instruction, piece.takes, piece.fills, piece.until):
                    self.plan.rollback(mark)
                    return
