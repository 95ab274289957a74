"""The design of a board: clock, core and pins. What differs from board to board is in a subclass."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from amaranth.build import Platform
from amaranth.hdl import Elaboratable, Module
from amaranth.lib import io

from ..c2c.word import wire_bits
from ..config import ChipConfig
from ..tiles import TileLibrary
from . import pll
from .clocks import Clocks, domains
from .top import BoardCore
from .wires import WireReceiver, WireTransmitter

CORE = "takt_core"
"""Name of the module of a `BoardCore`."""

Pin = tuple[str, int, str | None]
"""A resource of the board: name, number, and the part of it that is meant."""


class BoardDesign(Elaboratable, ABC):
    """Top of a design: the core is an instance of the module CORE, which is emitted beside it.

    Parameters
    ----------
    config : ChipConfig
        The build.
    mhz : float
        Frequency of the chip's clock.
    baud : int
        Bits per second of the host's line.
    checks : bool
        As in `Chip`.

    Attributes
    ----------
    tiles : TileLibrary
        What must be emitted beside the top, once this is elaborated.

    Raises
    ------
    ValueError
        A frequency that the PLL cannot make, or more links than the board has pins for.
    """

    device: str
    package: str
    """As nextpnr spells it."""
    speed: str
    place_device: str
    """Option of nextpnr for the device."""
    build: str
    """Name of the chip's build that the board is meant for."""
    clocks_mhz: Mapping[str, float]
    """Builds that are routed for it, that one among them, and the chip's clock in MHz of each: docs/fpga.md."""
    crystal_mhz: float
    links = 0
    """Links that there are pins for."""
    lights: dict[str, Pin]
    """A light for each of these outputs of the core."""
    restart: Pin
    """A button or the like that resets the chip."""
    held_low: tuple[Pin, ...] = ()
    """What must be kept quiet."""

    def __init__(self, config: ChipConfig, *, mhz: float, baud: int, checks: bool = False):
        if config.links > self.links:
            raise ValueError(f"links must be at most {self.links}, as the board has pins, not {config.links}")
        self.config = config
        self.mhz = mhz
        self.tiles = TileLibrary()
        self._baud = baud
        self._checks = checks
        self._pll = pll.settings(self.crystal_mhz, mhz)

    @abstractmethod
    def make_platform(self) -> Platform:
        """The board's pins."""

    def elaborate(self, platform) -> Module:
        m = Module()
        m.domains += domains()
        m.submodules.crystal = crystal = io.Buffer("i", platform.request(platform.default_clk, dir="-"))
        m.submodules.restart = restart = io.Buffer("i", _port(platform, self.restart))
        m.submodules.clocks = clocks = Clocks(self._pll)
        m.d.comb += [clocks.crystal.eq(crystal.i), clocks.restart.eq(restart.i)]
        core = self.tiles.place(m, "core", CORE, self._core)

        uart = platform.request("uart", 0, dir=dict.fromkeys(_subsignals(platform, "uart"), "-"))
        m.submodules.rx = rx = io.Buffer("i", uart.rx)
        m.submodules.tx = tx = io.FFBuffer("o", uart.tx)
        m.d.comb += [core.rx.eq(rx.i), tx.o.eq(core.tx)]
        for name, pin in self.lights.items():
            m.submodules[f"light_{name}"] = light = io.Buffer("o", _port(platform, pin))
            m.d.comb += light.o.eq(getattr(core, name))
        for n, pin in enumerate(self.held_low):
            m.submodules[f"held{n}"] = held = io.Buffer("o", _port(platform, pin))
            m.d.comb += held.o.eq(0)
        for n in range(self.config.links):
            self._link(m, platform, core, n)
        return m

    def _core(self) -> BoardCore:
        clock_hz = round(self._pll.output_mhz * 1e6)
        return BoardCore(self.config, clock_hz=clock_hz, baud=self._baud, checks=self._checks, tiles=self.tiles)

    def _link(self, m: Module, platform, core, n: int) -> None:
        bits = wire_bits(self.config)
        out, into = (
            platform.request(f"link_{direction}", n, dir={"clock": "-", "data": "-"}) for direction in ("o", "i")
        )
        m.submodules[f"link{n}_o"] = sender = WireTransmitter(bits, out.data, out.clock)
        m.submodules[f"link{n}_i"] = hearer = WireReceiver(bits, into.data, into.clock, f"link{n}")
        m.d.comb += [
            sender.wire.eq(getattr(core, f"link{n}_o_wire")),
            getattr(core, f"link{n}_i_wire").eq(hearer.wire),
            getattr(core, f"link{n}_wire_clk").eq(hearer.wire_clk),
        ]


def _port(platform, pin: Pin) -> io.PortLike:
    name, number, part = pin
    if part is None:
        return platform.request(name, number, dir="-")
    return getattr(platform.request(name, number, dir=dict.fromkeys(_subsignals(platform, name, number), "-")), part)


def _subsignals(platform, name: str, number: int = 0) -> list[str]:
    return [part.name for part in platform.lookup(name, number).ios]
