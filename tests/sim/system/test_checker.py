"""Each rule between chips: programs that just keep it, and one that breaks it and nothing else."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest

from takt_hw import isa
from takt_hw.config import NANO, NANO_C2C
from takt_sim.system.checker import check, violations
from takt_sim.system.checker.cables import LEAST_LENGTH, NOTICE_CYCLES, least_latency
from takt_sim.system.checker.drift import budget
from takt_sim.system.generate import random_system
from takt_sim.system.reference import ReferenceSystem
from takt_sim.system.startup import notify_cycle
from takt_sim.system.topology import LATENCY, Cable, Port, Topology, full, ring
from takt_sim.timeline import IllegalProgram
from tests.sim.system.programs import ALIGN, STORED, TAKEN, deskew, program, receive, send, start
from tests.sim.texts import NOTIFY, SYNC, nop, read, repeat, write

PAIR = ring(2)
START = start(PAIR)
APART = NANO_C2C.packet_cycles
LEAST = isa.deskew_minimum(NANO_C2C)
BUDGET = budget(NANO_C2C, PAIR)
EMPTY: dict[str, list] = {}


def pair(zero, one, topology=PAIR, config=NANO_C2C):
    """Programs of two chips."""
    return [program(topology, 0, zero, config), program(topology, 1, one, config)]


def sending(*cycles, link=0):
    """Queues that send a word in each of some cycles, counted from the first possible."""
    reads = [(cycle, read("s0w", n)) for n, cycle in enumerate(cycles)]
    return {"MEM_W0.read": reads, f"C2C_W.send{link}": [(cycle + TAKEN, send("s0w")) for cycle in cycles]}


def receiving(*cycles, link=0):
    """Queues that receive in each of some cycles, counted from the arrival of what was sent in the first possible."""
    return {f"C2C_W.receive{link}": [(cycle + TAKEN + LATENCY, receive("s0e")) for cycle in cycles]}


def broken(programs, topology=PAIR, config=NANO_C2C):
    """(rule, chip, queue, cycle) of all violations."""
    return [(v.rule, v.chip, v.queue, v.cycle) for v in violations(config, topology, programs)]


def messages(programs, topology=PAIR, config=NANO_C2C):
    return [str(v) for v in violations(config, topology, programs)]


def test_the_start_up_sequence_alone_is_legal():
    for topology in (PAIR, ring(5), full(8)):
        timelines = check(NANO_C2C, topology, [program(topology, chip, EMPTY) for chip in range(topology.chips)])
        assert [t.ends[ALIGN] for t in timelines] == [notify_cycle(NANO_C2C, topology) + 1] * topology.chips


def test_what_is_wrong_with_one_chip_names_it():
    programs = pair(EMPTY, {"MEM_W0.read": [read("s0w", 0)], "MEM_W1.read": [read("s0w", 0)]})
    assert messages(programs) == [
        f"collision: chip 1, MEM_W0.read, cycle {START}, READ s0w, 0x0: s0w must be free, not hold the value of "
        f"READ s0w, 0x0 in MEM_W1.read, cycle {START}"
    ]
    with pytest.raises(IllegalProgram, match=r"^collision: chip 1, "):
        check(NANO_C2C, PAIR, programs)


def test_memory_is_that_of_each_chip():
    programs = pair({"MEM_W0.read": [read("s0w", 0)]}, {"MEM_W0.read": [read("s0w", 0)]})
    loaded = {"MEM_W0": np.ones(NANO_C2C.mem_words, bool)}
    assert violations(NANO_C2C, PAIR, programs, [loaded, loaded]) == []
    (found,) = violations(NANO_C2C, PAIR, programs, {0: loaded})
    assert (found.rule, found.chip) == ("undefined-memory", 1)


def test_text_is_fetched_from_the_memory_of_its_chip():
    fetch = isa.IFETCH.make(src=isa.Stream(0, isa.Direction.EAST), words=1)
    programs = pair(EMPTY, {"MEM_W0.read": [read("s0e", 7)], "MEM_W1.write": [(2, fetch), nop(4)]})
    image = {"MEM_W0": {7: isa.NOP.encode(count=3).to_bytes(16, "little")}}
    for images in (None, {0: image}):
        (found,) = violations(NANO_C2C, PAIR, programs, images=images)
        assert (found.rule, found.chip, found.cycle) == ("fetch-text", 1, START + 2)
    assert violations(NANO_C2C, PAIR, programs, images={1: image}) == []


def test_a_chip_without_a_program():
    first = f"start: chip 1, {ALIGN}: start-up sequence must go on with NOP 4, not end"
    assert messages({0: program(PAIR, 0, EMPTY)}) == [first]
    with pytest.raises(ValueError, match=r"^programs must be for chips from 0 to 1, not for chip 2$"):
        violations(NANO_C2C, PAIR, {2: {}})


def test_start_up_sequence_must_be_that_of_the_place():
    programs = pair(EMPTY, EMPTY)
    programs.reverse()
    assert messages(programs) == [
        f"start: chip 0, {ALIGN}, cycle 0, NOP 4: start-up sequence must have SYNC_LINK 0 here, not NOP 4",
        f"start: chip 1, {ALIGN}, cycle 0, SYNC_LINK 0: start-up sequence must have NOP 4 here, not SYNC_LINK 0",
    ]
    programs = pair(EMPTY, EMPTY)
    programs[1][ALIGN][0] = isa.NOP.encode(count=5)
    assert broken(programs) == [("start", 1, ALIGN, 0)]
    programs = pair(EMPTY, EMPTY)
    del programs[0][ALIGN][-1]
    assert messages(programs) == [f"start: chip 0, {ALIGN}: start-up sequence must go on with NOTIFY, not end"]


@pytest.mark.parametrize(
    "extra", [isa.DESKEW.make(), isa.SYNC_LINK.make(link=0), isa.NOTIFY_LINKS.make(links=1)], ids=str
)
def test_nothing_of_the_sequence_stands_behind_it(extra):
    cycle = notify_cycle(NANO_C2C, PAIR) + 3
    assert messages(pair({ALIGN: [(2, extra)]}, EMPTY)) == [
        f"start: chip 0, {ALIGN}, cycle {cycle}, {extra}: {extra.op.name} must stand in the start-up sequence, "
        "not behind it"
    ]


@pytest.mark.parametrize("instruction", [nop(1), NOTIFY, read("s0w", 0)], ids=str)
def test_queues_begin_with_sync(instruction):
    programs = pair(EMPTY, EMPTY)
    programs[0]["MEM_W0.read"] = [instruction.word, SYNC.word]
    assert messages(programs) == [
        f"start: chip 0, MEM_W0.read, cycle 0, {instruction}: queue must begin with SYNC, "
        f"not with {instruction.op.name}"
    ]


def chain_of_two(latency):
    return Topology("pair", 2, (Cable(Port(0, 0), Port(1, 0), latency),))


def test_a_notice_must_come_within_the_epoch():
    most = isa.EPOCH_CYCLES - NOTICE_CYCLES - 1
    assert broken(pair(EMPTY, EMPTY, chain_of_two(most)), chain_of_two(most)) == []
    assert messages(pair(EMPTY, EMPTY, chain_of_two(most + 1)), chain_of_two(most + 1)) == [
        f"start: chip 0, C2C_W.send0: latency of a cable to a child must be at most {most}, not {most + 1}: "
        "an epoch is too short"
    ]
    # a cable that the tree does not use may be as long as one likes
    ring_with_long = Topology("triangle", 3, (*chain_of_two(64).cables, *triangle(1000)))
    assert broken([program(ring_with_long, chip, EMPTY) for chip in range(3)], ring_with_long) == []


def triangle(latency):
    return Cable(Port(0, 1), Port(2, 0)), Cable(Port(1, 1), Port(2, 1), latency)


def test_latency_must_cover_what_every_vector_takes():
    least = least_latency(NANO_C2C, PAIR)
    assert least == LEAST_LENGTH + isa.link_overhead(NANO_C2C) + 2 * NANO_C2C.link_drift + 2
    assert broken(pair(EMPTY, EMPTY, chain_of_two(least)), chain_of_two(least)) == []
    assert messages(pair(EMPTY, EMPTY, chain_of_two(least - 1)), chain_of_two(least - 1)) == [
        f"latency: chip 0, C2C_W.send0: latency of the cable to chip 1, link 0 must be at least {least}, "
        f"not {least - 1}"
    ]


def test_links_that_the_build_has_not():
    config = replace(NANO_C2C, name="one", c2c_links=1)
    assert violations(config, PAIR, pair(EMPTY, EMPTY, config=config)) == []
    (found,) = messages([], ring(3), config)
    assert found == "link: chip 0, C2C_W.send0: link must be from 0 to 0 in one, not 1"
    assert messages([], PAIR, NANO) == ["link: chip 0, -: build must have links, not be nano"]


def test_link_without_cable():
    programs = pair(sending(0, link=3), receiving(0, link=5))
    assert messages(programs) == [
        f"link: chip 0, C2C_W.send3, cycle {START + TAKEN}, SEND s0w: link 3 must have a cable",
        f"link: chip 1, C2C_W.receive5, cycle {START + TAKEN + LATENCY}, RECEIVE s0e: link 5 must have a cable",
    ]


def test_sends_are_packets_apart():
    legal, close = [0, APART, 3 * APART], [0, APART - 1, 3 * APART]
    assert broken(pair(sending(*legal), receiving(*legal))) == []
    assert messages(pair(sending(*close), receiving(*close))) == [
        f"link-busy: chip 0, C2C_W.send0, cycle {START + TAKEN + APART - 1}, SEND s0w: SENDs must be {APART} cycles "
        f"apart, not {APART - 1}"
    ]
    # the other direction, and other links, are other links
    both = pair(sending(0) | receiving(1), sending(1) | receiving(0))
    assert broken(both) == []


def test_a_vector_is_received_when_it_can_have_arrived():
    arrives = START + TAKEN + LATENCY
    assert broken(pair(sending(0), receiving(0))) == []
    assert broken(pair(sending(0), receiving(77))) == []
    assert messages(pair(sending(1), receiving(0))) == [
        f"receive: chip 1, C2C_W.receive0, cycle {arrives}, RECEIVE s0e: vector 0 of chip 0, link 0 must be received "
        f"from cycle {arrives + 1} on, not in {arrives}"
    ]
    assert broken(pair(sending(0, 50), receiving(0, 49))) == [("receive", 1, "C2C_W.receive0", arrives + 49)]


def test_every_vector_is_sent_and_received():
    assert messages(pair(sending(0), receiving(0, 20))) == [
        f"receive: chip 1, C2C_W.receive0, cycle {START + TAKEN + LATENCY + 20}, RECEIVE s0e: vector 1 of chip 0, "
        "link 0 must be sent, there are only 1"
    ]
    assert messages(pair(sending(0, 20), receiving(0))) == [
        f"receive: chip 0, C2C_W.send0, cycle {START + TAKEN + 20}, SEND s0w: vector 1 must be received by chip 1, "
        "link 0, which receives only 1"
    ]


def test_repeats_count_one_by_one():
    zero = {
        "MEM_W0.read": [read("s0w", 0), repeat(3, APART)],
        "C2C_W.send0": [(TAKEN, send("s0w")), repeat(3, APART)],
    }
    one = {"C2C_W.receive0": [(TAKEN + LATENCY, receive("s0e")), repeat(3, APART)]}
    assert broken(pair(zero, one)) == []
    one = {"C2C_W.receive0": [(TAKEN + LATENCY, receive("s0e")), repeat(3, APART - 1)]}
    assert {v[0] for v in broken(pair(zero, one))} == {"receive"}


def test_the_other_end_holds_so_many_vectors():
    config = replace(NANO_C2C, name="four", link_buffer=4)
    cycles = [n * APART for n in range(5)]
    # vector 4 arrives at the earliest in cycle 4 * APART + packet_words, from a chip that is early
    last = cycles[4] + TAKEN + config.packet_words - 2 * config.link_drift - 2 * PAIR.depth
    last -= TAKEN + LATENCY
    assert last < 0  # so vector 0 must be received before its time: a longer pause before vector 4 is needed
    cycles[4] -= last
    received = [n * APART for n in range(4)] + [cycles[4]]
    assert broken(pair(sending(*cycles), receiving(*received), config=config), config=config) == []
    cycles[4] -= 1
    assert messages(pair(sending(*cycles), receiving(*received), config=config), config=config) == [
        f"link-buffer: chip 0, C2C_W.send0, cycle {START + TAKEN + cycles[4]}, SEND s0w: vector 4 must be sent when "
        f"vector 0 has been received, from cycle {START + TAKEN + cycles[4] + 1} on: link_buffer is 4"
    ]
    assert broken(pair(sending(*cycles), receiving(*received))) == []  # NANO_C2C holds 16


def aligned():
    """Cycle, counted as entries of other queues are, of the end of the last DESKEW."""
    return -isa.NOTIFY.d_func(NANO_C2C)


def test_budget_is_what_two_clocks_drift_apart():
    assert NANO_C2C.link_drift == 4
    assert PAIR.ppm == 200
    assert BUDGET == 10_000  # 4 / (2 · 200e-6)
    assert budget(NANO_C2C, replace(PAIR, ppm=150)) == 13_333
    assert budget(NANO_C2C, replace(PAIR, ppm=0)) is None


def test_drift_of_sends_and_receives():
    late = BUDGET + aligned() - TAKEN
    cycle = START + TAKEN + late
    topology = replace(PAIR, cables=(Cable(Port(0, 0), Port(1, 0), LATENCY),))
    limit = f"chip must be aligned again within {BUDGET} cycles of cycle {START + aligned()}, not go on to cycle"
    received = receiving(late - LATENCY)
    assert broken(pair(sending(late - LATENCY), received), topology) == [("drift", 1, "C2C_W.receive0", None)]
    found = messages(pair(sending(late + 1), receiving(late + 1)), topology)
    assert f"drift: chip 0, C2C_W.send0, cycle {cycle + 1}, SEND s0w: {limit} {cycle + 1}" in found
    assert {message.split(":")[0] for message in found} == {"drift"}


def test_drift_at_the_end():
    """The program ends `superlanes` cycles after its last queue."""
    ends = BUDGET + aligned() - NANO_C2C.superlanes
    assert broken(pair({"VXM.alu0": [nop(ends)]}, EMPTY)) == []
    assert messages(pair({"VXM.alu0": [nop(ends + 1)]}, EMPTY)) == [
        f"drift: chip 0, VXM.alu0: chip must be aligned again within {BUDGET} cycles of cycle {START + aligned()}, "
        f"not go on to cycle {START + aligned() + BUDGET + 1}"
    ]
    assert broken(pair({"VXM.alu0": [nop(60_000)]}, EMPTY, replace(PAIR, ppm=0)), replace(PAIR, ppm=0)) == []


def test_alignment_takes_the_drift_back():
    """RUNTIME_DESKEW ends with the last cycle of the budget; then all of it is there again."""
    begins = BUDGET - LEAST - 1  # the align queue goes on in the cycle after its NOTIFY
    ends = BUDGET - isa.NOTIFY.d_func(NANO_C2C) - NANO_C2C.superlanes
    again = {ALIGN: [(begins, deskew(LEAST)), NOTIFY]}
    assert broken(pair(again | {"VXM.alu0": [SYNC, nop(ends)]}, EMPTY)) == []
    assert broken(pair(again | {"VXM.alu0": [SYNC, nop(ends + 1)]}, EMPTY)) == [("drift", 0, "VXM.alu0", None)]
    late = [(begins + 1, deskew(LEAST)), NOTIFY]
    cycle = notify_cycle(NANO_C2C, PAIR) + 1 + begins + 1
    assert messages(pair({ALIGN: late}, EMPTY)) == [
        f"drift: chip 0, {ALIGN}, cycle {cycle}, RUNTIME_DESKEW {LEAST}: chip must be aligned again within {BUDGET} "
        f"cycles of cycle {START + aligned()}, not go on to cycle {cycle + LEAST}"
    ]


def test_several_rules_come_in_order_of_cycles():
    programs = pair(sending(0, APART - 1, 40, 80), receiving(0, 11, 39))
    found = broken(programs)
    assert [rule for rule, *_ in found] == ["link-busy", "receive", "receive"]
    assert [cycle for *_, cycle in found] == sorted(cycle for *_, cycle in found)


def test_a_system_stores_what_it_receives():
    programs = pair(sending(0), receiving(0) | {"MEM_W1.write": [(TAKEN + LATENCY + STORED, write("s0e", 3))]})
    zero, one = check(NANO_C2C, PAIR, programs)
    assert [d.instruction.op.name for d in one.dispatches] == ["RECEIVE", "WRITE"]
    programs[1]["MEM_W1.write"] = [SYNC.word, nop(TAKEN + LATENCY + STORED + 1).word, write("s0e", 3).word]
    (found,) = violations(NANO_C2C, PAIR, programs)
    assert re.match(r"undefined-stream: chip 1, MEM_W1.write", str(found))


def mutated(programs, choices):
    """The programs with a word of some link's queue dropped, copied, or later or earlier."""
    programs = [{name: list(words) for name, words in program.items()} for program in programs]
    chip = choices.randrange(len(programs))
    words = programs[chip][choices.choice([name for name in programs[chip] if ".send" in name or ".receive" in name])]
    n, change = choices.randrange(1, len(words)), choices.random()
    if change < 0.2:
        del words[n]
    elif change < 0.4:
        words.insert(n, words[n])
    elif words[n] & 0xFF == isa.NOP.code and words[n] >> 8 > 1:
        words[n] += choices.choice((1 << 8, -1 << 8))
    else:
        words.insert(n, nop(1).word)
    return programs


