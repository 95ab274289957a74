"""Runs one component in Amaranth's simulator, cycle by cycle."""

from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from typing import Any

from amaranth.hdl import ClockDomain, Module, Value
from amaranth.lib import wiring
from amaranth.sim import Simulator


def run(
    dut: wiring.Component,
    stimulus: Iterable[Mapping[str, Any]],
    observe: Callable[[wiring.Component], Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Applies one mapping of input values per cycle and returns what is observed in that cycle.

    Inputs are named by attribute, members of a port as ``port.member``.
    Inputs that a cycle does not name are zero. Observations are taken at the end of the cycle, after
    combinational logic has settled and before the registers change.
    """
    m = Module()
    m.domains.sync = ClockDomain()  # what is tested may be combinational
    m.submodules.dut = dut
    steps = list(stimulus)
    names = {name for step in steps for name in step}
    watched = observe(dut)
    seen: list[dict[str, Any]] = []

    async def bench(ctx):
        for step in steps:
            for name in names:
                port = Value.cast(attrgetter(name)(dut))
                ctx.set(port, step.get(name, 0))
            seen.append({name: ctx.get(Value.cast(value)) for name, value in watched.items()})
            await ctx.tick()

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return seen


def dispatch(word: int) -> int:
    """The bits of a dispatch_layout that carries a word."""
    return 1 | word << 1


def drive(stream_bits: int, data: int) -> int:
    """The bits of a DRIVE that puts data on a stream."""
    return 1 | stream_bits << 1 | data << 7


def tap(stream_bits: int) -> int:
    """The bits of a TAP that takes a stream."""
    return 1 | stream_bits << 1


def from_lanes(lanes: Iterable[int], bits: int = 8) -> int:
    """Packs lane values, lane 0 lowest."""
    value = 0
    for n, lane in enumerate(lanes):
        value |= (int(lane) & ((1 << bits) - 1)) << n * bits
    return value


def to_lanes(value: int, count: int, bits: int = 8, signed: bool = False) -> list[int]:
    """Unpacks lane values, lane 0 first."""
    lanes = [value >> n * bits & ((1 << bits) - 1) for n in range(count)]
    return [lane - (1 << bits) if signed and lane >> (bits - 1) else lane for lane in lanes]
