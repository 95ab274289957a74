"""The start-up sequence, by hand from docs/design/links.md."""

import re

import pytest

from takt_hw import isa
from takt_hw.config import NANO_C2C
from takt_sim.system.startup import notify_cycle, start_cycle, startup
from takt_sim.system.topology import Port, dragonfly, full, ring
from takt_sim.timeline import expand
from tests.sim.system.programs import WIDE


def shown(topology, chip):
    return [str(instruction) for instruction in startup(NANO_C2C, topology, chip)]


def test_ring_of_four():
    """Chip 0 is the root; 1 and 3 are its children over links 1 and 0; 2 is the child of 1."""
    topology = ring(4)
    assert [shown(topology, chip) for chip in range(4)] == [
        ["SYNC_LINK 0", "SYNC_LINK 1", "DESKEW", "NOTIFY_LINKS 3", "DESKEW", "DESKEW", "NOTIFY"],
        ["NOP 3", "SYNC_LINK 1", "NOTIFY_LINKS 1", "SYNC_LINK 0", "DESKEW", "NOTIFY_LINKS 2", "DESKEW", "NOTIFY"],
        ["NOP 12", "NOTIFY_LINKS 1", "SYNC_LINK 0", "DESKEW", "NOTIFY"],
        ["NOP 8", "NOTIFY_LINKS 2", "SYNC_LINK 1", "DESKEW", "DESKEW", "NOTIFY"],
    ]
    assert (notify_cycle(NANO_C2C, topology), start_cycle(NANO_C2C, topology)) == (21, 25)


@pytest.mark.parametrize("topology", [ring(2), ring(5), full(8), dragonfly(9)], ids=lambda t: t.name)
def test_all_chips_leave_it_in_the_same_cycle_and_epoch(topology):
    for chip in range(topology.chips):
        words = [instruction.word for instruction in startup(WIDE, topology, chip)]
        timeline = expand(WIDE, {"C2C_W.align": words, "VXM.alu0": [isa.SYNC.encode()]})
        assert timeline.control[-1].instruction.op is isa.NOTIFY
        assert timeline.control[-1].cycle == notify_cycle(WIDE, topology)
        assert timeline.ends["VXM.alu0"] == start_cycle(WIDE, topology)
        # a chip's first DESKEW ends one epoch after its parent's: level by level, then all wait for the deepest
        deskews = sum(c.instruction.op is isa.DESKEW for c in timeline.control)
        assert topology.levels[chip] + deskews == topology.depth + 1


def test_every_notice_is_waited_for():
    topology = dragonfly(9)
    sent, waited = set(), set()
    for chip in range(topology.chips):
        for instruction in startup(WIDE, topology, chip):
            if instruction.op is isa.NOTIFY_LINKS:
                links = [n for n in range(16) if instruction["links"] >> n & 1]
                sent |= {topology.peers[Port(chip, link)][0] for link in links}
            if instruction.op is isa.SYNC_LINK:
                waited.add(Port(chip, instruction["link"]))
    assert sent == waited
    assert len(sent) == 2 * (topology.chips - 1)


def test_no_such_chip():
    with pytest.raises(ValueError, match=re.escape("chip must be from 0 to 3, not 4")):
        startup(NANO_C2C, ring(4), 4)
