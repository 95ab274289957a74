"""Cells by slice."""

import json
from collections import Counter
from dataclasses import replace

import pytest

from takt_hw.config import ECP5, Kind
from takt_hw.superlane import queue_ports
from takt_hw.synth.netlist import Area, Body, Netlist, slice_of

ALU = Counter({"LUT4": 10, "CCU2C": 3, "TRELLIS_FF": 5, "PFUMX": 9})
MEM = Counter({"DP16KD": 4, "TRELLIS_DPR16X4": 1})

NETLIST = Netlist(
    "board",
    {
        "board": Body(Counter({"LUT4": 1}), {"core": "takt_core"}),
        "takt_core": Body(Counter(), {"chip": "takt_core.chip", "uart": "takt_core.uart"}),
        "takt_core.uart": Body(Counter({"TRELLIS_FF": 7})),
        "takt_core.chip": Body(Counter({"TRELLIS_FF": 2}), {"superlane0": "superlane", "superlane1": "superlane"}),
        "superlane": Body(Counter({"TRELLIS_FF": 3}), {"alu0": "vxm_alu", "alu1": "vxm_alu", "MEM_W0": "mem"}),
        "vxm_alu": Body(ALU),
        "mem": Body(Counter({"LUT4": 2}), {"banks": "mem.banks"}),
        "mem.banks": Body(MEM),
    },
)


def test_by_slice():
    """Of two superlanes, each with two ALUs: a carry cell is two LUTs, a LUT RAM four, multiplexers none."""
    assert NETLIST.by_slice() == {
        "MEM_W0": Area(comb=2 * (2 + 4), bram=2 * 4),
        "VXM ALU 0": Area(comb=2 * 16, ff=2 * 5),
        "VXM ALU 1": Area(comb=2 * 16, ff=2 * 5),
        "UART": Area(ff=7),
        "chip": Area(ff=2),
        "superlane control": Area(ff=2 * 3),
        "top": Area(comb=1),
    }


def test_slices_add_up_to_all():
    whole = Area.of(NETLIST.totals["board"])
    areas = NETLIST.by_slice().values()
    assert whole == Area(*(sum(getattr(area, name) for area in areas) for name in ("comb", "ff", "mult18", "bram")))


def test_a_summary_says_the_same():
    again = Netlist.of_summary(json.loads(json.dumps(NETLIST.summary())))
    assert again == NETLIST
    assert again.by_slice() == NETLIST.by_slice()


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("core.chip.superlane0.MEM_E3.banks", "MEM_E3"),
        ("core.chip.superlane0.alu1", "VXM ALU 1"),
        ("superlane0.reducer", "VXM reduction"),
        ("reduce", "VXM reduction"),
        ("MXM_E0.supercell_0_0", "MXM_E0"),
        ("superlane0.MXM_E0_accumulator", "MXM_E0"),
        ("superlane0.SXM_E_transpose", "SXM_E"),
        ("SXM_E_permute", "SXM_E"),
        ("superlane0.position3", "streams 3"),
        ("clockwork", "ICU"),
        ("fetch2", "ICU"),
        ("link1.receiver.buffer", "C2C"),
        ("host.server.words", "host"),
    ],
)
def test_where_an_instance_belongs(path, name):
    assert slice_of(path.split(".")) == name


def test_every_queue_has_a_unit():
    """No queue of the chip falls among the others."""
    every = replace(ECP5, row=(*ECP5.row, Kind.SXM), vxm_reductions=True)
    names = {slice_of([f"queue_{name}"]) for _, name in queue_ports(every)}
    assert names == {
        *(f"queues MEM {unit}" for unit in ("read", "write")),
        *(f"queues VXM {unit}" for unit in ("alu", "reduce")),
        *(f"queues SXM {unit}" for unit in ("shift", "select", "permute", "distribute", "transpose")),
        *(f"queues MXM {unit}" for unit in ("weights", "activate", "accumulate")),
        "queues C2C",
    }


def test_one_top_is_needed():
    with pytest.raises(ValueError, match=r"^top must be one module, not \[\]$"):
        Netlist.of({"modules": {"a": {"attributes": {}, "cells": {}}}})
