"""Bytes over a line, bit by bit, against a sender and a receiver written in Python."""

import random
from fractions import Fraction

import pytest
from amaranth.sim import Simulator

from takt_hw.host.uart import UartReceiver, UartTransmitter

FAST = Fraction(4)
TRUE = Fraction(100, 3)  # 3 Mbaud at 100 MHz


def received(levels, clocks_per_bit):
    """What a receiver makes of a line: (data, bad) of each byte. ``levels`` are (level, cycles) in order."""
    dut = UartReceiver(clocks_per_bit)
    found = []

    async def drive(ctx):
        for level, cycles in levels:
            ctx.set(dut.rx, level)
            if cycles:
                await ctx.tick().repeat(cycles)
        await ctx.tick().repeat(4)

    async def watch(ctx):
        async for _, _, valid, data, bad in ctx.tick().sample(dut.valid, dut.data, dut.bad):
            if valid:
                found.append((data, bad))

    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(drive)
    simulator.add_testbench(watch, background=True)
    simulator.run()
    return found


def line(data, period, *, start=0.0, idle=2):
    """Levels of a line with these bytes, ``period`` cycles per bit, beginning ``start`` cycles late."""
    bits = [1] * idle + [bit for byte in data for bit in (0, *((byte >> n) & 1 for n in range(8)), 1)] + [1]
    edges = [round(start + n * period) for n in range(len(bits) + 1)]
    return [(bit, late - early) for bit, early, late in zip(bits, edges, edges[1:], strict=False)]


def good(data):
    return [(byte, 0) for byte in data]


CORNERS = bytes([0x00, 0xFF, 0x55, 0xAA, 0x01, 0x80, 0xC0, 0xDB])


@pytest.mark.parametrize("clocks_per_bit", [FAST, Fraction(9, 2), Fraction(17, 3), TRUE], ids=str)
def test_receives_what_a_line_of_its_own_speed_says(clocks_per_bit):
    data = CORNERS + random.Random(1).randbytes(60)
    assert received(line(data, float(clocks_per_bit)), clocks_per_bit) == good(data)


@pytest.mark.parametrize("percent", [-4, -2, -1, 1, 2, 4])
@pytest.mark.parametrize("phase", [0.0, 0.5])
def test_receives_what_a_faster_or_slower_line_says(percent, phase):
    data = CORNERS + random.Random(percent).randbytes(20)
    assert received(line(data, float(TRUE) * (1 + percent / 100), start=phase), TRUE) == good(data)


def test_a_line_that_is_much_too_slow_is_not_understood():
    data = bytes([0x00] * 4)
    assert received(line(data, float(TRUE) * 1.15), TRUE) != good(data)


def test_a_missing_stop_bit_is_bad_and_the_next_byte_is_good():
    levels = line(b"\x12", 4)[:-2] + [(0, 4)] + line(b"\x34", 4)
    assert received(levels, FAST) == [(0x12, 1), (0x34, 0)]


def test_a_line_that_stays_low_is_one_bad_byte():
    assert received([(1, 9), (0, 500), *line(b"\x99", 4)], FAST) == [(0, 1), (0x99, 0)]


def test_a_spike_is_no_byte():
    assert received([(1, 40), (0, 8), (1, 40), *line(b"\x77", float(TRUE))], TRUE) == good(b"\x77")


def test_an_idle_line_says_nothing():
    assert received([(1, 2000)], TRUE) == []


@pytest.mark.parametrize("clocks_per_bit", [FAST, Fraction(17, 3), TRUE], ids=str)
def test_sends_bits_of_even_length(clocks_per_bit):
    data = CORNERS + random.Random(2).randbytes(8)
    dut = UartTransmitter(clocks_per_bit)
    levels = []

    async def feed(ctx):
        for byte in data:
            ctx.set(dut.i.payload, byte)
            ctx.set(dut.i.valid, 1)
            await ctx.tick().until(dut.i.ready)
        ctx.set(dut.i.valid, 0)
        await ctx.tick().until(dut.i.ready)
        await ctx.tick()

    async def watch(ctx):
        async for _, _, level in ctx.tick().sample(dut.tx):
            levels.append(level)

    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(feed)
    simulator.add_testbench(watch, background=True)
    simulator.run()

    cycle = 0
    for byte in data:
        cycle = levels.index(0, cycle)
        for n, bit in enumerate((0, *((byte >> n) & 1 for n in range(8)), 1)):
            first, last = (round(float(clocks_per_bit) * edge) for edge in (n, n + 1))
            assert set(levels[cycle + first + 1 : cycle + last - 1]) <= {bit}
            assert levels[cycle + (first + last) // 2] == bit
        cycle += round(10 * float(clocks_per_bit)) - 1
    whole = len(data) * (10 * float(clocks_per_bit) + 1)
    assert levels.index(0) + whole == pytest.approx(len(levels), abs=len(data) + 4)  # back to back


@pytest.mark.parametrize("component", [UartReceiver, UartTransmitter])
def test_too_few_cycles_are_refused(component):
    with pytest.raises(ValueError, match="^clocks_per_bit must be at least 4, not 7/2$"):
        component(Fraction(7, 2))
