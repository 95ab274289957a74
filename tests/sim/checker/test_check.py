"""Each rule of the manual's table: a program that just keeps it, and one that breaks it and nothing else."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from takt_hw import isa
from takt_hw.config import NANO, QUAD
from takt_sim import checker
from takt_sim.checker import check, violations
from takt_sim.generate import random_program
from takt_sim.timeline import IllegalProgram, walker
from tests.sim.texts import (
    IW,
    NOTIFY,
    SYNC,
    acc,
    alu,
    drain,
    gather,
    loop,
    nop,
    read,
    repeat,
    scatter,
    stream,
    text,
    write,
    write_masked,
)

ABC = isa.ABC.make(src=stream("s0e"))
ABC_FP16 = isa.ABC_FP16.make(src=stream("s0e"))
IW_FP16 = isa.IW_FP16.make()
LOAD_HIGH = [isa.LW_HIGH.make(src=stream("s0e"), block=block) for block in (0, 1)]
LOAD = [isa.LW.make(src=stream("s0e"), block=block) for block in (0, 1)]
ABC_TO_ACC = isa.ABC.d_func(NANO) - isa.ACC.d_skew(NANO)

WEIGHTS = {
    f"{s.name}.read": [(10 + s.position, read(f"s{n}e", 0)), repeat(9, 1, 1)] for n, s in enumerate(NANO.mem_slices)
}
"""Eight streams eastward, ten vectors each: in the register of MXM_E0 in cycles 17 to 26."""


def mxm(weights, activate, accumulate=()):
    """A program with weights in cycles 16 to 25 and these queues of MXM_E0."""
    queues = {**WEIGHTS, "MXM_E0.weights": weights, "MXM_E0.activate": activate, "MXM_E0.accumulate": list(accumulate)}
    return {name: entries for name, entries in queues.items() if entries}


BOTH = [(16, LOAD[0]), LOAD[1], *LOAD_HIGH]
"""All of both buffers: low bytes in cycles 16 and 17, high bytes in 18 and 19."""

BOTH_KINDS = [(18, IW), ABC, ABC_FP16, ABC, ABC_FP16, ABC]
"""ABC in 19, 21 and 23, ABC_FP16 in 20 and 22."""


def sums(*entries):
    """The plane's accumulate queue for BOTH_KINDS: one entry for each product."""
    return mxm(BOTH, BOTH_KINDS, [(19 + ABC_TO_ACC, entries[0]), *entries[1:]])


COPY_TO_E0 = alu(isa.COPY, "s0e:i8", "#1")

FEED = {"MEM_W0.read": [read("s0e", 0), repeat(9, 1)], "MEM_W1.read": [read("s1e", 0), repeat(9, 1)]}
"""Data eastward on s0e and something on s1e, at MEM_E0 to be taken by dispatches in cycles 4 to 13."""

