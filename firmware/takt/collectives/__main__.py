"""``python -m takt.collectives``: how long all-reduce takes, as figures and picture."""

from __future__ import annotations

from pathlib import Path

import click

from .measure import all_figures
from .plot import write


@click.command()
@click.option("--directory", type=click.Path(path_type=Path), default=Path("build"), show_default=True)
def main(directory: Path) -> None:
    """All-reduce of 16 to 65,536 vectors on 2, 4 and 8 chips, against the bandwidth of the links."""
    figures = all_figures()
    click.echo(f"{'topology':<20}{'vectors':>9}{'cycles':>9}{'limit':>9}{'of limit':>10}  run")
    for figure in figures:
        numbers = f"{figure.vectors:>9}{figure.cycles:>9}{figure.limit:>9}{figure.efficiency:>10.1%}"
        click.echo(f"{figure.topology:<20}{numbers}  {'as NumPy' if figure.run else '-'}")
    for path in write(figures, directory):
        click.echo(path)


if __name__ == "__main__":
    main()
