"""Identical tiles are emitted once and instantiated.

Amaranth elaborates every instance of a component anew, so a chip of 400 supercells would become 400
modules. A `TileLibrary` elaborates each kind of tile once and places instances of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from amaranth.hdl import ClockSignal, Instance, Module, ResetSignal, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

RESET_COPY = "reset_copy"
"""Name of the tile that copies the reset."""


class ResetCopy(wiring.Component):
    """The reset, one cycle later. A module of its own, as synthesis would join registers that are alike.

    Members
    -------
    o : Out(1)
        In reset.
    """

    def __init__(self) -> None:
        super().__init__({"o": Out(1)})

    def elaborate(self, platform) -> Module:
        m = Module()
        copy = Signal(init=1, reset_less=True)
        m.d.sync += copy.eq(ResetSignal())
        m.d.comb += self.o.eq(copy)
        return m


class Relay(wiring.Component):
    """A register on a long way. A module of its own, as synthesis would join registers that are alike.

    Parameters
    ----------
    bits : int
        How many it has.

    Members
    -------
    i, o : In(bits), Out(bits)
        What comes, and the same one cycle later.
    """

    latency = 1

    def __init__(self, bits: int) -> None:
        super().__init__({"i": In(bits), "o": Out(bits)})

    def elaborate(self, platform) -> Module:
        m = Module()
        register = Signal(len(self.i), reset_less=True)
        m.d.sync += register.eq(self.i)
        m.d.comb += self.o.eq(register)
        return m


class TileLibrary:
    """Places tiles in a module, as instances of a module that is emitted once.

    Parameters
    ----------
    shared : bool
        False places every tile as an ordinary submodule, which Amaranth's own simulator needs.

    Attributes
    ----------
    tiles : dict[str, wiring.Component]
        What must be emitted beside the top module, by module name.
    copies_reset : bool
        Whether every tile gets the reset from a register of its own, one cycle later than what it is part of: no net
        then reaches all of a large chip in one cycle.
    """

    def __init__(self, shared: bool = True):
        self.shared = shared
        self.tiles: dict[str, wiring.Component] = {}
        self.copies_reset = False

    def place(
        self, m: Module, name: str, tile: str, build: Callable[[], wiring.Component], *, clocked: bool = True
    ) -> Any:
        """Add what ``build`` makes to ``m`` as submodule ``name``; returns what has its ports.

        Everything placed under one ``tile`` name must be alike: it is built and elaborated once. What is
        combinational has no clock and must be placed so.
        """
        if not self.shared:
            m.submodules[name] = component = build()
            return component
        if tile not in self.tiles:
            self.tiles[tile] = build()
        first = self.tiles[tile]
        ports = first.signature.create(path=(name,))
        connections: dict[str, Any] = {}
        if clocked:
            connections = {"i_clk": ClockSignal(), "i_rst": ResetSignal()}
            if self.copies_reset:
                connections["i_rst"] = self._reset_copy(m, name)
        for path, member, value in first.signature.flatten(ports):
            direction = "i" if member.flow is In else "o"
            connections[f"{direction}_{'__'.join(map(str, path))}"] = value
        m.submodules[name] = Instance(tile, **connections)
        return ports

    def relay(self, m: Module, name: str, value: Value) -> Value:
        """The value one cycle later, from a register beside whatever takes it: a `Relay`, submodule ``name``."""
        bits = len(value)
        tile = f"relay{bits}"
        if tile not in self.tiles:
            self.tiles[tile] = Relay(bits)
        if not self.shared:
            m.submodules[name] = relay = Relay(bits)
            m.d.comb += relay.i.eq(value)
            return relay.o
        later = Signal(bits, name=f"{name}_later")
        m.submodules[name] = Instance(tile, i_clk=ClockSignal(), i_rst=ResetSignal(), i_i=value, o_o=later)
        return later

    def _reset_copy(self, m: Module, name: str) -> Signal:
        copy = Signal(name=f"{name}_reset")
        if RESET_COPY not in self.tiles:
            self.tiles[RESET_COPY] = ResetCopy()
        m.submodules[f"{name}_reset"] = Instance(RESET_COPY, i_clk=ClockSignal(), i_rst=ResetSignal(), o_o=copy)
        return copy