LEGAL = {
    "a REPEAT at the start of a loop's body goes on from what was before, then from the body's end": {
        "MEM_W0.read": [read("s0e", 0), loop(2, repeat(1, 1), read("s1e", 0))],
        "MEM_E0.write": [*((4 + n, write("s0e", n)) for n in (0, 2)), *((4 + n, write("s1e", n)) for n in (3, 4, 5))],
    },
    "a masked write beside reads of the other bank": FEED
    | {
        "MEM_E0.write": [(4, write_masked("s0e", 0, "s1e")), (6, write_masked("s0e", 0, "s1e")), repeat(2, 2, 1)],
        "MEM_E0.read": [(3, read("s2w", 1)), read("s2w", 256), repeat(7, 1), read("s2w", 1)],
    },
    "gather before and after a write": FEED
    | {
        "MEM_E0.write": [(5, write("s0e", 0))],
        "MEM_E0.read": [(4, gather("s2w", "s1e")), (6, gather("s2w", "s1e")), repeat(2, 2)],
    },
    "scatter before and after a read": FEED
    | {
        "MEM_E0.write": [(4, scatter("s0e", "s1e")), (6, scatter("s0e", "s1e")), repeat(2, 1)],
        "MEM_E0.read": [(5, read("s2w", 0))],
    },
    "stream at the producer's own position": {
        "VXM.alu0": [COPY_TO_E0],
        "VXM.alu1": [(3, alu(isa.COPY, None, "s0e:i8"))],
    },
    "stream at the row's far end": {
        "MEM_W0.read": [read("s0e", 0)],
        "MXM_E0.weights": [],
        "SXM_E.shift": [(5, isa.LANE_SHIFT.make(dst=stream("s1e"), src=stream("s0e"), amount=1))],
    },
    "nobody takes it": {"MEM_W0.read": [read("s0e", 0)]},
    "two banks at once": {
        "MEM_W0.read": [read("s0e", 0), (2, read("s1e", 255))],
        "MEM_W0.write": [(2, write("s0e", 256))],
    },
    "replaced one position beyond the consumer": {
        "MEM_W0.read": [read("s0e", 0)],
        "MEM_W1.write": [(2, write("s0e", 0))],
        "VXM.alu0": [COPY_TO_E0],
    },
    "opposite directions": {"MEM_W0.read": [read("s0e", 0)], "MEM_W1.read": [read("s0w", 0)]},
    "a cycle later": {"MEM_W0.read": [read("s0e", 0)], "MEM_W1.read": [(1, read("s0e", 0))]},
    "result after two cycles": {"VXM.alu0": [COPY_TO_E0], "VXM.alu1": [(2, alu(isa.COPY, None, "alu0"))]},
    "weights": mxm(
        [(16, LOAD[0]), LOAD[1]],
        [(18, IW), ABC, ABC],
        [(19 + ABC_TO_ACC, acc(3, "first")), acc(3, "add", "s0w")],
    ),
    "fp16 weights": mxm(
        BOTH,
        [(20, IW_FP16), ABC_FP16, ABC_FP16],
        [(21 + ABC_TO_ACC, acc(3, "first")), acc(3, "add", "s0w")],
    ),
    "weights of both types in turn": mxm(BOTH, [(18, IW), ABC, (20, IW_FP16), ABC_FP16, IW, ABC, ABC_FP16]),
    "sums of both kinds": sums(
        acc(0, "first"), acc(1, "first"), acc(0, "add"), acc(1, "add"), drain(0), drain(0), drain(1)
    ),
    "either kind after DRAIN": sums(acc(0, "first"), drain(0), acc(0, "add"), drain(0), acc(0, "add", "s0w")),
    "either kind by DRAIN": sums(acc(0, "first"), drain(0, "s4w"), drain(0), acc(0, "add"), acc(1, "first")),
    "replaced by the other kind": sums(acc(0, "first"), acc(0, "first"), acc(2, "first"), acc(0, "add")),
    "DRAIN drops the product": sums(acc(0, "first"), drain(0), acc(0, "add", "s0w")),
    "a dropped product": mxm([(16, LOAD[0]), LOAD[1]], [(18, IW), ABC]),
}

