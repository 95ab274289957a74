"""Runs a hand-scheduled example and compares it with NumPy.

python examples/run.py softmax --chip quad --backend rtl
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import click
import numpy as np

from takt.program import Program
from takt.runtime import BACKENDS, Device
from takt_hw.config import BUILDS

NAMES = ("softmax", "rmsnorm", "conv2d")


def load(name: str) -> ModuleType:
    """The example's module."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(device: Device, program: Program, inputs: dict[str, np.ndarray]) -> tuple[int, dict[str, np.ndarray]]:
    """Cycles and outputs of one run."""
    device.load(program)
    for name, array in inputs.items():
        device.write_tensor(name, array)
    result = device.run()
    outputs = [tensor.name for tensor in program.tensors if tensor.role == "output"]
    return result.cycles, {name: device.read_tensor(name) for name in outputs}


def error(found: np.ndarray, wanted: np.ndarray) -> float:
    """Largest error relative to the element, or to one unit of the result's last place if it is an integer."""
    if found.dtype.kind == "i":
        return float(np.abs(found.astype(np.int64) - wanted).max())
    return float((np.abs(found.astype(np.float64) - wanted) / np.abs(wanted)).max())


@click.command()
@click.argument("name", type=click.Choice(NAMES))
@click.option("--chip", type=click.Choice(list(BUILDS)), default="nano", show_default=True)
@click.option("--backend", type=click.Choice(list(BACKENDS)), default="reference", show_default=True)
def main(name: str, chip: str, backend: str) -> None:
    """Run an example; fails if it is further from NumPy than it says."""
    example, config = load(name), BUILDS[chip]
    inputs = example.operand(config)
    program = example.program(config)
    cycles, outputs = run(BACKENDS[backend](config), program, inputs)
    click.echo(f"{name} on {chip}, {backend}: {cycles} cycles")
    for output, wanted in example.expected(config).items():
        off = error(outputs[output], wanted)
        click.echo(f"{output} {list(wanted.shape)}: largest error {off:.2g}, bound {example.BOUND:.2g}")
        if not off <= example.BOUND:
            raise click.ClickException(f"{output} must be within {example.BOUND:.2g} of NumPy, not {off:.2g}")


if __name__ == "__main__":
    main()
