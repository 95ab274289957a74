"""Every word of a link, cycle by cycle, against the words as the design page has them."""

import random

import pytest

from takt_hw.c2c.transmitter import Transmitter
from tests.hw.c2c.words import BODY, CONFIGS, FILL, NARROW, SIGHT, STATE, TIME, WIDE, coded, packet
from tests.hw.simulation import run


def expected(config, steps, sends, clears=()):
    """Words, and cycles in which TIME is told. ``sends``: vectors by cycle."""
    busy, number = {}, 0
    for cycle in range(len(steps)):
        if cycle in clears:
            number = 0
        if cycle in sends:
            busy |= {cycle + n: word for n, word in enumerate(packet(config, number, sends[cycle]))}
            number = (number + 1) % 256
    words, told, turn, last = [], [], 0, -1
    for cycle, step in enumerate(steps):
        word = busy.get(cycle, (FILL, 0))
        if cycle not in busy and cycle - last > 3:
            last, kind = cycle, (TIME, SIGHT, STATE)[turn]
            turn = (turn + 1) % 3
            if kind == TIME:
                word = kind, step["time"]
                told.append(cycle)
            elif kind == STATE:
                word = kind, step["notified"] | step["hears"] << 8 | step["aligned"] << 9
            elif step["hears"]:
                word = kind, step["length"]
        words.append(coded(config, *word))
    return words, told


def stimulus(config, cycles, sends, clears=(), seed=0):
    """Random states; superlane k's vector changes k cycles after ``send``."""
    source = random.Random(seed)
    steps = []
    vectors = [0] * config.superlanes
    for cycle in range(cycles):
        for k in range(config.superlanes):
            if cycle - k in sends:
                vectors[k] = int.from_bytes(sends[cycle - k][16 * k : 16 * k + 16], "little")
        steps.append(
            {
                "send": cycle in sends,
                "clear": cycle in clears,
                "time": source.getrandbits(16),
                "length": source.getrandbits(16),
                "notified": source.getrandbits(8),
                "hears": source.random() < 0.7,
                "aligned": source.getrandbits(1),
                **{f"vector{k}": vectors[k] for k in range(config.superlanes)},
            }
        )
    return steps


def observe(dut):
    return {"wire": dut.wire, "told": dut.told, "conflict": dut.conflict}


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
def test_words(config):
    source = random.Random(1)
    sends, cycle = {}, 7
    for n in range(12):
        sends[cycle] = source.randbytes(config.lanes)
        cycle += config.packet_cycles + (0 if n % 3 else source.randrange(9))
    clears = {sorted(sends)[8] - 1}
    steps = stimulus(config, cycle + 20, sends, clears)
    dut = Transmitter(config)
    seen = run(dut, steps, observe)
    words, told = expected(config, steps, sends, clears)
    assert [row["wire"] for row in seen] == [0] * dut.latency + words[: -dut.latency]
    assert [cycle for cycle, row in enumerate(seen) if row["told"]] == told
    assert not any(row["conflict"] for row in seen)


def test_numbers_begin_again_after_255():
    config = CONFIGS[2]
    sends = {5 + n * config.packet_cycles: bytes([n % 256] * 16) for n in range(258)}
    steps = stimulus(config, 6 + 258 * config.packet_cycles, sends)
    dut = Transmitter(config)
    assert [row["wire"] for row in run(dut, steps, observe)][dut.latency :] == expected(config, steps, sends)[0][:-2]


@pytest.mark.parametrize("config", [NARROW, WIDE], ids=lambda config: config.name)
@pytest.mark.parametrize("after", [1, 2, 3, -1, 0])
def test_a_send_too_soon(config, after):
    """It has a number, no packet, and may have taken the vector of the packet before: that must not look whole."""
    after = after if after > 0 else config.packet_words + after
    sends = {5: b"\x11" * config.lanes, 5 + after: b"\x22" * config.lanes, 60: b"\x33" * config.lanes}
    steps = stimulus(config, 100, sends)
    dut = Transmitter(config)
    seen = run(dut, steps, observe)
    assert [cycle for cycle, row in enumerate(seen) if row["conflict"]] == [5 + after]
    wires = [row["wire"] for row in seen][dut.latency :]
    third = [coded(config, *word) for word in packet(config, 2, sends[60])]
    assert wires[60 : 60 + config.packet_words] == third
    first = [coded(config, *word) for word in packet(config, 0, sends[5])]
    sent = wires[5 : 5 + config.packet_words]
    vectors_gone = after < config.packet_words
    assert (sent != first) == vectors_gone
    kinds = [word & 7 for word in sent]
    assert kinds == [first[0] & 7] + [BODY] * (config.packet_words - 1)
