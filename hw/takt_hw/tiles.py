"""Identical tiles are emitted once and instantiated.

Amaranth elaborates every instance of a component anew, so a chip of 400 supercells would become 400
modules. A `TileLibrary` elaborates each kind of tile once and places instances of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from amaranth.hdl import ClockSignal, Instance, Module, ResetSignal
from amaranth.lib import wiring
from amaranth.lib.wiring import In


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
    """

    def __init__(self, shared: bool = True):
        self.shared = shared
        self.tiles: dict[str, wiring.Component] = {}

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
        connections = {"i_clk": ClockSignal(), "i_rst": ResetSignal()} if clocked else {}
        for path, member, value in first.signature.flatten(ports):
            direction = "i" if member.flow is In else "o"
            connections[f"{direction}_{'__'.join(map(str, path))}"] = value
        m.submodules[name] = Instance(tile, **connections)
        return ports
