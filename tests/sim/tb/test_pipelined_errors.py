"""Flipped bits in the RTL of `ecp5_ecc`, whose slices take words, and merge them, in other cycles than `nano_ecc`'s."""

from pathlib import Path

import pytest

from takt_hw import isa
from takt_hw.config import ECP5_ECC as BUILD
from takt_hw.isa import Direction, DType, Immediate, Stream, TypedStream
from takt_hw.isa.host import Fault
from takt_sim.tb.build import Variant
from takt_sim.tb.errors import ErrorReport, Place, flip_register, flip_word
from takt_sim.tb.run import RtlChip, Run

ROOT = Path(__file__).parents[3] / "build" / "rtl"
S0E, S1E, S0W = Stream(0, Direction.EAST), Stream(1, Direction.EAST), Stream(0, Direction.WEST)
WORD, NEWS, MASK = bytes(range(16)), bytes(range(100, 116)), bytes([0, 1] * 8)
READ, GATHER = isa.READ.d_func(BUILD), isa.GATHER.d_func(BUILD)
MEM, VXM = 0, 1
"""Positions."""

MET = READ + isa.ADD.d_func(BUILD) + VXM - MEM
"""When what MEM_W2 read in cycle 0 is back from the VXM, at the position of MEM."""

SUM = {"dst": TypedStream(S0W, DType.I8), "a": TypedStream(S1E, DType.I8), "b": Immediate(0)}

MASKED = {
    "MEM_W2.read": [isa.READ.encode(dst=S1E, address=3)],
    "VXM.alu0": [isa.NOP.encode(count=READ), isa.ADD.encode(**SUM)],
    "MEM_W3.read": [isa.NOP.encode(count=MET - READ), isa.READ.encode(dst=S0E, address=4)],
    "MEM_W3.write": [isa.NOP.encode(count=MET - 1), isa.WRITE_MASKED.encode(src=S0E, address=9, mask=S0W)],
}
"""Some lanes of word 4 replace those of word 9."""

GATHERED = {
    "MEM_W3.read": [
        isa.READ.encode(dst=S0E, address=3),
        isa.NOP.encode(count=READ - 2),
        isa.GATHER.encode(dst=S0E, map=S0E),
    ],
    "MEM_W3.write": [isa.NOP.encode(count=READ + GATHER - 2), isa.WRITE.encode(src=S0E, address=9)],
}
"""Word 9 becomes a copy of the one whose number is in word 3."""


@pytest.fixture(scope="module")
def chip(tmp_path_factory):
    with RtlChip(BUILD, Variant.FLIPS, directory=tmp_path_factory.mktemp("errors"), root=ROOT) as opened:
        yield opened


def run(chip, text, load, *flips):
    """Word 9 of MEM_W3 after a run, faults, and what is reported of it."""
    chip.load_text(text)
    result = chip.run(Run(load, {"MEM_W3": [9]}), flips=flips)
    return result.memory["MEM_W3"][9], result.faults, chip.errors()


def masked(chip, *flips):
    return run(chip, MASKED, {"MEM_W2": {3: MASK}, "MEM_W3": {4: NEWS, 9: WORD}}, *flips)


RIGHT = bytes(new if take else old for new, take, old in zip(NEWS, MASK, WORD, strict=True))
NOTHING = ErrorReport(0, 0, None, None)


def test_nothing_is_reported_of_nothing(chip):
    assert masked(chip) == (RIGHT, 0, NOTHING)


@pytest.mark.parametrize("bit", [8, 127, 130])
@pytest.mark.parametrize("what", ["new", "mask", "old"])
def test_a_masked_write_mends_all_that_it_takes(chip, what, bit):
    flips = {
        "new": flip_register(MET, 0, MEM, "s0e", 1 << bit),
        "mask": flip_register(MET, 0, MEM, "s0w", 1 << bit),
        "old": flip_word(BUILD, 0, 0, "MEM_W3", 9, 1 << bit),
    }
    word, faults, report = masked(chip, flips[what])
    assert (word, faults) == (RIGHT, 0)
    assert report == ErrorReport(1, 0, Place("MEM_W3", 0, 9 if what == "old" else None), None)
    assert masked(chip) == (RIGHT, 0, NOTHING)


@pytest.mark.parametrize("what", ["new", "mask", "old"])
def test_two_flips_in_what_a_masked_write_takes_are_flagged(chip, what):
    flips = {
        "new": flip_register(MET, 0, MEM, "s0e", 0b11),
        "mask": flip_register(MET, 0, MEM, "s0w", 0b11),
        "old": flip_word(BUILD, 0, 0, "MEM_W3", 9, 0b11),
    }
    _, faults, report = masked(chip, flips[what])
    assert faults == 1 << Fault.UNCORRECTABLE
    assert report.first_uncorrectable == Place("MEM_W3", 0, 9 if what == "old" else None)


def test_gather_takes_a_mended_address(chip):
    """Bit 1 of the address 9 is flipped on its way."""
    load = {"MEM_W3": {3: bytes([5]) + bytes(15), 5: WORD, 7: NEWS}}
    flip = flip_register(READ, 0, MEM, "s0e", 2)
    assert run(chip, GATHERED, load, flip) == (WORD, 0, ErrorReport(1, 0, Place("MEM_W3", 0, None), None))
