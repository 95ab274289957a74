"""A system whose chips hold a tensor of known words, for the tests of collectives."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from takt.collectives import Vectors
from takt.system import SystemBuilder, SystemDevice
from takt_hw.config import NANO_C2C, ChipConfig
from takt_sim.system.topology import Topology

EAST = tuple(f"MEM_E{n}" for n in range(4))
DRIFTING = replace(NANO_C2C, link_drift=1)
"""At 250 ppm it has a drift budget of 2000 cycles."""

WEST = tuple(f"MEM_W{n}" for n in range(4))


class Machine:
    """Builds with ``kernel(system, cycle)``, proves, loads ``x`` on every chip, runs.

    ``x`` is uint8[chips, planes, count, lanes] before the run, and ``after`` the same places after it. The cycle counts
    of builder, checker and run are the same number, or it is an AssertionError.
    """

    def __init__(
        self,
        topology: Topology,
        vectors: Vectors,
        kernel: Callable[[SystemBuilder, int], int],
        config: ChipConfig = NANO_C2C,
        x: np.ndarray | None = None,
        watched: Vectors | None = None,
    ):
        system = SystemBuilder(config, topology)
        for builder in system.chips:
            for plane, run in enumerate(vectors.runs):
                builder.input(f"plane{plane}", (vectors.count, config.lanes), "u8", [run])
        self.begin, self.end = system.start, kernel(system, system.start)
        self.system = system.build()
        self.device = SystemDevice(self.system)
        shape = topology.chips, vectors.planes, vectors.count, config.lanes
        self.x = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8) if x is None else x
        for chip in range(topology.chips):
            for plane in range(vectors.planes):
                self.device.write_tensor(chip, f"plane{plane}", self.x[chip, plane])
        results = self.device.run()
        self.cycles = max(result.cycles for result in results)
        assert self.cycles == self.system.cycles == self.end + config.superlanes
        self.after = self.read(vectors if watched is None else watched)

    def read(self, vectors: Vectors) -> np.ndarray:
        """uint8[chips, planes, count, lanes] of some vectors."""
        return np.array(
            [
                [self.device.read_words(chip, name, vectors.address, vectors.count) for name in vectors.slices]
                for chip in range(self.system.topology.chips)
            ]
        )


def planes(values: np.ndarray) -> np.ndarray:
    """int32 or fp32 [chips, count, lanes] as uint8[chips, 4, count, lanes]."""
    return np.ascontiguousarray(values.view(np.uint8).reshape(*values.shape, 4).transpose(0, 3, 1, 2))


def values(planes: np.ndarray, dtype: type) -> np.ndarray:
    """The other way."""
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)).view(dtype)[..., 0]
