"""Two whole links between clocks that differ: vectors on time, errors, time told, cables cut."""

import random
from dataclasses import replace

import pytest
from amaranth.sim import Simulator

from takt_hw.c2c.bearings import SILENCE_CYCLES
from takt_hw.isa import link_overhead
from tests.hw.c2c.pair import SETTLED, Pair
from tests.hw.c2c.words import LONG, NARROW, SHORT, WIDE

COME_UP = 120
"""Clocks in which both ends hear each other, at most."""


class Traffic:
    """Vectors in both directions at random times, each received at the first cycle at which it must be there.

    That is judged by the length that the receiving link shows: the counters need not be aligned. ``early``: so many
    cycles before that. ``errors``: probability that a bit is flipped.
    """

    def __init__(self, config, count, *, early=0, errors=0.0, seed=0, **pair):
        self.pair = Pair(config, seed=seed, **pair)
        self.config, self.count, self.early, self.errors = config, count, early, errors
        self.sent = [[], []]
        """By sending chip: its counter at SEND's dispatch, and the vector."""
        self.received = [[], []]
        """By receiving chip: the vector, and whether it was lost."""
        self.counts, self.states = [{}, {}], [{}, {}]
        simulator = self.pair.simulator()
        for chip in range(2):
            self._add(simulator, chip, random.Random(2 * seed + chip))
        simulator.run()
        assert len(self.received[0]) == len(self.received[1]) == count

    def _add(self, simulator: Simulator, chip: int, source: random.Random) -> None:
        link, counter = self.pair.links[chip], self.pair.counters[chip]
        lanes, superlanes = self.config.lanes, self.config.superlanes
        wires = len(link.o_wire)
        parts = [getattr(link, f"part{k}") for k in range(superlanes)]
        vectors = [getattr(link, f"vector{k}") for k in range(superlanes)]

        limit = self.count * (self.config.packet_cycles + 3) + 3 * COME_UP

        async def bench(ctx):
            clock, next_send = 0, COME_UP + source.randrange(9)
            sending, receiving = [], []  # (clock, superlane, 16 bytes), (clock, superlane, where it goes)
            while min(map(len, self.received)) < self.count or receiving:
                await ctx.tick(f"chip{chip}")
                clock += 1
                assert clock < limit
                now, length = ctx.get(counter.count), ctx.get(link.bearing.length)
                for due, k, part in [entry for entry in sending if entry[0] == clock]:
                    ctx.set(vectors[k], int.from_bytes(part, "little"))
                    sending.remove((due, k, part))
                sends = clock == next_send and len(self.sent[chip]) < self.count
                if sends:
                    vector = source.randbytes(lanes)
                    self.sent[chip].append((now - 2, vector))
                    sending += [(clock + k, k, vector[16 * k : 16 * k + 16]) for k in range(1, superlanes)]
                    ctx.set(vectors[0], int.from_bytes(vector[:16], "little"))
                    next_send = clock + self.config.packet_cycles + source.choice((0, 0, 1, 5))
                ctx.set(link.send, sends)
                for due, k, where in [entry for entry in receiving if entry[0] == clock]:
                    where[k] = ctx.get(parts[k]).to_bytes(16, "little")
                    receiving.remove((due, k, where))
                receives = False
                number = len(self.received[chip])
                if number < len(self.sent[1 - chip]):
                    least = length + link_overhead(self.config) - self.early
                    since = (now - 1 - self.sent[1 - chip][number][0] - least + 0x8000) % 0x10000 - 0x8000
                    receives = since >= 0
                ctx.set(link.receive, receives)
                if receives:
                    where = [b""] * superlanes
                    receiving += [(clock + link.latency + k, k, where) for k in range(superlanes)]
                    self.received[chip].append((where, ctx.get(link.lost)))
                flips = sum(1 << bit for bit in range(wires) if source.random() < self.errors) if self.errors else 0
                ctx.set(self.pair.flips[chip], flips)
            await ctx.tick(f"chip{chip}")
            self.counts[chip] = {name: ctx.get(value) for name, value in members(link.counts)}
            self.states[chip] = {name: ctx.get(value) for name, value in members(link.state)}

        simulator.add_testbench(bench)

    def judge(self, chip: int) -> list[str]:
        """Of each vector that a chip received: right, lost (zeros, and said so), or silent: the worst there is."""
        zeros = bytes(self.config.lanes)
        found = []
        for (_, vector), (parts, lost) in zip(self.sent[1 - chip], self.received[chip], strict=True):
            got = b"".join(parts)
            right, said = got == vector and not lost, got == zeros and lost
            found.append("right" if right else "lost" if said else "silent")
        return found


