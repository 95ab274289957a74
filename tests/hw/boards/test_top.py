"""A board's lights and line, with a chip that does nothing but show what it hears."""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from takt_hw.boards.top import BLINKS_PER_SECOND, BoardCore
from takt_hw.config import NANO
from takt_hw.host.uart import FRAME_BITS
from takt_hw.isa.host import BEAT_BYTES, Command
from takt_sim.tb.frames import Request
from takt_sim.tb.slip import Unwrapper, wrap

CLOCK_HZ, BAUD = 4000, 1000
BIT = CLOCK_HZ // BAUD


class Echo(wiring.Component):
    """Stands in the chip's place: sends back what it hears; can be told to run and to fail."""

    rx: In(stream.Signature(128))
    rx_abandon: In(1)
    tx: Out(stream.Signature(128))
    running: Out(1)
    done: Out(1)
    faults: Out(16)

    def elaborate(self, platform):
        m = Module()
        wiring.connect(m, wiring.flipped(self.rx), wiring.flipped(self.tx))
        return m


def run(bench):
    """Run ``bench(ctx, core, chip)`` on a core."""
    core = BoardCore(NANO, clock_hz=CLOCK_HZ, baud=BAUD)
    core._chip = chip = Echo()
    simulator = Simulator(core)
    simulator.add_clock(1 / CLOCK_HZ)

    async def testbench(ctx):
        await bench(ctx, core, chip)

    simulator.add_testbench(testbench)
    simulator.run()


async def send(ctx, core, data):
    for byte in data:
        for bit in (0, *(byte >> n & 1 for n in range(8)), 1):
            ctx.set(core.rx, bit)
            await ctx.tick().repeat(BIT)


def test_lights_say_what_the_chip_says():
    async def bench(ctx, core, chip):
        for faults, running in ((0, 0), (0, 1), (1 << 15, 0), (1, 1)):
            ctx.set(chip.faults, faults)
            ctx.set(chip.running, running)
            await ctx.tick().repeat(2)
            assert (ctx.get(core.fault), ctx.get(core.running)) == (faults != 0, running)

    run(bench)


def test_the_heart_beats_about_once_a_second():
    async def bench(ctx, core, chip):
        seen = []
        for _ in range(8 * CLOCK_HZ // 100):
            await ctx.tick().repeat(100)
            seen.append(ctx.get(core.heartbeat))
        changes = sum(a != b for a, b in zip(seen, seen[1:], strict=False))
        assert 4 <= changes <= 16

    run(bench)


def test_the_line_has_a_light_of_its_own():
    async def bench(ctx, core, chip):
        await ctx.tick().repeat(20)
        assert not ctx.get(core.active)
        await send(ctx, core, b"\x55")
        await ctx.tick().repeat(4)
        assert ctx.get(core.active)
        await ctx.tick().repeat(CLOCK_HZ // BLINKS_PER_SECOND - 20)
        assert ctx.get(core.active)
        await ctx.tick().repeat(40)
        assert not ctx.get(core.active)

    run(bench)


def test_frames_go_in_and_out_by_the_pins():
    """A request comes back as it was sent: the line from one pin to the other."""
    request = Request(command=Command.WRITE_MEM, count=2, payload=bytes(range(0xB0, 0xD0)), tag=7).frame
    line = []

    async def bench(ctx, core, chip):
        await send(ctx, core, wrap(request))
        await ctx.tick().repeat(2 * len(request) * FRAME_BITS * BIT)

    async def watch(ctx):
        async for _, _, level in ctx.tick().sample(core.tx):
            line.append(level)

    core = BoardCore(NANO, clock_hz=CLOCK_HZ, baud=BAUD)
    core._chip = chip = Echo()
    simulator = Simulator(core)
    simulator.add_clock(1 / CLOCK_HZ)

    async def testbench(ctx):
        await bench(ctx, core, chip)

    simulator.add_testbench(testbench)
    simulator.add_testbench(watch, background=True)
    simulator.run()
    data, at = bytearray(), 0
    while 0 in line[at:]:
        at = line.index(0, at)
        bits = [line[at + BIT // 2 + n * BIT] for n in range(FRAME_BITS)]
        assert (bits[0], bits[-1]) == (0, 1)
        data.append(sum(bit << n for n, bit in enumerate(bits[1:-1])))
        at += FRAME_BITS * BIT - BIT // 2
    assert Unwrapper().take(bytes(data)) == [request]
    assert len(request) == 4 * BEAT_BYTES
