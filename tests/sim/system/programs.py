"""Short ways to write programs for systems in tests."""

from __future__ import annotations

from dataclasses import replace

from takt_hw import isa
from takt_hw.config import NANO_C2C, Kind
from takt_sim.system.startup import start_cycle, startup
from takt_sim.system.topology import Topology
from tests.sim.texts import SYNC, stream, text

WIDE = replace(NANO_C2C, name="wide", row=(*NANO_C2C.row, Kind.C2C), c2c_links=8)
"""Links 0 to 7 at position 0, 8 to 15 at position 6. MEM_W is at position 1, MEM_E at 3."""

ALIGN = "C2C_W.align"

TAKEN = 3
"""A READ of MEM_W in cycle t, westward, is taken by a SEND in cycle t + 3."""

STORED = 3
"""What a RECEIVE in cycle t puts on an eastward stream, a WRITE of MEM_W stores in cycle t + 3."""


def send(src: str) -> isa.Instruction:
    return isa.SEND.make(src=stream(src))


def receive(dst: str) -> isa.Instruction:
    return isa.RECEIVE.make(dst=stream(dst))


def deskew(cycles: int) -> isa.Instruction:
    return isa.RUNTIME_DESKEW.make(cycles=cycles)


def program(topology: Topology, chip: int, queues: dict[str, list], config=NANO_C2C) -> dict[str, list[int]]:
    """A chip's words: its start-up sequence, and every queue's entries as in `text`, cycles from `start_cycle` on.

    The align queue's cycles count from right after the NOTIFY, d_func(NOTIFY) - 1 cycles before the others'.
    """
    words = {name: [SYNC.word, *own] for name, own in text(queues).items()}
    begin = [instruction.word for instruction in startup(config, topology, chip)]
    return words | {ALIGN: begin + words.get(ALIGN, [0])[1:]}


def start(topology: Topology, config=NANO_C2C) -> int:
    """Cycle 0 of a program's entries."""
    return start_cycle(config, topology)
