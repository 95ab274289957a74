"""Start, barrier, end and cycle count of a program."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .. import isa
from ..config import ChipConfig
from ..tiles import Relay

LOOK_AHEAD = 2
"""Cycles from ``release`` at a queue to its next dispatch, and from ``start`` to cycle 0."""


class Clockwork(wiring.Component):
    """Counts the cycles of a program, carries NOTIFY to the parked queues and sees the end.

    Parameters
    ----------
    config : ChipConfig
        The build.
    late : int
        Cycles by which the queues begin later than LOOK_AHEAD cycles after ``start``.

    Members
    -------
    start : In(1)
        The program begins; cycle 0 is LOOK_AHEAD + ``late`` cycles later.
    notify, ended : In(queues)
        From the queues.
    release : Out(1)
        To the parked queues, ``NOTIFY.d_func - LOOK_AHEAD`` cycles after NOTIFY's dispatch; to the `Relay` of each in a
        pipelined build, a cycle before.
    align, cycle : In(1), In(64)
        In two clocks ``cycle`` is dispatched, whatever was counted.
    elapsed : Out(64)
        Cycles since cycle 0 began to be prepared: one more than the cycle that is being dispatched.
    running, done : Out(1)
        A program runs; a program has ended and its memory can be read.
    cycles : Out(64)
        Cycle count of the program that ended last: latest end plus superlanes.
    """

    def __init__(self, config: ChipConfig, late: int = 0):
        self.late = late
        self.superlanes = config.superlanes
        # from the last dispatch until its last write, and what is seen of it, are over
        self.drain_cycles = config.superlanes + 1 + config.mending_cycles + config.masked_cycles
        self.release_delay = isa.NOTIFY.d_func(config) - LOOK_AHEAD - (Relay.latency if config.pipelined else 0)
        queues = len(isa.queues(config))
        super().__init__(
            {
                "start": In(1),
                "notify": In(queues),
                "ended": In(queues),
                "align": In(1),
                "cycle": In(64),
                "release": Out(1),
                "elapsed": Out(64),
                "running": Out(1),
                "done": Out(1),
                "cycles": Out(64),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        travelling = Signal(self.release_delay)
        m.d.sync += travelling.eq(Cat(self.notify.any(), travelling))
        m.d.comb += self.release.eq(travelling[-1])

        # ``elapsed`` runs one ahead of the cycle being dispatched, as ``ended`` does of a queue's end.
        drain = Signal(range(self.drain_cycles + 1))
        m.d.sync += self.elapsed.eq(self.elapsed + 1)
        with m.If(self.align):
            m.d.sync += self.elapsed.eq(self.cycle)
        begins, all_ended, waiting = Signal(), Signal(), Signal(self.late)
        last_cycle = Signal.like(self.cycles)
        m.d.comb += [begins.eq(self.start), all_ended.eq(self.ended.all()), last_cycle.eq(self.elapsed)]
        if self.late:
            # There is time for a register on the long way from the queues, too.
            seen = Signal()
            m.d.sync += [waiting.eq(Cat(self.start, waiting)), seen.eq(self.ended.all())]
            m.d.comb += [begins.eq(waiting[-1]), all_ended.eq(seen), last_cycle.eq(self.elapsed - 1)]
        with m.If(self.start):
            m.d.sync += [self.running.eq(1), self.done.eq(0)]
        with m.If(begins):
            m.d.sync += [self.elapsed.eq(0), drain.eq(0), travelling.eq(0)]
        with m.Elif(self.start | waiting.any()):
            pass
        with m.Elif(self.running & (drain == 0)):
            with m.If(all_ended):
                m.d.sync += [self.cycles.eq(last_cycle + self.superlanes), drain.eq(self.drain_cycles)]
        with m.Elif(self.running):
            m.d.sync += drain.eq(drain - 1)
            with m.If(drain == 1):
                m.d.sync += [self.running.eq(0), self.done.eq(1)]
        return m
