"""Write the generated pages of the manual, or say which are stale.

``python -m takt_hw.manual [--check] [DIRECTORY]``; the directory is docs/manual of the repository.
"""

import argparse
import sys
from pathlib import Path

from ..config import BUILDS, NANO, QUAD, ChipConfig, Kind
from .instructions import control_page, slice_page
from .overview import builds_page, host_page, isa_page
from .pictures import kernel, row, stagger

MANUAL = Path(__file__).resolve().parents[3] / "docs" / "manual"


def pages(configs: tuple[ChipConfig, ...] = tuple(BUILDS.values())) -> dict[str, str]:
    """Text of every generated page and picture, by its path below the manual's directory."""
    found = {
        "isa.md": isa_page(configs),
        "builds.md": builds_page(configs),
        "host-frames.md": host_page(),
        "isa/control.md": control_page(configs),
        "pictures/row-nano.svg": row(NANO),
        "pictures/row-quad.svg": row(QUAD),
        "pictures/kernel.svg": kernel(NANO),
        "pictures/stagger.svg": stagger(QUAD),
    }
    return found | {f"isa/{kind.value.lower()}.md": slice_page(kind, configs) for kind in Kind}


def stale(directory: Path) -> list[str]:
    """Pages below ``directory`` that differ from what the tables say, are missing, or have no table any more."""
    wanted = pages()
    extra = {f"isa/{path.name}" for path in (directory / "isa").glob("*.md")} - set(wanted)
    differ = [
        name
        for name, text in wanted.items()
        if not (directory / name).is_file() or (directory / name).read_bytes() != text.encode()
    ]
    return sorted([*differ, *extra])


def write(directory: Path) -> None:
    """Write every page below ``directory``; take away instruction pages that have no table any more."""
    for path in (directory / "isa").glob("*.md"):
        path.unlink()
    for name, text in pages().items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(text.encode())


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0, or 1 if ``--check`` finds a stale page."""
    parser = argparse.ArgumentParser(prog="python -m takt_hw.manual", description="Write the manual's generated pages.")
    parser.add_argument("directory", nargs="?", type=Path, default=MANUAL)
    parser.add_argument("--check", action="store_true", help="write nothing; say which pages are stale")
    chosen = parser.parse_args(arguments)
    if not chosen.check:
        write(chosen.directory)
        return 0
    found = stale(chosen.directory)
    for name in found:
        print(f"{chosen.directory / name} is stale; run make manual", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
