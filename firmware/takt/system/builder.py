"""Programs for several chips from Python: one builder per chip, one clockwork for all."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from takt_hw import isa
from takt_hw.config import ChipConfig
from takt_hw.isa import Op
from takt_sim.system.checker.drift import budget
from takt_sim.system.startup import notify_cycle, start_cycle, startup
from takt_sim.system.topology import Topology

from ..asm import Builder, BuildError
from ..asm.builder import Loop
from ..program.timing import occupied
from .system import System, require_links


@dataclass
class Realignment:
    """A RUNTIME_DESKEW of all chips, or as many as ``count`` of them, ``period`` cycles apart."""

    cycle: int
    """In which all queues park for the first time."""
    count: int = 1
    period: int | None = None
    loops: dict[tuple[int, str], Loop] = field(default_factory=dict)
    """By chip and queue, what is done between them."""


class SystemBuilder:
    """Collects the programs of all chips of a topology.

    ``chips[n]`` is the `Builder` of chip n: cycles are those of the whole system, the same on all chips. The start-up
    sequence and the SYNC at the head of each queue are added by `build`; from cycle ``start`` on queues are free.

    Parameters
    ----------
    config : ChipConfig
        The build of all chips. It must have the links that the topology uses.
    topology : Topology
        Chips and cables.

    Attributes
    ----------
    chips : tuple of Builder
        By the chip's number.
    start : int
        First cycle in which the program can dispatch something.
    budget : int or None
        Cycles for which chips may run without realignment; None if their clocks do not drift.

    Raises
    ------
    ProgramError
        If the build lacks a link that the topology uses.
    """

    def __init__(self, config: ChipConfig, topology: Topology):
        require_links(config, topology)
        self.config, self.topology = config, topology
        self.chips = tuple(Builder(config) for _ in range(topology.chips))
        self.start = start_cycle(config, topology)
        self.budget = budget(config, topology)
        self.align = next(queue.name for queue in isa.queues(config) if queue.unit is isa.C2C_ALIGN)
        self.aligned = notify_cycle(config, topology)
        """Cycle in which the chips were last brought into step."""
        self._realignments: list[Realignment] = []
        self._system: System | None = None

    @property
    def deskew(self) -> int:
        """Cycles from parking the queues until they go on."""
        notify = isa.NOTIFY.d_func
        assert notify is not None
        return 1 + isa.deskew_minimum(self.config) + notify(self.config)

    def at(self, chip: int, cycle: int, queue: str, op: Op | str, **operands: Any) -> SystemBuilder:
        """`Builder.at` on one chip."""
        self.chips[chip].at(cycle, queue, op, **operands)
        return self

    def lasts(self, cycle: int) -> bool:
        """Whether the chips are still in step if the program goes on until ``cycle``, and is then realigned."""
        return self.budget is None or cycle + self.deskew + self.config.superlanes - self.aligned <= self.budget

    def realign(self, cycle: int) -> int:
        """Take back the drift of all chips. Nothing may be dispatched from ``cycle`` on; the cycle in which all go on.

        BuildError if the chips may be out of step by then.
        """
        self._align(cycle)
        self._realignments.append(Realignment(cycle))
        return cycle + self.deskew

    def segments(self, cycle: int, count: int, period: int) -> Realignment:
        """Begin each of ``count`` loops of ``period`` cycles with a realignment.

        Queues stand in a LOOP from the cycle before ``cycle`` on; `segment` is what each does in it.
        """
        for number in range(count):
            self._align(cycle + number * period)
        self._realignments.append(Realignment(cycle, count, period))
        return self._realignments[-1]

    def segment(self, group: Realignment, chip: int, queue: str, stride: int = 0) -> Loop:
        """What a queue does in each loop of `segments`, cycles counted from when it parks; free from ``deskew`` on."""
        key = chip, queue
        if key not in group.loops:
            context = self.chips[chip].loop(group.cycle - 1, queue, group.count, stride, group.period)
            with context as loop:
                group.loops[key] = loop.at(0, isa.SYNC)
        return group.loops[key]

    def build(self) -> System:
        """The programs. The builder is then used up: it always answers with the same."""
        if self._system is None:
            for chip, builder in enumerate(self.chips):
                self._begin(chip, builder)
                self._park(chip, builder)
            self._system = System(self.topology, tuple(builder.build() for builder in self.chips))
        return self._system

    def _align(self, cycle: int) -> None:
        """Note a realignment whose queues park in a cycle."""
        ends = cycle + 1 + isa.deskew_minimum(self.config)
        if self.budget is not None and ends - self.aligned > self.budget:
            rule = f"realignment must end within {self.budget} cycles of the last in cycle {self.aligned}"
            raise BuildError(f"{rule}, not in cycle {ends}")
        self.aligned = ends

    def _begin(self, chip: int, builder: Builder) -> None:
        for name, cycles in builder.begins().items():
            if cycles[0] < self.start:
                raise BuildError(f"chip {chip}, {name}: cycle must be at least {self.start}, not {cycles[0]}")
            if name == self.align:
                raise BuildError(f"chip {chip}, {name}: queue must be left to the system builder")
            builder.at(0, name, isa.SYNC)
        cycle = 0
        for instruction in startup(self.config, self.topology, chip):
            if instruction.op is not isa.NOP:
                builder.at(cycle, self.align, instruction.op, **instruction.values)
            cycle += occupied(instruction, self.config)

    def _park(self, chip: int, builder: Builder) -> None:
        """Let every queue that has still something to do wait for each realignment."""
        minimum = isa.deskew_minimum(self.config)
        for group in self._realignments:
            for name, cycles in builder.begins().items():
                if name == self.align or (chip, name) in group.loops or cycles[-1] <= group.cycle:
                    continue
                if group.period is None:
                    builder.at(group.cycle, name, isa.SYNC)
                else:
                    self.segment(group, chip, name)
            if group.period is None:
                builder.at(group.cycle + 1, self.align, isa.RUNTIME_DESKEW, cycles=minimum)
                builder.notify(group.cycle + 1 + minimum, self.align)
                continue
            with builder.loop(group.cycle - 1, self.align, group.count, period=group.period) as loop:
                loop.at(1, isa.RUNTIME_DESKEW, cycles=minimum).at(1 + minimum, isa.NOTIFY)
