"""Constant address bits of LUT RAMs go without wires; others stay as they are."""

from takt_hw.synth.ties import untie


def ram(write, read):
    return {"type": "TRELLIS_DPR16X4", "connections": {"WAD": list(write), "RAD": list(read), "DI": ["0"] * 4}}


def test_bits_that_are_0_for_both_lose_their_wires():
    cells = {
        "eight": ram([1, 2, 3, "0"], [4, 5, 6, "0"]),
        "one": ram("0000", "0000"),
        "sixteen": ram([1, 2, 3, 4], [5, 6, 7, 8]),
        "apart": ram([1, 2, 3, "0"], [4, 5, 6, 7]),
        "tied": ram([1, 2, 3, "1"], [4, 5, 6, "0"]),
        "lut": {"type": "LUT4", "connections": {"A": ["0"]}},
    }
    design = {"modules": {"top": {"cells": cells}}}
    assert untie(design) == 5
    assert cells["eight"] == ram([1, 2, 3, "x"], [4, 5, 6, "x"])
    assert cells["one"] == ram("xxxx", "xxxx")
    assert cells["sixteen"] == ram([1, 2, 3, 4], [5, 6, 7, 8])
    assert cells["apart"] == ram([1, 2, 3, "0"], [4, 5, 6, 7])
    assert cells["tied"] == ram([1, 2, 3, "1"], [4, 5, 6, "0"])
    assert cells["lut"]["connections"] == {"A": ["0"]}
    assert untie(design) == 0
