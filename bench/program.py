"""The program that executors are timed with: a vector into every plane, in nearly every cycle in which it takes one."""

from dataclasses import dataclass, field

import numpy as np

from takt.program import Step, schedule
from takt_hw import isa
from takt_hw.config import BYTES_PER_INT32, ChipConfig, Kind, Slice
from takt_hw.isa import ABC, ACC, IW, LW, READ, REPEAT, WRITE, Direction, Op, Stream
from takt_sim.latency import d_func, d_skew

SWEEPS = 100
"""How often the activation vectors pass the array. A queue holds two words per sweep."""

VECTORS = 128
"""Activation vectors, one memory word each. At most a bank of the smallest build."""


@dataclass
class Matmul:
    """A program, what it needs and what it makes."""

    config: ChipConfig
    text: dict[str, list[int]] = field(default_factory=dict)
    cycles: int = 0
    macs: int = 0
    """Multiply-accumulates of one run."""
    memory: dict[str, dict[int, bytes]] = field(default_factory=dict)
    expected: dict[str, dict[int, bytes]] = field(default_factory=dict)
    """Sums after a run, one byte plane per slice."""


def matmul(config: ChipConfig) -> Matmul:
    """For each plane: load weights, multiply SWEEPS × VECTORS vectors by them, store the sum of all products."""
    made = Matmul(config)
    steps: dict[str, list[Step]] = {}
    rng = np.random.default_rng(1)
    weights = rng.integers(-128, 128, (config.lanes, config.lanes), dtype=np.int8)
    vectors = rng.integers(-128, 128, (VECTORS, config.lanes), dtype=np.int8)
    for block in range(config.weight_blocks):
        for n, source in enumerate(config.mem_slices[: config.weight_streams]):
            column = weights[:, block * config.weight_streams + n]
            made.memory.setdefault(source.name, {})[block] = column.tobytes()
    sums = (vectors.astype(np.int64) @ weights.astype(np.int64)).sum(axis=0) * SWEEPS
    planes = sums.astype(np.int32).view(np.uint8).reshape(config.lanes, BYTES_PER_INT32).T
    start = d_func(READ, config) + config.positions
    for plane in (s for s in config.slices if s.kind is Kind.MXM):
        _load(config, plane, start, steps)
        start += config.weight_blocks + config.positions
    for plane in (s for s in config.slices if s.kind is Kind.MXM):
        side = _side(config, plane)
        _multiply(config, plane, side, start, steps)
        for address, word in enumerate(vectors, start=config.bank_words):
            made.memory.setdefault(side[0].name, {})[address] = word.tobytes()
        for source, data in zip(side, planes, strict=False):
            made.expected[source.name] = {config.bank_words - 1: data.tobytes()}
        made.macs += SWEEPS * VECTORS * config.lanes**2
    plan = schedule(config, steps)
    assert not plan.problems, plan.problems
    made.text = {name: list(words) for name, words in plan.words.items()}
    made.cycles = plan.cycles(config) or 0
    return made


def _way(config: ChipConfig, plane: Slice) -> Direction:
    """From the VXM to a plane."""
    return Direction.EAST if plane.position > config.slice_by_name["VXM"].position else Direction.WEST


def _side(config: ChipConfig, plane: Slice) -> list[Slice]:
    """MEM slices between the VXM and a plane, if there are any, else all, in the plane's direction."""
    vxm, way = config.slice_by_name["VXM"].position, _way(config, plane)
    found = [s for s in config.mem_slices if (s.position - vxm) * way.step > 0] or list(config.mem_slices)
    return found if way is Direction.EAST else found[::-1]


def _first(config: ChipConfig, memory: Slice) -> int:
    """The lowest stream that a slice can name."""
    return isa.queue_by_name(config)[f"{memory.name}.read"].streams.start


def _read(config: ChipConfig, source: Slice, plane: Slice, consumer: Op, cycle: int) -> int:
    """Cycle in which a slice must read for a plane's instruction that is dispatched in ``cycle``."""
    return cycle + d_skew(consumer, config) - d_func(READ, config) - abs(plane.position - source.position)


def _load(config: ChipConfig, plane: Slice, start: int, steps: dict[str, list[Step]]) -> None:
    """LW of all blocks from cycle ``start`` on, each slice giving one column of each, then IW."""
    way = _way(config, plane)
    more = [REPEAT.make(count=config.weight_blocks - 1, interval=1, stride=1)]
    for n, source in enumerate(config.mem_slices[: config.weight_streams]):
        at = _read(config, source, plane, LW, start)
        read = READ.make(dst=Stream(n, way), address=0)
        steps.setdefault(f"{source.name}.read", []).extend([Step(read, at=at), *(Step(r, at=at + 1) for r in more)])
    load = LW.make(src=Stream(0, way), block=0)
    steps[f"{plane.name}.weights"] = [Step(load, at=start), *(Step(r, at=start + 1) for r in more)]
    steps[f"{plane.name}.activate"] = [Step(IW.make(), at=start + config.weight_blocks)]


def _multiply(config: ChipConfig, plane: Slice, side: list[Slice], start: int, steps: dict[str, list[Step]]) -> None:
    """SWEEPS × VECTORS products from cycle ``start`` on into accumulator 0, and its last value to memory."""
    way = _way(config, plane)
    back = Direction.WEST if way is Direction.EAST else Direction.EAST
    count, pace = SWEEPS * VECTORS, config.mxm_turns
    at = _read(config, side[0], plane, ABC, start)
    reads = steps.setdefault(f"{side[0].name}.read", [])
    vectors = Stream(_first(config, side[0]), way)
    reads.append(Step(READ.make(dst=vectors, address=config.bank_words), at=at))
    for sweep in range(SWEEPS):
        first = at + sweep * VECTORS * pace
        if sweep:
            reads.append(Step(REPEAT.make(count=1, interval=pace, stride=1 - VECTORS), at=first - pace + 1))
        reads.append(Step(REPEAT.make(count=VECTORS - 1, interval=pace, stride=1), at=first + 1))
    apply = ABC.make(src=vectors)
    again = REPEAT.make(count=count - 1, interval=pace, stride=0)
    steps[f"{plane.name}.activate"] += [Step(apply, at=start), Step(again, at=start + 1)]
    meet = start + d_func(ABC, config) - d_skew(ACC, config)
    last = meet + (count - 1) * pace
    steps[f"{plane.name}.accumulate"] = [
        Step(ACC.make(address=0, mode="first", dst=None), at=meet),
        Step(ACC.make(address=0, mode="add", dst=None), at=meet + pace),
        Step(REPEAT.make(count=count - 3, interval=pace, stride=0), at=meet + pace + 1),
        Step(ACC.make(address=0, mode="add", dst=Stream(vectors.index, back)), at=last),
    ]
    for n, target in enumerate(side[:BYTES_PER_INT32]):
        hops = abs(plane.position - target.position)
        cycle = last + d_func(ACC, config) + hops - d_skew(WRITE, config)
        write = WRITE.make(src=Stream(vectors.index + n, back), address=config.bank_words - 1)
        steps[f"{target.name}.write"] = [Step(write, at=cycle)]
