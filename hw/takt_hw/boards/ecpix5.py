"""ECPIX-5 with an LFE5UM5G-45F: 100 MHz crystal, FT2232H to the host. No links."""

from __future__ import annotations

from amaranth_boards.ecpix5 import ECPIX545Platform

from .design import BoardDesign


class Ecpix5(BoardDesign):
    """Lights: LD 0 blue heartbeat, 1 blue line, 2 green running, 3 red fault. The reset button resets the chip."""

    device = "LFE5UM5G-45F"
    package = "CABGA554"
    speed = "8"
    place_device = "--um5g-45k"
    build = "ecp5_45k"
    clocks_mhz = {"ecp5_45k": 100.0}
    crystal_mhz = 100.0
    lights = {
        "heartbeat": ("rgb_led", 0, "b"),
        "active": ("rgb_led", 1, "b"),
        "running": ("rgb_led", 2, "g"),
        "fault": ("rgb_led", 3, "r"),
    }
    restart = ("rst", 0, None)

    def make_platform(self) -> ECPIX545Platform:
        return ECPIX545Platform()