ILLEGAL = [
    ("encoding", "MEM_W0.read", 3, {"MEM_W0.read": [nop(3), write("s0e", 0)]}),
    ("operand", "MEM_W0.read", 3, {"MEM_W0.read": [nop(3), read("s0e", 512)]}),
    ("operand", "MEM_W0.read", 4, {"MEM_W0.read": [read("s0e", 508), repeat(9, 1, 1)]}),
    ("operand", "MXM_E0.weights", 0, {"MXM_E0.weights": [isa.LW.make(src=stream("s4e"), block=0)]}),
    ("repeat", "MEM_W0.read", 2, {"MEM_W0.read": [nop(2), repeat(1, 1)]}),
    ("repeat", "VXM.alu0", 1, {"VXM.alu0": [COPY_TO_E0, repeat(1, 1, 1)]}),
    ("repeat", "MEM_E0.read", 5, FEED | {"MEM_E0.read": [(4, gather("s2w", "s1e")), repeat(1, 1, 1)]}),
    ("repeat", "MEM_E0.write", 5, FEED | {"MEM_E0.write": [(4, scatter("s0e", "s1e")), repeat(2, 1, -1)]}),
    ("operand", "MEM_E0.write", 4, FEED | {"MEM_E0.write": [(4, write_masked("s0e", 512, "s1e"))]}),
    ("undefined-stream", "MEM_E0.write", 4, FEED | {"MEM_E0.write": [(4, write_masked("s0e", 0, "s2e"))]}),
    ("undefined-stream", "MEM_E0.read", 4, FEED | {"MEM_E0.read": [(4, gather("s0w", "s2e"))]}),
    ("undefined-stream", "MEM_E0.write", 4, FEED | {"MEM_E0.write": [(4, scatter("s2e", "s1e"))]}),
    ("write-conflict", "MEM_E0.write", 5, FEED | {
        "MEM_E0.write": [(4, write_masked("s0e", 0, "s1e")), write("s0e", 256)],
    }),
    ("write-conflict", "MEM_E0.write", 5, FEED | {
        "MEM_E0.write": [(4, write_masked("s0e", 0, "s1e")), repeat(1, 1, 256)],
    }),
    ("write-conflict", "MEM_E0.write", 5, FEED | {
        "MEM_E0.write": [(4, write_masked("s0e", 0, "s1e")), scatter("s0e", "s1e")],
    }),
    ("bank-conflict", "MEM_E0.read", 4, FEED | {
        "MEM_E0.write": [(4, write_masked("s0e", 0, "s1e"))], "MEM_E0.read": [(4, read("s2w", 255))],
    }),
    ("bank-conflict", "MEM_E0.read", 5, FEED | {
        "MEM_E0.write": [(4, write_masked("s0e", 511, "s1e"))], "MEM_E0.read": [(5, read("s2w", 256))],
    }),
    ("bank-conflict", "MEM_E0.read", 5, FEED | {
        "MEM_E0.write": [(4, write_masked("s0e", 0, "s1e"))], "MEM_E0.read": [(5, gather("s2w", "s1e"))],
    }),
    ("bank-conflict", "MEM_E0.read", 5, FEED | {
        "MEM_E0.write": [(5, write("s0e", 511))], "MEM_E0.read": [(5, gather("s2w", "s1e"))],
    }),
    ("bank-conflict", "MEM_E0.read", 5, FEED | {
        "MEM_E0.write": [(5, scatter("s0e", "s1e"))], "MEM_E0.read": [(5, read("s2w", 256))],
    }),
    ("text", "MEM_W0.read", None, {"MEM_W0.read": [nop(1)] * 257}),
    ("sync", "MEM_W0.read", 4, {"MEM_W0.read": [nop(4), SYNC], "MEM_W1.read": [NOTIFY]}),
    ("length", "MEM_W0.read", 1000, {"MEM_W0.read": [read("s0e", 0)] + [repeat(250, 1)] * 8}),
    # one place, one time: MEM_W0 and MEM_W1 share position 0; the second in queue order is named
    ("collision", "MEM_W0.read", 0, {"MEM_W0.read": [read("s0e", 0)], "MEM_W1.read": [read("s0e", 0)]}),
    # nobody took MEM_W0's word before alu0 puts its own at position 1 in cycle 4
    ("collision", "VXM.alu0", 0, {"MEM_W0.read": [read("s0e", 0)], "VXM.alu0": [COPY_TO_E0]}),
    # westward: MEM_E0's word of cycle 1 is in register 1 in 5
    ("collision", "VXM.alu0", 1, {
        "MEM_E0.read": [(1, read("s0w", 0))], "VXM.alu0": [(1, alu(isa.COPY, "s0w:i8", "#1"))],
    }),
    # any byte of a wider value counts
    ("collision", "VXM.alu0", 0, {"MEM_W0.read": [read("s3e", 0)], "VXM.alu0": [alu(isa.COPY, "s0e:i32", "#1")]}),
    # a consumer at the replacing producer's own place takes the new value, so nobody took the old one
    (
        "collision",
        "VXM.alu0",
        0,
        {
            "MEM_W0.read": [read("s0e", 0)],
            "VXM.alu0": [COPY_TO_E0],
            "VXM.alu1": [(3, alu(isa.COPY, None, "s0e:i8"))],
        },
    ),
    ("undefined-stream", "MEM_E0.write", 3, {"MEM_W0.read": [read("s0e", 0)], "MEM_E0.write": [(3, write("s0e", 0))]}),
    ("undefined-stream", "MEM_E0.write", 5, {"MEM_W0.read": [read("s0e", 0)], "MEM_E0.write": [(5, write("s0e", 0))]}),
    ("undefined-stream", "MEM_E0.write", 4, {"MEM_W0.read": [read("s1e", 0)], "MEM_E0.write": [(4, write("s0e", 0))]}),
    ("undefined-stream", "MEM_W1.write", 2, {"MEM_E0.read": [read("s0e", 0)], "MEM_W1.write": [(2, write("s0e", 0))]}),
    ("undefined-result", "VXM.alu1", 1, {"VXM.alu0": [COPY_TO_E0], "VXM.alu1": [(1, alu(isa.COPY, None, "alu0"))]}),
    ("undefined-result", "VXM.alu1", 9, {"VXM.alu1": [(9, alu(isa.COPY, None, "alu0"))]}),
    ("undefined-result", "VXM.alu1", 0, {"VXM.alu1": [alu(isa.COPY, None, "alu1")]}),
    (
        "result-conflict",
        "VXM.alu0",
        2,
        {
            "VXM.alu0": [
                isa.FADD.make(dst=None, a=isa.Immediate(0), b=isa.Immediate(0), to="f32"),
                (2, isa.ADD.make(dst=None, a=isa.Immediate(0), b=isa.Immediate(0))),
            ]
        },
    ),
    ("undefined-weights", "MXM_E0.activate", 17, mxm([(16, LOAD[0]), LOAD[1]], [(17, IW)])),
    ("undefined-weights", "MXM_E0.activate", 19, mxm([(16, LOAD[1]), LOAD[1]], [(19, IW)])),
    ("undefined-weights", "MXM_E0.activate", 19, mxm([(16, LOAD[0]), LOAD[1]], [(19, ABC)])),
    ("undefined-weights", "MXM_E0.activate", 19, mxm(BOTH, [(19, IW_FP16)])),
    ("undefined-weights", "MXM_E0.activate", 19, mxm([(16, LOAD_HIGH[0]), LOAD_HIGH[1]], [(19, IW)])),
    ("undefined-weights", "MXM_E0.activate", 19, mxm(BOTH, [(19, ABC_FP16)])),
    ("undefined-weights", "MXM_E0.activate", 21, mxm(BOTH, [(20, IW_FP16), ABC])),
    ("mixed-accumulator", "MXM_E0.accumulate", 20 + ABC_TO_ACC, sums(acc(0, "first"), acc(0, "add"))),
    (
        "mixed-accumulator",
        "MXM_E0.accumulate",
        23 + ABC_TO_ACC,
        sums(acc(0, "first"), drain(0), drain(0), acc(0, "add"), acc(0, "add")),
    ),
    ("undefined-accumulator", "MXM_E0.accumulate", 20 + ABC_TO_ACC, sums(acc(0, "first"), drain(1))),
    (
        "undefined-product",
        "MXM_E0.accumulate",
        20 + ABC_TO_ACC,
        mxm([(16, LOAD[0]), LOAD[1]], [(18, IW), ABC], [(20 + ABC_TO_ACC, acc(0, "first"))]),
    ),
    (
        "undefined-accumulator",
        "MXM_E0.accumulate",
        19 + ABC_TO_ACC,
        mxm([(16, LOAD[0]), LOAD[1]], [(18, IW), ABC], [(19 + ABC_TO_ACC, acc(0, "add"))]),
    ),
    ("bank-conflict", "MEM_W0.read", 2, {
        "MEM_W0.read": [read("s0e", 0), (2, read("s1e", 256))], "MEM_W0.write": [(2, write("s0e", 511))],
    }),
    ("bank-conflict", "MEM_W0.read", 2, {
        "MEM_W0.read": [read("s0e", 0), (2, read("s1e", 255))], "MEM_W0.write": [(2, write("s0e", 255))],
    }),
]  # fmt: skip


