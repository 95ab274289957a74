"""docs/first-kernel.md: every text assembles, and every command prints what the page shows."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from takt.cli import main

PAGE = Path(__file__).parents[2] / "docs" / "first-kernel.md"
TEXTS = dict(re.findall(r"^```(\S+\.takt)\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL))
CONSOLES = re.findall(r"^```console\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
COMMANDS = [
    pair for block in CONSOLES for pair in re.findall(r"^\$ takt (.*)\n((?:[^$].*\n|\n)*)", block, re.MULTILINE)
]


@pytest.fixture
def texts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in TEXTS.items():
        Path(name).write_text(text)


def test_the_page_has_texts_and_commands():
    assert list(TEXTS) == ["relu.takt", "relu4.takt", "late.takt"]
    assert len(COMMANDS) == 4


@pytest.mark.parametrize(("command", "output"), COMMANDS, ids=[command for command, _ in COMMANDS])
def test_commands_print_what_the_page_shows(command, output, texts):
    result = CliRunner().invoke(main, shlex.split(command))
    assert result.output == output
    assert result.exit_code == (1 if output.startswith("Error") else 0)


def test_only_the_late_kernel_is_illegal(texts):
    codes = {name: CliRunner().invoke(main, ["check", name]).exit_code for name in TEXTS}
    assert codes == {"relu.takt": 0, "relu4.takt": 0, "late.takt": 1}
