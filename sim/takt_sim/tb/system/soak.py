"""``python -m takt_sim.tb.system.soak --chips 4 -n 50``: random programs of several chips on RTL and reference."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from takt_hw.config import BUILDS

from ...system.topology import LATENCY
from ..build import BuildError
from ..frames import FrameError, RequestError
from ..lockstep import Disagreement
from ..session import SimulationError
from .links import node
from .lockstep import lockstep
from .run import LinkError, SystemRtl

DIRECTORY = Path("build/soak/systems")


def main() -> int:
    """Command line; exit status 1 if the two differ."""
    parser = argparse.ArgumentParser(description="Run random programs of several chips on RTL and reference simulator.")
    parser.add_argument("--chip", choices=sorted(n for n, c in BUILDS.items() if c.links), default="nano_c2c")
    parser.add_argument("--chips", type=int, default=2)
    parser.add_argument("--ppm", type=int, default=200, help="how far off nominal clocks are, in millionths")
    parser.add_argument("-n", "--programs", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    config = BUILDS[arguments.chip]
    seeds = range(arguments.seed, arguments.seed + arguments.programs)
    try:
        topology = node(arguments.chips, arguments.ppm, LATENCY, config.links)
        with (
            SystemRtl(config, topology, directory=DIRECTORY, seed=arguments.seed) as chips,
            tqdm(total=len(seeds), unit="program", desc=topology.name, file=sys.stderr) as bar,
        ):

            def step(seed: int) -> None:
                bar.update()

            chips.bring_up()
            writes = lockstep(chips, seeds, progress=step)
    except (Disagreement, BuildError, SimulationError, FrameError, RequestError, LinkError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{len(seeds)} programs, {config.name}, {topology.name}: RTL and reference agree, {writes} writes compared")
    return 0


if __name__ == "__main__":
    sys.exit(main())
