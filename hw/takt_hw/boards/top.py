"""What all boards have in common: a chip, its host on a serial line, and lights that say how it is."""

from __future__ import annotations

from fractions import Fraction

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..c2c.word import wire_bits
from ..chip import Chip
from ..config import ChipConfig
from ..host.serial import SerialLink
from ..tiles import TileLibrary

BLINKS_PER_SECOND = 10
"""Least time for which the light of the line is on, as a part of a second."""


class BoardCore(wiring.Component):
    """A chip between a serial line and lights, whatever the board.

    Parameters
    ----------
    config : ChipConfig
        The build.
    clock_hz, baud : int
        Cycles and bits of the line per second: at least four cycles per bit.
    checks : bool
        As in `Chip`.
    tiles : TileLibrary
        As in `Chip`.

    Members
    -------
    rx, tx : In(1), Out(1)
        The line from the host, which may be of any clock, and the line to it.
    running : Out(1)
        A program runs.
    fault : Out(1)
        There is a fault flag. It stays until the host sends CLEAR.
    heartbeat : Out(1)
        Changes about once a second.
    active : Out(1)
        On while bytes come or go, and for a tenth of a second after.
    link{n}_i_wire, link{n}_o_wire, link{n}_wire_clk : In(wire_bits(config)), Out(wire_bits(config)), In(1)
        As the chip's.

    Raises
    ------
    ValueError
        If there are less than four cycles per bit.
    """

    def __init__(
        self,
        config: ChipConfig,
        *,
        clock_hz: int,
        baud: int,
        checks: bool = False,
        tiles: TileLibrary | None = None,
    ):
        self._chip = Chip(config, checks=checks, tiles=tiles)
        self._link = SerialLink(Fraction(clock_hz, baud))
        self._clock_hz = clock_hz
        self._links = config.links
        ports: dict = {
            "rx": In(1, init=1),
            "tx": Out(1, init=1),
            **{name: Out(1) for name in ("running", "fault", "heartbeat", "active")},
        }
        for n in range(config.links):
            ports[f"link{n}_i_wire"] = In(wire_bits(config))
            ports[f"link{n}_o_wire"] = Out(wire_bits(config))
            ports[f"link{n}_wire_clk"] = In(1)
        super().__init__(ports)

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.chip = chip = self._chip
        m.submodules.serial = link = self._link
        wiring.connect(m, link.to_chip, chip.rx)
        wiring.connect(m, chip.tx, link.from_chip)
        beat = Signal(self._clock_hz.bit_length())
        least = max(self._clock_hz // BLINKS_PER_SECOND, 1)
        glow = Signal(range(least + 1))
        m.d.comb += [
            chip.rx_abandon.eq(link.abandon),
            link.rx.eq(self.rx),
            self.tx.eq(link.tx),
            self.heartbeat.eq(beat[-1]),
        ]
        m.d.sync += [
            beat.eq(beat + 1),
            self.running.eq(chip.running),
            self.fault.eq(chip.faults.any()),
            self.active.eq(glow != 0),
        ]
        with m.If(link.active):
            m.d.sync += glow.eq(least)
        with m.Elif(glow != 0):
            m.d.sync += glow.eq(glow - 1)
        for n in range(self._links):
            m.d.comb += [
                getattr(chip, f"link{n}_i_wire").eq(getattr(self, f"link{n}_i_wire")),
                getattr(self, f"link{n}_o_wire").eq(getattr(chip, f"link{n}_o_wire")),
                getattr(chip, f"link{n}_wire_clk").eq(getattr(self, f"link{n}_wire_clk")),
            ]
        return m
