"""ULX3S with an LFE5U-85F: 25 MHz crystal, FT231X to the host, 56 pins for links to two other boards."""

from __future__ import annotations

from amaranth.build import Attrs, Clock, Pins, Resource, Subsignal
from amaranth_boards.ulx3s import ULX3S_85F_Platform

from .design import BoardDesign

LINK_PINS = 14
"""Pins of a connector's row that a link uses, each way."""

CLOCK_PIN = {0: 0, 1: 17}
"""Of those of each link the one with the clock: GP0 and GN0 on J1, and GP17 on J2, are made for clocks."""

DRIVEN = Attrs(IO_TYPE="LVCMOS33", DRIVE="8", SLEWRATE="FAST")
HEARD = Attrs(IO_TYPE="LVCMOS33", PULLMODE="DOWN")
"""Without a cable: zeros, and a clock that stands still."""


def link_resources(mhz: float) -> list[Resource]:
    """Pins of both links. Link 0 is connector J1: it sends on the + pins and receives on the - pins. Link 1 is J2, the
    other way round, so a straight cable joins J1 of one board to J2 of the next."""
    resources = []
    for link, clock in CLOCK_PIN.items():
        first = LINK_PINS * link
        data = [n for n in range(first, first + LINK_PINS) if n != clock]
        for direction, sign in (("o", "+-"[link]), ("i", "-+"[link])):
            clock_is = [Clock(mhz * 1e6)] if direction == "i" else []
            clock_pin, data_pins = (
                Pins(" ".join(f"{n}{sign}" for n in numbers), dir=direction, conn=("gpio", 0))
                for numbers in ([clock], data)
            )
            resources.append(
                Resource(
                    f"link_{direction}",
                    link,
                    Subsignal("clock", clock_pin, *clock_is),
                    Subsignal("data", data_pins),
                    DRIVEN if direction == "o" else HEARD,
                )
            )
    return resources


class Ulx3s(BoardDesign):
    """Lights: LED 0 heartbeat, 1 line, 2 running, 7 fault. Button FIRE 1 resets the chip."""

    device = "LFE5U-85F"
    package = "CABGA381"
    speed = "6"
    place_device = "--85k"
    build = "ecp5"
    clocks_mhz = {"ecp5": 75.0, "ecp5_ecc": 50.0}
    crystal_mhz = 25.0
    links = 2
    lights = {
        "heartbeat": ("led", 0, None),
        "active": ("led", 1, None),
        "running": ("led", 2, None),
        "fault": ("led", 7, None),
    }
    restart = ("button_fire", 0, None)
    held_low = (("esp32", 0, "en"),)  # its pins are also those of J1

    def make_platform(self) -> ULX3S_85F_Platform:
        platform = ULX3S_85F_Platform()
        platform.add_resources(link_resources(self.mhz))
        return platform
