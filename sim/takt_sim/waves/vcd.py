"""Writes the VCD of a run: each queue's current instruction as text, memory writes as text, streams, RTL signals.

One cycle is one nanosecond in it, and time 0 is the beginning of cycle 0: a viewer's time is the cycle.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from vcd import VCDWriter
from vcd.writer import Variable

from takt_hw import isa
from takt_hw.config import LANES_PER_SUPERLANE, ChipConfig
from takt_hw.isa import Direction, Queue, Stream

from ..timeline import Control
from .observe import CYCLE, Dispatched, MemoryWrite, Run

ROOT = "takt"
"""Scope of everything in the file."""

Changes = list[tuple[int, int | str]]
"""Times with new values, in order of time."""


def write_vcd(path: Path, run: Run, control: Sequence[Control], cycles: int) -> list[str]:
    """Write the VCD of a run.

    Parameters
    ----------
    path : Path
        File to write.
    run : Run
        What the chip did.
    control : sequence of Control
        What queues wait for when they dispatch nothing: NOP, REPEAT, SYNC, NOTIFY.
    cycles : int
        Cycle count of the program.

    Returns
    -------
    list of str
        Full names of the stream registers in the file that ever hold a value.
    """
    config = run.config
    busy = []
    with open(path, "w") as file, VCDWriter(file, timescale="1 ps", date="", version="takt") as writer:
        tracks: list[tuple[Variable, Changes]] = []

        def text(scope: Sequence[str], name: str, changes: Changes) -> None:
            tracks.append((writer.register_var((ROOT, *scope), name, "string", init=""), changes))

        def wire(scope: Sequence[str], name: str, bits: int, changes: Changes) -> Variable:
            variable = writer.register_var((ROOT, *scope), name, "wire", size=bits)
            tracks.append((variable, changes))
            return variable

        wire((), "cycle", 32, [(n * CYCLE, n) for n in range(cycles)] + [(cycles * CYCLE, "z")])
        wire((), "clk", 1, [(n * CYCLE // 2, 1 - n % 2) for n in range(2 * run.cycles)])
        wire((), "running", 1, [(0, 1), (cycles * CYCLE, 0)])
        for queue in isa.queues(config):
            name = queue.name.removeprefix(f"{queue.slice}.")
            text((queue.slice,), name, instruction_texts(queue, run.dispatches, control))
        for s in config.mem_slices:
            for k in range(config.superlanes):
                text((s.name,), write_name(config, k), write_texts(s.name, k, run.writes))
        for place, superlane, stream, changes in _streams(run):
            scope = stream_scope(config, place, superlane)
            wire(scope, str(stream), 8 * LANES_PER_SUPERLANE, changes)
            if any(value != "z" for _, value in changes):
                busy.append(".".join((ROOT, *scope, str(stream))))
        known: dict[str, Variable] = {}
        for w in run.wires():
            if w.identity in known:
                writer.register_alias((ROOT, "rtl", *w.scope), w.name, known[w.identity])
            else:
                known[w.identity] = wire(("rtl", *w.scope), w.name, w.bits, w.changes)
        _write(writer, tracks)
        writer.close(run.cycles * CYCLE)
    return busy


def instruction_texts(queue: Queue, dispatches: Sequence[Dispatched], control: Sequence[Control]) -> Changes:
    """What one queue shows over time: the instruction that it dispatches, else what it waits in, else nothing."""
    shown: dict[int, str] = {}
    for c in control:
        if c.queue == queue:
            shown.update(dict.fromkeys(range(c.cycle, c.cycle + c.cycles), str(c.instruction)))
    shown.update({d.cycle: str(d) for d in dispatches if d.queue == queue})
    return _held(shown)


def write_texts(slice_name: str, superlane: int, writes: Sequence[MemoryWrite]) -> Changes:
    """Address and signed bytes of one superlane's memory writes, each for its cycle."""
    return _held({w.cycle: str(w) for w in writes if (w.slice, w.superlane) == (slice_name, superlane)})


def write_name(config: ChipConfig, superlane: int) -> str:
    """Name of the text of a MEM slice's writes."""
    return "memory" if config.superlanes == 1 else f"memory_{superlane}"


def stream_scope(config: ChipConfig, position: int, superlane: int) -> tuple[str, ...]:
    """Scope of the stream registers of one position."""
    place = f"position{position}_{config.row[position].value}"
    return ("streams", place) if config.superlanes == 1 else ("streams", f"superlane{superlane}", place)


def _streams(run: Run) -> Iterator[tuple[int, int, Stream, Changes]]:
    for superlane in range(run.config.superlanes):
        for position in range(run.config.positions):
            for direction in Direction:
                for stream, changes in run.streams(position, superlane, direction).items():
                    yield position, superlane, stream, changes


def _held(shown: dict[int, str]) -> Changes:
    """Changes of a text that is shown in some cycles and blank in all others.

    Equal text in adjacent cycles is one change, so a repeated instruction reads as one long box.
    """
    changes: Changes = []
    for cycle in sorted(shown):
        if shown[cycle] != shown.get(cycle - 1):
            changes.append((cycle * CYCLE, shown[cycle]))
        if cycle + 1 not in shown:
            changes.append(((cycle + 1) * CYCLE, ""))
    return changes


def _write(writer: VCDWriter, tracks: Sequence[tuple[Variable, Changes]]) -> None:
    """All changes in order of time."""
    events = [(time, n, value) for n, (_, changes) in enumerate(tracks) for time, value in changes]
    events.sort(key=lambda event: event[:2])
    for time, n, value in events:
        writer.change(tracks[n][0], time, value)
