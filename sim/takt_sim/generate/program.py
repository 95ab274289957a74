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
from .fetch import plan_fetches, split, store
from .image import KINDS
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
    strays = random.random() < 0.5
    memory = image.fill(config, windows, strays, seed)
    defined = {name: np.zeros(config.mem_words, bool) for name in memory}
    for name, banks in windows.items():
        for bank in banks:
            defined[name][bank.start : bank.stop] = True
    plan = Plan(config, length, {name: words.copy() for name, words in defined.items()})
    composer = Composer(plan, windows, random, strays)
    fetches = plan_fetches(composer, windows)
    _Author(plan, composer).write()
    text: dict[str, list[int]] = {}
    for name, (words, end) in emit(config, plan.slots, length, plan.spare, random).items():
        own = [fetch for fetch in fetches if fetch.queue.name == name]
        text[name] = [word for _, word in words]
        if own:
            text[name], shares = split(composer, own, words, end)
            for fetch, share in zip(own, shares, strict=True):
                store(memory, fetch, share)
                defined[fetch.slice][list(fetch.addresses)] = True
    return RandomProgram(text, memory, defined, check(config, text, defined, memory))


class _Author:
    """Fills a plan with pieces."""

    def __init__(self, plan: Plan, composer: Composer) -> None:
        self.plan = plan
        self.composer = composer
        self.random = composer.random
        self.planes = [Plane(composer, s.name) for s in plan.config.slices if s.kind is Kind.MXM]

    def write(self) -> None:
        """Weights first, then what needs many streams at once or long idle times, then anything."""
        for plane in self.planes:
            self._load_plane(plane)
        for queue in self.composer.operators:
            if queue.unit is isa.SXM_TRANSPOSE:
                for _ in range(6):
                    self._operate(queue)
        for _ in range(6):
            self._move_in_loops()
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
        """Every block once, early, and what makes them weights; in a build with fp16 weights mostly two bytes."""
        ends = self._load_blocks(plane, isa.LW, "block")
        plane.install(ends + self.random.choice((1, 1, 2, 9)))
        if self.plan.config.mxm_fp16 and self.random.random() < 0.8:
            ends = max(ends, self._load_blocks(plane, isa.LW_HIGH, "high block"))
            if self.random.random() < 0.8:
                plane.install(ends + self.random.choice((1, 3, 20, 80)), isa.IW_FP16)

    def _load_blocks(self, plane: Plane, op: isa.Op, state: str) -> int:
        """The cycle of the last load of a block that was not loaded before; the program's length if one is missing."""
        blocks = self.plan.config.weight_blocks
        for block in range(blocks):
            if self.plan.is_set((state, plane.weights.slice, block), self.plan.length):
                continue
            for _ in range(20):
                cycle = self.random.randrange(min(self.plan.length, 24 + 4 * blocks))
                mark = self.plan.mark()
                if plane.load(cycle, block, op):
                    stride = {plane.weights.index: 1}
                    self._replicate(
                        self.plan.issued[mark[1] :], blocks - block - 1, self.random.choice((1, 1, 2)), stride
                    )
                    break
        return max(self.plan.earliest.get((state, plane.weights.slice, n), self.plan.length) for n in range(blocks))

    def _use_plane(self, plane: Plane) -> None:
        mark, chance, cycle = self.plan.mark(), self.random.random(), self._cycle()
        wide = self.plan.config.mxm_fp16 and self.random.random() < 0.5
        if chance < 0.15:
            block = self.random.randrange(self.plan.config.weight_blocks)
            done = plane.load(cycle, block, isa.LW_HIGH if wide else isa.LW)
        elif chance < 0.25:
            done = plane.install(cycle, isa.IW_FP16 if wide else isa.IW)
        elif chance < 0.32:
            done = plane.drain(cycle)
        else:
            done = plane.multiply(cycle)
        if done:
            self._maybe_replicate(mark)

    def _move(self) -> None:
        """READ to WRITE, straight."""
        mark = self.plan.mark()
        if self._moved(mark, self._cycle()):
            self._maybe_replicate(mark)

    def _move_in_loops(self) -> None:
        """READ to WRITE, straight, again and again and all of it again: what becomes loops within loops."""
        for _ in range(8):
            mark = self.plan.mark()
            if self._moved(mark, 2 + self.random.randrange(1 + self.plan.length // 2)):
                interval, count = self.random.choice((1, 2, 3)), self.random.randint(1, 3)
                strides = {q.index: self.random.choice((0, 1, -1)) for q in isa.queues(self.plan.config)}
                if self._replicate(self.plan.issued[mark[1] :], count, interval, strides):
                    if self._nest(mark, interval, count, gaps=(2, 3)):
                        return
                self.plan.rollback(mark)

    def _moved(self, mark: tuple[int, int], cycle: int) -> bool:
        queue = self.random.choice(self.composer.reads)
        if self.composer.read_anywhere(queue, cycle) and self.composer.settle(self.plan.issued[-1]):
            return True
        self.plan.rollback(mark)
        return False

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
            interval, count = self.random.choice((1, 1, 2, 3, 5)), self.random.randint(1, 7)
            self._replicate(self.plan.issued[mark[1] :], count, interval, strides)
            if self.random.random() < 0.8:
                self._nest(mark, interval, count)

    def _nest(self, mark: tuple[int, int], interval: int, count: int, gaps: Sequence[int] = (0, 2, 3)) -> bool:
        """Replicate all that was replicated before, again and again: what can become loops within loops.

        Whether anything was; ``gaps``: idle cycles behind each group, of which an inner LOOP needs one.
        """
        nested = False
        for _ in range(self.random.choice((1, 1, 2))):
            if len(self.plan.issued) - mark[1] > 60:
                break
            interval = interval * (count + 1) + self.random.choice(gaps)
            count = self.random.randint(1, 4)
            strides = {q.index: self.random.choice((1, 0, -1, 3)) for q in isa.queues(self.plan.config)}
            nested |= self._replicate(self.plan.issued[mark[1] :], count, interval, strides) > 0
        return nested

    def _goes_astray(self, piece: Issued, instruction: Instruction) -> bool:
        """Whether a stride leads a read away from the words that hold addresses, or a write to them."""
        if self.composer.strays or "address" not in instruction.values or piece.queue.unit.kind is not Kind.MEM:
            return False
        before, after = (i["address"] % len(KINDS) for i in (piece.instruction, instruction))
        return "address" in (KINDS[before], KINDS[after]) and before != after

    def _replicate(self, pieces: Sequence[Issued], count: int, interval: int, strides: dict[int, int]) -> int:
        """Plan the same pieces again and again, ``interval`` cycles apart, as far as they stay legal: how often."""
        for n in range(1, count + 1):
            mark = self.plan.mark()
            for piece in pieces:
                field = piece.queue.unit.stride
                values = dict(piece.instruction.values)
                if field is not None and field.name in values:
                    values[field.name] += n * strides.get(piece.queue.index, 0)
                instruction = Instruction(piece.instruction.op, values)
                cycle = piece.cycle + n * interval
                if self._goes_astray(piece, instruction) or not self.plan.issue(
                    piece.queue, cycle, instruction, piece.takes, piece.fills, piece.until
                ):
                    self.plan.rollback(mark)
                    return n - 1
        return count