@pytest.mark.parametrize("queues", LEGAL.values(), ids=LEGAL)
def test_accepted(queues):
    assert violations(NANO, text(queues)) == []
    assert check(NANO, text(queues)).cycles > 0


@pytest.mark.parametrize(("rule", "queue", "cycle", "queues"), ILLEGAL)
def test_refused_under_its_rule_alone(rule, queue, cycle, queues, monkeypatch):
    monkeypatch.setattr(walker, "MAX_DISPATCHES", 1000)
    found = violations(NANO, text(queues))
    assert [v.rule for v in found] == [rule]
    (violation,) = found
    assert violation.queue == queue
    assert violation.slice == queue.split(".")[0]
    assert violation.cycle == cycle
    assert violation.instruction
    assert str(violation).startswith(f"{rule}: {queue}, ")
    with pytest.raises(IllegalProgram) as caught:
        check(NANO, text(queues))
    assert caught.value.violations == (violation,)


TURNS = replace(NANO, pipelined=True, mxm_fp16=False, mxm_fp16_int8=False, vxm_function_alus=0, vxm_turns=4)
"""Each group of four lanes has its own turn at an ALU."""


def test_an_alu_keeps_its_distances():
    one, product = alu(isa.COPY, None, "#1"), alu(isa.MUL, None, "#1", "#1")
    later = isa.MULTIPLY_CHAIN(TURNS) - isa.VXM_CHAIN(TURNS)
    assert violations(TURNS, text({"VXM.alu0": [one, (4, one)], "VXM.alu1": [(1, one)]})) == []
    (early,) = violations(TURNS, text({"VXM.alu0": [(9, product), (12, one)]}))
    assert (early.rule, early.queue, early.cycle) == ("alu-busy", "VXM.alu0", 12)
    assert early.message == "alu0 must have 4 cycles for MUL, not 3"
    # a sum and a product before it: held from cycles fewer than four apart, or four
    for apart in (-4, 4):
        assert violations(TURNS, text({"VXM.alu0": [product, (later + apart, one)]})) == []
    for apart in (-3, 0, 3):
        (clash,) = violations(TURNS, text({"VXM.alu0": [product, (later + apart, one)]}))
        assert (clash.rule, clash.cycle) == ("result-conflict", later + apart)
        assert clash.message.startswith("result must land 4 cycles from others, not in cycle ")


