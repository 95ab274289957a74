"""Systems in several processes: the same as in one, however the chips are dealt out, and one message on any error."""

import os
import threading
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from takt_hw import isa
from takt_hw.config import NANO_C2C
from takt_sim.system.distributed import main, run_distributed
from takt_sim.system.generate import random_system
from takt_sim.system.job import NO_DISPATCHES, Job, pack, read_outcomes, unpack
from takt_sim.system.rank import Rank, chips_of
from takt_sim.system.reference import ReferenceSystem
from takt_sim.system.topology import dragonfly, full, ring
from takt_sim.timeline import IllegalProgram

FULL = full(4, ppm=100)
SPLITS = [(FULL, 1), (FULL, 2), (ring(5, ppm=100), 3), (dragonfly(2, 3, 1, ppm=100), 2)]


@cache
def made(topology):
    """A random system of the topology, with pauses that are longer than a window."""
    return random_system(NANO_C2C, topology, 1, idle=200)


def memory_of(topology):
    """Its memory before the run."""
    return [{name: words.copy() for name, words in chip.items()} for chip in made(topology).memory]


@cache
def alone(topology):
    """What one process makes of it: results and memory."""
    system = ReferenceSystem(NANO_C2C, topology)
    for chip, memory in zip(system.chips, memory_of(topology), strict=True):
        chip.memory.update(memory)
    return system.run(made(topology).programs), [chip.memory for chip in system.chips]


def same(memory, other):
    return all(np.array_equal(a[name], b[name]) for a, b in zip(memory, other, strict=True) for name in a)


@pytest.mark.parametrize(("topology", "processes"), SPLITS, ids=lambda found: getattr(found, "name", found))
def test_same_as_in_one_process(topology, processes):
    results, after = alone(topology)
    memory = memory_of(topology)
    assert not same(memory, after)
    found = run_distributed(NANO_C2C, topology, made(topology).programs, processes, memory=memory, timelines=True)
    assert found == results
    assert same(memory, after)
    # instructions are told apart by identity, which would be lost on the way between processes
    assert any(d.instruction.op is isa.RECEIVE for result in found for d in result.timeline.dispatches)


def test_timelines_stay_behind_unless_wanted():
    found = run_distributed(NANO_C2C, FULL, made(FULL).programs, memory=memory_of(FULL))
    for result, other in zip(found, alone(FULL)[0], strict=True):
        assert result.timeline == NO_DISPATCHES
        fields = ("cycles", "writes", "faults", "sent", "received")
        assert [getattr(result, f) for f in fields] == [getattr(other, f) for f in fields]


def test_memory_survives_packing():
    rng = np.random.default_rng(1)
    words = rng.integers(0, 2, (64, 1), np.uint8) * rng.integers(0, 3, (64, 32), np.uint8)
    image = pack({"MEM_W0": words})
    assert len(image["MEM_W0"][0]) < 64
    found = {"MEM_W0": rng.integers(0, 2, (64, 32), np.uint8)}
    unpack(image, found)
    assert np.array_equal(found["MEM_W0"], words)


@pytest.mark.parametrize("chips", [2, 5, 8])
@pytest.mark.parametrize("ranks", [1, 2, 3, 9])
def test_every_chip_has_one_process(chips, ranks):
    shares = [list(chips_of(ring(chips), rank, ranks)) for rank in range(ranks)]
    assert sum(shares, []) == list(range(chips))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


class Threads:
    """MPI's collectives between threads; counts the exchanges of vectors."""

    class Shared:
        def __init__(self, size):
            self.barrier = threading.Barrier(size, timeout=20)
            self.told = [None] * size
            self.exchanges = 0

    def __init__(self, rank, size, shared):
        self.rank, self.size, self.shared = rank, size, shared

    def allgather(self, thing):
        self.shared.told[self.rank] = thing
        self.shared.barrier.wait()
        found = list(self.shared.told)
        self.shared.barrier.wait()
        return found

    def alltoall(self, things):
        if self.rank == 0:
            self.shared.exchanges += 1
        return [there[self.rank] for there in self.allgather(things)]


def test_processes_exchange_only_after_windows_in_which_something_crossed():
    shared, ranks = Threads.Shared(2), 2
    job = Job.of(NANO_C2C, FULL, made(FULL).programs, memory_of(FULL))
    outcomes = [[], []]

    def run(rank):
        share = job.share(chips_of(FULL, rank, ranks))
        outcomes[rank] = list(Rank(Threads(rank, ranks, shared), share).run())

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(ranks)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results = alone(FULL)[0]
    assert [o.result.received for part in outcomes for o in part] == [result.received for result in results]
    across = {
        vector.cycle // FULL.min_latency
        for chip, result in enumerate(results)
        for vector in result.sent
        if (FULL.peers[FULL.ports[chip][vector.link]][0].chip < 2) != (chip < 2)
    }
    assert shared.exchanges == len(across)
    assert 5 < len(across) < max(across) - 5


def nop(cycles):
    return isa.NOP.encode(count=cycles)


ILLEGAL = {
    "a RECEIVE without SEND": {3: {"C2C_W.receive0": [isa.RECEIVE.encode(dst=isa.Stream(0, isa.Direction.EAST))]}},
    "the earlier window first": {
        0: {"C2C_W.send0": [nop(200), isa.SEND.encode(src=isa.Stream(1, isa.Direction.WEST))]},
        # to chip 2, so that no exchange comes between the two
        3: {"C2C_W.send2": [nop(90), isa.SEND.encode(src=isa.Stream(2, isa.Direction.WEST))]},
    },
    "the lower chip first": {
        1: {"C2C_W.send0": [nop(80), isa.SEND.encode(src=isa.Stream(1, isa.Direction.WEST))]},
        3: {"C2C_W.send0": [nop(70), isa.SEND.encode(src=isa.Stream(2, isa.Direction.WEST))]},
    },
    "no instruction": {2: {"MEM_W0.read": [0xFF]}},
}


