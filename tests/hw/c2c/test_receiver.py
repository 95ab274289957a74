"""What comes of words, whole and broken, in the chip's clock."""

import random
from dataclasses import dataclass, field

import pytest
from amaranth.hdl import ClockDomain, ClockSignal, Module
from amaranth.sim import Simulator

from takt_hw.c2c.receiver import Receiver
from tests.hw.c2c.words import BODY, CONFIGS, FILL, NARROW, SHORT, SIGHT, START, STATE, TIME, coded, coded_packet

PERIOD = 1e-6
BAD = None


@dataclass
class Received:
    """(number, vector, corrected) of each packet, BAD of a bad one; (type, payload) of each beacon."""

    packets: list = field(default_factory=list)
    beacons: list = field(default_factory=list)


def receive(config, words, *, ppm=200, phase=0.3):
    """Sends words in a clock of its own."""
    m = Module()
    m.submodules.dut = dut = Receiver(config)
    m.domains.sync = ClockDomain()
    m.domains.sender = ClockDomain()
    m.d.comb += dut.wire_clk.eq(~ClockSignal("sender"))
    found = Received()

    async def send(ctx):
        await ctx.tick("sender").repeat(4)
        for word in words:
            ctx.set(dut.i_wire, word)
            await ctx.tick("sender")
        ctx.set(dut.i_wire, 0)

    async def watch(ctx):
        arrived, packet, heard, beacon = dut.arrived, dut.packet, dut.heard, dut.beacon
        for _ in range(len(words) + 30):
            await ctx.tick()
            if ctx.get(arrived):
                number, vector = ctx.get(packet.number), ctx.get(packet.vector).to_bytes(config.lanes, "little")
                found.packets.append((number, vector, ctx.get(packet.corrected)) if ctx.get(packet.good) else BAD)
            if ctx.get(heard):
                found.beacons.append((ctx.get(beacon.type).value, ctx.get(beacon.payload)))

    simulator = Simulator(m)
    simulator.add_clock(PERIOD)
    sender = PERIOD / (1 + ppm * 1e-6)
    simulator.add_clock(sender, phase=sender * phase, domain="sender")
    simulator.add_testbench(send)
    simulator.add_testbench(watch)
    simulator.run()
    return found


def some_packets(config, count, seed=0):
    source = random.Random(seed)
    return [(n % 256, source.randbytes(config.lanes)) for n in range(count)]


GAP = 0  # FILL


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
@pytest.mark.parametrize("ppm", [-200, 200])
def test_whole_packets_and_beacons(config, ppm):
    words, beacons = [], []
    packets = some_packets(config, 12)
    for n, (number, vector) in enumerate(packets):
        kind = (TIME, SIGHT, STATE)[n % 3]
        beacons.append((kind, 0xFFFF - n * 257))
        words += [*coded_packet(config, number, vector), coded(config, *beacons[-1])]
    found = receive(config, words, ppm=ppm)
    assert found.packets == [(number, vector, 0) for number, vector in packets]
    assert found.beacons == beacons


def test_every_flipped_bit_is_mended():
    config = NARROW
    words, expected = [], []
    source = random.Random(3)
    for bit in range(25):
        vector = source.randbytes(16)
        packet = coded_packet(config, bit, vector)
        flipped = source.sample(range(len(packet)), 1 + bit % 4)
        words += [word ^ (1 << bit if n in flipped else 0) for n, word in enumerate(packet)] + [GAP]
        expected.append((bit, vector, 1))
    words += [*coded_packet(config, 25, vector), GAP ^ 1 << 7, *coded_packet(config, 26, vector)]
    assert receive(config, words).packets == [*expected, (25, vector, 0), (26, vector, 0)]


@pytest.mark.parametrize("config", [NARROW, SHORT], ids=lambda config: config.name)
def test_a_word_that_cannot_be_mended_costs_its_packet(config):
    """Also if it is the START, or the last; a broken FILL costs nothing."""
    words, expected = [], []
    source = random.Random(4)
    for n, (number, vector) in enumerate(some_packets(config, config.packet_words + 1)):
        packet = [*coded_packet(config, number, vector), GAP]
        a, b = source.sample(range(20), 2)
        packet[n] ^= 1 << a | 1 << b
        words += packet
        words += [*coded_packet(config, 200, vector), GAP]
        expected += [BAD if n < config.packet_words else (number, vector, 0), (200, vector, 0)]
    assert receive(config, words).packets == expected