def test_a_plane_keeps_its_distances():
    config = replace(TURNS, mxm_turns=4)

    def busy(*then):
        return [v for v in violations(config, text({"MXM_E0.activate": [ABC, *then]})) if v.rule == "mxm-busy"]

    assert busy((4, ABC), (8, IW), (9, ABC)) == []
    assert [(v.cycle, v.message) for v in busy((3, ABC), (5, IW), (6, IW))] == [
        (3, "the plane must have 4 cycles for ABC, not 3"),
        (5, "the plane must have 4 cycles for ABC, not 2"),
        (6, "the plane must have 4 cycles for ABC, not 3"),
    ]


def test_slices_name_their_own_streams():
    config = replace(NANO, stream_step=4)
    queues = {"MEM_W1.read": [(9, read("s2e", 0)), read("s6w", 0)], "MEM_E0.write": []}
    assert isa.queue_by_name(config)["MEM_W1.read"].streams == range(2, 8, 4)
    assert violations(config, text(queues)) == []
    (wrong,) = violations(config, text({"MEM_W1.read": [(9, read("s3e", 0))]}))
    assert (wrong.rule, wrong.queue) == ("operand", "MEM_W1.read")
    assert wrong.message == "dst must be one of s2, s6, not s3e"
    fetch = isa.IFETCH.make(src=isa.Stream(2, isa.Direction.EAST), words=1)
    refused = [v.message for v in violations(config, text({"VXM.alu0": [fetch]}))]
    assert refused[0] == "src must be one of s0, s4, not s2e"


