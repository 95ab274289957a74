"""A run that is stopped takes the tools along that it has started."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

WAITS = """
import signal
import sys
from pathlib import Path
from takt_hw.synth import tools

class Waits:
    value = ("waits", "", "")
    version = "1"
    command = [sys.executable, "-c", "import time; print('Info: Running it', flush=True); time.sleep(600)"]

signal.signal(signal.SIGINT, signal.default_int_handler)  # as at a terminal; in the background it may be ignored
tools.stop_when_told()
tools.run(Waits, [], Path(sys.argv[1]), log="log", report=lambda doing: print(doing, flush=True))
"""

SWEEPS = """
import sys
from pathlib import Path
from takt_hw.synth import sweep, tools
from takt_hw.synth.flow import Point
from takt_hw.synth.small import SMALL

if __name__ == "__main__":
    tools.stop_when_told()
    sweep.sweep(Point(config=SMALL), {"streams": [4, 8, 16, 32]}, Path(sys.argv[1]), workers=2)
"""


def children(pid):
    """Processes that ``pid`` started, and theirs."""
    stats = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as file:
                stats[int(name)] = int(file.read().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    found = {child for child, parent in stats.items() if parent == pid}
    return found.union(*(children(child) for child in found))


@contextmanager
def started(command, **options):
    """A process that does not outlive the test, whatever comes."""
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, text=True, **options) as run:
        try:
            yield run
        finally:
            run.kill()


def wait_for(condition, seconds=300):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_tool_ends_with_its_run(tmp_path, number):
    command = [sys.executable, "-c", WAITS, str(tmp_path)]
    with started(command, stdout=subprocess.PIPE) as run:
        assert run.stdout.readline()
        (tool,) = children(run.pid)
        run.send_signal(number)
        assert run.wait(timeout=300) != 0
    wait_for(lambda: not is_alive(tool))


def test_a_sweep_ends_with_all_its_points(tmp_path):
    (tmp_path / "sweeps.py").write_text(SWEEPS)
    command = [sys.executable, str(tmp_path / "sweeps.py"), str(tmp_path)]
    with started(command) as run:
        wait_for(lambda: len(list(tmp_path.glob("*/yosys.log"))) == 2)
        began = children(run.pid)
        run.terminate()
        assert run.wait(timeout=300) == 128 + signal.SIGTERM
    wait_for(lambda: not any(is_alive(pid) for pid in began))
    assert len(list(tmp_path.glob("*/yosys.log"))) == 2
