"""Systems in the reference simulator: by hand, and each chip of random systems against the literal row model."""

import pickle
import re
from dataclasses import replace

import numpy as np
import pytest

from takt_hw import isa
from takt_hw.config import NANO_C2C
from takt_sim.reference import LinkVector
from takt_sim.system.checker import check
from takt_sim.system.generate import random_system
from takt_sim.system.reference import ReferenceSystem, forward
from takt_sim.system.topology import LATENCY, Port, dragonfly, full, ring
from takt_sim.timeline import IllegalProgram
from tests.sim.row_model import Row
from tests.sim.system.programs import STORED, TAKEN, WIDE, program, receive, send, start
from tests.sim.texts import alu, read, repeat, write


def system(topology, config=NANO_C2C):
    """A system whose MEM_W0 holds random words."""
    made = ReferenceSystem(config, topology)
    rng = np.random.default_rng(0)
    for chip in made.chips:
        chip.memory["MEM_W0"][:] = rng.integers(0, 256, (config.mem_words, config.lanes), np.uint8)
    return made


def test_ping():
    """Three words from chip 0 to chip 1, each in the cycle that the timing law says."""
    topology, apart = ring(2), NANO_C2C.packet_cycles
    every = repeat(2, apart, 1)
    again = repeat(2, apart)
    programs = [
        program(topology, 0, {"MEM_W0.read": [read("s0w", 5), every], "C2C_W.send0": [(TAKEN, send("s0w")), again]}),
        program(
            topology,
            1,
            {
                "C2C_W.receive0": [(TAKEN + LATENCY, receive("s3e")), again],
                "MEM_W1.write": [(TAKEN + LATENCY + STORED, write("s3e", 8)), every],
            },
        ),
    ]
    check(NANO_C2C, topology, programs)
    made = system(topology)
    results = made.run(programs)
    words = made.chips[0].memory["MEM_W0"][5:8]
    assert (made.chips[1].memory["MEM_W1"][8:11] == words).all()
    first = start(topology) + TAKEN
    assert results[0].sent == [LinkVector(0, n, first + n * apart, words[n].tobytes()) for n in range(3)]
    assert results[1].received == [LinkVector(0, n, first + LATENCY + n * apart, words[n].tobytes()) for n in range(3)]
    assert [(w.cycle, w.address) for w in results[1].writes] == [
        (first + LATENCY + STORED + 1 + n * apart, 8 + n) for n in range(3)
    ]
    assert results[0].received == results[1].sent == results[0].writes == []


def test_once_around_a_ring():
    """Chip 0 sends; each chip adds 1 in every lane and sends it on; chip 0 stores what comes back."""
    topology = ring(5)
    hop = LATENCY + (3 + 2 - 1) + (4 + 2 - 1)  # RECEIVE to ADD, two hops; ADD to SEND, two hops
    programs = [
        program(
            topology,
            0,
            {
                "MEM_W0.read": [read("s0w", 0)],
                "C2C_W.send1": [(TAKEN, send("s0w"))],
                "C2C_W.receive0": [(TAKEN + 4 * hop + LATENCY, receive("s1e"))],
                "MEM_W2.write": [(TAKEN + 4 * hop + LATENCY + STORED, write("s1e", 0))],
            },
        )
    ]
    for chip in range(1, 5):
        arrives = TAKEN + (chip - 1) * hop + LATENCY
        queues = {
            "C2C_W.receive0": [(arrives, receive("s1e"))],
            "VXM.alu0": [(arrives + 4, alu(isa.ADD, "s0w:i8", "s1e:i8", "#1"))],
            "C2C_W.send1": [(arrives + 9, send("s0w"))],
        }
        programs.append(program(topology, chip, queues))
    check(NANO_C2C, topology, programs)
    made = system(topology)
    made.run(programs)
    sent = made.chips[0].memory["MEM_W0"][0]
    expected = sent.view(np.int8).astype(int)
    for _ in range(4):
        expected = np.minimum(expected + 1, 127)
    assert (made.chips[0].memory["MEM_W2"][0].view(np.int8) == expected).all()