def test_a_beacon_with_a_mended_bit_is_heard_and_a_broken_one_is_not():
    beacon = coded(NARROW, TIME, 0x1234)
    words = []
    for flips in (0, 1 << 5, 0b11, 1 << 4 | 1 << 20):
        words += [beacon ^ flips, GAP, GAP, GAP]
    found = receive(NARROW, words)
    assert found.beacons == [(TIME, 0x1234)] * 2
    assert found.packets == []


def replaced(packet, n, *words):
    return [*packet[:n], *words, *packet[n + 1 :]]


VECTOR = bytes(range(100, 116))
GOOD = coded_packet(NARROW, 7, VECTOR)
WHOLE = (7, VECTOR, 0)
FALSE_START = coded(NARROW, START, 7)

BROKEN = {
    "start is fill": (replaced(GOOD, 0, coded(NARROW, FILL)), [BAD]),
    "start is time": (replaced(GOOD, 0, coded(NARROW, TIME, 7)), [BAD]),
    "start is body": (replaced(GOOD, 0, coded(NARROW, BODY, 7)), [BAD]),
    "other number": (replaced(GOOD, 0, coded(NARROW, START, 6)), [BAD]),
    "other payload": (replaced(GOOD, 4, GOOD[5]), [BAD]),
    "other crc, low": (replaced(GOOD, 9, coded(NARROW, BODY, GOOD[9] >> 3 & 0xFFFF ^ 1)), [BAD]),
    "other crc, high": (replaced(GOOD, 10, coded(NARROW, BODY, GOOD[10] >> 3 & 0xFFFF ^ 0x8000)), [BAD]),
    "fill inside": (replaced(GOOD, 3, coded(NARROW, FILL)), [BAD]),
    "time inside": (replaced(GOOD, 3, coded(NARROW, TIME, 1)), [BAD]),
    "unknown type inside": (replaced(GOOD, 3, coded(NARROW, 6)), [BAD]),
    "fill at the end": (replaced(GOOD, 10, coded(NARROW, FILL)), [BAD]),
    "a word too few": (replaced(GOOD, 5), [BAD]),
    "a word too many": (replaced(GOOD, 5, GOOD[5], GOOD[5]), [BAD]),
    "body afterwards": ([*GOOD, GOOD[1], GOOD[2]], [WHOLE, BAD]),
    "body from nowhere": ([GAP, *GOOD[1:4]], [BAD]),
    "body, broken word, body": ([GAP, GOOD[1], GOOD[1] ^ 3, GOOD[1]], [BAD]),
    "two runs of body": ([GOOD[1], GOOD[2], GAP, GAP, GAP, GOOD[1]], [BAD, BAD]),
    "start inside": (replaced(GOOD, 5, FALSE_START), [BAD, BAD]),
    "start at the end": (replaced(GOOD, 10, FALSE_START), [BAD]),
    "packet inside": ([*GOOD[:4], *GOOD], [BAD, WHOLE]),
    "packet after a broken start": ([GOOD[0] ^ 3, *GOOD], [WHOLE]),
    "only starts": ([FALSE_START] * 40 + GOOD[1:], [BAD] * 10 + [WHOLE]),
}


@pytest.mark.parametrize("name", BROKEN)
def test_nothing_is_guessed(name):
    words, expected = BROKEN[name]
    between = [GAP, coded(NARROW, TIME, 9), GAP, GAP]
    found = receive(NARROW, [*GOOD, *between, *words, *between, *GOOD])
    assert found.packets == [WHOLE, *expected, WHOLE]


def test_garbage_makes_no_packet_and_the_next_is_whole():
    source = random.Random(5)
    garbage = [source.getrandbits(25) for _ in range(1500)]
    starts = [coded(NARROW, source.choice((START, BODY)), source.getrandbits(16)) for _ in range(1500)]
    found = receive(NARROW, [*garbage, *starts, GAP, GAP, *GOOD])
    assert found.packets[-1] == WHOLE
    assert set(found.packets[:-1]) == {BAD}
