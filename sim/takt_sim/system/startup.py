"""How the chips of a system come into step: what each chip's ``align`` queue begins with."""

from __future__ import annotations

from functools import cache

from takt_hw import isa
from takt_hw.config import ChipConfig
from takt_hw.isa import Instruction

from ..latency import d_func
from .topology import Topology


def startup(config: ChipConfig, topology: Topology, chip: int) -> list[Instruction]:
    """The start-up sequence of a chip, as docs/design/links.md has it, with its NOTIFY.

    A NOP at the beginning makes the sequences of all chips equally long: each chip dispatches its NOTIFY in the same
    cycle of program time, `notify_cycle`. All other queues begin with SYNC.

    Raises
    ------
    ValueError
        If the topology has no such chip.
    """
    if not 0 <= chip < topology.chips:
        raise ValueError(f"chip must be from 0 to {topology.chips - 1}, not {chip!r}")
    sequence = _sequence(topology, chip)
    waits = notify_cycle(config, topology) - _cycles(config, sequence)
    return [*([isa.NOP.make(count=waits)] if waits else []), *sequence, isa.NOTIFY.make()]


@cache
def notify_cycle(config: ChipConfig, topology: Topology) -> int:
    """Cycle in which the last DESKEW of the start-up sequence is over and its NOTIFY is dispatched, in all chips."""
    return max(_cycles(config, _sequence(topology, chip)) for chip in range(topology.chips))


def start_cycle(config: ChipConfig, topology: Topology) -> int:
    """Cycle in which the queues that began with SYNC dispatch what follows it, in all chips."""
    return notify_cycle(config, topology) + d_func(isa.NOTIFY, config)


def _sequence(topology: Topology, chip: int) -> list[Instruction]:
    """The sequence without NOPs and NOTIFY. It ends with a DESKEW, in the same epoch in all chips."""
    deskew = isa.DESKEW.make()
    children, parent = topology.children[chip], topology.parents.get(chip)
    sequence = [isa.SYNC_LINK.make(link=child.link) for child in children]
    if parent is not None:
        sequence += [isa.NOTIFY_LINKS.make(links=1 << parent.link), isa.SYNC_LINK.make(link=parent.link)]
    sequence.append(deskew)
    if children:
        sequence.append(isa.NOTIFY_LINKS.make(links=sum(1 << child.link for child in children)))
    return sequence + [deskew] * (topology.depth - topology.levels[chip])


def _cycles(config: ChipConfig, sequence: list[Instruction]) -> int:
    """Cycles of program time that instructions of the sequence take."""
    return sum(1 if i.op is isa.NOTIFY_LINKS else d_func(i.op, config) for i in sequence)
