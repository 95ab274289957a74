"""A matrix of several tiles times some vectors, with no cycle in which a tile is waited for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from takt_hw import isa
from takt_hw.config import ChipConfig, Kind
from tests.halves import dot
from tests.sim.texts import acc, read, stream, text, write

START = 20
FIRST_RESULT = 300
"""Address of the first vector's sums, in the second bank."""


@dataclass
class Tiles:
    """The program, its memory, and what it must leave."""

    text: dict[str, list[int]]
    memory: dict[str, dict[int, bytes]]
    results: dict[str, dict[int, bytes]]
    """One byte plane per slice."""
    busy: range
    """From the second tile's install to the last tile's: all is in flow."""
    cycles: dict[str, set[int]]
    """Dispatch cycles of the plane's queues."""


def tiles(config: ChipConfig, count: int, vectors: int | None, *, fp16: bool, seed: int = 0) -> Tiles:
    """``count`` tiles in a row.

    With ``vectors`` None the activations have streams of their own, past those of LW: tile n + 1 is loaded in
    every cycle, and an install and as many ABCs as fit share the cycles of the other queue. Otherwise they take
    turns on the streams: one load beside the install, ABCs, the other loads.
    """
    rng = np.random.default_rng(seed)
    lanes, columns = config.lanes, config.weight_streams
    plane = next(s for s in config.slices if s.kind is Kind.MXM)
    ops = (isa.LW, isa.LW_HIGH) if fp16 else (isa.LW,)
    loads = [(op, block) for op in ops for block in range(config.weight_blocks)]
    apart = vectors is None
    vectors = len(loads) - 1 if vectors is None else vectors
    period = len(loads) if apart else len(loads) + vectors
    if fp16:
        weights = rng.integers(0, 0x7C00, (count, lanes, lanes), np.uint16) | rng.choice(
            [0, 0x8000], (count, lanes, lanes)
        )
        x = rng.integers(0, 0x7C00, (count, vectors, lanes), np.uint16)
        weights, x = weights.astype(np.uint16), x.astype(np.uint16)
    else:
        weights = rng.integers(-128, 128, (count, lanes, lanes), np.int8)
        x = rng.integers(-128, 128, (count, vectors, lanes), np.int8)

    entries: dict[str, list] = {}
    memory: dict[str, dict[int, bytes]] = {}

    def bring(number: int, cycle: int, address: int, data: np.ndarray) -> None:
        """Stream ``number`` holds ``data`` at the plane when what is dispatched in ``cycle`` takes it."""
        source = config.mem_slices[number]
        at = cycle + 1 - (plane.position - source.position) - isa.READ.d_func(config)
        entries.setdefault(f"{source.name}.read", []).append((at, read(f"s{number}e", address)))
        memory.setdefault(source.name, {})[address] = data.astype(np.uint8).tobytes()

    meets = isa.ABC.d_func(config) - isa.ACC.d_skew(config)
    queues = {name: entries.setdefault(f"{plane.name}.{name}", []) for name in ("weights", "activate", "accumulate")}
    for n in range(count):
        start = START + n * period
        for k, (op, block) in enumerate(loads):
            cycle = start + k if apart or not k else start + vectors + k
            queues["weights"].append((cycle, op.make(src=stream("s0e"), block=block)))
            byte = weights[n].view(np.uint8) if not fp16 else weights[n] >> (8 if op is isa.LW_HIGH else 0)
            for j in range(columns):
                bring(j, cycle, n * len(loads) + k, byte[:, block * columns + j] & 255)
        install = start + period
        queues["activate"].append((install, (isa.IW_FP16 if fp16 else isa.IW).make()))
        first = columns if apart else 0
        for v in range(vectors):
            cycle = install + 1 + v
            apply = (isa.ABC_FP16 if fp16 else isa.ABC).make(src=stream(f"s{first}e"))
            queues["activate"].append((cycle, apply))
            for byte in range(2 if fp16 else 1):
                data = x[n, v] >> 8 * byte & 255 if fp16 else x[n, v].view(np.uint8)
                bring(first + byte, cycle, 100 + n * vectors + v, data)
            last = n == count - 1
            queues["accumulate"].append((cycle + meets, acc(v, "add" if n else "first", "s4w" if last else None)))

    results: dict[str, dict[int, bytes]] = {}
    sums = [_sums(x[:, v].reshape(-1), weights.reshape(-1, lanes)) for v in range(vectors)]
    for byte, target in enumerate(config.mem_slices[-4:]):
        hops = plane.position - target.position
        for v in range(vectors):
            at = queues["accumulate"][v - vectors][0] + isa.ACC.d_func(config) + hops - 1
            entries.setdefault(f"{target.name}.write", []).append((at, write(f"s{4 + byte}w", FIRST_RESULT + v)))
            results.setdefault(target.name, {})[FIRST_RESULT + v] = (
                (sums[v] >> 8 * byte & 255).astype(np.uint8).tobytes()
            )
    return Tiles(
        text({name: sorted(queue, key=lambda entry: entry[0]) for name, queue in entries.items()}),
        memory,
        results,
        range(START + 2 * period, START + count * period),
        {name: {cycle for cycle, _ in queue} for name, queue in queues.items()},
    )


def _sums(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """What one vector must give, over all tiles."""
    if weights.dtype == np.int8:
        return x.astype(np.int64) @ weights.astype(np.int64)
    return np.array([dot(x, column) for column in weights.T])
