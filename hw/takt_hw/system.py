"""Writes the Verilog of several chips and the wires between them, for simulation:
``python -m takt_hw.system nano_c2c --chips 2 --cable 0.0-1.0 -o build/two.v``.

Every chip has a clock of its own, so nothing here is clocked by anything else. Bits of each wire can be flipped, and
each wire can be cut, from outside.
"""

from __future__ import annotations

import argparse
import re
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from amaranth.hdl import ClockDomain, ClockSignal, Instance, Module, ResetSignal, Signal, UnusedElaboratable
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from .chip import Chip
from .config import BUILDS
from .tiles import TileLibrary
from .verilog import TOP, convert

CHIP = "chip"
"""Name of a chip's module. That of the whole is the one that a lone chip has."""

_WITHIN = "chip_within"

DELAY = 4
"""Registers in each wire unless told otherwise."""

_HIDDEN = re.compile(r"word_|trace__dispatch$")
"""Ports of a chip that a system has no use for."""

_LINK = re.compile(r"link\d+_")


class End(NamedTuple):
    """A link of a chip."""

    chip: int
    link: int


Cable = tuple[End, End]
"""Two links that are joined: wire 2n of cable n leads from the first to the second, wire 2n + 1 back."""


class Node(wiring.Component):
    """A chip less the ports that a system has no use for: what passes a port is copied at every edge of every clock."""

    def __init__(self, chip: wiring.Component):
        super().__init__(
            {name: flow(shape) for name, (flow, shape) in _ports(chip).items() if _HIDDEN.match(name) is None}
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        connections = {_directed(name, flow): getattr(self, name) for name, (flow, _) in _ports(self).items()}
        m.submodules.chip = Instance(_WITHIN, i_clk=ClockSignal(), i_rst=ResetSignal(), **connections)
        return m


class System(wiring.Component):
    """Chips, and two wires per cable.

    What a chip sends passes ``delay`` registers in the sender's clock. The receiver gets it with that clock. A link
    without a cable hears zeros and no clock.

    Parameters
    ----------
    chip : wiring.Component
        A chip: what has ports ``link{n}_wire_clk``, ``link{n}_i_wire`` and ``link{n}_o_wire``. Only its ports are
        looked at.
    chips : int
        How many.
    cables : sequence of Cable
        What is joined.
    delay : int
        Registers in each wire.

    Members
    -------
    chip{i}_clk, chip{i}_rst : In(1)
        Clock and reset of chip i.
    chip{i}_{port}
        All other ports of chip i but those of its links, and of its trace those of memory writes.
    wire{k}_flip : In(wire_bits)
        Bits to flip at the receiver's end of wire k.
    wire{k}_cut : In(1)
        The receiver's end of wire k shows zeros, and its clock stands still.

    Raises
    ------
    ValueError
        If a cable's end is no link of a chip, or has two cables.
    """

    def __init__(
        self,
        chip: wiring.Component,
        *,
        chips: int,
        cables: Sequence[Cable],
        delay: int = DELAY,
    ):
        if chips < 1:
            raise ValueError(f"chips must be at least 1, not {chips!r}")
        if delay < 0:
            raise ValueError(f"delay must be at least 0, not {delay!r}")
        self.chips = chips
        self.cables = tuple(cables)
        self.delay = delay
        self._ports = _ports(chip)
        self.links = sum(re.fullmatch(r"link\d+_o_wire", name) is not None for name in self._ports)
        self._check_cables()
        ports: dict = {}
        for i in range(chips):
            ports |= {f"chip{i}_clk": In(1), f"chip{i}_rst": In(1)}
            ports |= {
                f"chip{i}_{name}": flow(shape)
                for name, (flow, shape) in self._ports.items()
                if _LINK.match(name) is None
            }
        for k in range(2 * len(self.cables)):
            ports |= {f"wire{k}_flip": In(self._ports["link0_o_wire"][1]), f"wire{k}_cut": In(1)}
        super().__init__(ports)

    def _check_cables(self) -> None:
        seen: set[End] = set()
        for end in (end for cable in self.cables for end in cable):
            if not (0 <= end.chip < self.chips and 0 <= end.link < self.links):
                raise ValueError(f"cable must join links of chips, not {end.chip}.{end.link}")
            if end in seen:
                raise ValueError(f"link must have one cable, not two: {end.chip}.{end.link}")
            seen.add(end)

    def elaborate(self, platform) -> Module:
        m = Module()
        sent: dict[End, Signal] = {}
        heard: dict[End, Signal] = {}
        clocks: dict[End, Signal] = {}
        for i in range(self.chips):
            connections = {"i_clk": getattr(self, f"chip{i}_clk"), "i_rst": getattr(self, f"chip{i}_rst")}
            for name, (flow, _) in self._ports.items():
                if _LINK.match(name) is None:
                    connections[_directed(name, flow)] = getattr(self, f"chip{i}_{name}")
            for link in range(self.links):
                end, name = End(i, link), f"chip{i}_link{link}"
                connections[f"o_link{link}_o_wire"] = sent[end] = self._wire(f"{name}_sent")
                connections[f"i_link{link}_i_wire"] = heard[end] = self._wire(f"{name}_heard")
                connections[f"i_link{link}_wire_clk"] = clocks[end] = Signal(name=f"{name}_clk")
            m.submodules[f"chip{i}"] = Instance(CHIP, **connections)
            m.domains += ClockDomain(f"chip{i}", reset_less=True, local=True)
            m.d.comb += ClockSignal(f"chip{i}").eq(getattr(self, f"chip{i}_clk"))
        for n, (one, other) in enumerate(self.cables):
            for k, source, target in ((2 * n, one, other), (2 * n + 1, other, one)):
                wire = sent[source]
                for stage in range(self.delay):
                    before, wire = wire, self._wire(f"wire{k}_{stage}")
                    m.d[f"chip{source.chip}"] += wire.eq(before)
                cut = getattr(self, f"wire{k}_cut")
                m.d.comb += [
                    clocks[target].eq(getattr(self, f"chip{source.chip}_clk") & ~cut),
                    heard[target].eq((wire ^ getattr(self, f"wire{k}_flip")) & ~cut.replicate(len(wire))),
                ]
        return m

    def _wire(self, name: str) -> Signal:
        return Signal(self._ports["link0_o_wire"][1], name=name, reset_less=True)


def _ports(component: wiring.Component) -> dict[str, tuple]:
    """Direction and shape of each port by its name in Verilog."""
    flat = component.signature.flatten(component)
    return {"__".join(map(str, path)): (member.flow, signal.shape()) for path, member, signal in flat}


def _directed(port: str, flow) -> str:
    """An Instance's name of a port."""
    return f"{'i' if flow is In else 'o'}_{port}"


def emit(
    build: Callable[[TileLibrary], wiring.Component],
    *,
    chips: int,
    cables: Sequence[Cable],
    delay: int = DELAY,
    wires_only: bool = False,
) -> str:
    """Verilog of a system of the chips that ``build`` makes, which are one module.

    Other parameters and errors are those of `System`. With ``wires_only`` there is no module `CHIP`.
    """
    tiles = TileLibrary()
    chip = build(tiles)
    node = Node(chip)
    tiles.tiles = {} if wires_only else {CHIP: node, _WITHIN: chip}
    return convert(System(node, chips=chips, cables=cables, delay=delay), TOP, tiles)


def emit_chip(build: Callable[[TileLibrary], wiring.Component]) -> str:
    """Verilog of the chip alone, as module `CHIP`: what the wires are without."""
    tiles = TileLibrary()
    chip = build(tiles)
    tiles.tiles = {_WITHIN: chip}
    return convert(Node(chip), CHIP, tiles)


def cable(text: str) -> Cable:
    """``0.1-2.3``: link 1 of chip 0 and link 3 of chip 2. ValueError if it is anything else."""
    if (found := re.fullmatch(r"(\d+)\.(\d+)-(\d+)\.(\d+)", text)) is None:
        raise ValueError(f"cable must be <chip>.<link>-<chip>.<link>, not {text!r}")
    a, b, c, d = map(int, found.groups())
    return End(a, b), End(c, d)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Write the Verilog of several chips and the wires between them.")
    parser.add_argument("build", choices=sorted(name for name, config in BUILDS.items() if config.links))
    parser.add_argument("--part", choices=("whole", "wires", "chip"), default="whole", help="what is written")
    parser.add_argument("--chips", type=int, default=2)
    parser.add_argument(
        "--cable", type=cable, action="append", default=[], help="as 0.1-2.3", metavar="CHIP.LINK-CHIP.LINK"
    )
    parser.add_argument("--delay", type=int, default=DELAY, help="registers in each wire")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--checks", action="store_true", help="as of takt_hw.verilog")
    parser.add_argument("--trace", action="store_true", help="add ports that show memory writes")
    arguments = parser.parse_args()
    config = BUILDS[arguments.build]

    def build(tiles: TileLibrary) -> Chip:
        return Chip(config, checks=arguments.checks, trace=arguments.trace, tiles=tiles)

    if arguments.part == "chip":
        text = emit_chip(build)
    else:
        wires_only = arguments.part == "wires"
        if wires_only:
            warnings.simplefilter("ignore", UnusedElaboratable)
        text = emit(build, chips=arguments.chips, cables=arguments.cable, delay=arguments.delay, wires_only=wires_only)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(text)


if __name__ == "__main__":
    main()
