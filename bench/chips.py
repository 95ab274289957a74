"""The whole chip under each executor, all running the program of `bench.program`."""

import shutil
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path

from takt_hw.config import ChipConfig
from takt_hw.isa.host import BEAT_BYTES
from takt_hw.verilog import TOP, emit
from takt_sim.reference import ReferenceChip
from takt_sim.tb.host import Host
from takt_sim.tb.run import RtlChip, Run

from .program import Matmul
from .verilated import HERE, compile_verilog, figure


class Executor(ABC):
    """Something that runs the program."""

    name: str

    @abstractmethod
    def cycles_per_second(self) -> float:
        """Simulated cycles per second of one timed stretch. RuntimeError if the program ends otherwise than it must."""


class Cocotb(Executor, AbstractContextManager["Cocotb"]):
    """The project's way to run RTL: Verilated, driven from Python through the ports, waves off."""

    name = "cocotb on the Verilated chip"
    runs = 20

    def __init__(self, work: Matmul, root: Path) -> None:
        self.work = work
        self.chip = RtlChip(work.config, directory=root / "cocotb")

    def __enter__(self) -> "Cocotb":
        with ExitStack() as stack:
            stack.enter_context(self.chip)
            self.chip.load_text(self.work.text)
            self.chip.write(self.work.memory)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.__exit__(*error)  # type: ignore[arg-type]

    def cycles_per_second(self) -> float:
        results = [self.chip.run() for _ in range(self.runs)]
        last = self.chip.run(Run(read=self.work.expected))
        if {result.cycles for result in [*results, last]} != {self.work.cycles} or last.memory != self.work.expected:
            raise RuntimeError("the RTL must end in time with the right sums")
        return sum(r.simulated_cycles for r in results) / sum(r.seconds for r in results)


class Harness(Executor):
    """The same Verilog under a plain C++ main that replays host frames."""

    name = "C++ harness on the Verilated chip"
    runs = 50

    def __init__(self, work: Matmul, root: Path) -> None:
        directory = root / f"chip-{work.config.name}"
        self.work = work
        self.files = _frame_files(work, directory)
        verilog = directory / "chip.v"
        verilog.write_text(emit(work.config))
        macros = {"BEAT_BYTES": BEAT_BYTES}
        self.executable = compile_verilog(directory, [verilog, HERE / "chip.cpp"], TOP, macros=macros, parameters={})

    def cycles_per_second(self) -> float:
        return figure(self.executable, *self.files, self.runs, self.work.cycles)


class Reference(Executor):
    """The reference simulator: its work grows with instructions, not with cycles."""

    name = "reference simulator"

    def __init__(self, work: Matmul) -> None:
        self.work = work
        self.chip = ReferenceChip(work.config)
        for name, words in work.memory.items():
            for address, word in words.items():
                self.chip.memory[name][address] = list(word)

    def cycles_per_second(self) -> float:
        begin = time.perf_counter()
        result = self.chip.run(self.work.text)
        seconds = time.perf_counter() - begin
        found = {n: {a: bytes(self.chip.memory[n][a]) for a in words} for n, words in self.work.expected.items()}
        if result.cycles != self.work.cycles or found != self.work.expected:
            raise RuntimeError("the reference simulator must end in time with the right sums")
        return result.cycles / seconds


class Icarus(Executor):
    """The same Verilog under Icarus Verilog, for a few cycles of the program."""

    name = "Icarus on the same Verilog"
    cycles = 1000

    def __init__(self, work: Matmul, root: Path) -> None:
        directory = root / f"icarus-{work.config.name}"
        self.directory = directory
        for path in _frame_files(work, directory):
            data = path.read_bytes()
            beats = [data[n : n + BEAT_BYTES][::-1].hex() for n in range(0, len(data), BEAT_BYTES)]
            path.with_suffix(".hex").write_text("\n".join(beats) + "\n")
        (directory / "chip.v").write_text(emit(work.config))
        command = ["iverilog", "-g2012", "-o", "bench.vvp", "chip.v", str((HERE / "icarus.v").absolute())]
        done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"the chip must compile under Icarus: {done.stderr.strip().splitlines()[0]}")

    @staticmethod
    def is_present() -> bool:
        """Whether Icarus is on the path."""
        return shutil.which("iverilog") is not None and shutil.which("vvp") is not None

    def cycles_per_second(self) -> float:
        return self.cycles / (self._seconds(self.cycles) - self._seconds(0))

    def _seconds(self, cycles: int) -> float:
        begin = time.perf_counter()
        command = ["vvp", "-N", "bench.vvp", f"+cycles={cycles}"]
        done = subprocess.run(command, cwd=self.directory, check=True, capture_output=True, text=True)
        if "started" not in done.stdout:
            raise RuntimeError("the program must start under Icarus")
        return time.perf_counter() - begin


class _Recorded(Exception):
    """The frames of a conversation are known; no chip answers them."""


class _Recorder:
    """A link that keeps the requests and ends the conversation."""

    def __init__(self) -> None:
        self.requests = b""

    def exchange(self, requests: bytes, count: int) -> bytes:
        """Keep the requests."""
        self.requests = requests
        raise _Recorded


def _recorded(config: ChipConfig, talk: Callable[[Host], object]) -> bytes:
    recorder = _Recorder()
    with suppress(_Recorded):
        talk(Host(config, recorder))
    return recorder.requests


def _frame_files(work: Matmul, directory: Path) -> tuple[Path, Path, Path]:
    """Files with the frames that load the program and its memory, that start it, and that ask how it went."""
    directory.mkdir(parents=True, exist_ok=True)
    load, start, status = (directory / f"{name}.bin" for name in ("load", "start", "status"))
    text = _recorded(work.config, lambda host: host.load_text(work.text))
    memory = _recorded(work.config, lambda host: host.run(work.memory, start=False))
    load.write_bytes(text + memory)
    start.write_bytes(_recorded(work.config, lambda host: host.run({})))
    status.write_bytes(_recorded(work.config, lambda host: host.collect({})))
    return load, start, status
