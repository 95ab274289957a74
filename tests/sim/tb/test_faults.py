"""What the checker refuses raises the matching fault flag of the RTL, and no other."""

from pathlib import Path

import pytest

from takt_hw import isa
from takt_hw.config import NANO
from takt_hw.isa import Alu, Direction, Stream
from takt_hw.isa.host import Fault
from takt_sim import checker
from takt_sim.tb.build import Variant
from takt_sim.tb.run import RtlChip

ROOT = Path(__file__).parents[3] / "build" / "rtl"
S0 = Stream(0, Direction.EAST)
READ = isa.READ.encode(dst=S0, address=0)
WRITE = isa.WRITE.encode(src=S0, address=0)


def nop(count):
    return isa.NOP.encode(count=count)


HOPS = NANO.slice_by_name["MEM_E0"].position - NANO.slice_by_name["MEM_W0"].position
ARRIVES = isa.READ.d_func(NANO) + HOPS - isa.WRITE.d_skew(NANO)
"""Dispatch cycle of a WRITE in MEM_E0 of what MEM_W0 reads in cycle 0."""

IN_PLACE = isa.READ.d_func(NANO) - isa.WRITE.d_skew(NANO)
"""Dispatch cycle of a WRITE in a slice of what the slice itself reads in cycle 0."""

ILLEGAL = {
    "two producers in one register": (
        {"MEM_E0.read": [READ], "MEM_E1.read": [READ]},
        Fault.COLLISION,
        "collision",
    ),
    "a value replaced before anyone took it": (
        {"MEM_W0.read": [READ], "MEM_E0.read": [nop(HOPS), READ]},
        Fault.COLLISION,
        "collision",
    ),
    "nothing arrives": ({"MEM_E0.write": [WRITE]}, Fault.UNDEFINED_STREAM, "undefined-stream"),
    "one cycle too early": (
        {"MEM_W0.read": [READ], "MEM_E0.write": [nop(ARRIVES - 1), WRITE]},
        Fault.UNDEFINED_STREAM,
        "undefined-stream",
    ),
    "one bank read and written": (
        {"MEM_W0.read": [READ, nop(IN_PLACE - 1), READ], "MEM_W0.write": [nop(IN_PLACE), WRITE]},
        Fault.BANK_CONFLICT,
        "bank-conflict",
    ),
    "no result yet": (
        {"VXM.alu0": [isa.COPY.encode(dst=None, a=Alu(1))]},
        Fault.UNDEFINED_RESULT,
        "undefined-result",
    ),
    "no product": (
        {"MXM_E0.accumulate": [isa.ACC.encode(address=0, mode="first", dst=None)]},
        Fault.UNDEFINED_PRODUCT,
        "undefined-product",
    ),
    "weights never loaded": ({"MXM_E0.activate": [isa.IW.encode()]}, Fault.UNDEFINED_PRODUCT, "undefined-weights"),
    "repeats nothing": (
        {"MEM_W0.read": [isa.REPEAT.encode(count=1, interval=1, stride=0)]},
        Fault.ILLEGAL_INSTRUCTION,
        "repeat",
    ),
    "another unit's instruction": ({"MEM_W0.read": [isa.IW.encode()]}, Fault.ILLEGAL_INSTRUCTION, "encoding"),
}


@pytest.fixture(scope="module")
def chip(tmp_path_factory):
    with RtlChip(NANO, Variant.CHECKED, directory=tmp_path_factory.mktemp("faults"), root=ROOT) as opened:
        yield opened


@pytest.mark.parametrize("what", ILLEGAL)
def test_the_rtl_flags_what_the_checker_refuses(chip, what):
    text, fault, rule = ILLEGAL[what]
    rules = {violation.rule for violation in checker.violations(NANO, text)}
    chip.load_text(text)
    raised = {flag for flag in Fault if chip.run().faults >> flag & 1}
    assert (rules, raised) == ({rule}, {fault})


def test_every_flag_is_raised():
    assert {fault for _, fault, _ in ILLEGAL.values()} == set(Fault)