@pytest.mark.parametrize("chips", [2, 8])
def test_all_exchange(chips):
    """Every chip sends a word of its own over all its links at once, and stores what comes, one MEM slice per link."""
    topology = full(chips)
    links = range(chips - 1)
    slices = [s.name for s in NANO_C2C.mem_slices if s.name.startswith("MEM_E")]
    programs = []
    for chip in range(chips):
        queues: dict[str, list] = {"MEM_W0.read": [read("s0w", chip)]}
        for link in links:
            at = TAKEN + LATENCY + 8 * (link // 4)  # four streams at a time
            queues[f"C2C_W.send{link}"] = [(TAKEN, send("s0w"))]
            queues[f"C2C_W.receive{link}"] = [(at, receive(f"s{link % 4}e"))]
            queues.setdefault(f"{slices[link % 4]}.write", []).append((at + STORED + 2, write(f"s{link % 4}e", link)))
        programs.append(program(topology, chip, queues))
    check(NANO_C2C, topology, programs)
    made = system(topology)
    made.run(programs)
    for chip in range(chips):
        for link in links:
            peer = topology.peers[Port(chip, link)][0].chip
            stored = made.chips[chip].memory[slices[link % 4]][link]
            assert (stored == made.chips[peer].memory["MEM_W0"][peer]).all()


def sends(link, cycle, address):
    """A word of MEM_W0, read in a cycle, over a link."""
    name, stream, hops = ("C2C_W", "s0w", 1) if link < 8 else ("C2C_E", "s0e", 5)
    return {
        "MEM_W0.read": [(cycle, read(stream, address))],
        f"{name}.send{link}": [(cycle + 3 + hops - 1, send(stream))],
    }, cycle + 3 + hops - 1


def stores(link, cycle, address):
    """A vector, received in a cycle, as a word of MEM_E0."""
    name, stream, hops = ("C2C_W", "s1e", 3) if link < 8 else ("C2C_E", "s1w", 3)
    return {
        f"{name}.receive{link}": [(cycle, receive(stream))],
        "MEM_E0.write": [(cycle + 3 + hops - 1, write(stream, address))],
    }


def test_dragonfly_of_72_chips():
    """Every chip tells the next of its group something; then chips of different groups exchange words in pairs."""
    topology = dragonfly(9)
    queues: list[dict[str, list]] = [{} for _ in range(topology.chips)]
    expected = {}

    def transfer(port, cycle, address):
        peer, latency = topology.peers[port]
        first, sent = sends(port.link, cycle, port.chip)
        for chip, more in ((port.chip, first), (peer.chip, stores(peer.link, sent + latency, address))):
            for name, entries in more.items():
                queues[chip].setdefault(name, []).extend(entries)
        expected[peer.chip, address] = port.chip

    for chip in range(topology.chips):
        transfer(topology.between(chip, chip - 7 if chip % 8 == 7 else chip + 1)[0], 0, 0)
    paired: set[int] = set()
    for cable in topology.cables:
        chips = {cable.a.chip, cable.b.chip}
        if cable.a.chip // 8 != cable.b.chip // 8 and not chips & paired:
            paired |= chips
            transfer(cable.a, 100, 1)
            transfer(cable.b, 100, 1)
    assert len(paired) > 60
    programs = [program(topology, chip, own, WIDE) for chip, own in enumerate(queues)]
    check(WIDE, topology, programs)
    made = system(topology, config=WIDE)
    made.run(programs)
    for (chip, address), sender in expected.items():
        assert (made.chips[chip].memory["MEM_E0"][address] == made.chips[sender].memory["MEM_W0"][sender]).all()


def run(random, topology, config, window=None):
    """The system after the programs of a seed, and the results."""
    made = ReferenceSystem(config, topology)
    for chip, memory in zip(made.chips, random.memory, strict=True):
        for name, words in memory.items():
            chip.memory[name][:] = words
    return made, made.run(random.programs, window)


@pytest.mark.parametrize("topology", [ring(2), full(3), dragonfly(2, 2, 1)], ids=lambda t: t.name)
def test_windows_change_nothing(topology):
    random = random_system(NANO_C2C, topology, 5)
    whole, results = run(random, topology, NANO_C2C)
    for window in (1, 13, LATENCY):
        other, again = run(random, topology, NANO_C2C, window)
        assert again == results
        for one, two in zip(whole.chips, other.chips, strict=True):
            assert all((one.memory[name] == two.memory[name]).all() for name in one.memory)


@pytest.mark.parametrize(
    ("config", "topology"), [(NANO_C2C, ring(3)), (replace(WIDE, name="two", superlanes=2), full(2, latency=90))]
)
def test_each_chip_agrees_with_shifting_registers(config, topology):
    """What a chip sends and writes follows from what it receives, which is what its neighbours sent."""
    random = random_system(config, topology, 3, phases=2, length=120)
    made, results = run(random, topology, config)
    for chip, result in enumerate(results):
        assert result.received
        came = [(vector.link, vector.data) for vector in result.received]
        row = Row(config, random.programs[chip], random.memory[chip], random.defined[chip], came).run()
        assert row.faults == set()
        assert sorted(row.sent) == sorted((v.cycle, v.link, v.data) for v in result.sent)
        assert sorted(row.writes) == sorted((w.cycle, w.slice, w.address, w.data, w.superlanes) for w in result.writes)
        assert row.cycles == result.cycles
        for name, words in made.chips[chip].memory.items():
            assert (words == np.array(row.memory[name])).all(), name
    assert_all_arrives(topology, results)


def assert_all_arrives(topology, results):
    """The n-th vector received is the n-th sent, and not before its time."""
    for port, (peer, latency) in topology.peers.items():
        sent = [v for v in results[port.chip].sent if v.link == port.link]
        received = [v for v in results[peer.chip].received if v.link == peer.link]
        assert [(v.number, v.data) for v in received] == [(v.number, v.data) for v in sent]
        assert [v.number for v in sent] == list(range(len(sent)))
        assert all(r.cycle >= s.cycle + latency for s, r in zip(sent, received, strict=True))


def ping(late=0, at=TAKEN + LATENCY):
    """A vector from chip 0 to chip 1."""
    topology = ring(2)
    return topology, [
        program(topology, 0, {"MEM_W0.read": [(late, read("s0w", 5))], "C2C_W.send0": [(late + TAKEN, send("s0w"))]}),
        program(topology, 1, {"C2C_W.receive0": [(at, receive("s3e"))]}),
    ]


@pytest.mark.parametrize("window", [None, 1, 17])
def test_too_early_is_refused_whatever_the_window(window):
    topology, programs = ping(late=1)
    cycle = start(topology) + TAKEN + LATENCY
    message = (
        f"receive: chip 1, C2C_W.receive0, cycle {cycle}, RECEIVE s3e: vector 0 of the link must be there, "
        f"not first in cycle {cycle + 1}"
    )
    with pytest.raises(IllegalProgram, match=f"^{re.escape(message)}$"):
        system(topology).run(programs, window)


def test_never_sent_is_refused():
    topology, programs = ping()
    with pytest.raises(IllegalProgram, match=r"receive: chip 1, .*: vector 0 of the link must be there, not never$"):
        system(topology).run({1: programs[1]})


def test_a_text_that_cannot_be_expanded_names_its_chip():
    with pytest.raises(IllegalProgram, match=r"^sync: chip 1, VXM.alu0, cycle 0, SYNC: "):
        system(ring(2)).run([{}, {"VXM.alu0": [isa.SYNC.encode()]}])


@pytest.mark.parametrize("window", [0, LATENCY + 1])
def test_window_must_be_within_the_least_latency(window):
    topology, programs = ping()
    with pytest.raises(ValueError, match=f"^window must be from 1 to {LATENCY}, not {window}$"):
        system(topology).run(programs, window)


def test_stepping_by_hand():
    """What a runner in several processes does: advance, carry plain data, deliver, finish."""
    topology, programs = ping()
    made = system(topology)
    sender, receiver = (chip.start(words) for chip, words in zip(made.chips, programs, strict=True))
    first = start(topology) + TAKEN
    assert sender.end == first + 1
    assert sender.advance(first) == []
    (sent,) = sender.advance(first + 1)
    assert sent == LinkVector(0, 0, first, made.chips[0].memory["MEM_W0"][5].tobytes())
    assert sender.advance() == []
    carried = forward(topology, 0, pickle.loads(pickle.dumps(sent)))
    assert carried == (1, LinkVector(0, 0, first + LATENCY, sent.data))
    receiver.deliver([carried[1]])
    assert receiver.finish().received == [carried[1]]
    assert forward(topology, 0, replace(sent, link=3)) is None


def test_memory_stays_from_program_to_program():
    topology, programs = ping()
    made = system(topology)
    made.run(programs)
    before = made.chips[0].memory["MEM_W0"].copy()
    made.run(programs)
    assert (made.chips[0].memory["MEM_W0"] == before).all()
