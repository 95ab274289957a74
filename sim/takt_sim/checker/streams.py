"""`collision` and `undefined-stream`: intervals on diagonals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from takt_hw import isa
from takt_hw.config import ChipConfig
from takt_hw.isa import Instruction, Op, Role, Stream

from ..latency import d_func, d_skew
from ..timeline import Control, Dispatch, Timeline, Violation

PRODUCES, CONSUMES = 0, 1
"""At one place of a diagonal the value is there before it is taken, so producers sort first."""


def violations(config: ChipConfig, timeline: Timeline) -> Iterator[Violation]:
    """Walk every diagonal in flow direction; each value needs a consumer before the next producer."""
    diagonals: dict[tuple[int, int], list[tuple[int, int, int]]] = defaultdict(list)
    ends = _StreamEnds(config)
    fetches = [c for c in timeline.control if c.instruction.op is isa.IFETCH]
    dispatches: Sequence[Dispatch | Control] = (*timeline.dispatches, *fetches)
    for number, fetch in enumerate(fetches, start=len(timeline.dispatches)):
        stream, place = fetch.instruction["src"], fetch.queue.position * fetch.instruction["src"].direction.step
        taken = fetch.cycle + d_skew(isa.IFETCH, config)
        for cycle in range(taken, taken + fetch.instruction["words"], config.superlanes):
            diagonals[stream.bits, cycle - place].append((place, CONSUMES, number))
    for number, d in enumerate(timeline.dispatches):
        for bits, step, latency, event in ends.of(d):
            place = step * d.queue.position
            diagonals[bits, d.cycle + latency - place].append((place, event, number))
    for (bits, _), events in diagonals.items():
        events.sort()
        holder, taken = None, False
        for _, event, number in events:
            dispatch = dispatches[number]
            if event == CONSUMES:
                taken = True
                if holder is None:
                    yield dispatch.violation("undefined-stream", f"{_name(bits)} must carry a value, not nothing")
                continue
            if holder is not None and not taken:
                other = f"the value of {holder.instruction} in {holder.queue.name}, cycle {holder.cycle}"
                yield dispatch.violation("collision", f"{_name(bits)} must be free, not hold {other}")
            holder, taken = dispatch, False


@cache
def _stream_fields(op: Op) -> tuple[str, ...]:
    return tuple(f.name for f in op.fields if f.role in (Role.SOURCE, Role.DEST))


class _StreamEnds:
    """Which stream registers an instruction fills and takes, and how long after its dispatch."""

    def __init__(self, config: ChipConfig) -> None:
        self.config = config
        self.known: dict[tuple[Any, ...], list[tuple[int, int, int, int]]] = {}
        """By operation and stream operands. Not by word: a REPEAT that begins a loop's body goes on from two words."""

    def of(self, dispatch: Dispatch) -> list[tuple[int, int, int, int]]:
        """(stream bits, flow step, cycles after dispatch, event) of each."""
        op, values = dispatch.instruction.op, dispatch.instruction.values
        key = op.code, dispatch.queue.unit.kind, *(values[name] for name in _stream_fields(op))
        if key not in self.known:
            self.known[key] = self._of(dispatch.instruction)
        return self.known[key]

    def _of(self, instruction: Instruction) -> list[tuple[int, int, int, int]]:
        found = []
        for stream in instruction.streams(Role.SOURCE, self.config):
            found.append((stream.bits, stream.direction.step, d_skew(instruction.op, self.config), CONSUMES))
        for stream in instruction.streams(Role.DEST, self.config):
            found.append((stream.bits, stream.direction.step, d_func(instruction.op, self.config), PRODUCES))
        return found


def _name(bits: int) -> str:
    return str(Stream.from_bits(bits))
