"""Programs on the RTL of `nano`: what they do, what is refused, and what goes wrong in one clear line."""

import os
from pathlib import Path

import pytest

from takt_hw import isa
from takt_hw.config import BUILDS, NANO, ChipConfig
from takt_hw.isa import Direction, Stream
from takt_hw.isa.host import Fault, Status
from takt_sim.tb.build import BuildError, Simulator, Variant, build
from takt_sim.tb.frames import RequestError
from takt_sim.tb.run import Job, RtlChip, Run, Write, run_rtl
from takt_sim.tb.session import Session, SimulationError
from takt_sim.tb.verilator import TOP

ROOT = Path(__file__).parents[3] / "build" / "rtl"
EAST = Stream(0, Direction.EAST)
HOPS = NANO.slice_by_name["MEM_E0"].position - NANO.slice_by_name["MEM_W0"].position
TAKEN = isa.READ.d_func(NANO) + HOPS
"""Cycle in which MEM_E0 can take what MEM_W0 reads in cycle 0."""

COPY = {
    "MEM_W0.read": [isa.READ.encode(dst=EAST, address=3)],
    "MEM_E0.write": [isa.NOP.encode(count=TAKEN - 1), isa.WRITE.encode(src=EAST, address=9)],
}
NEVER_ENDS = {"MEM_W0.read": [isa.SYNC.encode()]}
TAKES_NOTHING = {"MEM_E0.write": [isa.WRITE.encode(src=EAST, address=9)]}


@pytest.fixture(scope="module")
def chip(tmp_path_factory):
    with RtlChip(NANO, Variant.CHECKED, directory=tmp_path_factory.mktemp("run"), root=ROOT) as opened:
        yield opened


def test_a_program_runs_and_its_writes_are_seen(chip):
    chip.load_text(COPY)
    word = os.urandom(NANO.lanes)
    for _ in range(2):
        result = chip.run(Run({"MEM_W0": {3: word}}, {"MEM_E0": [9], "MEM_W0": [3]}))
        assert result.writes == [Write(TAKEN, "MEM_E0", 9, word)]
        assert result.memory == {"MEM_E0": {9: word}, "MEM_W0": {3: word}}
        assert (result.cycles, result.faults) == (TAKEN + 1, 0)
        assert result.simulated_cycles > result.cycles


def test_memory_is_read_as_written(chip):
    words = {
        s.name: {address: os.urandom(NANO.lanes) for address in (0, 1, 2, 200, NANO.mem_words - 1)}
        for s in NANO.mem_slices
    }
    chip.write(words)
    assert chip.read(words) == words


def test_an_empty_program_ends_at_once(chip):
    chip.load_text({})
    assert chip.run().cycles == NANO.superlanes


def test_a_program_without_end_is_reported_and_the_chip_is_busy(tmp_path):
    with RtlChip(NANO, Variant.CHECKED, directory=tmp_path, root=ROOT) as chip:
        chip.load_text(NEVER_ENDS)
        with pytest.raises(SimulationError, match="^the program must end within 1000 cycles$"):
            chip.run(max_cycles=1000)
        with pytest.raises(RequestError, match="^CLEAR: the chip must accept the request, not answer BUSY$") as caught:
            chip.load_text(COPY)
        assert caught.value.status is Status.BUSY


def test_faults_are_reported_until_the_next_text(chip):
    chip.load_text(TAKES_NOTHING)
    assert chip.run().faults == 1 << Fault.UNDEFINED_STREAM
    chip.load_text(COPY)
    assert chip.run(Run({"MEM_W0": {3: bytes(NANO.lanes)}})).faults == 0


def test_a_batch_reports_its_progress(tmp_path):
    seen = []
    words = [bytes([n]) * NANO.lanes for n in range(3)]
    runs = [Run({"MEM_W0": {3: word}}, {"MEM_E0": [9]}) for word in words]
    results = run_rtl(
        NANO,
        [Job(COPY, runs), Job({})],
        variant=Variant.CHECKED,
        directory=tmp_path,
        root=ROOT,
        progress=lambda made, total: seen.append((made, total)),
    )
    assert [run.memory["MEM_E0"][9] for run in results[0]] == words
    assert len(results[1]) == 1
    assert seen == [(n, 4) for n in range(1, 5)]


def test_what_each_variant_compiles_in():
    arguments = {variant: variant.arguments for variant in Variant}
    assert arguments == {
        Variant.FAST: (),
        Variant.CHECKED: ("--checks", "--trace"),
        Variant.FLIPS: ("--checks", "--trace"),
        Variant.WAVES: ("--trace",),
    }
    assert [variant for variant in Variant if not variant.traced] == [Variant.FAST]


def test_another_configuration_is_refused():
    names = ", ".join(BUILDS)
    with pytest.raises(ValueError, match=f"^config must be one of {names}, not 'own'$"):
        build(ChipConfig(name="own"), root=ROOT)


def test_a_missing_compiler_is_one_clear_line(tmp_path, monkeypatch):
    monkeypatch.setattr("takt_sim.tb.build._emit", lambda config, variant, output: output.write_text(""))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BuildError, match=r"^a C\+\+ compiler is needed to simulate the chip; install one"):
        build(NANO, root=tmp_path)


def test_verilog_that_does_not_compile_is_one_clear_line(tmp_path, monkeypatch):
    text = "module takt(clk);\n  input clk;\n  this is no Verilog\nendmodule\n"
    monkeypatch.setattr("takt_sim.tb.build._emit", lambda config, variant, output: output.write_text(text))
    with pytest.raises(BuildError, match="^the chip's Verilog must compile: .*; see .*compile.log$"):
        build(NANO, root=tmp_path)


def test_a_simulation_that_fails_is_reported(chip, tmp_path):
    with Session(chip.session.simulator, tmp_path) as session:
        with pytest.raises(SimulationError, match="^simulation failed: TypeError: "):
            session.wait(None)
        with pytest.raises(SimulationError, match="^simulation must be open$"):
            session.wait(1)


def test_a_simulation_that_ends_early_is_reported(chip, tmp_path):
    with (
        Session(chip.session.simulator, tmp_path) as session,
        pytest.raises(SimulationError, match="^simulation ended early: "),
    ):
        session.exchange("not bytes", 1)


def test_a_simulator_that_does_not_start_is_reported(chip, tmp_path):
    (tmp_path / TOP).symlink_to("/bin/false")
    broken = Simulator(tmp_path, NANO, Variant.FAST)
    with (
        Session(broken, tmp_path) as session,
        pytest.raises(SimulationError, match="^simulation ended early: no log was written$"),
    ):
        session.wait(1)
