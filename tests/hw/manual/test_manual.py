"""Generated pages: the committed ones regenerate byte for byte, and a stale one fails."""

import re
from pathlib import Path

import pytest

from takt_hw.config import BUILDS
from takt_hw.isa import UNITS, queues
from takt_hw.manual.__main__ import MANUAL, main, pages, stale, write
from takt_hw.manual.instructions import example

ROOT = Path(__file__).parents[3]


@pytest.fixture
def copy(tmp_path) -> Path:
    write(tmp_path)
    return tmp_path


def test_committed_pages_are_fresh():
    assert MANUAL == ROOT / "docs" / "manual"
    assert stale(MANUAL) == []


def test_pages_regenerate_byte_for_byte(copy):
    assert {name: (copy / name).read_bytes() for name in pages()} == {n: t.encode() for n, t in pages().items()}
    assert main(["--check", str(copy)]) == 0


@pytest.mark.parametrize("name", pages())
def test_a_stale_page_fails(copy, name, capsys):
    page = copy / name
    page.write_bytes(page.read_bytes().replace(b"4", b"5", 1))
    assert main(["--check", str(copy)]) == 1
    assert capsys.readouterr().err == f"{page} is stale; run make manual\n"
    assert main([str(copy)]) == 0
    assert stale(copy) == []


def test_missing_and_unknown_pages_fail(copy):
    (copy / "isa" / "mem.md").unlink()
    (copy / "isa" / "old.md").write_text("of a slice that went away")
    assert stale(copy) == ["isa/mem.md", "isa/old.md"]
    write(copy)
    assert stale(copy) == []


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: f"{unit.kind.value}-{unit.name}")
def test_examples_are_legal_in_every_build(unit):
    for op in unit.ops:
        shown = example(op)
        assert unit.decode(shown.word) == shown
        builds = [config for config in BUILDS.values() if any(queue.unit is unit for queue in queues(config))]
        having = [config for config in builds if op.needs is None or getattr(config, op.needs)]
        assert [shown.violations(config) for config in having] == [[]] * len(having)


def test_every_instruction_has_its_sections_in_order():
    some = ["Syntax", "Encoding", "Operation", "Latency", "Where", "Errors"]
    orders = [[name for name in some if name != "Where"], some]
    text = "".join(page for name, page in pages().items() if name.startswith("isa/"))
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    assert len(sections) == len({op for unit in UNITS for op in unit.ops})
    for section in sections:
        assert re.findall(r"^\*\*(\w+)\.\*\*", section, flags=re.MULTILINE) in orders


def test_links_between_pages_lead_somewhere():
    for name, text in pages().items():
        for target in re.findall(r"\]\(([^)#]+)#?[^)]*\)", text):
            assert ((MANUAL / name).parent / target).resolve().is_file(), f"{name} links to {target}"