def test_slices_name_streams_that_come_from_elsewhere_or_lead_there():
    config = replace(NANO, streams_between=True)
    east, west = (isa.ABC.make(src=stream(name)) for name in ("s0e", "s0w"))
    assert "operand" not in {v.rule for v in violations(config, text({"MXM_E0.activate": [(9, east)]}))}
    (wrong,) = [v for v in violations(config, text({"MXM_E0.activate": [(9, west)]})) if v.rule == "operand"]
    assert (wrong.queue, wrong.message) == ("MXM_E0.activate", "src must come from a slice elsewhere, not s0w")
    assert violations(config, text({"MEM_E0.read": [read("s0e", 0)]})) == []
    (wrong,) = violations(config, text({"MEM_W0.read": [read("s0w", 0)]}))
    assert (wrong.rule, wrong.message) == ("operand", "dst must lead to a slice elsewhere, not s0w")


def test_every_rule_of_the_manual_has_a_case():
    manual = (Path(__file__).parents[3] / "docs/manual/timing.md").read_text()
    table = manual.split("## What the checker refuses")[1].split("\n## ")[0]
    rules = set(re.findall(r"^\| `([a-z-]+)`", table, re.MULTILINE))
    assert len(rules) >= 13
    elsewhere = {"undefined-memory", "loop", "config", "dry", "fetch-text", "fetch-conflict", "fetch-overwrite"}
    elsewhere |= {"system", "deskew", "alu-busy", "mxm-busy"}
    assert rules - elsewhere <= {rule for rule, *_ in ILLEGAL}


def defined(*words):
    """Only these (slice, address) hold something."""
    masks = {s.name: np.zeros(NANO.mem_words, bool) for s in NANO.mem_slices}
    for name, address in words:
        masks[name][address] = True
    return masks


def test_undefined_memory():
    queues = {"MEM_W0.read": [(7, read("s0e", 5)), read("s0e", 6)]}
    assert violations(NANO, text(queues)) == []
    assert violations(NANO, text(queues), defined(("MEM_W0", 5), ("MEM_W0", 6))) == []
    (violation,) = violations(NANO, text(queues), defined(("MEM_W0", 5), ("MEM_W1", 6)))
    assert (violation.rule, violation.slice, violation.cycle) == ("undefined-memory", "MEM_W0", 8)
    assert violation.instruction == "READ s0e, 0x6"
    assert [v.rule for v in violations(NANO, text(queues), {})] == ["undefined-memory"] * 2


def test_write_masked_needs_a_word_that_is_there():
    queues = FEED | {"MEM_E0.write": [(4, write_masked("s0e", 7, "s1e"))]}
    loaded = ("MEM_W0", 0), ("MEM_W1", 0)
    assert violations(NANO, text(queues), defined(*loaded, ("MEM_E0", 7))) == []
    (violation,) = violations(NANO, text(queues), defined(*loaded, ("MEM_E0", 6)))
    assert (violation.rule, violation.slice, violation.cycle) == ("undefined-memory", "MEM_E0", 4)
    written = FEED | {"MEM_E0.write": [(4, write("s0e", 7)), write_masked("s0e", 7, "s1e")]}
    assert violations(NANO, text(written), defined(*loaded)) == []


def test_gather_needs_some_word_and_scatter_leaves_none():
    loaded = ("MEM_W0", 0), ("MEM_W1", 0)
    queues = FEED | {"MEM_E0.write": [(4, scatter("s0e", "s1e"))], "MEM_E0.read": [(6, gather("s2w", "s1e"))]}
    assert violations(NANO, text(queues), defined(*loaded, ("MEM_E0", 500))) == []
    (violation,) = violations(NANO, text(queues), defined(*loaded))
    assert (violation.rule, violation.slice, violation.cycle) == ("undefined-memory", "MEM_E0", 6)
    reads = FEED | {"MEM_E0.write": [(4, scatter("s0e", "s1e"))], "MEM_E0.read": [(6, read("s2w", 0))]}
    assert [v.rule for v in violations(NANO, text(reads), defined(*loaded))] == ["undefined-memory"]


