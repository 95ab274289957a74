"""Breaks the RTL in known ways and shows that the suite notices each: ``python -m tests.planted_faults``.

Every fault is planted in a copy of the tree. The unit tests of the hardware and the lockstep of random
programs against the reference simulator then run on the copy. The table that results is
docs/design/planted-faults.md.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/design/planted-faults.md"
UNITS = ("icu", "mem", "vxm", "mxm", "sxm", "c2c", "host")
PROGRAMS = 25
"""Random programs per fault; `make test` runs many more."""


UNIT_TESTS = tuple(f"tests/hw/{name}" for name in (*UNITS, "test_streams.py", "test_latencies.py"))


@dataclass(frozen=True)
class Fault:
    """One way to break the RTL: ``old`` becomes ``new`` in a file below hw/takt_hw."""

    what: str
    path: str
    old: str
    new: str
    chip: str = "nano"


FAULTS = (
    Fault(
        "READ one cycle early",
        "mem/slice.py",
        "m.d.sync += [\n            sending.eq",
        "m.d.comb += [\n            sending.eq",
    ),
    Fault(
        "a westward hop takes the eastward value",
        "superlane.py",
        "west.i_west.eq(east.o_west)",
        "west.i_west.eq(east.o_east)",
    ),
    Fault("MIN computes MAX", "vxm/arithmetic.py", "isa.MIN: Mux(a < b, a, b)", "isa.MIN: Mux(a < b, b, a)"),
    Fault("REQUANT saturates at -127", "vxm/arithmetic.py", "Mux(scaled < -128, -128", "Mux(scaled < -127, -127"),
    Fault("REQUANT rounds halves down", "vxm/arithmetic.py", "(below >> 1) + odd", "(below >> 1)"),
    Fault("SHR shifts zeros in", "vxm/arithmetic.py", "isa.SHR: a >>", "isa.SHR: a.as_unsigned() >>"),
    Fault(
        "int8 operands are not sign-extended", "vxm/operand.py", "(raw[7] & signed_byte).replicate(24)", "Const(0, 24)"
    ),
    Fault(
        "the bank of a write is its lowest address bit",
        "mem/bank_pair.py",
        "self.write & (self.write_address[-1] == bank)",
        "self.write & (self.write_address[0] == bank)",
    ),
    Fault(
        "NOP n waits n + 1 cycles",
        "icu/queue.py",
        "m.d.comb += advance.eq(timer_left == 1)",
        "m.d.comb += advance.eq(timer_left == 0)",
    ),
    Fault("REPEAT does not advance the address", "icu/queue.py", "strided + word[isa.STRIDE.bits]", "strided"),
    Fault(
        "SYNC ends one cycle late", "icu/clockwork.py", "d_func(config) - LOOK_AHEAD", "d_func(config) - LOOK_AHEAD + 1"
    ),
    Fault(
        "the cycle count is one too high",
        "icu/clockwork.py",
        "last_cycle + self.superlanes)",
        "last_cycle + self.superlanes + 1)",
    ),
    Fault(
        "LW changes the weights in use",
        "mxm/supercell.py",
        "m.d.sync += buffer.eq(feed.weights[stream])",
        "m.d.sync += [buffer.eq(feed.weights[stream]), weights[0].eq(feed.weights[stream][:8].as_signed())]",
    ),
    Fault("ACC add starts anew", "mxm/accumulator.py", "Mux(keep, lowest.read[lane], 0)", "Mux(keep, 0, 0)"),
    Fault(
        "lane SELECT chooses the other",
        "sxm/local.py",
        "Mux(mask[lane] != 0, a[lane], b[lane])",
        "Mux(mask[lane] != 0, b[lane], a[lane])",
    ),
    Fault(
        "lane SHIFT moves the other way",
        "sxm/crossing.py",
        "Mux(amount < 0, -amount, config.lanes - amount)",
        "Mux(amount > 0, amount, config.lanes + amount)",
    ),
    Fault(
        "a masked write takes the lanes that it must keep",
        "mem/slice.py",
        "self.chosen_data.word_select(n, 8).any() for",
        "~self.chosen_data.word_select(n, 8).any() for",
    ),
    Fault(
        "a SCATTER out of range writes",
        "mem/slice.py",
        "self.writes.valid & ~masks & ~scatter_misses",
        "self.writes.valid & ~masks",
    ),
    Fault(
        "a map may name one lane too many",
        "sxm/local.py",
        "Mux(number < LANES_PER_SUPERLANE",
        "Mux(number <= LANES_PER_SUPERLANE",
    ),
    Fault(
        "products come down one superlane early",
        "mxm/plane.py",
        "range(self.config.superlanes - 1)",
        "range(self.config.superlanes - 2)",
        "quad",
    ),
    Fault(
        "a superlane is not one behind the next",
        "superlane.py",
        "m.d.sync += control.valid.eq(arriving.valid)",
        "m.d.comb += control.valid.eq(arriving.valid)",
    ),
    Fault(
        "LOOP runs its body once too often", "icu/loops.py", "last[k].eq(counts[k] == 2)", "last[k].eq(counts[k] == 1)"
    ),
    Fault(
        "the second word of an IFETCH comes from the first superlane again",
        "icu/fetch.py",
        "superlane.eq(0 if self.superlanes == 1 else 1)",
        "superlane.eq(0)",
        "quad",
    ),
    Fault("floating point rounds ties up", "vxm/rounding.py", "shifted[0] & (more | shifted[1])", "shifted[0]"),
    Fault(
        "LANE_MAX keeps the smaller", "vxm/tree.py", "Mux(b_wins, b_value, a_value)", "Mux(b_wins, a_value, b_value)"
    ),
    Fault(
        "an accumulator forgets an infinity or a NaN",
        "mxm/accumulator.py",
        "product.special[name] | kept",
        "product.special[name]",
    ),
    Fault(
        "the bit next to the flipped one is mended",
        "mem/secded.py",
        "Const(1, CODE_BITS) << look_up.data",
        "Const(2, CODE_BITS) << look_up.data",
    ),
    Fault(
        "a packet's CRC is not looked at",
        "c2c/receiver.py",
        "differs.eq(word.payload != crc_part(crc, n, self.link_bits))",
        "differs.eq(0)",
    ),
    Fault(
        "a vector that was lost brings what was in its place before",
        "c2c/buffer.py",
        "Mux(shown, read_port.data, 0)",
        "read_port.data",
    ),
    Fault(
        "a chip turns its aligned counter the wrong way",
        "c2c/counter.py",
        "self.count + 1 - Mux(adjusting, ahead, 0)",
        "self.count + 1 + Mux(adjusting, ahead, 0)",
    ),
    Fault(
        "RUNTIME_DESKEW goes by the chip's own clock",
        "c2c/aligner.py",
        "self.resume.eq(~late[-1])",
        "self.resume.eq(now + LOOK_AHEAD >= self.cycle)",
    ),
    Fault(
        "a header's CRC is not looked at", "host/receiver.py", "& (header.crc == sum16)", "& (header.crc == header.crc)"
    ),
)


def plant(fault: Fault | None, tree: Path) -> None:
    """Copy the project to ``tree`` and break it, if wanted. ValueError if the code is not there exactly once."""
    for folder in ("hw", "sim", "firmware", "bench", "tests"):
        shutil.copytree(ROOT / folder, tree / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tree)
    if fault is None:
        return
    path = tree / "hw/takt_hw" / fault.path
    text = path.read_text()
    if text.count(fault.old) != 1:
        raise ValueError(f"{fault.path} must contain {fault.old!r} once, not {text.count(fault.old)} times")
    path.write_text(text.replace(fault.old, fault.new))


def _run(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    roots = os.pathsep.join(str(tree / folder) for folder in ("", "hw", "sim", "firmware"))
    environment = os.environ | {"PYTHONPATH": roots}
    return subprocess.run(
        [sys.executable, *arguments], cwd=tree, env=environment, capture_output=True, text=True, check=False
    )


def unit_tests(tree: Path) -> str:
    """The first unit test that fails on the hardware in ``tree``; empty if none does."""
    done = _run(tree, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *UNIT_TESTS)
    failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return failed[0].split(" - ")[0].split()[1].split("[")[0] if failed else ""


def lockstep(tree: Path, chip: str) -> str:
    """What the lockstep run says of the hardware in ``tree``; empty if it notices nothing."""
    done = _run(tree, "-m", "takt_sim.tb.soak", "--chip", chip, "-n", str(PROGRAMS), "--seed", "1")
    if done.returncode == 0:
        return ""
    lines = [line for line in done.stderr.splitlines() if ", seed " in line]
    said = lines[-1].split("\r")[-1].strip() if lines else "the simulation ends in an error"
    return re.sub(r": [0-9a-f]{32,}", "", said)


def main() -> int:
    """Command line; exit status 1 if a fault goes unnoticed."""
    parser = argparse.ArgumentParser(description="Plant faults in the RTL and see which checks notice.")
    parser.add_argument("--only", type=int, help="number of one fault")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    arguments = parser.parse_args()
    chosen = FAULTS if arguments.only is None else (FAULTS[arguments.only],)
    rows, missed = [], []
    for fault in tqdm([None, *chosen], unit="fault"):
        with tempfile.TemporaryDirectory() as folder:
            plant(fault, Path(folder))
            with ThreadPoolExecutor() as both:
                in_lockstep = both.submit(lockstep, Path(folder), fault.chip if fault else "nano")
                by_unit_test, by_lockstep = unit_tests(Path(folder)), in_lockstep.result()
        if fault is None:
            if by_unit_test or by_lockstep:
                print(f"the unbroken copy must pass: {by_unit_test} {by_lockstep}", file=sys.stderr)
                return 1
            continue
        rows.append((fault.what, f"`{fault.path}`", by_unit_test or "–", by_lockstep or "–"))
        if not (by_unit_test or by_lockstep):
            missed.append(fault.what)
        tqdm.write(" | ".join(rows[-1]))
    if arguments.write:
        PAGE.write_text(_page(rows))
    for what in missed:
        print(f"unnoticed: {what}", file=sys.stderr)
    return bool(missed)


def _page(rows: list[tuple[str, ...]]) -> str:
    lines = [
        "# Planted faults",
        "",
        "Does the suite notice when the chip is wrong? `make planted` breaks a copy of the RTL in each of these",
        f"ways and runs the unit tests of the hardware and {PROGRAMS} random programs on it and on the reference",
        "simulator. It writes this page. The bytes of a write are left out: where both sides of a message read",
        "alike, they differ.",
        "",
        "| fault | in | first unit test that fails | lockstep says |",
        "|---|---|---|---|",
        *("| " + " | ".join(row) + " |" for row in rows),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
