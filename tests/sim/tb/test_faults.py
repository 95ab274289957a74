"""What the checker refuses raises the matching fault flag of the RTL, and no other."""

from pathlib import Path

import pytest

from takt_hw import isa
from takt_hw.config import NANO
from takt_hw.isa import Alu, Direction, Stream
from takt_hw.isa.host import Fault
from takt_sim import checker
from takt_sim.tb.build import Variant
from takt_sim.tb.run import RtlChip, Run

ROOT = Path(__file__).parents[3] / "build" / "rtl"
S0 = Stream(0, Direction.EAST)
TEXT_WORD = 9
"""Of MEM_W0: holds a NOP, as text."""

READ = isa.READ.encode(dst=S0, address=0)
WRITE = isa.WRITE.encode(src=S0, address=0)


TEXT = Stream(3, Direction.EAST)
TEXT_READ = isa.READ.encode(dst=TEXT, address=TEXT_WORD)
FETCH = isa.IFETCH.encode(src=TEXT, words=1)


def nop(count):
    return isa.NOP.encode(count=count)


HOPS = NANO.slice_by_name["MEM_E0"].position - NANO.slice_by_name["MEM_W0"].position
ARRIVES = isa.READ.d_func(NANO) + HOPS - isa.WRITE.d_skew(NANO)
"""Dispatch cycle of a WRITE in MEM_E0 of what MEM_W0 reads in cycle 0."""

IN_PLACE = isa.READ.d_func(NANO) - isa.WRITE.d_skew(NANO)
"""Dispatch cycle of a WRITE in a slice of what the slice itself reads in cycle 0."""

BLOCKS = range(NANO.weight_blocks)
WEIGHTS = {
    f"{s.name}.read": [
        nop(10 + s.position),
        isa.READ.encode(dst=Stream(n, Direction.EAST), address=0),
        isa.REPEAT.encode(count=9, interval=1, stride=0),
    ]
    for n, s in enumerate(NANO.mem_slices)
}
"""Eight streams at MXM_E0 in cycles 17 to 26, so for its dispatches from 16 on."""

LOADS = [nop(16), *(op.encode(src=S0, block=block) for op in (isa.LW, isa.LW_HIGH) for block in BLOCKS)]
ABC, ABC_FP16 = isa.ABC.encode(src=S0), isa.ABC_FP16.encode(src=S0)
MEETS = isa.ABC.d_func(NANO) - isa.ACC.d_skew(NANO)
MIXED = WEIGHTS | {
    "MXM_E0.weights": LOADS,
    "MXM_E0.activate": [nop(20), isa.IW.encode(), ABC, ABC_FP16],
    "MXM_E0.accumulate": [
        nop(21 + MEETS),
        *(isa.ACC.encode(address=0, mode=mode, dst=None) for mode in ("first", "add")),
    ],
}
WRONG_WEIGHTS = WEIGHTS | {
    "MXM_E0.weights": LOADS,
    "MXM_E0.activate": [nop(20), isa.IW_FP16.encode(), ABC],
}

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
    "two writes at once": (
        {
            "MEM_W0.read": [READ, isa.REPEAT.encode(count=1, interval=1, stride=0)],
            "MEM_W1.write": [nop(IN_PLACE), isa.WRITE_MASKED.encode(src=S0, address=0, mask=S0), WRITE],
        },
        Fault.BANK_CONFLICT,
        "write-conflict",
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
    "no sum to drain": (
        {"MXM_E0.accumulate": [isa.DRAIN.encode(address=0, dst=None)]},
        Fault.UNDEFINED_PRODUCT,
        "undefined-accumulator",
    ),
    "a sum of the other kind": (MIXED, Fault.UNDEFINED_PRODUCT, "mixed-accumulator"),
    "fp16 weights under ABC": (WRONG_WEIGHTS, Fault.UNDEFINED_PRODUCT, "undefined-weights"),
    "repeats nothing": (
        {"MEM_W0.read": [isa.REPEAT.encode(count=1, interval=1, stride=0)]},
        Fault.ILLEGAL_INSTRUCTION,
        "repeat",
    ),
    "a fifth loop": (
        {"MEM_W0.read": [isa.LOOP.encode(count=1, body=6 - n, stride=0) for n in range(5)] + [nop(1), nop(1)]},
        Fault.ILLEGAL_INSTRUCTION,
        "loop",
    ),
    "text too late": (
        {"MEM_W0.read": [TEXT_READ], "MEM_W1.read": [nop(2), FETCH, nop(3)]},
        Fault.QUEUE_DRY,
        "dry",
    ),
    "two fetches at one position": (
        {
            "MEM_W0.read": [TEXT_READ, isa.REPEAT.encode(count=2, interval=1, stride=0)],
            "MEM_W1.read": [nop(2), isa.IFETCH.encode(src=TEXT, words=2), nop(9)],
            "MEM_W2.read": [nop(3), FETCH, nop(9)],
        },
        {Fault.FETCH_CONFLICT, Fault.QUEUE_DRY},  # the first does not get all its words
        "fetch-conflict",
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
    image = {"MEM_W0": {TEXT_WORD: nop(1).to_bytes(16, "little")}}
    rules = {violation.rule for violation in checker.violations(NANO, text, None, image)}
    chip.load_text(text)
    raised = {flag for flag in Fault if chip.run(Run(image)).faults >> flag & 1}
    assert (rules, raised) == ({rule}, fault if isinstance(fault, set) else {fault})


@pytest.mark.parametrize("first", [0xFF, 0x00])
@pytest.mark.parametrize("op", [isa.GATHER, isa.SCATTER])
def test_an_address_out_of_range_is_legal_and_flagged_until_the_next_text(chip, op, first):
    """Data decide: the same program raises the flag or does not. READ takes the addresses from MEM_W0's word 0."""
    unit, stream = ("read", {"dst": Stream(1, Direction.EAST)}) if op is isa.GATHER else ("write", {"src": S0})
    text = {"MEM_W0.read": [READ], f"MEM_E0.{unit}": [nop(ARRIVES), op.encode(**stream, map=S0)]}
    assert checker.violations(NANO, text) == []
    chip.load_text(text)
    expected = 1 << Fault.ADDRESS_RANGE if first else 0
    addresses = bytes([first, first]) + bytes(14)
    assert chip.run(Run({"MEM_W0": {0: addresses}})).faults == expected
    assert chip.run(Run({"MEM_W0": {0: bytes(16)}})).faults == expected
    chip.load_text(text)
    assert chip.run().faults == 0


def test_every_flag_is_raised():
    """UNCORRECTABLE in test_errors.py, those of the links in system/test_run.py."""
    elsewhere = {Fault.ADDRESS_RANGE, Fault.UNCORRECTABLE, Fault.LINK_LOST, Fault.DRIFT, Fault.LINK_CONFLICT}
    flags = set().union(*(f if isinstance(f, set) else {f} for _, f, _ in ILLEGAL.values()))
    assert flags | elsewhere == set(Fault)
