"""Random programs in phases, with an alignment between two: when they are, and the words of a chip."""

from __future__ import annotations

from random import Random

import numpy as np

from takt_hw import isa
from takt_hw.config import ChipConfig
from takt_hw.isa import Instruction, Queue

from ..generate.emit import emit
from ..generate.plan import Plan
from ..latency import d_func
from .startup import start_cycle, startup
from .topology import Topology

SETTLE = 16
"""Cycles from the end of a phase until every queue is parked: what `emit` adds behind the last dispatch is over."""

RELEASED = 4
"""Cycles from the end of a phase until no NOTIFY that `emit` put into it releases any more."""

EXTRAS = 10
"""Words of a queue and phase beside what is planned: SYNC, CONFIG, NOPs."""

MAX_NOP = 65535


class Phases:
    """The cycles of each phase, chip by chip: the first begins in the same cycle in all, the later ones do not.

    Parameters
    ----------
    config : ChipConfig
        The build.
    topology : Topology
        Says when programs start.
    count, length, idle : int
        As in `random_system`.
    random : Random
        Where all choices come from.
    """

    def __init__(
        self, config: ChipConfig, topology: Topology, count: int, length: int, idle: int, random: Random
    ) -> None:
        self.idle = idle
        self.chips: list[list[range]] = []
        """Of each chip and phase the cycles in which something may be dispatched."""
        self.deskews: list[list[int]] = []
        """Of each chip and phase the cycles of the RUNTIME_DESKEW behind it."""
        for _ in range(topology.chips):
            phases: list[range] = []
            deskews = [isa.deskew_minimum(config) + random.choice((0, 0, 1, 30)) for _ in range(count)]
            release = start_cycle(config, topology)
            for deskew in deskews:
                begin = release + 1 + idle
                phases.append(range(begin, begin + length))
                release = phases[-1].stop + SETTLE + deskew + d_func(isa.NOTIFY, config)
            self.chips.append(phases)
            self.deskews.append(deskews)


class PhasedPlan(Plan):
    """A plan on which nothing is dispatched between the phases.

    Parameters
    ----------
    config : ChipConfig
        The build.
    phases : list of range
        Cycles in which something may be dispatched.
    defined : dict of str to ndarray
        bool[mem_words] by MEM slice: words that hold something at the start.
    """

    def __init__(self, config: ChipConfig, phases: list[range], defined: dict[str, np.ndarray]) -> None:
        super().__init__(config, phases[-1].stop, defined)
        self.phases = phases
        self.phase_capacity = max(1, (config.queue_words // len(phases) - EXTRAS) // 2)
        """Dispatches per queue and phase, so that each finds room for itself and a NOP."""
        self.capacity = self.phase_capacity * len(phases)

    def _may_dispatch(self, queue: Queue, cycle: int, instruction: Instruction) -> bool:
        phase = next((phase for phase in self.phases if cycle in phase), None)
        if phase is None or sum(n in phase for n in self.slots[queue.index]) >= self.phase_capacity:
            return False
        return super()._may_dispatch(queue, cycle, instruction)


def write(
    config: ChipConfig, topology: Topology, times: Phases, plan: PhasedPlan, chip: int, random: Random
) -> dict[str, list[int]]:
    """The words of a chip that dispatch what is planned."""
    sequence = startup(config, topology, chip)
    spare = {q.index: config.queue_words - config.queue_words // len(plan.phases) + EXTRAS for q in isa.queues(config)}
    align = next(queue for queue in isa.queues(config) if queue.unit is isa.C2C_ALIGN)
    spare[align.index] += len(sequence)
    parts = [_emitted(config, plan, cycles, spare, random) for cycles in plan.phases]
    text = {align.name: [instruction.word for instruction in sequence]}
    for queue in isa.queues(config):
        aligns = queue == align
        last = max((n for n, part in enumerate(parts) if _does_something(part[queue.name][0])), default=-1)
        last = len(parts) - 1 if aligns else last
        words = text.get(queue.name, [isa.SYNC.encode()])
        # the align queue goes on right after the NOTIFY that releases the others
        behind = d_func(isa.NOTIFY, config) - 1 if aligns else 0
        for n, part in enumerate(parts[: last + 1]):
            own, end = part[queue.name]
            clears = n > 0 and queue.unit.stride is not None
            words += [isa.CONFIG.encode(base=0)] if clears else []
            words += _nops(behind + times.idle + 1 - clears) + own
            if n == last:
                break
            length, deskew = len(plan.phases[n]), times.deskews[chip][n]
            if aligns:
                words += _nops(length + SETTLE - end)
                words += [isa.RUNTIME_DESKEW.encode(cycles=deskew), isa.NOTIFY.encode()]
            else:
                words += _nops(random.randint(max(end, length + RELEASED), length + SETTLE) - end)
                words.append(isa.SYNC.encode())
        if last >= 0:
            text[queue.name] = words
    return text


def _emitted(
    config: ChipConfig, plan: PhasedPlan, cycles: range, spare: dict[int, int], random: Random
) -> dict[str, tuple[list[int], int]]:
    """Of each queue the words of one phase, and their end counted from its beginning."""
    slots = [{n - cycles.start: i for n, i in slot.items() if n in cycles} for slot in plan.slots]
    for slot in slots:
        slot[len(cycles)] = Instruction(isa.NOP, {"count": 1})  # so that no loop lasts longer
    emitted = emit(config, slots, len(cycles), spare, random)
    return {name: ([word for _, word in words], end) for name, (words, end) in emitted.items()}


def _does_something(words: list[int]) -> bool:
    return any(word & 0xFF != isa.NOP.code for word in words)


def _nops(cycles: int) -> list[int]:
    return [isa.NOP.encode(count=min(MAX_NOP, cycles - begun)) for begun in range(0, cycles, MAX_NOP)]
