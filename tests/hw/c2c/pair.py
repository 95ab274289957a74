"""Two chips' ends of one cable, each with a clock and an aligned counter of its own, in Amaranth's simulator."""

from __future__ import annotations

import random

from amaranth.hdl import ClockDomain, ClockSignal, DomainRenamer, Module, Signal
from amaranth.sim import Simulator

from takt_hw.c2c.counter import AlignedCounter
from takt_hw.c2c.link import Link
from takt_hw.config import ChipConfig

PERIOD = 1e-6
SETTLED = 5000
"""Clocks in which links come up and the child's counter is aligned."""


class Pair:
    """Chip 0 is the root, chip 1 its child.

    Parameters
    ----------
    wires : (int, int)
        Words that are on their way from chip 0 to chip 1, and back.
    ppm : (float, float)
        How fast the clocks are.
    late : int
        Clocks by which chip 1's clock begins later.
    seed : int
        Of clock phases.
    """

    def __init__(
        self,
        config: ChipConfig,
        *,
        wires: tuple[int, int] = (5, 5),
        ppm: tuple[float, float] = (0, 0),
        late: int = 0,
        seed: int = 0,
    ):
        self.config, self.ppm, self.late = config, ppm, late
        self.random = random.Random(seed)
        self.module = m = Module()
        self.links = [Link(config), Link(config)]
        self.counters = [AlignedCounter(config.pipelined), AlignedCounter(config.pipelined)]
        self.clocks = [ClockDomain("chip0"), ClockDomain("chip1")]
        self.flips = [Signal.like(link.o_wire, name=f"flips{n}") for n, link in enumerate(self.links)]
        """Bits that are flipped on chip n's outgoing wires."""
        self.cut, self.dead = Signal(2), Signal(2)
        """Bit n: chip n's outgoing wires carry zeros; its clock does not leave it."""
        for n, (link, counter) in enumerate(zip(self.links, self.counters, strict=True)):
            name = f"chip{n}"
            m.domains += self.clocks[n]
            m.submodules[f"link{n}"] = DomainRenamer(name)(link)
            m.submodules[f"counter{n}"] = DomainRenamer(name)(counter)
            other = self.links[1 - n]
            wire = link.o_wire
            for stage in range(wires[n]):
                before, wire = wire, Signal.like(wire, name=f"wire{n}_{stage}")
                m.d[name] += wire.eq(before)
            arriving = Signal.like(wire)
            with m.If(~self.cut[n]):
                m.d.comb += arriving.eq(wire ^ self.flips[n])
            m.d.comb += [
                other.i_wire.eq(arriving),
                # In the middle of the word.
                other.wire_clk.eq(~ClockSignal(name) & ~self.dead[n]),
                link.time.eq(counter.count),
                link.aligned.eq(counter.aligned),
                counter.parent.eq(link.bearing),
                counter.root.eq(1 if n == 0 else 0),
            ]

    def simulator(self) -> Simulator:
        """With both clocks."""
        simulator = Simulator(self.module)
        for n, ppm in enumerate(self.ppm):
            period = PERIOD / (1 + ppm * 1e-6)
            simulator.add_clock(
                period, phase=(self.random.uniform(0.5, 1.5) + n * self.late) * period, domain=f"chip{n}"
            )
        return simulator