def members(view):
    return [(name, view[name]) for name, _ in view.shape()]


PIPELINED = replace(NARROW, name="pipelined", pipelined=True, mxm_fp16=False, mxm_fp16_int8=False, vxm_function_alus=0)

CASES = [
    (NARROW, (200, -200), (0, 0), 0),
    (NARROW, (-200, 200), (90, 3), 1),
    (NARROW, (0, 1), (7, 7), 2),
    (NARROW, (-200, -200), (1, 30), 3),
    (WIDE, (200, -200), (5, 6), 4),
    (WIDE, (-200, 200), (60, 61), 5),
    (SHORT, (-200, 200), (2, 2), 6),
    (LONG, (200, 0), (4, 4), 7),
    (PIPELINED, (200, -200), (5, 6), 8),
]


@pytest.mark.parametrize(("config", "ppm", "wires", "seed"), CASES, ids=lambda case: getattr(case, "name", str(case)))
def test_every_vector_is_there_on_time(config, ppm, wires, seed):
    count = 40
    traffic = Traffic(config, count, ppm=ppm, wires=wires, seed=seed)
    for chip in range(2):
        assert traffic.judge(chip) == ["right"] * count
        assert traffic.counts[chip] == {"vectors": count, "corrected": 0, "uncorrectable": 0, "lost": 0}
        assert (traffic.states[chip]["late"], traffic.states[chip]["conflicts"]) == (0, 0)
        assert traffic.states[chip]["up"] == 1


def test_vectors_stay_on_time_while_the_phase_drifts_through():
    """At 2,000 ppm apart the clocks slip by three cycles and more in this run, so every phase is met."""
    traffic = Traffic(NARROW, 120, ppm=(1000, -1000), wires=(3, 3), seed=9)
    assert traffic.judge(0) == traffic.judge(1) == ["right"] * 120


@pytest.mark.parametrize("config", [NARROW, WIDE], ids=lambda config: config.name)
def test_the_overhead_has_one_cycle_to_spare_for_the_phase(config):
    judged = Traffic(config, 30, early=2, ppm=(200, -200), seed=1).judge(1)
    assert judged.count("lost") > 25
    assert "silent" not in judged
    judged = Traffic(config, 30, early=1, ppm=(200, -200), seed=1).judge(1)
    assert judged.count("right") > 25


def test_flipped_bits_at_one_in_a_thousand():
    count = 180
    traffic = Traffic(NARROW, count, errors=1e-3, ppm=(200, -200), seed=2)
    for chip in range(2):
        judged = traffic.judge(chip)
        assert "silent" not in judged
        assert judged.count("right") >= count - 4
        counts = traffic.counts[chip]
        assert counts["vectors"] >= judged.count("right")
        assert counts["corrected"] > count // 10
        assert counts["lost"] == judged.count("lost")
        assert counts["vectors"] + counts["uncorrectable"] >= count


def test_flipped_bits_at_one_in_a_hundred():
    """Most packets have a mended word, many one that cannot be: none of those passes for a vector."""
    count = 150
    traffic = Traffic(NARROW, count, errors=1e-2, ppm=(-200, 200), seed=3)
    for chip in range(2):
        judged = traffic.judge(chip)
        assert "silent" not in judged
        assert count // 10 < judged.count("lost") < count // 2
        counts = traffic.counts[chip]
        assert counts["corrected"] > count // 3
        assert counts["uncorrectable"] > count // 10


def steps(pair, chip, script):
    """Runs ``script(ctx, link, clocks)`` in a chip, where ``await clocks(n)`` waits."""

    async def bench(ctx):
        async def clocks(count=1):
            for _ in range(count):
                await ctx.tick(f"chip{chip}")

        await script(ctx, pair.links[chip], clocks)

    return bench


def restarted(pair, chip):
    """A chip's ALIGN, as the first thing it does."""

    async def script(ctx, link, clocks):
        await clocks(5)
        for signal in (link.restart, pair.counters[chip].restart):
            ctx.set(signal, 1)
        await clocks()
        for signal in (link.restart, pair.counters[chip].restart):
            ctx.set(signal, 0)

    return steps(pair, chip, script)


