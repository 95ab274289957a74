"""The reference chip: runs a legal program, dispatch by dispatch.

Work grows with instructions, not with cycles or area. Written from docs/manual and the table's
``operation`` texts; of the RTL it knows only the table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from takt_hw import isa
from takt_hw.config import ChipConfig, Kind
from takt_hw.isa import Alu, Immediate, Source, Stream, TypedStream

from ..latency import d_func, d_skew
from ..timeline import Dispatch, IllegalProgram, Text, Timeline, expand
from . import sxm, vxm
from .diagonals import Diagonals
from .mxm import Plane


@dataclass(frozen=True)
class Write:
    """One memory word changing, in superlane-0 time."""

    cycle: int
    """dispatch + d_skew of the WRITE."""

    slice: str
    address: int
    data: bytes
    """One byte per lane."""


@dataclass
class Result:
    """What a program did."""

    cycles: int
    writes: list[Write]
    """By cycle, then from west to east."""

    timeline: Timeline


class ReferenceChip:
    """One chip. Memory starts as zero and keeps its content from program to program; nothing else does.

    Parameters
    ----------
    config : ChipConfig
        The build.

    Attributes
    ----------
    memory : dict of str to ndarray
        uint8[mem_words, lanes] by MEM slice. The host's view: write it before a run, read it after.
    """

    def __init__(self, config: ChipConfig) -> None:
        self.config = config
        self.memory = {s.name: np.zeros((config.mem_words, config.lanes), np.uint8) for s in config.mem_slices}

    def run(self, text: Text) -> Result:
        """Run a program to its end.

        The checker's rules are taken as kept; the few that would leave no answer, like an undefined
        operand, raise IllegalProgram here too. Words of memory are all taken as defined.
        """
        timeline = expand(self.config, text)
        run = _Run(self.config, self.memory)
        for _, cycle in groupby(timeline.dispatches, key=lambda d: d.cycle):
            for dispatch in cycle:
                run.execute(dispatch)
            run.end_of_cycle()
        run.writes.sort(key=lambda write: write.cycle)
        return Result(timeline.cycles, run.writes, timeline)


class _Run:
    """State of one program: everything but memory starts undefined."""

    def __init__(self, config: ChipConfig, memory: dict[str, np.ndarray]) -> None:
        self.config = config
        self.memory = memory
        self.writes: list[Write] = []
        self.streams = Diagonals(config.positions)
        self.planes = {s.name: Plane(config.lanes) for s in config.slices if s.kind is Kind.MXM}
        self.results: list[list[tuple[int, np.ndarray]]] = [[] for _ in range(config.vxm_alus)]
        """Of each ALU the last few (dispatch cycle, int32[lanes]), oldest first."""
        self.changes: list[Callable[[], None]] = []
        """State changes of this cycle: later cycles see them, this one does not."""
        self.operations = {
            isa.READ.code: self._read,
            isa.WRITE.code: self._write,
            isa.LW.code: self._load_weights,
            isa.IW.code: self._install_weights,
            isa.ABC.code: self._activate,
            isa.ACC.code: self._accumulate,
            isa.LANE_SHIFT.code: self._lane_shift,
            isa.LANE_SELECT.code: self._lane_select,
            isa.PERMUTE.code: self._permute,
            isa.DISTRIBUTE.code: self._distribute,
            isa.TRANSPOSE.code: self._transpose,
        }

    def execute(self, dispatch: Dispatch) -> None:
        """Take operands, compute, and put the result where and when it will be."""
        self.operations.get(dispatch.instruction.op.code, self._alu)(dispatch)

    def end_of_cycle(self) -> None:
        """Let the state change."""
        for change in self.changes:
            change()
        self.changes.clear()

    # Streams

    def _take(self, d: Dispatch, stream: Stream) -> np.ndarray:
        vector = self.streams.take(stream, d.queue.position, d.cycle + d_skew(d.instruction.op, self.config))
        if vector is None:
            raise _undefined(d, "undefined-stream", f"{stream} must carry a value, not nothing")
        return vector

    def _take_group(self, d: Dispatch, stream: Stream, count: int) -> list[np.ndarray]:
        return [self._take(d, member) for member in stream.group(count)]

    def _put(self, d: Dispatch, stream: Stream, *vectors: np.ndarray) -> None:
        cycle = d.cycle + d_func(d.instruction.op, self.config)
        for member, vector in zip(stream.group(len(vectors)), vectors, strict=True):
            self.streams.put(member, d.queue.position, cycle, vector)

    # MEM

    def _read(self, d: Dispatch) -> None:
        self._put(d, d.instruction["dst"], self.memory[d.queue.slice][d.instruction["address"]].copy())

    def _write(self, d: Dispatch) -> None:
        vector, address = self._take(d, d.instruction["src"]), d.instruction["address"]
        words = self.memory[d.queue.slice]
        self.changes.append(lambda: words.__setitem__(address, vector))
        cycle = d.cycle + d_skew(d.instruction.op, self.config)
        self.writes.append(Write(cycle, d.queue.slice, address, vector.tobytes()))

    # VXM

    def _operand(self, d: Dispatch, source: Source) -> np.ndarray:
        match source:
            case TypedStream(stream, dtype):
                return vxm.from_bytes(self._take_group(d, stream, dtype.streams))
            case Immediate(value):
                return np.full(self.config.lanes, value, np.int32)
            case Alu(index):
                held = d.cycle - isa.VXM_CHAIN(self.config)
                results = [result for cycle, result in self.results[index] if cycle <= held]
                if not results:
                    raise _undefined(d, "undefined-result", f"{source} must hold a result, not nothing")
                return results[-1]

    def _alu(self, d: Dispatch) -> None:
        code = d.instruction.op.code
        a = self._operand(d, d.instruction["a"])
        if code in vxm.UNARY:
            result = vxm.UNARY[code](a)
        else:
            b = self._operand(d, d.instruction["b"])
            if code in vxm.BINARY:
                result = vxm.BINARY[code](a, b)
            elif code == isa.SELECT.code:
                result = vxm.select(a, b, self._operand(d, d.instruction["c"]))
            elif code == isa.REQUANT.code:
                result = vxm.requantize(a, b, d.instruction["shift"])
            else:
                raise NotImplementedError(f"{d.instruction.op.name}: must have a model in takt_sim.reference")
        held = self.results[d.queue.alu]
        held.append((d.cycle, result))
        while len(held) > 1 and held[1][0] <= d.cycle - isa.VXM_CHAIN(self.config):
            del held[0]
        if (to := d.instruction["dst"]) is not None:
            self._put(d, to.stream, *vxm.to_bytes(result, to.dtype.streams))

    # MXM

    def _load_weights(self, d: Dispatch) -> None:
        plane, block = self.planes[d.queue.slice], d.instruction["block"]
        columns = self._take_group(d, d.instruction["src"], self.config.weight_streams)
        self.changes.append(lambda: plane.load(block, columns))

    def _install_weights(self, d: Dispatch) -> None:
        plane = self.planes[d.queue.slice]
        if len(plane.blocks) < self.config.weight_blocks:
            raise _undefined(d, "undefined-weights", "every block of the buffer must be loaded")
        plane.weights = plane.installed()  # at once: no ABC shares the queue in this cycle

    def _activate(self, d: Dispatch) -> None:
        plane = self.planes[d.queue.slice]
        if plane.weights is None:
            raise _undefined(d, "undefined-weights", "ABC must follow an IW")
        meets = d.cycle + d_func(isa.ABC, self.config)
        plane.products[meets] = plane.multiply(self._take(d, d.instruction["src"]))

    def _accumulate(self, d: Dispatch) -> None:
        plane, address = self.planes[d.queue.slice], d.instruction["address"]
        value = plane.products.pop(d.cycle + d_skew(isa.ACC, self.config), None)
        if value is None:
            raise _undefined(d, "undefined-product", "a product must arrive in this cycle")
        if d.instruction["mode"] == "add":
            if address not in plane.accumulators:
                raise _undefined(d, "undefined-accumulator", "accumulator must be set before `add`")
            value = value + plane.accumulators[address]
        plane.accumulators[address] = value  # at once: no other ACC of the plane shares the cycle
        if (to := d.instruction["dst"]) is not None:
            self._put(d, to, *vxm.to_bytes(value, 4))

    # SXM

    def _lane_shift(self, d: Dispatch) -> None:
        self._put(d, d.instruction["dst"], sxm.shift(self._take(d, d.instruction["src"]), d.instruction["amount"]))

    def _lane_select(self, d: Dispatch) -> None:
        a, b, mask = (self._take(d, d.instruction[name]) for name in ("a", "b", "mask"))
        self._put(d, d.instruction["dst"], sxm.select(a, b, mask))

    def _permute(self, d: Dispatch) -> None:
        vector = self._take(d, d.instruction["src"])
        low, *high = self._take_group(d, d.instruction["map"], self.config.map_streams)
        lanes = low.astype(np.intp) + sum(plane.astype(np.intp) << 8 for plane in high)
        self._put(d, d.instruction["dst"], sxm.permute(vector, lanes))

    def _distribute(self, d: Dispatch) -> None:
        vector, lanes = self._take(d, d.instruction["src"]), self._take(d, d.instruction["map"])
        self._put(d, d.instruction["dst"], sxm.distribute(vector, lanes))

    def _transpose(self, d: Dispatch) -> None:
        vectors = self._take_group(d, d.instruction["src"], self.config.transpose_size)
        self._put(d, d.instruction["dst"], *sxm.transpose(vectors))


def _undefined(d: Dispatch, rule: str, message: str) -> IllegalProgram:
    return IllegalProgram([d.violation(rule, message)])
