"""Constant address bits of LUT RAMs go without wires; others stay as they are."""

from takt_hw.synth.ties import untie


def ram(write, read, begins="0" * 64):
    pins = {"WAD": list(write), "RAD": list(read), "DI": ["0"] * 4}
    return {"type": "TRELLIS_DPR16X4", "parameters": {"INITVAL": begins}, "connections": pins}


def test_bits_that_are_0_for_both_lose_their_wires():
    cells = {
        "eight": ram([1, 2, 3, "0"], [4, 5, 6, "0"], "x" * 32 + "0" * 32),
        "filled": ram([1, 2, 3, "0"], [4, 5, 6, "0"], "x" * 32 + "01" * 16),
        "one": ram("0000", "0000"),
        "sixteen": ram([1, 2, 3, 4], [5, 6, 7, 8]),
        "apart": ram([1, 2, 3, "0"], [4, 5, 6, 7]),
        "tied": ram([1, 2, 3, "1"], [4, 5, 6, "0"]),
        "lut": {"type": "LUT4", "connections": {"A": ["0"]}},
    }
    design = {"modules": {"top": {"cells": cells}}}
    assert untie(design) == 5
    assert cells["eight"] == ram([1, 2, 3, "x"], [4, 5, 6, "x"])
    assert cells["filled"] == ram([1, 2, 3, "0"], [4, 5, 6, "0"], "x" * 32 + "01" * 16), "its upper words are others"
    assert cells["one"] == ram("xxxx", "xxxx")
    assert cells["sixteen"] == ram([1, 2, 3, 4], [5, 6, 7, 8])
    assert cells["apart"] == ram([1, 2, 3, "0"], [4, 5, 6, 7])
    assert cells["tied"] == ram([1, 2, 3, "1"], [4, 5, 6, "0"])
    assert cells["lut"]["connections"] == {"A": ["0"]}
    assert untie(design) == 0
