"""Flipped bits in the RTL of `nano_ecc`: what is mended, counted and flagged, and where it is said to be."""

from pathlib import Path

import pytest

from takt_hw import isa
from takt_hw.config import NANO_ECC, QUAD
from takt_hw.isa import Direction, DType, Immediate, Stream, TypedStream
from takt_hw.isa.host import Fault
from takt_sim.tb.build import Simulator, Variant
from takt_sim.tb.errors import ErrorReport, Place, flip_register, flip_word
from takt_sim.tb.run import RtlChip, Run
from takt_sim.tb.session import Session, SimulationError

ROOT = Path(__file__).parents[3] / "build" / "rtl"
S0, S1 = Stream(0, Direction.EAST), Stream(1, Direction.EAST)
WORD = bytes(range(16))


def at(cycle, op, **operands):
    return ([isa.NOP.encode(count=cycle)] if cycle else []) + [op.encode(**operands)]


def add_one(dst, src):
    return {"dst": TypedStream(dst, DType.I8), "a": TypedStream(src, DType.I8), "b": Immediate(1)}


# MEM_W0's word 3 is in register 0 in cycle 3, taken by the VXM in register 1 in 4 and by MEM_E0's WRITE in 2 in 5
PROGRAM = {
    "MEM_W0.read": at(0, isa.READ, dst=S0, address=3),
    "VXM.alu0": at(3, isa.ADD, **add_one(S1, S0)),
    "MEM_E0.write": at(4, isa.WRITE, src=S0, address=9),
    "MEM_E1.write": at(7, isa.WRITE, src=S1, address=9),
}
BITS = [0, 63, 127, 128, 136]


@pytest.fixture(scope="module")
def chip(tmp_path_factory):
    with RtlChip(NANO_ECC, Variant.FLIPS, directory=tmp_path_factory.mktemp("errors"), root=ROOT) as opened:
        yield opened


def run(chip, *flips, text=PROGRAM, load=None, read=("MEM_E0", "MEM_E1")):
    """Words 9 after a run, faults, and what is reported of it."""
    chip.load_text(text)
    result = chip.run(Run({"MEM_W0": {3: WORD}} | (load or {}), {name: [9] for name in read}), flips=flips)
    return [result.memory[name][9] for name in read], result.faults, chip.errors()


RIGHT = [WORD, bytes(n + 1 for n in WORD)]


def test_nothing_is_reported_of_nothing(chip):
    assert run(chip) == (RIGHT, 0, ErrorReport(0, 0, None, None))


@pytest.mark.parametrize("bit", BITS)
def test_a_flip_in_memory_is_mended_by_each_consumer(chip, bit):
    """By the VXM, and by the host that reads the copy, which has the flip too. The READ sees it first."""
    words, faults, report = run(chip, flip_word(NANO_ECC, 0, 0, "MEM_W0", 3, 1 << bit))
    assert (words, faults) == (RIGHT, 0)
    assert report == ErrorReport(2, 0, Place("MEM_W0", 0, 3), None)


@pytest.mark.parametrize("bit", BITS)
@pytest.mark.parametrize(("position", "counted", "first"), [(0, 2, "VXM"), (1, 2, "VXM"), (2, 1, "MEM_E0")])
def test_a_flip_on_a_stream_is_mended_by_whom_it_reaches(chip, bit, position, counted, first):
    words, faults, report = run(chip, flip_register(3 + position, 0, position, "s0e", 1 << bit))
    assert (words, faults) == (RIGHT, 0)
    assert report == ErrorReport(counted, 0, Place(first, 0, 9 if first == "MEM_E0" else None), None)


def test_a_flip_that_nobody_meets_is_not_reported(chip):
    _, faults, report = run(chip, flip_word(NANO_ECC, 2, 0, "MEM_W0", 3, 1), flip_register(6, 0, 3, "s0e", 1))
    assert (faults, report) == (0, ErrorReport(0, 0, None, None))


@pytest.mark.parametrize("bits", [0b11, 1 | 1 << 136, 0b11 << 128])
def test_two_flips_in_memory_are_flagged_with_slice_and_address(chip, bits):
    _, faults, report = run(chip, flip_word(NANO_ECC, 0, 0, "MEM_W0", 3, bits))
    assert faults == 1 << Fault.UNCORRECTABLE
    assert report.first_uncorrectable == Place("MEM_W0", 0, 3)
    assert report.corrected == 0
    assert run(chip)[1:] == (0, ErrorReport(0, 0, None, None))


def test_two_flips_on_a_stream_are_flagged(chip):
    _, faults, report = run(chip, flip_register(3, 0, 0, "s0e", 0b101))
    assert faults == 1 << Fault.UNCORRECTABLE
    assert report.first_uncorrectable == Place("VXM", 0, None)


def test_gather_takes_a_mended_address(chip):
    """Bit 1 of the address 9 is flipped on its way."""
    text = {"MEM_W0.read": at(0, isa.READ, dst=S0, address=3), "MEM_E0.read": at(4, isa.GATHER, dst=S1, map=S0)}
    text["MEM_E1.write"] = at(6, isa.WRITE, src=S1, address=9)
    load = {"MEM_W0": {3: bytes([9]) + bytes(15)}, "MEM_E0": {9: WORD, 11: bytes(16)}}
    words, faults, report = run(chip, flip_register(4, 0, 1, "s0e", 2), text=text, load=load, read=["MEM_E1"])
    assert (words, faults) == ([WORD], 0)
    assert report == ErrorReport(1, 0, Place("MEM_E0", 0, None), None)


@pytest.mark.parametrize("what", ["new", "mask", "old"])
def test_a_masked_write_mends_all_that_it_takes(chip, what):
    """Data on s0e, mask on s1e, both in MEM_E0's register in 5; the old word is read in cycle 5."""
    text = {"MEM_W0.read": at(0, isa.READ, dst=S0, address=3), "MEM_W1.read": at(0, isa.READ, dst=S1, address=3)}
    text["MEM_E0.write"] = at(4, isa.WRITE_MASKED, src=S0, address=9, mask=S1)
    load = {"MEM_W1": {3: bytes([0, 1] * 8)}, "MEM_E0": {9: bytes(range(100, 116))}}
    flips = {
        "new": flip_register(5, 0, 2, "s0e", 1 << 9),
        "mask": flip_register(5, 0, 2, "s1e", 1 << 3),
        "old": flip_word(NANO_ECC, 3, 0, "MEM_E0", 9, 1 << 2),
    }
    words, faults, report = run(chip, flips[what], text=text, load=load, read=["MEM_E0"])
    assert words == [bytes(n if n % 2 else 100 + n for n in range(16))]
    assert faults == 0
    assert report == ErrorReport(1, 0, Place("MEM_E0", 0, 9 if what == "old" else None), None)


def test_a_place_is_taken_apart():
    values = [7, 1 << 31, 3 | 5 << 16 | 2 << 24 | 0b11 << 30, 0xFFFF | 7 << 16 | 1 << 31]
    payload = b"".join(value.to_bytes(4, "little") for value in values)
    report = ErrorReport.from_payload(QUAD, payload)
    assert report == ErrorReport(7, 1 << 31, Place(QUAD.slices[5].name, 2, 3), Place(QUAD.slices[7].name, 0, None))


def test_only_one_variant_flips(tmp_path):
    session = Session(Simulator(tmp_path, NANO_ECC, Variant.FAST), tmp_path)
    with pytest.raises(SimulationError, match="^simulator must be of variant flips, not fast$"):
        session.flip([])