@pytest.mark.parametrize(("again", "expected"), [(2, ["bank-conflict", "undefined-memory"]), (3, [])])
def test_a_word_is_defined_after_its_write(again, expected):
    queues = {
        "MEM_W0.read": [read("s0e", 0)],
        "MEM_W1.write": [(2, write("s0e", 9))],
        "MEM_W1.read": [(again, read("s1e", 9))],
    }
    assert sorted(v.rule for v in violations(NANO, text(queues), defined(("MEM_W0", 0)))) == expected


def test_a_build_may_lack_a_kind_of_product():
    """fp16 by int8 on a build without it; fp16 weights on a build without them."""
    queues = mxm(BOTH, [(18, IW), ABC_FP16])
    fp16_only = replace(NANO, name="fp16_only", mxm_fp16_int8=False)
    (violation,) = violations(fp16_only, text(queues))
    assert (violation.rule, violation.cycle) == ("undefined-weights", 19)
    assert violation.message == (
        "weights must be fp16, installed by IW_FP16, not int8 by IW (mxm_fp16_int8 of fp16_only is False)"
    )
    int8_only = replace(NANO, name="int8_only", mxm_fp16=False)
    assert {v.rule for v in violations(int8_only, text(queues))} == {"operand"}
    assert violations(int8_only, text(mxm([(16, LOAD[0]), LOAD[1]], [(18, IW), ABC_FP16]))) == []
    neither = replace(int8_only, name="neither", mxm_fp16_int8=False)
    assert violations(neither, text(sums(acc(0, "first"), drain(0)))) != []
    assert violations(neither, text(mxm([(16, LOAD[0]), LOAD[1]], [(18, IW), ABC_FP16])))[0].message == (
        "ABC_FP16 must be used in builds that have it (mxm_float of neither is 0)"
    )


def test_all_violations_are_listed_by_cycle():
    queues = {
        "MEM_E0.write": [(9, write("s0e", 0))],
        "VXM.alu0": [(4, alu(isa.ADD, None, "alu1", "s0w:i8"))],
        "MXM_E0.accumulate": [(6, acc(0, "add"))],
    }
    assert [(v.cycle, v.rule) for v in violations(NANO, text(queues))] == [
        (4, "undefined-stream"),
        (4, "undefined-result"),
        (6, "undefined-product"),
        (6, "undefined-accumulator"),
        (9, "undefined-stream"),
    ]


def test_the_list_is_bounded():
    found = violations(NANO, text({"MEM_E0.write": [write("s0e", 0), repeat(2000, 1)]}))
    assert len(found) == checker.MAX_VIOLATIONS


def test_a_product_reaches_its_acc_later_on_a_wider_chip():
    """On quad the product takes 2 more cycles for each further superlane."""
    delay = isa.ABC.d_func(QUAD) - isa.ACC.d_skew(QUAD)
    assert delay == ABC_TO_ACC + 6
    program = random_program(QUAD, 0).timeline.dispatches
    sums = [d for d in program if d.instruction.op is isa.ACC]
    products = {(d.queue.slice, d.cycle + delay) for d in program if d.instruction.op is isa.ABC}
    assert sums
    assert all((d.queue.slice, d.cycle) in products for d in sums)


WORD = st.one_of(
    st.integers(0, 2**128 - 1),
    st.tuples(st.integers(0, 0x5F), st.integers(0, 2**120 - 1)).map(lambda pair: pair[0] | pair[1] << 8),
    st.sampled_from([w for words in random_program(NANO, 1).text.values() for w in words]),
    st.sampled_from([repeat(65535, 65535).word, repeat(65535, 1, -1).word, repeat(7, 2, 1).word, nop(65535).word]),
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from([q.name for q in isa.queues(NANO)]), st.lists(WORD, max_size=8), max_size=8))
def test_any_words_get_an_answer(words):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(walker, "MAX_DISPATCHES", 2000)
        for violation in violations(NANO, words, {}):
            assert "\n" not in str(violation)
