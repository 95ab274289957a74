"""One program, two executors, one yardstick: runs images through each and counts what differs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from takt_sim.tb.build import BUILD_ROOT, Variant
from takt_sim.tb.run import RtlChip
from takt_sim.tb.run import Run as RtlRun

from ...program import MAIN, Program
from ...runtime import Device, Job, ReferenceDevice
from .program import LOGITS, PIXELS
from .quantize import QuantizedNetwork
from .scans import Scans
from .training import FloatNetwork

Progress = Callable[[int, int], None]
"""Called with the number of images done and of all images."""


@dataclass(frozen=True)
class Execution:
    """What one executor made of the images."""

    logits: NDArray[np.int64]
    """[count, classes]"""
    cycles: tuple[int, ...]
    """Cycle count of each image's run."""
    faults: int = 0
    """Fault flags of all runs together."""
    simulated_cycles: int = 0
    """Clock cycles of all runs, loading and reading back included; 0 if the executor has no clock."""
    seconds: float = 0.0
    """Wall time of these cycles."""


@dataclass(frozen=True)
class Figures:
    """What the demo reports, in the order of its file."""

    digits: int
    accuracy_chip: float
    accuracy_float: float
    mismatches: int
    """Logits, of every digit on the RTL and on the reference simulator, that differ from the NumPy computation."""
    cycles_predicted: int
    cycles_reference: int
    cycles_rtl: int
    """Cycles per digit; if runs differ, of the first that is not as predicted."""
    mxm_utilization: float
    """Multiply-accumulates that the network needs, of those that the MXM could do in these cycles."""
    sim_cycles_per_second: float

    def problems(self) -> list[str]:
        """What must not be, each as one line."""
        found = []
        if self.mismatches:
            found.append(f"mismatches must be 0, not {self.mismatches}")
        for name in ("cycles_reference", "cycles_rtl"):
            if getattr(self, name) != self.cycles_predicted:
                found.append(f"{name} must be {self.cycles_predicted}, as predicted, not {getattr(self, name)}")
        return found


def run_reference(program: Program, images: NDArray[np.int8], progress: Progress | None = None) -> Execution:
    """Images [count, pixels] through the reference simulator. IllegalProgram if the checker refuses."""
    return run_device(ReferenceDevice(program.config), program, images, progress)


def run_device(
    device: Device, program: Program, images: NDArray[np.int8], progress: Progress | None = None
) -> Execution:
    """Images [count, pixels] through a device, one START each. Text and weights are loaded once."""
    device.load(program)
    rows, cycles, faults = [], [], 0
    for done, image in enumerate(images, start=1):
        (result,) = device.run_jobs([Job({PIXELS: image})])
        rows.append(result.outputs[LOGITS])
        cycles.append(result.run.cycles)
        faults += len(result.run.faults)
        if progress is not None:
            progress(done, len(images))
    return Execution(np.array(rows, np.int64), tuple(cycles), faults)


def run_rtl(
    program: Program,
    images: NDArray[np.int8],
    progress: Progress | None = None,
    *,
    directory: Path = Path("build/demo"),
    variant: Variant = Variant.FAST,
    root: Path = BUILD_ROOT,
) -> Execution:
    """Images [count, pixels] through the RTL in one simulation, one START each.

    Text and weights are loaded once. BuildError or SimulationError, as `RtlChip`.
    """
    lanes = program.config.lanes
    pixels, logits = program.tensor(PIXELS), program.tensor(LOGITS)
    places: dict[str, list[int]] = {}
    for name, address in logits.words():
        places.setdefault(name, []).append(address)
    rows, results = [], []
    with RtlChip(program.config, variant, directory=directory, root=root) as chip:
        chip.load_text(program.entry(MAIN).text)
        chip.write(program.data)
        for done, image in enumerate(images, start=1):
            result = chip.run(RtlRun(pixels.pack(image, lanes), places))
            memory = result.memory
            rows.append(logits.unpack(lambda name, address: memory[name][address], lanes))  # noqa: B023 - called here
            results.append(result)
            if progress is not None:
                progress(done, len(images))
    return Execution(
        np.array(rows, np.int64),
        tuple(result.cycles for result in results),
        sum(result.faults.bit_count() for result in results),
        sum(result.simulated_cycles for result in results),
        sum(result.seconds for result in results),
    )


def compare(
    program: Program,
    network: QuantizedNetwork,
    float_network: FloatNetwork,
    scans: Scans,
    expected: NDArray[np.int64],
    reference: Execution,
    rtl: Execution,
) -> Figures:
    """The figures of two executions of the first images of the test split.

    Parameters
    ----------
    expected : ndarray
        What `integer.logits` gives for these images, [count, classes].
    """
    count = len(expected)
    labels = scans.test_labels[:count]
    predicted = program.cycles[MAIN] or 0
    by_float = float_network.logits(scans.test_images[:count])
    return Figures(
        digits=count,
        accuracy_chip=_accuracy(rtl.logits, labels),
        accuracy_float=_accuracy(by_float, labels),
        mismatches=int((reference.logits != expected).sum() + (rtl.logits != expected).sum()),
        cycles_predicted=predicted,
        cycles_reference=_odd_one(reference.cycles, predicted),
        cycles_rtl=_odd_one(rtl.cycles, predicted),
        mxm_utilization=network.macs / (predicted * program.config.macs),
        sim_cycles_per_second=rtl.simulated_cycles / rtl.seconds if rtl.seconds else 0.0,
    )


def _accuracy(logits: NDArray[np.generic], labels: NDArray[np.int64]) -> float:
    return float((logits.argmax(axis=1) == labels).mean())


def _odd_one(cycles: tuple[int, ...], predicted: int) -> int:
    """The first count that is not as predicted, or the prediction."""
    return next((count for count in cycles if count != predicted), predicted)
