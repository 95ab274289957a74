"""``takt waves``: files and messages, and one clear error for anything else."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from takt.cli import main

ROOT = Path(__file__).parents[3]
ADD = str(ROOT / "examples" / "add.takt")


def takt(*args):
    return CliRunner().invoke(main, [str(arg) for arg in args])


def test_writes_the_files_and_says_where(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)  # simulators are kept below the current directory
    result = takt("waves", ADD, "--chip", "nano", "-o", tmp_path, "--cycles", "3:10")
    assert result.exit_code == 0, result.output
    first, *shown = result.stdout.splitlines()
    assert first == "main: 11 cycles, predicted 11"
    assert [Path(line.split("  ")[0]) for line in shown] == [
        tmp_path / f"add.{suffix}" for suffix in ("vcd", "gtkw", "svg", "png")
    ]
    assert "sREQUANT\\x20s0e:i8,\\x20alu0,\\x20#1,\\x200 " in (tmp_path / "add.vcd").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.takt"], "none.takt: No such file or directory"),
        ([ADD, "--chip", "quad"], "must"),
        ([ADD, "--entry", "other"], "entry must be"),
        ([ADD, "--cycles", "9"], "cycles must be FIRST:LAST, not '9'"),
        ([ADD, "--cycles", "9:3"], "cycles must be FIRST:LAST, not '9:3'"),
        ([ADD, "--cycles", "11:12"], "shown must hold some of the cycles 0 to 10, not start at 11"),
        ([ADD, "-o", ADD], "is a file"),
    ],
)
def test_one_clear_error(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = takt("waves", *arguments)
    assert isinstance(result.exception, SystemExit)
    assert result.exit_code != 0
    assert message in result.stderr
    assert "Traceback" not in result.output


def test_an_illegal_program_is_refused(tmp_path):
    path = tmp_path / "bad.takt"
    path.write_text(".chip nano\n.queue VXM.alu0\n@0 RELU none, s0e:i8\n")
    result = takt("waves", path, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "is illegal" in result.stderr
    assert not (tmp_path / "out").exists()
