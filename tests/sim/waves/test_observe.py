import pytest

from takt_hw import isa
from takt_hw.config import NANO, QUAD
from takt_hw.isa import Direction, Stream
from takt_sim.waves.observe import CYCLE, Run, WavesError
from tests.sim.waves.fake_chip import write_chip_vcd

READ = isa.READ.encode(dst=Stream(3, Direction.EAST), address=0x40)
NOT_AN_INSTRUCTION = 0xFF


@pytest.mark.parametrize("config", [NANO, QUAD], ids=lambda config: config.name)
def test_dispatches_come_with_their_cycle_queue_and_text(config, tmp_path):
    given = [(0, "VXM.alu2", NOT_AN_INSTRUCTION), (3, "MEM_W0.read", READ), (3, "MEM_E1.read", READ + 256)]
    path = tmp_path / "chip.vcd"
    write_chip_vcd(path, config, dispatches=given)
    run = Run(config, path)
    assert [(d.cycle, d.queue.name, d.word) for d in run.dispatches] == given
    assert [str(d) for d in run.dispatches] == ["0xff", "READ s3e, 0x40", "READ s3e, 0x41"]
    assert run.cycles == 20


@pytest.mark.parametrize("config", [NANO, QUAD], ids=lambda config: config.name)
def test_writes_come_with_slice_superlane_and_signed_bytes(config, tmp_path):
    word = int.from_bytes(bytes([0x80, 0x7F, 0xFF, 0]) + bytes(12), "little")
    last = config.superlanes - 1
    path = tmp_path / "chip.vcd"
    write_chip_vcd(path, config, writes=[(5, "MEM_W0", 0, 0x1FF, word), (6, "MEM_E3", last, 7, word)])
    found = Run(config, path).writes
    assert [(w.cycle, w.slice, w.superlane, w.address) for w in found] == [
        (5, "MEM_W0", 0, 0x1FF),
        (6, "MEM_E3", last, 7),
    ]
    assert str(found[0]) == "0x1ff: -128 127 -1 0" + " 0" * 12


def test_a_stream_register_without_a_value_is_z(tmp_path):
    stream = Stream(2, Direction.WEST)
    path = tmp_path / "chip.vcd"
    write_chip_vcd(path, NANO, streams=[(4, 1, 0, stream, 123), (5, 1, 0, stream, 77)])
    run = Run(NANO, path)
    assert run.streams(1, 0, Direction.WEST)[stream] == [(0, "z"), (4 * CYCLE, 123), (5 * CYCLE, 77), (6 * CYCLE, "z")]
    assert run.streams(1, 0, Direction.WEST)[Stream(3, Direction.WEST)] == [(0, "z")]
    assert run.streams(0, 0, Direction.WEST) == {}


def test_wires_leave_out_the_host_and_names_that_synthesis_made_up(tmp_path):
    path = tmp_path / "chip.vcd"
    write_chip_vcd(path, NANO, dispatches=[(2, "MEM_W0.read", READ)])
    wires = {".".join((*w.scope, w.name)): w for w in Run(NANO, path).wires()}
    assert "secret" not in str(wires)
    assert "_0123_" not in wires
    read = wires["word_MEM_W0_read"]
    assert (read.bits, read.changes) == (128, [(0, 0), (2 * CYCLE, READ), (3 * CYCLE, 0)])


def test_of_several_programs_the_last_counts(tmp_path):
    path = tmp_path / "chip.vcd"
    write_chip_vcd(path, NANO, dispatches=[(2, "MEM_W0.read", READ)], cycles=12)
    once = path.read_text()
    header, _, body = once.partition("$enddefinitions $end\n")
    again = "".join(f"#{int(line[1:]) + 1000}\n" if line[0] == "#" else f"{line}\n" for line in body.splitlines())
    again = again.replace("$dumpvars\n", "").replace("$end\n", "")
    path.write_text(header + "$enddefinitions $end\n" + body + again)
    assert [d.cycle for d in Run(NANO, path).dispatches] == [2]
    assert Run(NANO, path)._edges[0] == 1000 + 95 + 10


def test_no_file(tmp_path):
    with pytest.raises(WavesError, match=r"^.*none\.vcd: VCD must be there$"):
        Run(NANO, tmp_path / "none.vcd")


@pytest.mark.parametrize("content", [b"", b"\x00\xff" * 50, b"$scope module takt $end\n"])
def test_no_vcd(content, tmp_path):
    path = tmp_path / "bad.vcd"
    path.write_bytes(content)
    with pytest.raises(WavesError, match=r"^.*bad\.vcd: VCD must (be readable|show)"):
        Run(NANO, path)


def test_no_trace_port(tmp_path):
    path = tmp_path / "chip.vcd"
    write_chip_vcd(path, NANO, leave_out=["trace__dispatch"])
    with pytest.raises(WavesError, match="^VCD must show the chip's port trace__dispatch$"):
        _ = Run(NANO, path).dispatches


def test_a_program_without_an_end(tmp_path):
    path = tmp_path / "chip.vcd"
    write_chip_vcd(path, NANO)
    text = path.read_text()
    path.write_text(text[: text.rindex("#305\n")])
    with pytest.raises(WavesError, match=r"^.*: VCD must show a program that runs to its end$"):
        Run(NANO, path)
