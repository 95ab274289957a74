"""The whole way: a small program on the Verilated chip, and what the files say of it."""

from pathlib import Path

import numpy as np
import pytest
import pywellen

from takt_hw import isa
from takt_hw.config import NANO
from takt_hw.isa import queues
from takt_sim.timeline import IllegalProgram, expand
from takt_sim.waves import record
from takt_sim.waves.observe import Dispatched
from takt_sim.waves.vcd import instruction_texts
from tests.sim.waves.programs import RELU_MEMORY, relu_program

ROOT = Path(__file__).parents[3] / "build" / "rtl"


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    return record(NANO, relu_program(), RELU_MEMORY, tmp_path_factory.mktemp("waves"), "relu", root=ROOT)


@pytest.fixture(scope="module")
def found(recording):
    return {v.full_name: list(v.tv) for v in pywellen.Waveform(str(recording.vcd)).all_vars()}


def test_the_chip_dispatches_when_the_timeline_says(recording):
    timeline = expand(NANO, relu_program())
    expected = [(d.cycle, d.queue, d.instruction) for d in timeline.dispatches]
    assert [(d.cycle, d.queue, d.instruction) for d in recording.dispatches] == expected
    assert recording.cycles == timeline.cycles


def test_the_vcd_reads_as_the_program(found):
    timeline = expand(NANO, relu_program())
    dispatches = [Dispatched(d.cycle, d.queue, d.instruction.word) for d in timeline.dispatches]
    for queue in queues(NANO):
        wanted = instruction_texts(queue, dispatches, timeline.control)
        assert [change for change in found[f"takt.{queue.name}"] if change != (0, "")] == wanted


def test_the_vcd_shows_memory_and_streams(found):
    values = [[lane * 16 + n for lane in range(16)] for n in range(4)]
    for n, lanes in enumerate(values):
        relu = [1 + (value if value < 128 else 0) for value in lanes]
        shown = f"{0x1F0 + 2 * n:#x}: " + " ".join(str(v - 256 if v > 127 else v) for v in relu)
        assert ((16 + 2 * n) * 1000, shown) in found["takt.MEM_W0.memory"]
        word = int.from_bytes(bytes(relu), "little")
        assert ((15 + 2 * n) * 1000, word) in found["takt.streams.position1_VXM.s3w"]
        assert ((16 + 2 * n) * 1000, word) in found["takt.streams.position0_MEM.s3w"]
    assert "takt.rtl.clockwork.elapsed" in found


def test_the_same_run_has_the_same_bytes(recording, tmp_path):
    again = record(NANO, relu_program(), RELU_MEMORY, tmp_path / "new", "relu", root=ROOT)
    for name in ("vcd", "gtkw", "picture_svg", "picture_png"):
        assert getattr(again, name).read_bytes() == getattr(recording, name).read_bytes()
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "relu.gtkw",
        "relu.png",
        "relu.svg",
        "relu.vcd",
    ]


def test_memory_may_be_an_array(recording, tmp_path):
    memory = np.zeros((0x44, NANO.lanes), np.uint8)
    for address, word in RELU_MEMORY["MEM_W0"].items():
        memory[address] = np.frombuffer(word, np.uint8)
    again = record(NANO, relu_program(), {"MEM_W0": memory}, tmp_path, "relu", root=ROOT)
    assert again.picture_png.read_bytes() == recording.picture_png.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "../x"}, r"^name must be a file name without a directory, not '\.\./x'$"),
        ({"memory": {"MEM_X": {}}}, "^memory must name MEM slices of nano, not 'MEM_X'$"),
        ({"memory": {"MEM_W0": {512: bytes(16)}}}, "^address in MEM_W0 must be from 0 to 511, not 512$"),
        ({"memory": {"MEM_W0": {1: bytes(15)}}}, "^word 0x1 of MEM_W0 must have 16 bytes, not 15$"),
        ({"shown": range(5, 5)}, "^shown must hold some of the cycles 0 to 0, not start at 5$"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_built(arguments, message, tmp_path):
    given = {"memory": {}, "directory": tmp_path, "root": tmp_path / "rtl"} | arguments
    with pytest.raises(ValueError, match=message):
        record(NANO, {}, **given)
    assert list(tmp_path.iterdir()) == []


def test_a_text_that_cannot_be_expanded_is_refused(tmp_path):
    with pytest.raises(IllegalProgram, match="^sync: VXM.alu0, cycle 0, SYNC: "):
        record(NANO, {"VXM.alu0": [isa.SYNC.encode()]}, {}, tmp_path, root=tmp_path / "rtl")
    assert list(tmp_path.iterdir()) == []
