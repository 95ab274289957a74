"""The device interface on a board: RTL in simulation, a pseudo-terminal for its line, pyserial on the other end."""

import json
import os
import random
from pathlib import Path

import pytest
from click.testing import CliRunner

from takt.asm import assemble
from takt.cli import main
from takt.runtime import DeviceError, FpgaDevice, SerialLine, open_device
from takt.runtime.serial_link import ATTEMPTS
from takt_hw.config import ECP5, NANO
from takt_hw.isa.slip import END
from takt_sim.tb.board.build import build_board
from takt_sim.tb.board.session import BoardSession
from tests.firmware.runtime.test_device import DOUBLE, out_of_range_is_reported_by_the_run_that_met_it

ROOT = Path(__file__).parents[3] / "build" / "rtl"
ADD = Path(__file__).parents[3] / "examples" / "add.takt"
TIMEOUT = 20.0
"""Seconds. A simulated line is slow, and slower on a busy machine."""

DIGITS = 4


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    """A board with `nano`, its line as fast as a line can be."""
    with BoardSession(build_board(NANO, root=ROOT), tmp_path_factory.mktemp("board")) as session:
        yield session


def line(board):
    return SerialLine(str(board.port), timeout=TIMEOUT)


def options(board):
    return ["--backend", "fpga", "--port", str(board.port), "--timeout", str(TIMEOUT)]


@pytest.fixture
def device(board):
    made = FpgaDevice(NANO, line(board))
    yield made
    made.close()


def test_the_digits_demo(board, tmp_path):
    arguments = ["demo", *options(board), "--digits", str(DIGITS), "--directory", str(tmp_path)]
    result = CliRunner().invoke(main, arguments)
    assert (result.exit_code, result.exception) == (0, None)
    figures = json.loads((tmp_path / "demo.json").read_text())
    assert figures["digits"] == DIGITS
    assert figures["mismatches"] == 0
    assert figures["cycles_rtl"] == figures["cycles_reference"] == figures["cycles_predicted"] == 52


def test_a_program_from_a_file(board):
    result = CliRunner().invoke(main, ["run", str(ADD), *options(board)])
    assert (result.exit_code, result.output.splitlines()[0]) == (0, "main: 11 cycles, predicted 11")


def test_out_of_range_is_reported_by_the_run_that_met_it(device):
    out_of_range_is_reported_by_the_run_that_met_it(device)
    assert device.link.repeats == 0


def test_rubbish_on_the_line_costs_time_and_nothing_else(device, board):
    program = assemble(DOUBLE).program
    device.load(program)
    words = {f"MEM_{side}{n}": {n: bytes([n] * 16)} for side in "WE" for n in range(3)}
    rng = random.Random(1)
    for _ in range(3):
        device.link._port.write(rng.randbytes(50))
        device.write_words(words)
        device.link._port.write(bytes([END]) + rng.randbytes(17) + bytes([END, 0xDB, 0, END]))
        found = {name: {n: device.read_words(name, n)[0].tobytes()} for name, content in words.items() for n in content}
        assert found == words
    assert device.link.repeats >= 3


def test_another_chip_is_refused(board):
    where = f"{board.port} at 3000000 baud"
    with pytest.raises(DeviceError, match=rf"^chip on {where} must be ecp5: configuration digest of the chip must be "):
        FpgaDevice(ECP5, line(board))


def test_a_port_where_nobody_answers_is_refused():
    near, far = os.openpty()
    name = os.ttyname(far)
    rule = f"chip on {name} at 9600 baud must be nano: "
    rule += f"the chip must answer IDENTIFY within 0.02 s, but {ATTEMPTS} attempts failed"
    with pytest.raises(DeviceError, match=f"^{rule}$"):
        FpgaDevice(NANO, SerialLine(name, 9600, timeout=0.02))
    os.close(near)
    os.close(far)


def test_a_port_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(
        DeviceError, match="^port must be a serial port that can be opened: .*No such file or directory"
    ):
        FpgaDevice(NANO, SerialLine(str(tmp_path / "none")))


def test_a_port_must_be_named_for_a_board_and_for_nothing_else(tmp_path):
    with pytest.raises(DeviceError, match="^backend fpga must be told the board's serial port, --port "):
        open_device("fpga", NANO)
    with pytest.raises(DeviceError, match="^port must be given to backend fpga alone, not to reference$"):
        open_device("reference", NANO, SerialLine("none"))
