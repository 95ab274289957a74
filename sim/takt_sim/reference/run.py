"""One program on the reference chip, dispatch by dispatch.

Work grows with instructions, not with cycles or area. Written from docs/manual and the table's
``operation`` texts; of the RTL it knows only the table.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from itertools import groupby, islice

import numpy as np

from takt_hw import isa
from takt_hw.config import LANES_PER_SUPERLANE, ChipConfig, Kind
from takt_hw.isa import Alu, Immediate, Source, Stream, TypedStream
from takt_hw.isa.host import Fault

from ..latency import chain, d_func, d_skew
from ..timeline import Dispatch, IllegalProgram, Timeline
from . import reduce, sxm, vxm
from .diagonals import Diagonals
from .mxm import Plane, to_int32
from .result import LinkVector, Result, Write

REDUCTIONS = {
    isa.LANE_SUM.code: reduce.lane_sum,
    isa.LANE_MAX.code: reduce.lane_max,
    isa.LANE_ARGMAX.code: reduce.lane_argmax,
}


class ReferenceRun:
    """One program on one chip, as far as it has come. Everything but memory starts undefined.

    A lone chip's is advanced to its end at once. The chips of a system go on in windows: a window ends before anything
    sent in it can be received, so that a window of a chip needs nothing that others do in the same window. Between two
    windows what was sent is delivered where it goes. `takt_sim.system.reference` does so in one process::

        run = chip.start(text)
        for until in range(window, end + window, window):  # end: the largest run.end of all chips
            for sent in run.advance(until):
                peer, vector = forward(topology, n, sent)  # takt_sim.system.reference
                ...  # to run.deliver([vector]) of chip ``peer``, before its next advance
        result = run.finish()

    The results do not depend on the window, as long as it is not longer than any cable's latency.

    Parameters
    ----------
    config : ChipConfig
        The build.
    memory : dict of str to ndarray
        uint8[mem_words, lanes] by MEM slice. It is changed as the program goes on.
    timeline : Timeline
        What the program dispatches.
    """

    def __init__(self, config: ChipConfig, memory: dict[str, np.ndarray], timeline: Timeline) -> None:
        self.config = config
        self.memory = memory
        self.timeline = timeline
        self.done = 0
        """Dispatches of the timeline that have been executed."""
        self.writes: list[Write] = []
        self.sent: list[LinkVector] = []
        self.received: list[LinkVector] = []
        self.told = 0
        """Of those sent, how many `advance` has returned."""
        self.sends: Counter[int] = Counter()
        self.receives: Counter[int] = Counter()
        """Dispatched so far, by link."""
        self.arrived: dict[tuple[int, int], LinkVector] = {}
        """Delivered and not yet received, by link and number."""
        self.faults = 0
        self.streams = Diagonals(config.positions)
        self.planes = {s.name: Plane(config.lanes) for s in config.slices if s.kind is Kind.MXM}
        self.results: list[list[tuple[int, np.ndarray]]] = [[] for _ in range(config.vxm_alus)]
        """Of each ALU the last few (cycle from which it can be taken, int32[lanes]), oldest first."""
        self.changes: list[Callable[[], None]] = []
        """State changes of this cycle: later cycles see them, this one does not."""
        self.operations = {
            isa.READ.code: self._read,
            isa.GATHER.code: self._gather,
            isa.WRITE.code: self._write,
            isa.WRITE_MASKED.code: self._write_masked,
            isa.SCATTER.code: self._scatter,
            isa.LW.code: self._load_weights,
            isa.LW_HIGH.code: self._load_weights,
            isa.IW.code: self._install_weights,
            isa.IW_FP16.code: self._install_weights,
            isa.ABC.code: self._activate,
            isa.ABC_FP16.code: self._activate,
            isa.ACC.code: self._accumulate,
            isa.DRAIN.code: self._drain,
            isa.LANE_SUM.code: self._reduce,
            isa.LANE_MAX.code: self._reduce,
            isa.LANE_ARGMAX.code: self._reduce,
            isa.LANE_SHIFT.code: self._lane_shift,
            isa.ROTATE.code: self._rotate,
            isa.LANE_SELECT.code: self._lane_select,
            isa.PERMUTE.code: self._permute,
            isa.DISTRIBUTE.code: self._distribute,
            isa.TRANSPOSE.code: self._transpose,
            isa.SEND.code: self._send,
            isa.RECEIVE.code: self._receive,
        }

    @property
    def end(self) -> int:
        """The cycle after the last dispatch: nothing happens from it on."""
        return self.timeline.dispatches[-1].cycle + 1 if self.timeline.dispatches else 0

    def advance(self, until: int | None = None) -> list[LinkVector]:
        """Execute what is dispatched before cycle ``until``, by default everything; what was sent since the last time.

        All that can be received before ``until`` must have been delivered. IllegalProgram, rule ``receive``, if a
        RECEIVE wants what was not; of the checker's other rules those that leave no answer raise it too.
        """
        dispatches = self.timeline.dispatches
        end = len(dispatches) if until is None else bisect_left(dispatches, until, key=lambda d: d.cycle)
        for _, cycle in groupby(islice(dispatches, self.done, end), key=lambda d: d.cycle):
            for dispatch in cycle:
                self._execute(dispatch)
            self._end_of_cycle()
        self.done = max(self.done, end)
        new = self.sent[self.told :]
        self.told = len(self.sent)
        return new

    def deliver(self, vectors: Iterable[LinkVector]) -> None:
        """Let vectors wait for their RECEIVEs, in any order."""
        for vector in vectors:
            self.arrived[vector.link, vector.number] = vector

    def finish(self) -> Result:
        """Execute what is left; what the whole program did."""
        self.advance()
        order = {s.name: n for n, s in enumerate(self.config.mem_slices)}
        self.writes.sort(key=lambda write: (write.cycle, order[write.slice], write.address))
        return Result(self.timeline.cycles, self.writes, self.timeline, self.faults, self.sent, self.received)

    def _execute(self, dispatch: Dispatch) -> None:
        """Take operands, compute, and put the result where and when it will be."""
        self.operations.get(dispatch.instruction.op.code, self._alu)(dispatch)

    def _end_of_cycle(self) -> None:
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

    def _gather(self, d: Dispatch) -> None:
        words, lanes = self.memory[d.queue.slice], LANES_PER_SUPERLANE
        result = np.zeros(self.config.lanes, np.uint8)
        for k, address in enumerate(self._addresses(d)):
            if address is not None:
                result[k * lanes : (k + 1) * lanes] = words[address, k * lanes : (k + 1) * lanes]
        self._put(d, d.instruction["dst"], result)

    def _write(self, d: Dispatch) -> None:
        vector, address = self._take(d, d.instruction["src"]), d.instruction["address"]
        self._store(d, address, vector, d.cycle + d_skew(d.instruction.op, self.config))

    def _write_masked(self, d: Dispatch) -> None:
        vector, mask = self._take(d, d.instruction["src"]), self._take(d, d.instruction["mask"])
        address = d.instruction["address"]
        # The old word is that of the dispatch cycle: the bank serves nobody else until the new one is there.
        merged = np.where(mask != 0, vector, self.memory[d.queue.slice][address])
        self._store(d, address, merged, d.cycle + d_skew(d.instruction.op, self.config) + 1 + self.config.masked_cycles)

    def _scatter(self, d: Dispatch) -> None:
        vector, reached = self._take(d, d.instruction["src"]), defaultdict(list)
        for k, address in enumerate(self._addresses(d)):
            if address is not None:
                reached[address].append(k)
        cycle = d.cycle + d_skew(d.instruction.op, self.config)
        for address, superlanes in reached.items():
            self._store(d, address, vector, cycle, tuple(superlanes))

    def _addresses(self, d: Dispatch) -> list[int | None]:
        """Of each superlane the address that it has on stream ``map``; None, and the fault flag, if out of range."""
        parts = self._take(d, d.instruction["map"]).reshape(-1, LANES_PER_SUPERLANE)
        found: list[int | None] = [int(part[0]) + 256 * int(part[1]) for part in parts]
        for k, address in enumerate(found):
            if address is not None and address >= self.config.mem_words:
                self.faults |= 1 << Fault.ADDRESS_RANGE
                found[k] = None
        return found

    def _store(
        self, d: Dispatch, address: int, vector: np.ndarray, cycle: int, superlanes: tuple[int, ...] | None = None
    ) -> None:
        """Change a memory word, or the lanes of some superlanes; READs dispatched later see it."""
        every = tuple(range(self.config.superlanes))
        superlanes = every if superlanes is None else superlanes
        word = self.memory[d.queue.slice][address].reshape(-1, LANES_PER_SUPERLANE)
        parts = vector.reshape(-1, LANES_PER_SUPERLANE)[list(superlanes)]
        self.changes.append(lambda: word.__setitem__(list(superlanes), parts))
        shown = () if superlanes == every else superlanes
        self.writes.append(Write(cycle + self.config.mending_cycles, d.queue.slice, address, parts.tobytes(), shown))

    # VXM

    def _operand(self, d: Dispatch, source: Source) -> np.ndarray:
        match source:
            case TypedStream(stream, dtype):
                return vxm.from_bytes(self._take_group(d, stream, dtype.streams), dtype)
            case Immediate(value):
                return np.full(self.config.lanes, value, np.int32)
            case Alu(index, dtype):
                results = [result for lands, result in self.results[index] if lands <= d.cycle]
                if not results:
                    raise _undefined(d, "undefined-result", f"{source} must hold a result, not nothing")
                return vxm.as_type(results[-1], dtype)

    def _alu(self, d: Dispatch) -> None:
        op, values = d.instruction.op, d.instruction.values
        a = self._operand(d, values["a"])
        b, c = (self._operand(d, values[name]) if name in values else None for name in "bc")
        try:
            result = vxm.execute(op.code, a, b, c, values)
        except KeyError:
            raise NotImplementedError(f"{op.name}: must have a model in takt_sim.reference") from None
        held, lands = self.results[d.queue.alu], d.cycle + chain(op, self.config)
        insort(held, (lands, result), key=lambda entry: entry[0])
        while len(held) > 1 and held[1][0] <= d.cycle:
            del held[0]
        if (to := d.instruction["dst"]) is not None:
            self._put(d, to.stream, *vxm.to_bytes(result, to.dtype.streams))

    def _reduce(self, d: Dispatch) -> None:
        values, kind = self._operand(d, d.instruction["a"]), d.instruction["kind"]
        result = REDUCTIONS[d.instruction.op.code](values, kind)
        if (to := d.instruction["dst"]) is not None:
            self._put(d, to.stream, *vxm.to_bytes(np.full(self.config.lanes, result, np.int32), to.dtype.streams))

    # MXM

    def _load_weights(self, d: Dispatch) -> None:
        plane, block = self.planes[d.queue.slice], d.instruction["block"]
        columns = self._take_group(d, d.instruction["src"], self.config.weight_streams)
        load = plane.load_high if d.instruction.op is isa.LW_HIGH else plane.load
        self.changes.append(lambda: load(block, columns))

    def _install_weights(self, d: Dispatch) -> None:
        plane, wide = self.planes[d.queue.slice], d.instruction.op is isa.IW_FP16
        for loaded in (plane.blocks, plane.high_blocks) if wide else (plane.blocks,):
            if len(loaded) < self.config.weight_blocks:
                raise _undefined(d, "undefined-weights", "every block of the buffer must be loaded")
        # at once: no ABC shares the queue in this cycle
        plane.weights = plane.installed_fp16() if wide else plane.installed()

    def _activate(self, d: Dispatch) -> None:
        plane, op = self.planes[d.queue.slice], d.instruction.op
        if plane.weights is None:
            raise _undefined(d, "undefined-weights", f"{op.name} must follow an install")
        meets = d.cycle + d_func(op, self.config)
        if op is isa.ABC_FP16:
            plane.products[meets] = plane.multiply_fp16(*self._take_group(d, d.instruction["src"], 2))
        elif plane.weights.are_int8:
            plane.products[meets] = plane.multiply(self._take(d, d.instruction["src"]))
        else:
            raise _undefined(d, "undefined-weights", "ABC must follow an IW, not an IW_FP16")

    def _accumulate(self, d: Dispatch) -> None:
        plane, address = self.planes[d.queue.slice], d.instruction["address"]
        value = plane.products.pop(d.cycle + d_skew(isa.ACC, self.config), None)
        if value is None:
            raise _undefined(d, "undefined-product", "a product must arrive in this cycle")
        if d.instruction["mode"] == "add":
            if address not in plane.accumulators:
                raise _undefined(d, "undefined-accumulator", "accumulator must be set before `add`")
            before = plane.accumulators[address]
            if before is not None and type(before) is not type(value):
                raise _undefined(d, "mixed-accumulator", "sum and product must be of one kind")
            value = value if before is None else value + before  # type: ignore[operator]  # of one kind, see above
        plane.accumulators[address] = value  # at once: no other ACC of the plane shares the cycle
        if (to := d.instruction["dst"]) is not None:
            self._put(d, to, *vxm.to_bytes(to_int32(value), 4))

    def _drain(self, d: Dispatch) -> None:
        plane, address = self.planes[d.queue.slice], d.instruction["address"]
        if address not in plane.accumulators:
            raise _undefined(d, "undefined-accumulator", "accumulator must be set before DRAIN")
        value = plane.drain(address)
        if (to := d.instruction["dst"]) is not None:
            self._put(d, to, *vxm.to_bytes(value, 4))

    # SXM

    def _lane_shift(self, d: Dispatch) -> None:
        self._put(d, d.instruction["dst"], sxm.shift(self._take(d, d.instruction["src"]), d.instruction["amount"]))

    def _rotate(self, d: Dispatch) -> None:
        self._put(d, d.instruction["dst"], np.roll(self._take(d, d.instruction["src"]), d.instruction["amount"]))

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

    # C2C

    def _send(self, d: Dispatch) -> None:
        link = d.queue.link
        data = self._take(d, d.instruction["src"]).tobytes()
        self.sent.append(LinkVector(link, self.sends[link], d.cycle, data))
        self.sends[link] += 1

    def _receive(self, d: Dispatch) -> None:
        link = d.queue.link
        number = self.receives[link]
        self.receives[link] += 1
        vector = self.arrived.pop((link, number), None)
        if vector is None or vector.cycle > d.cycle:
            when = "not never" if vector is None else f"not first in cycle {vector.cycle}"
            raise _undefined(d, "receive", f"vector {number} of the link must be there, {when}")
        self.received.append(LinkVector(link, number, d.cycle, vector.data))
        self._put(d, d.instruction["dst"], np.frombuffer(vector.data, np.uint8))


def _undefined(d: Dispatch, rule: str, message: str) -> IllegalProgram:
    return IllegalProgram([d.violation(rule, message)])
