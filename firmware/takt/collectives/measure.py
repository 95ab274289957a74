"""How long all-reduce takes: cycles of the schedule, and for sizes that simulate quickly the run itself."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from takt_hw.config import NANO_C2C, ChipConfig
from takt_hw.isa import DType
from takt_sim.system.topology import Topology, full, ring

from ..system import System, SystemBuilder, SystemDevice
from .sums import all_reduce, bound
from .vectors import Vectors

BUILD = replace(NANO_C2C, name="nano_c2c_large", mem_words=65536)
"""`nano_c2c` with memory for the largest tensor and what comes from the other chips."""

SIZES = tuple(16 << n for n in range(13))
"""Link vectors of each chip: 16 to 65,536."""

TOPOLOGIES = (full(2), full(4), full(8), ring(4), ring(8))

RUN = 256
"""Link vectors up to which a size is also run, with data, after the checker has proved it."""

TENSOR = "x"


@dataclass(frozen=True)
class Figure:
    """One all-reduce."""

    topology: str
    chips: int
    vectors: int
    """Link vectors that each chip has."""
    cycles: int
    """From the first cycle in which the program may dispatch to the last write; start-up not counted."""
    limit: int
    """Cycles in which the links could carry it."""
    run: bool
    """Whether the reference simulator took just as many cycles and every chip ended with NumPy's sums."""

    @property
    def efficiency(self) -> float:
        """Share of the links' bandwidth that is used."""
        return self.limit / self.cycles


def system_of(config: ChipConfig, topology: Topology, count: int, dtype: DType) -> tuple[System, int, int]:
    """An all-reduce of ``count`` element vectors, named `TENSOR` on every chip; its start, and its limit in cycles."""
    system = SystemBuilder(config, topology)
    vectors = Vectors(tuple(f"MEM_E{n}" for n in range(dtype.streams)), 0, count)
    room = min((topology.chips - 1) * count, config.mem_words)
    scratch = Vectors(tuple(f"MEM_W{n}" for n in range(dtype.streams)), 0, room)
    for builder in system.chips:
        builder.input(TENSOR, (count, config.lanes), dtype.text, vectors.runs)
    all_reduce(system, system.start, vectors, scratch, dtype)
    return system.build(), system.start, bound(system, vectors)


def measure(config: ChipConfig, topology: Topology, vectors: int, *, run: bool) -> Figure:
    """One all-reduce of int32. RuntimeError if a run does not end as it must."""
    system, start, limit = system_of(config, topology, vectors // DType.I32.streams, DType.I32)
    cycles = system.cycles
    assert cycles is not None
    if run:
        _run(system, vectors // DType.I32.streams, cycles)
    return Figure(topology.name, topology.chips, vectors, cycles - start - config.superlanes, limit, run)


def all_figures() -> list[Figure]:
    """Every size on every topology."""
    return [measure(BUILD, topology, vectors, run=vectors <= RUN) for topology in TOPOLOGIES for vectors in SIZES]


def report(figures: list[Figure]) -> dict[str, Any]:
    """What the file of figures holds."""
    return {
        "build": BUILD.name,
        "mem_words": BUILD.mem_words,
        "packet_cycles": BUILD.packet_cycles,
        "link_drift": BUILD.link_drift,
        "latency": TOPOLOGIES[0].min_latency,
        "ppm": TOPOLOGIES[0].ppm,
        "all_reduce": [asdict(figure) | {"efficiency": round(figure.efficiency, 4)} for figure in figures],
    }


def _run(system: System, count: int, cycles: int) -> None:
    random = np.random.default_rng(count)
    shape = system.topology.chips, count, system.config.lanes
    terms: NDArray[np.int32] = random.integers(-(2**31), 2**31, shape).astype(np.int32)
    device = SystemDevice(system)
    for chip, term in enumerate(terms):
        device.write_tensor(chip, TENSOR, term)
    took = max(result.cycles for result in device.run())
    if took != cycles:
        raise RuntimeError(f"{system.topology.name}: cycles must be {cycles} as scheduled, not {took}")
    wanted = terms.sum(axis=0, dtype=np.int32)
    for chip in range(system.topology.chips):
        if not np.array_equal(device.read_tensor(chip, TENSOR), wanted):
            raise RuntimeError(f"{system.topology.name}: sums of chip {chip} must be NumPy's, not others")