@pytest.mark.parametrize("programs", ILLEGAL.values(), ids=ILLEGAL)
def test_refused_as_in_one_process(programs):
    with pytest.raises(IllegalProgram) as wanted:
        ReferenceSystem(NANO_C2C, FULL).run(programs)
    with pytest.raises(IllegalProgram) as found:
        run_distributed(NANO_C2C, FULL, programs)
    assert found.value.violations == wanted.value.violations
    assert str(found.value) == str(wanted.value)


def test_a_program_that_fails_amid_traffic_ends_all_processes():
    programs = [*made(FULL).programs]
    programs[1] = {}
    with pytest.raises(IllegalProgram, match=r"^receive: chip \d, ") as wanted:
        ReferenceSystem(NANO_C2C, FULL).run(programs)
    with pytest.raises(IllegalProgram) as found:
        run_distributed(NANO_C2C, FULL, programs, 3)
    assert found.value.violations == wanted.value.violations


BROKEN = """
import os, signal, sys
from takt_sim.system import rank

whole = rank.Rank._window

def window(self, number, outside):
    if self.comm.rank == 1 and number == 2:
        {what}
    whole(self, number, outside)

rank.Rank._window = window
sys.exit(rank.main(sys.argv[1:]))
"""


def run_broken(tmp_path, monkeypatch, what):
    """Run with processes of which the second does something else in window 2."""
    Path(tmp_path, "broken_rank.py").write_text(BROKEN.format(what=what))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    run_distributed(NANO_C2C, FULL, made(FULL).programs, memory=memory_of(FULL), rank_module="broken_rank")


def test_a_process_that_dies_ends_all(tmp_path, monkeypatch):
    with pytest.raises(RuntimeError, match=r"^all processes must end by themselves, not with status 9:\n"):
        run_broken(tmp_path, monkeypatch, "rank.drop_shared_memory(); os.kill(os.getpid(), signal.SIGKILL)")


def test_an_error_outside_chips_ends_all(tmp_path, monkeypatch):
    with pytest.raises(
        RuntimeError, match=r"(?s)^all processes must end .*status 2:.*ZeroDivisionError: division by zero"
    ):
        run_broken(tmp_path, monkeypatch, f"open('{tmp_path}/maps', 'w').write(open('/proc/self/maps').read()); 1 / 0")
    segments = {line.split()[-1] for line in (tmp_path / "maps").read_text().splitlines() if "mpich_shm" in line}
    assert segments
    assert not any(Path(segment).exists() for segment in segments)


def test_an_error_in_a_chip_is_passed_on(tmp_path, monkeypatch):
    message = r"^chip 2 must be simulated to its end, not raise AttributeError: 'NoneType' object has no attribute"
    with pytest.raises(RuntimeError, match=message) as found:
        run_broken(tmp_path, monkeypatch, "self.runs[2].timeline = None")
    assert "in advance" in found.value.__notes__[0]


def test_two_machines(tmp_path, monkeypatch):
    """Two addresses of this machine, which MPICH takes for two, and a command that stands for ssh."""
    shell = tmp_path / "shell"
    without_host = 'while [ "${1#-}" != "$1" ]; do shift; done\nshift\nexec sh -c "$*"\n'
    shell.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/log\n{without_host}')
    shell.chmod(0o755)
    hosts = tmp_path / "hosts"
    hosts.write_text("localhost:1\n127.0.0.2:1\n")
    monkeypatch.setenv("HYDRA_LAUNCHER_EXEC", str(shell))
    memory = memory_of(FULL)
    run_distributed(NANO_C2C, FULL, made(FULL).programs, memory=memory, hostfile=hosts)
    assert same(memory, alone(FULL)[1])
    assert "127.0.0.2" in (tmp_path / "log").read_text()


def test_command_line(tmp_path, capsys):
    job, outcome = tmp_path / "job", tmp_path / "outcome"
    Job.of(NANO_C2C, FULL, made(FULL).programs, memory_of(FULL)).save(job)
    assert main([str(job), str(outcome), "--processes", "2"]) == 0
    results, after = alone(FULL)
    first = results[0]
    counts = f"{len(first.writes)} writes, {len(first.sent)} sent, {len(first.received)} received"
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert lines[0] == f"chip 0: {first.cycles} cycles, {counts}"
    memory = memory_of(FULL)
    for found, words in zip(read_outcomes(outcome), memory, strict=True):
        unpack(found.image, words)
    assert same(memory, after)
    Job.of(NANO_C2C, FULL, ILLEGAL["no instruction"]).save(job)
    assert main([str(job), str(outcome)]) == 1
    said = capsys.readouterr()
    assert said.err.startswith("takt: encoding: chip 2, MEM_W0.read, ")
    assert said.err.count("\n") == 1
    assert said.out == ""


def test_refusals(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"^processes must be from 1 to 4, one per chip, not 5$"):
        run_distributed(NANO_C2C, FULL, {}, 5)
    with pytest.raises(ValueError, match=r"^memory must be there for 4 chips, not 3$"):
        run_distributed(NANO_C2C, FULL, {}, memory=memory_of(FULL)[:3])
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", os.devnull)
    message = r"^mpiexec must be installed beside Python, not missing; the package mpich brings it$"
    with pytest.raises(RuntimeError, match=message):
        run_distributed(NANO_C2C, FULL, {})