@pytest.mark.parametrize("ppm", [(200, -200), (-200, 200)])
def test_counters_come_together_and_stay(ppm):
    """Chip 1 begins 700 clocks later."""
    pair = Pair(NARROW, ppm=ppm, wires=(8, 8), late=700, seed=4)
    apart, aligned = [], []

    async def watch(ctx, link, clocks):
        for _ in range(SETTLED):
            await clocks()
            aligned.append(ctx.get(pair.counters[1].aligned))
            apart.append(ctx.get(pair.counters[1].count) - ctx.get(pair.counters[0].count))
        state = {name: ctx.get(value) for name, value in members(link.state)}
        assert (state["up"], state["aligned"]) == (1, 1)
        assert state["shortest"] <= state["length"] <= state["longest"] <= state["shortest"] + 2
        assert abs(state["length"] - state["theirs"]) <= 2

    simulator = pair.simulator()
    for chip in range(2):
        simulator.add_testbench(restarted(pair, chip))
    simulator.add_testbench(steps(pair, 1, watch))
    simulator.run()
    assert len(aligned) == SETTLED
    first = aligned.index(1)
    assert all(aligned[first:])
    assert abs(apart[10]) > 600
    assert max(map(abs, apart[first:])) <= 2


@pytest.mark.parametrize("how", ["cut", "dead"])
def test_a_cable_that_is_cut_and_mended(how):
    """Zeros, or no clock, from chip 0 on: chip 1 hears nothing, and tells chip 0."""
    pair = Pair(NARROW, ppm=(100, -100), seed=5)
    ended = []

    async def script(ctx, link, clocks):
        ups = lambda: [ctx.get(one.bearing.up) for one in pair.links]  # noqa: E731
        await clocks(COME_UP)
        assert ups() == [1, 1]
        ctx.set(getattr(pair, how), 0b01)
        await clocks(SILENCE_CYCLES - 20)
        assert ups() == [1, 1]
        await clocks(60)
        assert ups() == [0, 0]
        assert [ctx.get(one.state.up) for one in pair.links] == [0, 0]
        ctx.set(getattr(pair, how), 0)
        await clocks(COME_UP)
        assert ups() == [1, 1]
        ended.append(how)

    simulator = pair.simulator()
    simulator.add_testbench(steps(pair, 1, script))
    simulator.run()
    assert ended == [how]


@pytest.mark.parametrize("dead", [0, 1])
def test_a_chip_is_reset_while_packets_come(dead):
    """Also if its neighbour's clock stands still then. The rest of a packet is no vector, what is sent later is."""
    pair = Pair(NARROW, ppm=(100, -100), seed=6)
    ended = []

    async def sender(ctx, link, clocks):
        await clocks(COME_UP)
        for n in range(20):
            ctx.set(link.vector0, 0x1111 * (n + 1))
            ctx.set(link.send, 1)
            await clocks()
            ctx.set(link.send, 0)
            await clocks(NARROW.packet_words)

    async def script(ctx, link, clocks):
        await clocks(COME_UP + 50)
        ctx.set(pair.dead, dead)
        ctx.set(pair.clocks[1].rst, 1)
        await clocks(40)
        assert ctx.get(link.bearing.up) == 0
        ctx.set(pair.clocks[1].rst, 0)
        ctx.set(pair.dead, 0)
        await clocks(250)
        assert ctx.get(link.bearing.up) == 1
        found = []
        for _ in range(20):
            ctx.set(link.receive, 1)
            await clocks()
            found.append(ctx.get(link.part0))
        ctx.set(link.receive, 0)
        count = sum(value != 0 for value in found)
        # It kept no count of what came before its reset: only what fits its window from number 0 on is held.
        assert all(value in (0, 0x1111 * (n + 1)) for n, value in enumerate(found))
        assert count == ctx.get(link.counts.vectors) - ctx.get(link.state.conflicts)
        assert count > 5
        ended.append(dead)

    simulator = pair.simulator()
    simulator.add_testbench(steps(pair, 0, sender))
    simulator.add_testbench(steps(pair, 1, script))
    simulator.run()
    assert ended == [dead]


@pytest.mark.parametrize("errors", [0, 1e-3])
def test_notify_links_are_counted_at_the_other_end(errors):
    pair = Pair(NARROW, ppm=(100, -100), wires=(20, 20), seed=7)
    source = random.Random(8)
    ended = []

    async def flips(ctx, link, clocks):
        while True:
            await clocks()
            ctx.set(pair.flips[0], sum(1 << bit for bit in range(25) if source.random() < errors))

    async def script(ctx, link, clocks):
        await clocks(2 * COME_UP)
        for count in range(1, 6):
            ctx.set(link.notify, 1)
            await clocks(1)
            ctx.set(link.notify, 0)
            await clocks(90)
            assert ctx.get(pair.links[1].notifies) == count
            assert ctx.get(link.notifies) == 0
        ended.append(errors)

    simulator = pair.simulator()
    simulator.add_testbench(steps(pair, 0, script))
    simulator.add_testbench(steps(pair, 0, flips), background=True)
    simulator.run()
    assert ended == [errors]
