"""Time the reference simulator on systems of chips, in one process and in several, in turns in one run.

``python -m bench.systems [--processes 2] [--rounds 3]``: a table, and build/systems.json.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from takt_hw import isa
from takt_hw.config import NANO_C2C, QUAD, ChipConfig, Kind
from takt_hw.isa import Direction, Stream
from takt_sim.latency import d_func, d_skew
from takt_sim.reference import Result
from takt_sim.system.distributed import run_distributed
from takt_sim.system.reference import ReferenceSystem
from takt_sim.system.startup import startup
from takt_sim.system.topology import Topology, dragonfly, full
from takt_sim.timeline import expand

from .program import matmul
from .timed_rank import CPU

REPORT = Path("build/systems.json")

RANK = "bench.timed_rank"

WIDE_C2C = replace(
    QUAD, name="wide_c2c", superlanes=20, row=(Kind.C2C, *QUAD.row), c2c_links=7, link_bits=128, mxm_planes=1
)
"""As wide as the published chip: 320 lanes, two 320×320 planes; and seven links."""

BLOCK = 16
"""Rounds that go to addresses of their own."""

PPM = 100
"""Clocks good enough to run the whole program without a realignment."""


@dataclass
class Work:
    """A program for each chip of a system: products in nearly every cycle, and all links busy in both directions."""

    config: ChipConfig
    topology: Topology
    programs: list[dict[str, list[int]]]
    memory: list[dict[str, np.ndarray]]

    def fresh(self) -> list[dict[str, np.ndarray]]:
        """Memory as it is before a run."""
        return [{name: words.copy() for name, words in chip.items()} for chip in self.memory]


def work(config: ChipConfig, topology: Topology) -> Work:
    """The program of `bench.program` on each chip; as long as it lasts each link sends a vector as often as it can."""
    products = matmul(config)
    programs, memory = [], []
    for chip in range(topology.chips):
        rng = np.random.default_rng(chip)
        words = ReferenceSystem(config, topology).chips[chip].memory
        for name, data in products.memory.items():
            for address, word in data.items():
                words[name][address] = list(word)
        source = words[config.mem_slices[0].name]
        source[config.bank_words :] = rng.integers(0, 256, (config.bank_words, config.lanes), np.uint8)
        memory.append(words)
        texts = {name: list(text) for name, text in products.text.items()}
        for name, queue in _traffic(
            config, topology, chip, expand(config, products.text).ends, products.cycles
        ).items():
            texts[name] = [*texts.get(name, ()), *queue]
        texts = {name: [isa.SYNC.encode(), *text] for name, text in texts.items() if text}
        align = next(queue.name for queue in isa.queues(config) if queue.unit is isa.C2C_ALIGN)
        texts[align] = [instruction.word for instruction in startup(config, topology, chip)]
        programs.append(texts)
    return Work(config, topology, programs, memory)


def _traffic(
    config: ChipConfig, topology: Topology, chip: int, ends: dict[str, int], until: int
) -> dict[str, list[int]]:
    """What each queue does after the ``ends`` of its products' text: rounds of one vector out and in by every link.

    Vectors leave from the upper bank of the westmost MEM slice and arrive in that of the next one.
    """
    out, back = Stream(config.streams - 1, Direction.WEST), Stream(config.streams - 1, Direction.EAST)
    source, target = config.mem_slices[:2]
    queues = {(q.unit.name, q.link): q for q in isa.queues(config) if q.unit in (isa.C2C_SEND, isa.C2C_RECEIVE)}
    ports, base, gate = topology.ports[chip], config.bank_words, queues["send", 0].position
    latency = max(cable.latency for cable in topology.cables)
    begin = ends[f"{source.name}.read"] + 3
    send = begin + d_func(isa.READ, config) + source.position - gate - d_skew(isa.SEND, config)
    receive = send + len(ports) - 1 + latency
    store = receive + d_func(isa.RECEIVE, config) + target.position - gate - d_skew(isa.WRITE, config)
    blocks = max(1, (until - store) // (BLOCK * config.packet_cycles + 1))

    def rounds(queue: str, cycle: int, instruction: isa.Instruction, each: int) -> list[int]:
        """``each`` instructions per round at successive addresses, from ``cycle`` on."""
        body = [instruction.word]
        if each > 1:
            body.append(isa.REPEAT.encode(count=each - 1, interval=1, stride=1))
        body.append(isa.NOP.encode(count=config.packet_cycles - each))
        stride = each if "address" in instruction.values else 0
        loops = [isa.LOOP.encode(count=blocks, body=len(body) + 1, stride=0)]
        loops += [isa.LOOP.encode(count=BLOCK, body=len(body), stride=stride)]
        return [isa.NOP.encode(count=cycle - len(loops) - ends[queue]), *loops, *body]

    found = {
        f"{source.name}.read": (begin, isa.READ.make(dst=out, address=base), len(ports)),
        f"{target.name}.write": (store, isa.WRITE.make(src=back, address=base), len(ports)),
    }
    for n, port in enumerate(ports):
        found[queues["send", port.link].name] = send + n, isa.SEND.make(src=out), 1
        found[queues["receive", port.link].name] = receive + n, isa.RECEIVE.make(dst=back), 1
    return {queue: rounds(queue, *what) for queue, what in found.items()}


@dataclass
class Row:
    """One system under one way to run it."""

    key: str
    name: str
    work: Work
    run: Callable[[list[dict[str, np.ndarray]]], list[Result]]
    beside: str
    """Key of the row that this one is compared with."""
    processes: int = 0
    """MPI processes; 0 if there are none."""
    seconds: list[float] = field(default_factory=list)
    """One figure per round, starting and ending of processes included."""
    cpu: list[float] = field(default_factory=list)
    """The same, of CPU time: this process's and that of the busiest other without what it waited."""

    def measure(self) -> list[Result]:
        """Time one run; its results."""
        memory = self.work.fresh()
        begin, cpu = time.perf_counter(), time.process_time()
        results = self.run(memory)
        self.seconds.append(time.perf_counter() - begin)
        others = [float((CPU / str(rank)).read_text()) for rank in range(self.processes)]
        self.cpu.append(time.process_time() - cpu + max(others, default=0.0))
        return results


