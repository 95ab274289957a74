"""Imports point one way: firmware to sim to the hardware's plain files, and hardware to nothing of the others."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PLAIN = ("takt_hw.config", "takt_hw.isa", "takt_hw.synth.small")


def imports(path: Path) -> set[str]:
    """Full names of what a file imports; relative imports stay within their package and are left out."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def is_within(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def files(folder: str) -> list:
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found
    return [pytest.param(path, id=str(path.relative_to(ROOT))) for path in found]


@pytest.mark.parametrize("path", files("hw/takt_hw"))
def test_hardware_imports_neither_simulator_nor_firmware(path):
    assert not [name for name in imports(path) if is_within(name, "takt", "takt_sim")]


@pytest.mark.parametrize("path", [*files("sim/takt_sim"), *files("firmware/takt")])
def test_the_others_see_only_plain_hardware_files(path):
    hardware = [name for name in imports(path) if is_within(name, "takt_hw") and name != "takt_hw"]
    assert [name for name in hardware if not is_within(name, *PLAIN)] == []


@pytest.mark.parametrize("path", files("sim/takt_sim"))
def test_the_simulator_does_not_import_the_firmware(path):
    assert not [name for name in imports(path) if is_within(name, "takt")]


@pytest.mark.parametrize(
    "path",
    [
        ROOT / "hw/takt_hw/config.py",
        ROOT / "hw/takt_hw/synth/small.py",
        *files("hw/takt_hw/isa"),
        *files("hw/takt_hw/manual"),
    ],
)
def test_plain_files_are_free_of_amaranth(path):
    assert not [name for name in imports(path) if is_within(name, "amaranth")]
