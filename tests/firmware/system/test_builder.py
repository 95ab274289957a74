"""Programs for several chips from Python: start-up and realignment are the builder's, cycles are global."""

from dataclasses import replace

import pytest

from takt.asm import BuildError
from takt.program import ProgramError, Run
from takt.schedule import flight
from takt.system import SystemBuilder, SystemDevice, prove
from takt_hw import isa
from takt_hw.config import NANO, NANO_C2C
from takt_sim.system.startup import start_cycle, startup
from takt_sim.system.topology import full, ring
from takt_sim.timeline import IllegalProgram

ALIGN = "C2C_W.align"
READ_TO_SEND = flight(NANO_C2C, "MEM_W0.read", isa.READ, "C2C_W.send0", isa.SEND)
RECEIVE_TO_WRITE = flight(NANO_C2C, "C2C_W.receive0", isa.RECEIVE, "MEM_E1.write", isa.WRITE)


def ping(system, cycle, receive, address=0):
    """A word of chip 0 to chip 1, received in a cycle."""
    system.at(0, cycle, "MEM_W0.read", isa.READ, dst="s0w", address=3)
    system.at(0, cycle + READ_TO_SEND, "C2C_W.send0", isa.SEND, src="s0w")
    system.at(1, receive, "C2C_W.receive0", isa.RECEIVE, dst="s0e")
    system.at(1, receive + RECEIVE_TO_WRITE, "MEM_E1.write", isa.WRITE, src="s0e", address=address)


def pinged(topology=None, config=NANO_C2C):
    system = SystemBuilder(config, topology or full(2))
    system.chips[0].input("x", [16], "i8", [Run("MEM_W0", 3)])
    return system


def arrived(system, count=1):
    device = SystemDevice(system.build())
    device.write_tensor(0, "x", range(16))
    results = device.run()
    assert max(result.cycles for result in results) == system.build().cycles
    return [device.read_words(1, "MEM_E1", n)[0].tolist() == list(range(16)) for n in range(count)]


def test_a_word_arrives_in_the_cycle_of_the_declared_latency():
    system = pinged()
    ping(system, system.start, system.start + READ_TO_SEND + 64)
    assert arrived(system) == [True]
    early = pinged()
    ping(early, early.start, early.start + READ_TO_SEND + 63)
    with pytest.raises(IllegalProgram, match=r"^receive: chip 1, C2C_W.receive0, cycle \d+, RECEIVE s0e: "):
        prove(early.build())


@pytest.mark.parametrize("topology", [full(2), full(8), ring(5)], ids=lambda t: t.name)
def test_every_chip_begins_with_its_start_up_sequence(topology):
    system = SystemBuilder(NANO_C2C, topology)
    system.at(1, system.start, "MEM_W0.read", isa.READ, dst="s0w", address=3)
    system.chips[1].data("MEM_W0", 3, [1] * 16)
    assert system.start == start_cycle(NANO_C2C, topology)
    built = system.build()
    prove(built)
    for chip, text in enumerate(built.texts):
        assert list(text[ALIGN]) == [i.word for i in startup(NANO_C2C, topology, chip)]
    assert built.texts[1]["MEM_W0.read"][0] == isa.SYNC.encode()
    assert system.build() is built


def test_drift_budget():
    assert SystemBuilder(NANO_C2C, full(2)).budget == 10_000
    assert SystemBuilder(NANO_C2C, full(2, ppm=0)).budget is None
    assert SystemBuilder(NANO_C2C, full(2, ppm=0)).lasts(10**9)


def test_realigned_it_may_go_on():
    system = pinged()
    ping(system, system.start, system.start + READ_TO_SEND + 64)
    late = system.aligned + 9_950
    resumed = system.realign(late)
    assert resumed == late + 1 + isa.deskew_minimum(NANO_C2C) + 4
    ping(system, resumed, resumed + READ_TO_SEND + 64, 1)
    assert arrived(system, 2) == [True, True]


def test_without_realignment_it_is_refused():
    system = pinged()
    late = system.start + 9_950
    ping(system, late, late + READ_TO_SEND + 64)
    with pytest.raises(IllegalProgram, match="^drift: chip 1, "):
        prove(system.build())


def test_a_vector_on_its_way_waits_for_the_receiver():
    system = pinged()
    system.at(0, system.start, "MEM_W0.read", isa.READ, dst="s0w", address=3)
    send = system.start + READ_TO_SEND
    system.at(0, send, "C2C_W.send0", isa.SEND, src="s0w")
    resumed = max(system.realign(send + 8), send + 64)
    system.at(1, resumed, "C2C_W.receive0", isa.RECEIVE, dst="s0e")
    system.at(1, resumed + RECEIVE_TO_WRITE, "MEM_E1.write", isa.WRITE, src="s0e", address=0)
    assert arrived(system) == [True]


def test_loops_that_begin_with_realignments():
    """A queue that has its part in each, one that has nothing to do in them, one that had its part before."""
    system = pinged(full(2, ppm=250), replace(NANO_C2C, link_drift=1))  # a budget of 2000 cycles
    ping(system, system.start, system.start + READ_TO_SEND + 64)
    group = system.segments(system.start + 120, 3, 1_500)
    read = system.segment(group, 0, "MEM_W0.read", 1)
    read.at(system.deskew, isa.READ, dst="s3e", address=3)
    system.chips[0].data("MEM_W0", 4, [[4] * 16, [5] * 16])
    end = system.start + 120 + 3 * 1_500
    ping(system, end, end + READ_TO_SEND + 64, 1)
    assert arrived(system, 2) == [True, True]
    first = prove(system.build())[0]
    reads = [d.cycle - end for d in first.dispatches if d.queue.name == "MEM_W0.read"][1:-1]
    assert reads == [system.deskew - 4_500, system.deskew - 3_000, system.deskew - 1_500]


def test_refusals():
    with pytest.raises(
        ProgramError, match="^2 fully connected: link must be one of the 0 of nano, not chip 0, link 0$"
    ):
        SystemBuilder(NANO, full(2))
    early = SystemBuilder(NANO_C2C, full(2))
    early.at(1, 5, "MEM_W0.read", isa.READ, dst="s0w", address=3)
    with pytest.raises(BuildError, match=f"^chip 1, MEM_W0.read: cycle must be at least {early.start}, not 5$"):
        early.build()
    own = SystemBuilder(NANO_C2C, full(2))
    own.at(0, 50, ALIGN, isa.NOTIFY)
    with pytest.raises(BuildError, match="^chip 0, C2C_W.align: queue must be left to the system builder$"):
        own.build()
    late = SystemBuilder(NANO_C2C, full(2))
    rule = r"^realignment must end within 10000 cycles of the last in cycle 13, not in cycle 10027$"
    with pytest.raises(BuildError, match=rule):
        late.realign(10_000)
