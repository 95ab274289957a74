"""The PLL's dividers, against figures of Lattice's own tool, and the ranges of the data sheet."""

import pytest

from takt_hw.boards.pll import OUTPUT_MHZ, PFD_MHZ, PHASES, VCO_MHZ, PllSettings, settings

LATTICE = [
    # input and output in MHz; dividers of input, feedback and output; VCO in MHz
    (12, 48, 1, 4, 12, 576),
    (12, 60, 1, 5, 10, 600),
    (20, 30, 2, 3, 20, 600),
    (45, 30, 3, 2, 20, 600),
    (100, 400, 1, 4, 1, 400),
    (200, 400, 1, 2, 2, 800),
    (50, 400, 1, 8, 2, 800),
    (70, 40, 7, 4, 15, 600),
    (12, 96, 1, 8, 6, 576),
    (90, 40, 9, 4, 15, 600),
    (43, 86, 1, 2, 7, 602),
    (25, 100, 1, 4, 6, 600),
]
"""What Clarity Designer chose, as recorded with Project Trellis; the last is what ecppll gives for ULX3S."""


@pytest.mark.parametrize("row", LATTICE, ids=str)
def test_as_lattices_tool(row):
    given, wanted, *dividers, vco = row
    found = settings(given, wanted)
    # A phase detector that runs at the same frequency, a VCO at least as near to the middle.
    assert found.output_mhz == pytest.approx(wanted)
    assert [found.input_divider, found.feedback_divider] == dividers[:2]
    assert abs(found.vco_mhz - 600) <= abs(vco - 600)


@pytest.mark.parametrize("crystal", [25, 100])
@pytest.mark.parametrize("mhz", [10, 50, 62.5, 75, 80, 100, 110, 120, 125, 150, 400])
def test_stays_in_the_data_sheets_ranges(crystal, mhz):
    found = settings(crystal, mhz)
    assert found.output_mhz == pytest.approx(mhz, rel=1e-3)
    assert PFD_MHZ[0] <= crystal / found.input_divider <= PFD_MHZ[1]
    assert VCO_MHZ[0] <= found.vco_mhz <= VCO_MHZ[1]
    assert found.vco_mhz == pytest.approx(
        crystal / found.input_divider * found.feedback_divider * found.output_divider, rel=1e-9
    )


@pytest.mark.parametrize("mhz", [50, 75, 100, 120])
def test_a_quarter_of_a_period_is_a_quarter(mhz):
    found = settings(25, mhz)
    cycles, eighths = found.late(90)
    late = (cycles - found.phase + eighths / PHASES) / found.output_divider
    assert late == pytest.approx(1 / 4, abs=1 / (2 * PHASES * found.output_divider))
    assert cycles < 128


def test_the_ecp5s_clock_on_ulx3s():
    assert settings(25, 100) == PllSettings(25, 1, 4, 6)
    assert settings(25, 100).late(90) == (4, 4)


@pytest.mark.parametrize("mhz", [9.9, 401])
def test_out_of_range(mhz):
    low, high = OUTPUT_MHZ
    with pytest.raises(ValueError, match=f"^clock must be {low:g} to {high:g} MHz, not {mhz:g}$"):
        settings(25, mhz)


def test_what_no_divider_gives():
    with pytest.raises(ValueError, match="^clock must be one that the PLL makes of 25 MHz, not 101.7 MHz$"):
        settings(25, 101.7)