def test_what_the_checker_lets_pass_runs():
    """And of what it does not, the simulator refuses just the RECEIVEs that come too early or without a SEND."""
    random = random_system(NANO_C2C, PAIR, 2, phases=1, length=150)
    choices, seen = Random(1), Counter()
    for _ in range(40):
        programs = mutated(random.programs, choices)
        topology = ring(2, latency=LATENCY + choices.choice((-1, 0, 0, 1)))
        found = violations(NANO_C2C, topology, programs, random.defined, random.memory)
        rules = {v.rule for v in found}
        if rules - {"receive", "link-busy", "link-buffer"}:
            continue  # no streams that meet: there is nothing to run
        system = ReferenceSystem(NANO_C2C, topology)
        for chip, memory in zip(system.chips, random.memory, strict=True):
            chip.memory.update({name: words.copy() for name, words in memory.items()})
        if any(v.rule == "receive" and v.instruction.startswith("RECEIVE") for v in found):
            seen["refused"] += 1
            with pytest.raises(IllegalProgram, match=r"^receive: chip ") as caught:
                system.run(programs)
            (first,) = caught.value.violations
            assert (first.chip, first.queue, first.cycle) in {(v.chip, v.queue, v.cycle) for v in found}
        else:
            seen["runs"] += 1
            system.run(programs)
    assert min(seen["refused"], seen["runs"]) > 3


def test_the_manual_has_every_rule():
    """Each of them has its tests above."""
    manual = (Path(__file__).parents[3] / "docs/manual/timing.md").read_text()
    table = manual.split("## What the checker refuses of many chips")[1].split("\n## ")[0]
    rules = re.findall(r"^\| `([a-z-]+)`", table, re.MULTILINE)
    assert rules == ["start", "link", "latency", "link-busy", "receive", "link-buffer", "drift"]
