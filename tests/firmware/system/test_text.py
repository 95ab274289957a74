"""Text for several chips, the manual's page about it, and the command that runs it."""

import re
import runpy
from pathlib import Path

import pytest
from click.testing import CliRunner

from takt.asm import AssemblyError
from takt.cli import main
from takt.system import SystemDevice, assemble_system, load_system
from takt.system.text import named
from takt_hw import isa
from takt_sim.system.startup import startup
from takt_sim.system.topology import dragonfly, full, ring

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "manual" / "systems.md").read_text()
EXAMPLE = ROOT / "examples" / "ring.system"
HEAD = ".system full 2\n.chip nano_c2c\n"
WORD = ", ".join(16 * "5")
BLOCKS = dict(re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))


def test_the_example_ends_as_it_says():
    system = assemble_system(EXAMPLE.read_text(), "ring.system")
    device = SystemDevice(system)
    assert device.differences()
    assert max(result.cycles for result in device.run()) == system.cycles
    assert device.differences() == []
    assert all(program.entry().expected for program in system.programs)


def test_the_page_shows_the_example_and_what_it_prints(monkeypatch):
    assert BLOCKS["text"] in EXAMPLE.read_text()
    monkeypatch.chdir(ROOT)
    command, output = BLOCKS["console"].split("\n", 1)
    words = command.split()
    assert words[:3] == ["$", "takt", "system"]
    result = CliRunner().invoke(main, words[2:])
    assert (result.output, result.exit_code) == (output, 0)


def test_the_pages_python_prints_what_it_says(capsys, tmp_path):
    (tmp_path / "page.py").write_text(BLOCKS["python"])
    runpy.run_path(str(tmp_path / "page.py"))
    assert capsys.readouterr().out.strip() == BLOCKS["python"].rstrip().rsplit("# ")[-1]


def test_head_of_every_queue():
    system = assemble_system(HEAD + f".queue MEM_W0.read\n@start READ s0w, 1\n.member 0\n.data MEM_W0, 1: {WORD}\n")
    for chip, text in enumerate(system.texts):
        assert list(text["C2C_W.align"]) == [i.word for i in startup(system.config, full(2), chip)]
        assert text["MEM_W0.read"][0] == isa.SYNC.encode()
        assert list(text) == ["C2C_W.align", "MEM_W0.read"]
    assert [bool(program.data) for program in system.programs] == [True, False]


def test_realignment_is_written_out():
    text = """
        .queue C2C_W.align
        @start + 1  RUNTIME_DESKEW deskew_minimum
                    NOTIFY
        .queue MEM_W0.read
        @start      SYNC
                    READ s0w, chip
        .data MEM_W0, chip: WORD
    """
    system = assemble_system(HEAD + text.replace("WORD", WORD))
    results = SystemDevice(system).run()
    assert [result.cycles for result in results] == [system.cycles] * 2
    assert [d.cycle for d in results[1].timeline.dispatches] == [17 + 1 + isa.deskew_minimum(system.config) + 4]


def test_sections():
    text = """
        .const a = 1          ; for all
        .member 1
        .const b = 10 * chip
        .data MEM_W0, a + b: WORD
        .member all
        .data MEM_W1, a: chip, chips, packet_cycles, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5
        .member 0, 1
        .data MEM_W2, a: WORD
    """
    programs = assemble_system(HEAD + text.replace("WORD", WORD)).programs
    assert [list(program.data) for program in programs] == [["MEM_W2", "MEM_W1"], ["MEM_W2", "MEM_W1", "MEM_W0"]]
    assert [program.data["MEM_W1"][1][:3] for program in programs] == [bytes([0, 2, 12]), bytes([1, 2, 12])]
    assert list(programs[1].data["MEM_W0"]) == [11]


def test_topologies_by_name():
    assert named(["full", "8", "latency=80", "ppm=50"]) == full(8, latency=80, ppm=50)
    assert named(["ring", "4"]) == ring(4)
    assert named(["dragonfly", "3", "4", "2"]) == dragonfly(3, 4, 2)


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("", "1:1", "text must name its topology: .system ring 4"),
        ("; x\n.chip nano_c2c", "2:1", "text must begin with its topology: .system ring 4, not .chip nano_c2c"),
        (".member 0", "1:1", "text must begin with its topology: .system ring 4, not .member"),
        (HEAD + " .system ring 4", "3:2", "directive .system must come before everything else, once"),
        (".system torus 4", "1:1", "topology must be one of ring, full, dragonfly, not torus"),
        (".system ; ring 4", "1:1", "topology must be one of ring, full, dragonfly, not nothing"),
        (".system ring x", "1:1", "topology must be a name, numbers and latency=… and ppm=…, not x"),
        (".system ring 4 hops=1", "1:1", "topology must be a name, numbers and latency=… and ppm=…, not hops=1"),
        (".system ring 1 2 3", "1:1", "ring must have its numbers, not 3 of them"),
        (".system ring 1", "1:1", "chips of a ring must be at least 2, not 1"),
        (".system ring 9999", "1:1", "numbers of a topology must be at most 512, not 9999"),
        (".system full 2 ppm=9999", "1:1", "ppm must be from 0 to 250, not 9999"),
        (HEAD + ".member 2", "3:1", "member must be all, or chips from 0 to 1, not 2"),
        (HEAD + ".member", "3:1", "member must be all, or chips from 0 to 1, not nothing"),
        (HEAD + ".member 1\n.const a = b", "4:12", "constant must be defined before, not b"),
        (
            ".system full 2\n.chip nano",
            "1:1",
            "2 fully connected: link must be one of the 0 of nano, not chip 0, link 0",
        ),
    ],
)
def test_mistakes_are_named_at_their_line(text, place, message):
    with pytest.raises(AssemblyError) as caught:
        assemble_system(text, "a.system")
    assert str(caught.value).split("\n")[0] == f"a.system:{place}: {message}"


def test_the_command_writes_and_reads_files(tmp_path):
    path = tmp_path / "ring.tks"
    written = CliRunner().invoke(main, ["system", str(EXAMPLE), "-o", str(path)])
    assert written.exit_code == 0
    assert load_system(path) == assemble_system(EXAMPLE.read_text())
    assert CliRunner().invoke(main, ["system", str(path)]).output == written.output.split("\n", 1)[1]


def test_the_command_refuses(tmp_path):
    def refused(content, match, *options):
        path = tmp_path / "bad.system"
        path.write_bytes(content)
        result = CliRunner().invoke(main, ["system", str(path), *options])
        assert result.exit_code == 1
        assert re.search(match, result.output), result.output

    source = EXAMPLE.read_text()
    refused(
        source.replace("3, 3, 3", "3, 4, 3", 1).encode(), "memory must end as the file says\nchip 0, MEM_E0 0x0: must "
    )
    refused(source.replace("= 64", "= 63").encode(), r"is refused\nreceive: chip \d, C2C_W.receive0, ")
    refused(b".system ring\xff", "file must be a system file or UTF-8 text: byte 12")
    refused(b"\x89TKSY\r\n\x1a", "header must have 48 bytes, not 8")
    refused(source.encode(), "build must be nano, not nano_c2c", "--chip", "nano")
