"""What the manual shows works."""

import re
import runpy
from pathlib import Path

import pytest

from takt.asm import assemble
from takt.asm.constants import predefined
from takt.runtime import ReferenceDevice
from takt_hw.config import BUILDS, NANO

MANUAL = Path(__file__).parents[2] / "docs" / "manual"
ASSEMBLER = (MANUAL / "assembler.md").read_text()


def blocks(begin: str) -> list[str]:
    """Indented blocks whose first line begins like this."""
    found = re.findall(r"(?:^ {4}.*\n|^\n(?= {4}))+", ASSEMBLER, re.MULTILINE)
    return [block for block in found if block.strip().startswith(begin)]


def test_the_worked_text_assembles():
    [text] = blocks(".chip nano")
    assert assemble(text).program.cycles == {"main": 11}


@pytest.mark.parametrize("begin", [".input", ".data"])
def test_directives_assemble(begin):
    [text] = blocks(begin)
    assert assemble(".chip nano\n" + text).program.entries


def test_the_builder_example_is_legal(tmp_path):
    [code] = re.findall(r"```python\n(.*?)```", ASSEMBLER, re.DOTALL)
    (tmp_path / "example.py").write_text(code)
    names = runpy.run_path(str(tmp_path / "example.py"))
    ReferenceDevice(NANO).load(names["program"])
    assert "READ s0e, 0x20\n             REPEAT 3, 1, 1" in names["b"].text()


@pytest.mark.parametrize("config", BUILDS.values(), ids=BUILDS)
def test_every_predefined_size_is_documented(config):
    sizes = [name for name in predefined(config) if "." not in name]
    assert [name for name in sizes if f"`{name}`" not in ASSEMBLER] == []
