"""Dividers of the ECP5's PLL (EHXPLLL), in plain Python. Ranges from the ECP5 family data sheet, FPGA-DS-02012."""

from __future__ import annotations

from dataclasses import dataclass

PFD_MHZ = (3.125, 400.0)
"""Frequencies that the phase detector compares."""
VCO_MHZ = (400.0, 800.0)
OUTPUT_MHZ = (10.0, 400.0)
DIVIDERS = range(1, 129)
FEEDBACK_DIVIDERS = range(1, 81)
VCO_BEST_MHZ = 600.0
"""Of settings that give the same frequency the one nearest to this is taken, as Lattice's own tool does."""

PHASES = 8
"""Steps of a VCO cycle in which a phase can be given."""

TOLERANCE = 1e-3
"""How far the frequency may be off, as a part of it."""


@dataclass(frozen=True)
class PllSettings:
    """Dividers that make one frequency of another. The VCO runs at ``input / input_divider * feedback_divider *
    output_divider``, and the output is fed back."""

    input_mhz: float
    input_divider: int
    feedback_divider: int
    output_divider: int

    @property
    def output_mhz(self) -> float:
        """The frequency that is made."""
        return self.input_mhz / self.input_divider * self.feedback_divider

    @property
    def vco_mhz(self) -> float:
        """Frequency of the oscillator."""
        return self.output_mhz * self.output_divider

    @property
    def phase(self) -> int:
        """Whole VCO cycles by which the output is put off: half a period, as Lattice's own tool gives it."""
        return self.output_divider // 2

    def late(self, degrees: float) -> tuple[int, int]:
        """Whole cycles and eighths that put a second output ``degrees`` behind the first, to the nearest step."""
        steps = round(degrees / 360 * self.output_divider * PHASES)
        return self.phase + steps // PHASES, steps % PHASES


def settings(input_mhz: float, output_mhz: float) -> PllSettings:
    """The settings that come nearest to a frequency.

    Raises
    ------
    ValueError
        If the frequency is out of range, or none comes within 0.1 % of it.
    """
    low, high = OUTPUT_MHZ
    if not low <= output_mhz <= high:
        raise ValueError(f"clock must be {low:g} to {high:g} MHz, not {output_mhz:g}")
    candidates = [
        PllSettings(input_mhz, divider, feedback, output)
        for divider in DIVIDERS
        if PFD_MHZ[0] <= input_mhz / divider <= PFD_MHZ[1]
        for feedback in FEEDBACK_DIVIDERS
        if abs(input_mhz / divider * feedback - output_mhz) <= TOLERANCE * output_mhz
        for output in DIVIDERS
        if VCO_MHZ[0] <= input_mhz / divider * feedback * output <= VCO_MHZ[1]
    ]
    if not candidates:
        raise ValueError(f"clock must be one that the PLL makes of {input_mhz:g} MHz, not {output_mhz:g} MHz")

    def distance(found: PllSettings) -> tuple[float, float, int]:
        off = round(abs(found.output_mhz - output_mhz), 6)
        return off, round(abs(found.vco_mhz - VCO_BEST_MHZ), 6), found.input_divider

    return min(candidates, key=distance)
