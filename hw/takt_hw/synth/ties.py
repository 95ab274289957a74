"""Address bits of LUT RAMs that are constant lose their wires.

A LUT RAM of which few words are used has address bits that yosys ties to 0, and nextpnr wires them all to one LUT that
gives 0: of a whole chip thousands of pins, all over the device. An input of the fabric that has no wire is 1, on which
nextpnr itself relies for those of a carry chain. What is always written to the upper words is also found there; so that
it begins with the same in them, a LUT RAM that does not begin with zeros is left as it is.
"""

from __future__ import annotations

from typing import Any

_ADDRESS_BITS = 4


def untie(design: dict[str, Any]) -> int:
    """Leave such bits of a netlist, as yosys' ``write_json`` writes it, without a net; how many."""
    left = 0
    for module in design["modules"].values():
        for cell in module["cells"].values():
            if cell["type"] != "TRELLIS_DPR16X4" or "1" in cell["parameters"]["INITVAL"]:
                continue
            cell["parameters"]["INITVAL"] = "0" * len(cell["parameters"]["INITVAL"])  # of unused words yosys says x
            write, read = cell["connections"]["WAD"], cell["connections"]["RAD"]
            for n in range(_ADDRESS_BITS):
                if write[n] == read[n] == "0":
                    write[n] = read[n] = "x"
                    left += 1
    return left
