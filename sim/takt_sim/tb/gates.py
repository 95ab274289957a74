"""``python -m takt_sim.tb.gates --chip ecp5_small``: a synthesized netlist runs programs as the RTL does.

The netlist is what is placed on an FPGA, of cells with models of their own; the bench, the programs and the reference
simulator are those of the RTL.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from tqdm import tqdm

from takt_hw.config import BUILDS, ChipConfig
from takt_hw.synth.small import SMALL

from ..generate import random_program
from ..reference import ReferenceChip
from .build import BuildError, Simulator, Variant, compiled, emitted, flags, locked
from .frames import FrameError, RequestError
from .host import Host
from .lockstep import SPARE_CYCLES, Disagreement, compare_memories
from .run import RtlChip, Run
from .session import Session, SimulationError
from .verilator import TOP, VerilatorRunner

GATES_ROOT = Path("build/gates")
"""Where netlists and their simulators are kept."""


class GateChip(RtlChip):
    """A simulated netlist, used as `RtlChip` is.

    Parameters
    ----------
    config : ChipConfig
        What the netlist is of.
    simulator : Simulator
        As `build_gates` or `compile_gates` makes it.
    directory : Path
        Where logs go.
    """

    def __init__(self, config: ChipConfig, simulator: Simulator, *, directory: Path) -> None:
        self.config = config
        self.session = Session(simulator, directory)
        self._host = Host(config, self.session)
        self._names = [s.name for s in config.mem_slices]
        self._text = {}
        self._spent = False


def build_gates(config: ChipConfig, *, root: Path = GATES_ROOT) -> Simulator:
    """The simulator of the netlist of a build by its name; synthesized and compiled now if that was not done before.

    Raises
    ------
    BuildError
        It cannot be synthesized, or the simulator does not compile.
    """
    place = (root / config.name).absolute()
    with locked(place):
        command = ["takt_hw.synth.gates", config.name]
        verilog = emitted(place, f"{config.name}, its netlist", command)
        return Simulator(_compile(verilog, place), config, Variant.FAST)


def compile_gates(verilog: Path, config: ChipConfig, place: Path) -> Simulator:
    """The simulator of a netlist's Verilog, its models included. BuildError if it does not compile."""
    with locked(place):
        return Simulator(_compile(verilog, place), config, Variant.FAST)


def _compile(verilog: Path, place: Path) -> Path:
    def make(work: Path) -> None:
        VerilatorRunner().compile(
            verilog, work, optimize="-O1", waves=False, flips=False, log_file=place / "compile.log"
        )

    said = f"{place.name}: compiling the simulator of the netlist; this takes minutes, once"
    return compiled(place, "simulator", [verilog.read_bytes(), *flags(Variant.FAST)], make, (TOP,), said)


def compare(
    config: ChipConfig,
    simulator: Simulator,
    *,
    programs: int,
    seed: int,
    directory: Path,
    progress: Callable[[int], None] = lambda done: None,
) -> int:
    """Run random legal programs on the netlist and on the reference simulator, which the RTL equals in every byte.

    After each program cycles, faults and every word of every memory are compared.

    Returns
    -------
    int
        Words compared.

    Raises
    ------
    Disagreement
        They differ.
    SimulationError, FrameError, RequestError
        As `RtlChip`.
    """
    reference = ReferenceChip(config)
    compared = 0
    with GateChip(config, simulator, directory=directory) as chip:
        for n in range(seed, seed + programs):
            what = f"netlist of {config.name}, seed {n}"
            program = random_program(config, n)
            load: dict[str, dict[int, bytes]] = {}
            for name, defined in program.defined.items():
                addresses = np.flatnonzero(defined)
                reference.memory[name][addresses] = program.memory[name][addresses]
                load[name] = {int(address): program.memory[name][address].tobytes() for address in addresses}
            expected = reference.run(program.text)
            chip.load_text(program.text)
            everything = {s.name: range(config.mem_words) for s in config.mem_slices}
            found = chip.run(Run(load, everything), max_cycles=expected.cycles + SPARE_CYCLES)
            if (found.cycles, found.faults) != (expected.cycles, expected.faults):
                raise Disagreement(
                    f"{what}: cycles and faults must be {expected.cycles} and {expected.faults:#x} as in the "
                    f"reference, not {found.cycles} and {found.faults:#x}"
                )
            compare_memories(what, reference.memory, found.memory)
            compared += sum(len(words) for words in found.memory.values())
            progress(n)
    return compared


def main() -> int:
    """Command line; exit status 1 if anything differs."""
    parser = argparse.ArgumentParser(
        description="Run random legal programs on a synthesized netlist and the reference."
    )
    builds = BUILDS | {SMALL.name: SMALL}
    parser.add_argument("--chip", choices=sorted(builds), default=SMALL.name)
    parser.add_argument("-n", "--programs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    config = builds[arguments.chip]
    try:
        simulator = build_gates(config)
        with tqdm(total=arguments.programs, unit="program", desc=f"{config.name} gates", file=sys.stderr) as bar:
            compared = compare(
                config,
                simulator,
                programs=arguments.programs,
                seed=arguments.seed,
                directory=GATES_ROOT / "run",
                progress=lambda n: (bar.update(), None)[1],
            )
    except (Disagreement, BuildError, SimulationError, FrameError, RequestError) as error:
        print(error, file=sys.stderr)
        return 1
    print(
        f"{arguments.programs} programs on the netlist of {config.name}: it equals the reference in cycles, faults and "
        f"{compared} memory words"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