def rows(key: str, made: Work, processes: int) -> list[Row]:
    """A system in this process, in one other, and in several."""

    def here(memory: list[dict[str, np.ndarray]]) -> list[Result]:
        system = ReferenceSystem(made.config, made.topology)
        for chip, words in zip(system.chips, memory, strict=True):
            chip.memory.update(words)
        return system.run(made.programs)

    def there(number: int) -> Callable[[list[dict[str, np.ndarray]]], list[Result]]:
        return lambda memory: run_distributed(
            made.config, made.topology, made.programs, number, memory=memory, rank_module=RANK
        )

    name = f"{made.config.name}, {made.topology.name}"
    beside = f"{key}_here"
    return [
        Row(beside, f"{name}: this process", made, here, beside),
        Row(f"{key}_1", f"{name}: 1 MPI process", made, there(1), beside, 1),
        Row(f"{key}_{processes}", f"{name}: {processes} MPI processes", made, there(processes), beside, processes),
    ]


def same(found: list[Result], other: list[Result]) -> bool:
    """Whether two runs did the same, in all that is not fixed by the programs."""
    return all(
        (a.cycles, a.writes, a.faults, a.sent, a.received) == (b.cycles, b.writes, b.faults, b.sent, b.received)
        for a, b in zip(found, other, strict=True)
    )


def speedup(mine: list[float], others: list[float]) -> float:
    """How much faster: the median over the rounds."""
    return statistics.median(other / own for own, other in zip(mine, others, strict=True))


def report(found: list[Row]) -> dict[str, dict[str, float]]:
    """Figures by key."""
    by_key = {row.key: row for row in found}
    return {
        row.key: {
            "seconds": statistics.median(row.seconds),
            "speedup": speedup(row.seconds, by_key[row.beside].seconds),
            "cpu_seconds": statistics.median(row.cpu),
            "cpu_speedup": speedup(row.cpu, by_key[row.beside].cpu),
        }
        for row in found
    }


def main() -> int:
    """Command line; exit status 1 if some run does something else than the others."""
    parser = argparse.ArgumentParser(prog="python -m bench.systems", description="Time systems of chips.")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    systems = {
        "nano_full": (NANO_C2C, full(8, ppm=PPM)),
        "nano_dragonfly": (NANO_C2C, dragonfly(2, 4, ppm=PPM)),
        "wide_full": (WIDE_C2C, full(8, ppm=PPM)),
    }
    print(f"{'':58}{'seconds':>9}{'speed-up':>10}{'CPU s':>9}{'speed-up':>10}")
    found: list[Row] = []
    for key, (config, topology) in systems.items():
        group = rows(key, work(config, topology), arguments.processes)
        for _ in range(arguments.rounds):
            first, *others = [row.measure() for row in group]
            if not all(same(results, first) for results in others):
                print(f"bench: {key} must do the same in every number of processes", file=sys.stderr)
                return 1
        figures = report(group)
        for row in group:
            wall, faster, cpu, less = figures[row.key].values()
            print(f"{row.name:58}{wall:9.2f}{faster:9.2f}×{cpu:9.2f}{less:9.2f}×", flush=True)
        found += group
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(report(found), indent=2) + "\n")
    print(
        "CPU: this process, and of the others the one that is busiest when it does not wait; only it counts if others"
    )
    print("use the machine meanwhile")
    print(f"\nfigures: {REPORT}; medians of {arguments.rounds} rounds, in each of which all ran in turn")
    return 0


if __name__ == "__main__":
    sys.exit(main())
