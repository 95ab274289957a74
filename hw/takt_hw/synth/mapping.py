"""Synthesis: Verilog and RTLIL to a netlist of ECP5 cells, with yosys. Why in these steps: docs/design/synthesis.md."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from .absorb import absorb
from .copies import copy_registers
from .justify import justify
from .prune import prune
from .ties import untie
from .tools import Report, Tool, ToolError, run

NETLIST = "netlist.json"
"""The netlist, in the directory of a run, with the modules of what is read."""

FLAT = "netlist.flat.json"
"""The same for placement: one module, with copies of registers (`copies`) and without useless wires (`ties`)."""

SYNTH_LOG = "yosys.log"

OPTIONS = ("-noflatten", "-nowidelut")
"""Unless told otherwise: what is alike is mapped once, and nextpnr flattens. Multiplexers that make one large LUT of
several small ones cost more area than they save time."""

_READERS = {".v": "read_verilog", ".il": "read_rtlil"}

IN_BLOCK_RAM = "*link.buffer"
"""Modules with memories so short that yosys would make them of LUTs, which have many more pins than a block RAM."""

UNCHECKED = ("*.banks", "*queue_*", IN_BLOCK_RAM)
"""Modules with memories of which nobody looks at what was read at an address while it was written: the banks of MEM,
where no legal program does that, text, of which a queue takes nothing that is arriving, and a link's deskew buffer,
which reads zeros in place of a vector that is not there yet. For others yosys adds registers and comparators that keep
the old word; the block RAM itself gives neither old nor new."""

# synth_lattice maps to LUTs with abc9 whatever it is told, so that step is done by hand: docs/design/synthesis.md.
_MAPPING = """
synth_lattice -family ecp5 {options} -top {top} -run begin:map_luts
check -latchonly -assert
techmap -map +/lattice/latches_map.v
abc -lut 4 -dress
clean
synth_lattice -family ecp5 {options} -top {top} -run map_cells:check
"""

_LIBRARY = "read_verilog -lib -specify +/lattice/cells_sim_ecp5.v +/lattice/cells_bb_ecp5.v"

_DONE = """
synth_lattice -family ecp5 {options} -top {top} -run check:
setattr -unset src -unset hdlname w:* c:*
write_json {netlist}
"""

_FLATTEN = """
read_json {netlist}
hierarchy -top {top}
flatten -noscopeinfo
clean
setattr -unset src -unset hdlname w:* c:*
write_json {flat}
"""

# A register's model has a path from its reset to its output, whether that is asynchronous or not.
_LOOPS = """
design -save mapped
flatten -noscopeinfo
select -assert-none t:$_DLATCH* t:$dlatch* t:$adlatch* t:$_SR_* t:$sr
scc -specify -expect 0 * t:TRELLIS_FF %d
check -mapped -assert
design -load mapped
"""


def synthesize(
    sources: Sequence[str],
    top: str,
    directory: Path,
    *,
    check: bool = False,
    options: Sequence[str] = OPTIONS,
    report: Report = lambda doing: None,
    timeout: float | None = None,
) -> float:
    """Write `NETLIST` and `FLAT` of what ``sources`` hold; the seconds that it took.

    Parameters
    ----------
    sources : sequence of str
        Verilog (``.v``) and RTLIL (``.il``) files in ``directory``, in the order in which they are read.
    top : str
        Module at the top.
    directory : Path
        Where the files are, and where netlist and log go.
    check : bool
        Also look, across all modules, for combinational loops, for wires without a driver or with several, and for
        latches: in what is read and in what came of it.
    options : sequence of str
        For ``synth_lattice``.
    report, timeout
        As of `tools.run`.

    Raises
    ------
    ToolError
        Synthesis failed, or a check found something.
    """
    if not sources:
        raise ToolError("there must be sources to synthesize")
    words = {"top": top, "options": " ".join(options), "netlist": NETLIST}
    read = "\n".join(f"{_READERS[Path(name).suffix]} {name}" for name in sources)
    read += "".join(f"\nsetattr -set no_rw_check 1 {modules}/m:*" for modules in UNCHECKED)
    read += f'\nsetattr -set ram_style "block" {IN_BLOCK_RAM}/m:*'
    script = [read, _MAPPING.format(**words), *([_LOOPS] if check else []), _DONE.format(**words)]
    seconds = 0.0
    if check:
        # What is read, before any pass can mend it.
        (directory / "rtl.ys").write_text(
            f"{_LIBRARY}\n{read}\nhierarchy -check -top {top}\nproc -latches error\nflatten\nopt_clean\ncheck -assert\n"
        )
        seconds = run(Tool.YOSYS, ["-s", "rtl.ys"], directory, log="rtl-check.log", report=report, timeout=timeout)
    (directory / "synth.ys").write_text("\n".join(script))
    seconds += run(Tool.YOSYS, ["-s", "synth.ys"], directory, log=SYNTH_LOG, report=report, timeout=timeout)
    netlist = directory / NETLIST
    design = json.loads(netlist.read_text())
    prune(design, top)
    justify(design)
    absorb(design)
    netlist.write_text(json.dumps(design))
    (directory / "flatten.ys").write_text(_FLATTEN.format(**words, flat=FLAT))
    seconds += run(Tool.YOSYS, ["-s", "flatten.ys"], directory, log="flatten.log", report=report, timeout=timeout)
    flat = json.loads((directory / FLAT).read_text())
    copy_registers(flat["modules"][top])
    untie(flat)
    (directory / FLAT).write_text(json.dumps(flat))
    return seconds
