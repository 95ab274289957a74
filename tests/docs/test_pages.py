"""Every page: its links and pictures lead somewhere, it stands in the site's contents, and it names no lost file."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
PLACES = re.compile(r"`((?:hw|sim|firmware|tests|bench|examples|docs)/[\w./-]+)`")


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as Markdown's table of contents makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower()) for heading in headings}


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name):
    page = DOCS / name
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        if re.match(r"https?:", target):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.is_file(), target
        assert not anchor or anchor in anchors(found), target


@pytest.mark.parametrize("name", [*PAGES, "../README.md"])
def test_files_that_a_page_names_exist(name):
    for place in PLACES.findall((DOCS / name).read_text()):
        assert (ROOT / place).exists(), place


def test_every_page_is_in_the_contents():
    listed = re.findall(r": ([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    assert sorted(listed) == PAGES, "every page under docs must have its line in mkdocs.yml"
