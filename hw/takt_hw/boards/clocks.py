"""The chip's clock and reset on an ECP5: a PLL, and a reset that lasts until it has locked."""

from amaranth.hdl import ClockDomain, ClockSignal, Const, Instance, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.cdc import ResetSynchronizer
from amaranth.lib.wiring import In

from .pll import PllSettings

SHIFTED = "shifted"
"""Domain of the clock that is a quarter of a period late."""

QUARTER = 90.0
"""Degrees."""

RESET_STAGES = 3


def domains() -> list[ClockDomain]:
    """The domains that `Clocks` drives, for the module that has it."""
    return [ClockDomain("sync"), ClockDomain(SHIFTED, reset_less=True)]


class Clocks(wiring.Component):
    """Drives the `domains`: ``sync``, and ``shifted`` a quarter of a period behind it.

    ``sync`` is in reset while ``restart`` is high and until the PLL has locked; ``shifted`` has no reset.

    Parameters
    ----------
    settings : PllSettings
        Of the PLL.

    Members
    -------
    crystal : In(1)
        Clock of the board.
    restart : In(1)
        Reset the chip; of no clock.
    """

    def __init__(self, settings: PllSettings):
        self._settings = settings
        super().__init__({"crystal": In(1), "restart": In(1)})

    def elaborate(self, platform):
        m = Module()
        found = self._settings
        clock, locked = Signal(), Signal()
        cycles, eighths = found.late(QUARTER)
        m.submodules.pll = Instance(
            "EHXPLLL",
            # What Lattice's tool sets of the analogue parts.
            a_ICP_CURRENT="12",
            a_LPF_RESISTOR="8",
            a_MFG_ENABLE_FILTEROPAMP="1",
            a_MFG_GMCREF_SEL="2",
            a_FREQUENCY_PIN_CLKI=f"{found.input_mhz:.6f}",
            a_FREQUENCY_PIN_CLKOP=f"{found.output_mhz:.6f}",
            a_FREQUENCY_PIN_CLKOS=f"{found.output_mhz:.6f}",
            p_PLLRST_ENA="DISABLED",
            p_INTFB_WAKE="DISABLED",
            p_STDBY_ENABLE="DISABLED",
            p_DPHASE_SOURCE="DISABLED",
            p_OUTDIVIDER_MUXA="DIVA",
            p_OUTDIVIDER_MUXB="DIVB",
            p_CLKI_DIV=found.input_divider,
            p_CLKFB_DIV=found.feedback_divider,
            p_FEEDBK_PATH="CLKOP",
            p_CLKOP_ENABLE="ENABLED",
            p_CLKOP_DIV=found.output_divider,
            p_CLKOP_CPHASE=found.phase,
            p_CLKOP_FPHASE=0,
            p_CLKOS_ENABLE="ENABLED",
            p_CLKOS_DIV=found.output_divider,
            p_CLKOS_CPHASE=cycles,
            p_CLKOS_FPHASE=eighths,
            i_CLKI=self.crystal,
            i_CLKFB=clock,
            i_RST=Const(0),
            i_STDBY=Const(0),
            i_PHASESEL0=Const(0),
            i_PHASESEL1=Const(0),
            i_PHASEDIR=Const(0),
            i_PHASESTEP=Const(0),
            i_PHASELOADREG=Const(0),
            i_PLLWAKESYNC=Const(0),
            i_ENCLKOP=Const(0),
            o_CLKOP=clock,
            o_CLKOS=ClockSignal(SHIFTED),
            o_LOCK=locked,
        )
        m.d.comb += ClockSignal("sync").eq(clock)
        m.submodules.reset = ResetSynchronizer(self.restart | ~locked, domain="sync", stages=RESET_STAGES)
        return m
