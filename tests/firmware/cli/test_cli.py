"""The command line: what each command prints, and one clear error with no traceback for anything else."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from takt.cli import main
from takt.program import MAGIC
from takt_hw.config import BUILDS

EXAMPLES = Path(__file__).parents[3] / "examples"
ADD = str(EXAMPLES / "add.takt")


def takt(*args: str) -> Result:
    return CliRunner().invoke(main, [str(arg) for arg in args])


def refused(result: Result, message: str, code: int = 1) -> None:
    """The command failed with this message on standard error, and not with a traceback."""
    assert isinstance(result.exception, SystemExit)
    assert result.exit_code == code
    assert message in result.stderr
    assert "Traceback" not in result.output


@pytest.fixture
def program(tmp_path) -> Path:
    path = tmp_path / "add.tkp"
    assert takt("asm", ADD, "-o", path).exit_code == 0
    return path


def test_asm_writes_a_program_file_that_disassembles_to_itself(program, tmp_path):
    text = takt("disasm", program).stdout
    assert text.startswith(".chip nano\n")
    (tmp_path / "again.takt").write_text(text)
    result = takt("asm", tmp_path / "again.takt")
    assert result.stdout == f"{tmp_path / 'again.tkp'}: 8 words, {program.stat().st_size} bytes\n"
    assert (tmp_path / "again.tkp").read_bytes() == program.read_bytes()
    assert takt("disasm", program, "-o", tmp_path / "b.takt").exit_code == 0
    assert (tmp_path / "b.takt").read_text() == text


@pytest.mark.parametrize("as_text", [True, False])
def test_run_prints_cycles_and_outputs(program, as_text):
    result = takt("run", ADD if as_text else program)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[:2] == ["main: 11 cycles, predicted 11", "main: 1 expected word found"]
    assert "sum = [  11,   22," in result.stdout


def test_run_on_the_rtl_says_the_same(program):
    on_reference, on_rtl = takt("run", program), takt("run", program, "--backend", "rtl")
    assert on_rtl.exit_code == 0, on_rtl.output
    assert on_rtl.stdout == on_reference.stdout


def test_run_with_tensors_of_ones_own(program, tmp_path):
    np.save(tmp_path / "a.npy", np.full(16, 3, np.int8))
    np.save(tmp_path / "b.npy", np.full(16, 4, np.int64))
    plain = tmp_path / "plain.takt"
    lines = Path(ADD).read_text().splitlines()
    plain.write_text("\n".join(line for line in lines if not line.startswith((".data", ".expect"))))
    refused(takt("run", plain), "Error: input a must be given: --input a=FILE.npy")
    given = ("--input", f"a={tmp_path / 'a.npy'}", "--input", f"b={tmp_path / 'b.npy'}")
    result = takt("run", plain, *given, "--output", f"sum={tmp_path / 'sum.npy'}")
    assert result.exit_code == 0, result.output
    assert np.load(tmp_path / "sum.npy").tolist() == [7] * 16
    refused(takt("run", ADD, *given), "Error: entry main did not end as expected\nMEM_E0 0x0 must be [11, 22, ")
    refused(takt("run", ADD, "--input", f"z={tmp_path / 'a.npy'}"), "tensor must be one of the program's (a, b, sum)")
    refused(takt("run", ADD, "--input", f"a={program}"), "file must be a .npy array")
    refused(takt("run", ADD, "--input", f"a={tmp_path}"), "Is a directory")
    refused(takt("run", ADD, "--input", "a"), "tensor must be given as NAME=FILE, not 'a'", code=2)
    refused(takt("run", ADD, "--output", "z=a.npy"), "tensor must be one of the program's (a, b, sum), not 'z'")
    refused(takt("run", ADD, "--entry", "z"), "entry must be one of the program's (main), not 'z'")


def test_check_places_violations_in_the_text(tmp_path):
    assert takt("check", ADD).stdout == "main: legal, 11 cycles\n"
    late = tmp_path / "late.takt"
    late.write_text(Path(ADD).read_text().replace("@fit + vxm_to_mem ", "@fit + vxm_to_mem + 1 "))
    result = takt("check", late)
    refused(result, "undefined-stream: MEM_E0.write, cycle 10, WRITE s0e, 0x0: s0e must carry a value, not nothing")
    number = next(n for n, line in enumerate(late.read_text().split("\n"), 1) if "@fit" in line)
    assert f"{late}:{number}:10: " in result.stderr
    refused(takt("run", late), "undefined-stream")
    refused(takt("asm", late), "undefined-stream")
    assert not (tmp_path / "late.tkp").exists()
    assert takt("asm", late, "--unchecked").exit_code == 0
    refused(takt("check", tmp_path / "late.tkp"), "main: undefined-stream: MEM_E0.write, cycle 10, WRITE s0e, 0x0")


def test_info_shows_entries_and_tensors(program):
    result = takt("info", program)
    assert result.exit_code == 0
    for piece in ("build nano", "data 2 words of 16 bytes", "text 8 words", "│ main │ 11", "i8[16]", "MEM_W1[0x10]"):
        assert piece in result.stdout


def test_chips_and_isa():
    chips = takt("chips").stdout
    assert all(f"│ {name}" in chips for name in BUILDS)
    assert "REQUANT dst, a, b, shift" in takt("isa").stdout
    assert takt("isa", "select").stdout.count("SELECT dst, a, b") == 2
    refused(takt("isa", "halt"), "Error: instruction must be one of READ, GATHER, ")


def test_help_names_every_command():
    result = takt("--help")
    assert all(name in result.stdout for name in ("asm", "disasm", "check", "run", "info", "chips", "isa"))
    assert takt("--version").exit_code == 0
    refused(takt("nonsense"), "No such command 'nonsense'", code=2)


COMMANDS = ("asm", "disasm", "check", "run", "info")


@pytest.mark.parametrize("command", COMMANDS)
def test_files_that_are_no_program(command, tmp_path, program):
    refused(takt(command, tmp_path / "none"), f"Error: {tmp_path / 'none'}: No such file or directory")
    refused(takt(command, tmp_path), "Is a directory")
    refused(takt(command), "Missing argument 'FILE'", code=2)
    refused(takt(command, program, "--chip", "ecp5"), "digest must be that of ecp5, not that of another chip ('nano')")
    refused(takt(command, ADD, "--chip", "ecp5"), "add.takt:4:7: build must be ecp5, not nano")
    refused(takt(command, ADD, "--chip", "tpu"), f"'tpu' is not one of {', '.join(map(repr, BUILDS))}", code=2)
    bad = tmp_path / "bad"
    bad.write_bytes(b".chip nano\n\xff")
    refused(takt(command, bad), f"Error: {bad}: file must be a program file or UTF-8 text: byte 11")
    bad.write_bytes(program.read_bytes()[:-1])
    refused(takt(command, bad), f"Error: {bad}: body must have the header's")
    bad.write_text(".chip nano\n.queue MEM_W0.read\nREAD s0e, 999\n")
    refused(takt(command, bad), f"{bad}:3:11: READ: address must be from 0 to 511, not 999\n    READ s0e, 999\n")


def test_asm_keeps_its_input_and_says_where_it_cannot_write(program, tmp_path):
    refused(takt("asm", program, "-o", program), "output must not be the input")
    refused(takt("asm", ADD, "-o", tmp_path / "no" / "a.tkp"), "No such file or directory")
    refused(takt("disasm", ADD, "-o", tmp_path), "Is a directory")


WHOLE = Path(ADD).read_bytes()


@st.composite
def damaged(draw) -> bytes:
    """An example with a piece cut out and other bytes put in."""
    start = draw(st.integers(0, len(WHOLE)))
    end = start + draw(st.integers(0, 30))
    return WHOLE[:start] + draw(st.binary(max_size=6) | st.text(max_size=6).map(str.encode)) + WHOLE[end:]


@given(
    st.sampled_from(COMMANDS),
    st.binary(max_size=100) | st.binary(max_size=100).map(lambda tail: MAGIC + tail) | damaged(),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_file_is_read_or_refused(tmp_path, command, content):
    path = tmp_path / "any"
    path.write_bytes(content)
    result = takt(command, path)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code in (0, 1, 2)
    assert (result.exit_code == 0) or result.stderr.startswith(("Error: ", "Usage: "))
    assert "Traceback" not in result.output
