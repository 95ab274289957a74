"""A running simulation, seen from the process that started it."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from types import TracebackType
from typing import Any

from .bench import ADDRESS_ARGUMENT
from .build import Simulator, Variant
from .errors import Flip
from .link import Kind, receive, send
from .trace import Sample
from .verilator import TOP, VerilatorRunner

WAVES_FILE = "dump.vcd"
"""Name of the VCD file in a session's directory."""

LOG_FILE = "simulation.log"

_LOG_LINES = 5
"""Last lines of the log that an error shows, if the simulation said nothing itself."""


class SimulationError(Exception):
    """A simulation failed: one message that says how."""


class Session:
    """One simulation of a chip, from reset until closed. A context manager.

    ``bench`` is the module that serves the other end; a subclass for another bench has another.

    Parameters
    ----------
    simulator : Simulator
        What to run.
    directory : Path
        Where logs and waves go.

    Attributes
    ----------
    cycles : int
        Clock cycles simulated so far.
    seconds : float
        Wall time spent in the simulation so far, without starting it.

    Raises
    ------
    SimulationError
        From any method: the simulation came to grief.
    """

    bench = "takt_sim.tb.bench"

    def __init__(self, simulator: Simulator, directory: Path) -> None:
        self.simulator = simulator
        self.directory = directory.absolute()
        self.cycles = 0
        self.seconds = 0.0
        self._connection: Connection | None = None

    def __enter__(self) -> Session:
        self.directory.mkdir(parents=True, exist_ok=True)
        with Listener(family="AF_UNIX") as listener:
            address = str(listener.address)
            self._thread = threading.Thread(target=self._simulate, args=(address,), daemon=True)
            self._thread.start()
            self._connection = listener.accept()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if kind is None and self._connection is not None:
                self._ask(Kind.STOP)
        finally:
            self._close()

    def exchange(self, requests: bytes, count: int) -> bytes:
        """Send request frames; the ``count`` response frames."""
        return self._ask(Kind.EXCHANGE, requests, count)

    def flip(self, flips: Sequence[Flip]) -> None:
        """Flip bits while the next program runs. Only in a simulator of variant FLIPS."""
        if self.simulator.variant is not Variant.FLIPS:
            raise SimulationError(f"simulator must be of variant flips, not {self.simulator.variant.value}")
        entries = [(f.cycle, f.path, f.word, f.bits.to_bytes(f.bits.bit_length() // 8 + 1, "little")) for f in flips]
        self._ask(Kind.FLIP, entries)

    def wait(self, limit: int) -> tuple[bool, list[Sample]]:
        """Let a program run to its end, at most ``limit`` cycles: whether it ended, and its writes if traced."""
        ended, samples = self._ask(Kind.WAIT, limit)
        return ended, [tuple(sample) for sample in samples]

    def _ask(self, kind: Kind, *values: Any) -> Any:
        if self._connection is None:
            raise SimulationError("simulation must be open")
        begin = time.perf_counter()
        try:
            send(self._connection, kind, *values)
            answer, found = receive(self._connection)
        except (EOFError, OSError):
            self._close()
            raise SimulationError(f"simulation ended early: {self._last_words()}") from None
        self.seconds += time.perf_counter() - begin
        if answer is Kind.FAILED:
            self._close()
            raise SimulationError(f"simulation failed: {found[0]}")
        result, self.cycles = found
        return result

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
            self._thread.join()

    def _simulate(self, address: str) -> None:
        """Run the simulator to its end, in a thread of its own."""
        waves = self.simulator.variant is Variant.WAVES
        try:
            VerilatorRunner().test(
                test_module=self.bench,
                hdl_toplevel=TOP,
                hdl_toplevel_lang="verilog",
                build_dir=self.simulator.directory,
                test_dir=self.directory,
                results_xml=str(self.directory / "results.xml"),
                plusargs=[f"+{ADDRESS_ARGUMENT}={address}"],
                test_args=["--trace-file", WAVES_FILE] if waves else [],
                waves=waves,
                log_file=self.directory / LOG_FILE,
                extra_env={"COCOTB_LOG_LEVEL": "WARNING"},
            )
        except (SystemExit, RuntimeError):
            pass  # The other end of the connection is told, by its end if by nothing else.
        finally:
            _wake(address)

    def _last_words(self) -> str:
        log = self.directory / LOG_FILE
        lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
        return " | ".join(lines[-_LOG_LINES:]) or "no log was written"


def _wake(address: str) -> None:
    """End the wait for a simulation that never connected."""
    with suppress(OSError):
        Client(address, family="AF_UNIX").close()
