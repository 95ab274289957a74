"""The wires between chips, with stub chips that count, on clocks that have nothing to do with each other."""

import random
import re
import subprocess
from pathlib import Path

import pytest
from amaranth.hdl import ClockDomain, ClockSignal, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from bench.verilated import compile_verilog
from takt_hw import system
from takt_hw.system import End, System, cable, emit, emit_chip
from takt_sim.tb.build import locked

ROOT = Path(__file__).parents[2]
LINKS = 2
CABLE = (End(0, 1), End(1, 0))
DELAY = 3
SALT = (0, 0x5A)
"""Added to what the links of a stub say."""


class Stub(wiring.Component):
    """Says how many clocks it has had, and shows the last word and the number of words that each link has heard."""

    def __init__(self):
        ports = {"word_hidden": Out(8)}
        for n in range(LINKS):
            ports |= {f"link{n}_wire_clk": In(1), f"link{n}_i_wire": In(8), f"link{n}_o_wire": Out(8)}
            ports |= {f"word{n}": Out(8), f"count{n}": Out(8)}
        super().__init__(ports)

    def elaborate(self, platform):
        m = Module()
        count = Signal(8)
        m.d.sync += count.eq(count + 1)
        for n in range(LINKS):
            m.domains += ClockDomain(f"wire{n}", reset_less=True, local=True)
            m.d.comb += ClockSignal(f"wire{n}").eq(getattr(self, f"link{n}_wire_clk"))
            word, heard = getattr(self, f"word{n}"), getattr(self, f"count{n}")
            m.d[f"wire{n}"] += [word.eq(getattr(self, f"link{n}_i_wire")), heard.eq(heard + 1)]
            m.d.sync += getattr(self, f"link{n}_o_wire").eq(count + 1 + SALT[n])
        return m


@pytest.fixture(scope="module")
def run():
    """Runs steps: what was heard after each."""
    directory = ROOT / "build" / "stub_system"
    with locked(directory):
        verilog = directory / "system.v"
        verilog.write_text(emit(lambda tiles: Stub(), chips=2, cables=[CABLE], delay=DELAY))
        harness = Path(__file__).with_name("system.cpp")
        executable = compile_verilog(directory, [verilog, harness], "takt", macros={}, parameters={})

    def steps(rows):
        lines = "\n".join(" ".join(map(str, row)) for row in rows)
        done = subprocess.run([executable], input=lines, capture_output=True, text=True, check=True)
        return [tuple(map(int, line.split())) for line in done.stdout.splitlines()]

    return steps


def heard(rows):
    """What each wire's end must have heard after each step, from the wires' description."""
    edges, last, said = [0, 0], [0, 0], {0: (0, 0), 1: (0, 0)}
    for *clocks, flip0, flip1, cut0, cut1 in rows:
        rising = [now and not before for now, before in zip(clocks, last, strict=True)]
        for wire, flip, cut in ((0, flip0, cut0), (1, flip1, cut1)):
            link = CABLE[wire].link
            if rising[wire] and not cut:
                sent = edges[wire] - DELAY
                word = (sent + SALT[link]) % 256 if sent > 0 else 0
                said[wire] = word ^ flip, (said[wire][1] + 1) % 256
        edges = [n + rose for n, rose in zip(edges, rising, strict=True)]
        last = clocks
        (word1, count1), (word0, count0) = said[0], said[1]
        yield 0, 0, word0, count0, word1, count1, 0, 0


@pytest.mark.parametrize("seed", range(3))
def test_each_word_crosses_with_its_sender_s_clock(run, seed):
    choice = random.Random(seed)
    rows, cut = [(0,) * 6], [0, 0]  # edges are looked for from the first step on
    clocks = [0, 0]
    for n in range(600):
        clocks = [clock ^ choice.choice((0, 1)) for clock in clocks]
        flips = [choice.choice((0, 0, 0, 1 << choice.randrange(8))) for _ in range(2)]
        # cut and join while the sender's clock is low, as a bench does
        cut = [int(300 <= n < 400) if not clock else old for clock, old in zip(clocks, cut, strict=True)]
        rows.append((*clocks, *flips, *cut))
    assert run(rows) == list(heard(rows))


def test_the_chip_is_one_module_and_its_hidden_ports_stay_within():
    text = emit(lambda tiles: Stub(), chips=3, cables=[CABLE])
    modules = re.findall(r"^module (\w+)\(", text, re.MULTILINE)
    assert sorted(modules) == ["chip", "chip_within", "takt"]
    assert len(re.findall(r"^  chip \S*chip\d+ \(", text, re.MULTILINE)) == 3
    assert "chip2_count1" in text
    assert "chip0_word_hidden" not in text
    assert text.count("word_hidden;") == text.count("output [7:0] word_hidden;") + 1 == 2  # the chip's own
    wires = emit(lambda tiles: Stub(), chips=3, cables=[CABLE], wires_only=True)
    assert re.findall(r"^module (\w+)\(", wires, re.MULTILINE) == ["takt"]
    chip = emit_chip(lambda tiles: Stub())
    assert sorted(re.findall(r"^module (\w+)\(", chip, re.MULTILINE)) == ["chip", "chip_within"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"chips": 0}, "chips must be at least 1, not 0"),
        ({"delay": -1}, "delay must be at least 0, not -1"),
        ({"cables": [(End(0, 1), End(1, 2))]}, "cable must join links of chips, not 1.2"),
        ({"cables": [(End(0, 1), End(2, 0))]}, "cable must join links of chips, not 2.0"),
        ({"cables": [CABLE, (End(1, 1), End(0, 1))]}, "link must have one cable, not two: 0.1"),
    ],
)
def test_what_cannot_be_joined_is_refused(change, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        System(Stub(), **({"chips": 2, "cables": [CABLE]} | change))


def test_a_cable_is_written_as_two_links():
    assert cable("0.1-12.3") == (End(0, 1), End(12, 3))
    with pytest.raises(ValueError, match=r"^cable must be <chip>\.<link>-<chip>\.<link>, not '0\.1'$"):
        cable("0.1")


def test_the_command_line_writes_the_wires_of_a_build(tmp_path, monkeypatch):
    output = tmp_path / "wires.v"
    arguments = ["nano_c2c", "--chips", "2", "--cable", "0.3-1.5", "--trace", "--part", "wires", "-o", str(output)]
    monkeypatch.setattr("sys.argv", ["system", *arguments])
    system.main()
    text = output.read_text()
    assert "input [24:0] wire1_flip;" in text
    assert "output [7:0] chip1_trace__write;" in text
