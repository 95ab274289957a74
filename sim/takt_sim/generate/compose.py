"""Pieces of random programs: an operation, backwards to the words it reads, onwards to the words it leaves."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from takt_hw import isa
from takt_hw.config import ChipConfig, Kind
from takt_hw.isa import Alu, DType, Immediate, Instruction, Queue, Role, Stream, TypedStream

from ..latency import d_func, d_skew
from .image import KINDS
from .plan import Issued, Plan, step

STREAMS = tuple(Stream.from_bits(bits) for bits in range(64))

IMMEDIATES = (0, 1, -1, 2, 127, -128, 128, 255, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 2**31 - 1, -(2**31), 31, 32)
SHIFTS = (0, 1, 2, 3, 7, 8, 15, 16, 23, 31, 32, 46, 47)

MAX_DEPTH = 3
"""Operations in a row of which one exists only to feed the next."""


class Composer:
    """Puts pieces on a plan. Every method that returns bool leaves the plan legal whatever it says.

    Parameters
    ----------
    plan : Plan
        The board.
    windows : dict of str to (range, range)
        Addresses worth reading and writing, by MEM slice and bank.
    random : Random
        Where all choices come from.
    """

    def __init__(self, plan: Plan, windows: dict[str, tuple[range, range]], random: Random) -> None:
        self.plan = plan
        self.config: ChipConfig = plan.config
        self.windows = windows
        self.random = random
        queues = isa.queues(self.config)
        self.reads = [q for q in queues if q.unit is isa.MEM_READ]
        self.writes = [q for q in queues if q.unit is isa.MEM_WRITE]
        self.operators = [q for q in queues if q.unit.kind in (Kind.VXM, Kind.SXM)]
        self.streams = [b for b in range(64) if b & 31 < self.config.streams]
        self.fed = {n: self._passing(n, self.reads, -1) for n in range(self.config.positions)}
        """By position: streams that a READ can put something on."""
        self.drained = {n: self._passing(n, self.writes, 1) for n in range(self.config.positions)}
        """By position: streams that a WRITE can take something from."""

    def _passing(self, position: int, queues: list[Queue], way: int) -> list[int]:
        """Streams that pass one of the queues up- (-1) or downstream (1) of a position, or at it."""
        reach = [{step(b): way * step(b) * (q.position - position) >= 0 for b in (0, 32)} for q in queues]
        return [b for b in self.streams if any(within[step(b)] for within in reach)]

    @staticmethod
    def _along(queues: list[Queue], bits: int, position: int, way: int) -> list[Queue]:
        """Those of the queues up- (-1) or downstream (1) of a position, or at it."""
        return [q for q in queues if way * step(bits) * (q.position - position) >= 0]

    # Memory

    def read_into(self, bits: int, position: int, cycle: int, kind: str | None, beyond: int | None = None) -> bool:
        """Plan a READ whose word is in a stream register in ``cycle``, from a place past ``beyond`` if given.

        The caller takes the word there, or takes the plan back.
        """
        place = step(bits) * position
        upstream = self._along(self.reads, bits, position, -1)
        if beyond is not None:
            upstream = [q for q in upstream if step(bits) * q.position > beyond]
        for queue in self.random.sample(upstream, min(8, len(upstream))):
            hops = place - step(bits) * queue.position
            dispatch = cycle - hops - d_func(isa.READ, self.config)
            instruction = Instruction(isa.READ, {"dst": STREAMS[bits], "address": self._address(queue, dispatch, kind)})
            if self.plan.issue(queue, dispatch, instruction, (), (bits,), until=place):
                return True
        return False

    def read_anywhere(self, queue: Queue, cycle: int) -> bool:
        """Plan a READ onto whatever stream is free."""
        fills = self.free_streams(queue.position, cycle + d_func(isa.READ, self.config), 1)
        if fills is None:
            return False
        instruction = Instruction(isa.READ, {"dst": STREAMS[fills[0]], "address": self._address(queue, cycle)})
        return self.plan.issue(queue, cycle, instruction, (), fills)

    def write_from(self, bits: int, position: int, cycle: int) -> bool:
        """Plan a WRITE of the value that is in a stream register in ``cycle``, there or downstream."""
        place = step(bits) * position
        downstream = self._along(self.writes, bits, position, 1)
        for queue in self.random.sample(downstream, min(8, len(downstream))):
            hops = step(bits) * queue.position - place
            dispatch = cycle + hops - d_skew(isa.WRITE, self.config)
            if self.plan.holder(bits, queue.position, cycle + hops) is not self.plan.holder(bits, position, cycle):
                continue
            instruction = Instruction(isa.WRITE, {"src": STREAMS[bits], "address": self._address(queue, dispatch)})
            if self.plan.issue(queue, dispatch, instruction, (bits,)):
                return True
        return False

    def _address(self, queue: Queue, cycle: int, kind: str | None = None) -> int:
        """A word of the queue's slice: mostly within the windows, in the bank that is free."""
        bank = self.plan.other_bank(queue, cycle)
        bank = self.random.randrange(2) if bank is None else bank
        window: Sequence[int] = self.windows[queue.slice][bank]
        words = self.config.bank_words
        if queue.unit is isa.MEM_WRITE and self.random.random() < 0.25:
            return bank * words + self.random.choice((0, words - 1, self.random.randrange(words)))
        if kind is not None:
            fitting = [address for address in window if KINDS[address % len(KINDS)] == kind]
            window = fitting or window
        return self.random.choice(window)

    # Operands

    def supply(self, bits: int, position: int, cycle: int, depth: int, kind: str | None = None) -> bool:
        """See to it that a stream register holds a value in ``cycle``: one that passes, or a new one."""
        value = self.plan.holder(bits, position, cycle)
        if value is not None:
            if value.last is not None and self.random.random() < 0.5:
                self.read_into(bits, position, cycle, kind, beyond=value.last)  # if it fails, the old one still passes
            return True
        if depth < MAX_DEPTH and self.random.random() < 0.2 and self._compute_into(bits, position, cycle, depth):
            return True
        return self.read_into(bits, position, cycle, kind) or (
            depth < MAX_DEPTH and self._compute_into(bits, position, cycle, depth)
        )

    def _compute_into(self, bits: int, position: int, cycle: int, depth: int) -> bool:
        place = step(bits) * position
        upstream = [q for q in self._along(self.operators, bits, position, -1) if q.unit is not isa.SXM_TRANSPOSE]
        for queue in self.random.sample(upstream, min(2, len(upstream))):
            latency = d_func(queue.unit.ops[-1], self.config)  # the same for all operations of such a unit
            dispatch = cycle - (place - step(bits) * queue.position) - latency
            if self.operate(queue, dispatch, depth + 1, to=(bits,), until=place):
                return True
        return False

    def _choose_stream(self, position: int, cycle: int, group: int) -> int | None:
        """First of a group of streams to take operands from: often one that carries something already."""
        if self.random.random() < 0.5:
            carried = [b for b in self.streams if b % group == 0 and self.plan.holder(b, position, cycle)]
            if carried:
                return self.random.choice(carried)
        fed = self.fed[position]
        first = self.random.choice(fed) if fed else None
        return None if first is None else first - first % group

    # Operations

    def operate(
        self,
        queue: Queue,
        cycle: int,
        depth: int = 0,
        to: tuple[int, ...] | None = None,
        until: int | None = None,
        taking: int | None = None,
    ) -> bool:
        """Plan one VXM or SXM operation with all that feeds it.

        ``to`` fixes the result stream, which a consumer at place ``until`` will take; without it the
        result goes wherever there is room. ``taking`` fixes the first operand's stream.
        """
        mark = self.plan.mark()
        build = self._vxm if queue.unit.kind is Kind.VXM else self._sxm
        built = build(queue, cycle, depth, to, taking)
        if built is not None:
            instruction, takes, fills = built
            if self.plan.issue(queue, cycle, instruction, takes, fills, until):
                return True
        self.plan.rollback(mark)
        return False

    def _vxm(
        self, queue: Queue, cycle: int, depth: int, to: tuple[int, ...] | None, taking: int | None
    ) -> tuple[Instruction, list[int], Sequence[int]] | None:
        op, held = self.random.choice(_VXM_OPS), self.plan.held(cycle)
        if op is isa.SELECT and not held:
            op = isa.MASK
        fills, dst = self._vxm_result(queue, cycle + d_func(op, self.config), to)
        values: dict[str, Any] = {"dst": dst}
        takes: list[int] = []
        # one instruction has one immediate
        immediate = Immediate(self.random.choice((*IMMEDIATES, self.random.randint(-(2**31), 2**31 - 1))))
        for f in op.fields:
            if f.name == "shift":
                values["shift"] = self.random.choice(SHIFTS)
            elif f.name == "c":
                values["c"] = self.random.choice(held)
            elif f.role is Role.SOURCE:
                chance = self.random.random()
                if taking is None and held and chance < 0.25:
                    values[f.name] = self.random.choice(held)
                elif taking is None and chance < (0.6 if op is isa.REQUANT and f.name == "b" else 0.4):
                    values[f.name] = immediate
                else:
                    stream = self._vxm_stream(queue.position, cycle + d_skew(op, self.config), depth, taking)
                    if stream is None:
                        return None
                    taking = None
                    values[f.name] = stream
                    takes += range(stream.stream.bits, stream.stream.bits + stream.dtype.streams)
        return Instruction(op, values), takes, fills

    def _vxm_stream(self, position: int, taken: int, depth: int, taking: int | None) -> TypedStream | None:
        """A supplied stream operand; with ``taking``, one that has that stream in it."""
        dtype = DType.I32 if self.random.random() < (0.3 if taking is None else 0.5) else DType.I8
        first = taking if taking is not None else self._choose_stream(position, taken, dtype.streams)
        if first is None:
            return None
        first -= first % dtype.streams
        for n in range(dtype.streams):
            kind = None if dtype is DType.I8 else "high" if n == dtype.streams - 1 else "low"
            if not self.supply(first + n, position, taken, depth, kind):
                return None
        return TypedStream(STREAMS[first], dtype)

    def _vxm_result(
        self, queue: Queue, filled: int, to: tuple[int, ...] | None
    ) -> tuple[Sequence[int], TypedStream | None]:
        if to is not None:
            return to, TypedStream(STREAMS[to[0]], DType.I8)
        dtype = self.random.choice((DType.I8, DType.I8, DType.I32))
        fills = self.free_streams(queue.position, filled, dtype.streams)
        if fills is None or self.random.random() < 0.1:
            return (), None
        return fills, TypedStream(STREAMS[fills[0]], dtype)

    def _sxm(
        self, queue: Queue, cycle: int, depth: int, to: tuple[int, ...] | None, taking: int | None
    ) -> tuple[Instruction, list[int], Sequence[int]] | None:
        op = queue.unit.ops[-1]
        filled, taken = cycle + d_func(op, self.config), cycle + d_skew(op, self.config)
        values: dict[str, Any] = {}
        takes: list[int] = []
        fills: Sequence[int] | None = to
        for f in op.fields:
            size = f.group_size(self.config)
            if f.role is Role.DEST:
                fills = fills or self.free_streams(queue.position, filled, size)
                if fills is None:
                    return None
                values[f.name] = STREAMS[fills[0]]
            elif f.role is Role.SOURCE:
                first = taking if taking is not None else self._choose_stream(queue.position, taken, size)
                if first is None:
                    return None
                first -= first % size
                taking = None
                kind = f.name if f.name in ("map", "mask") else None
                if not all(self.supply(first + n, queue.position, taken, depth, kind) for n in range(size)):
                    return None
                takes += range(first, first + size)
                values[f.name] = STREAMS[first]
            else:
                most = self.config.lanes - 1
                amount = self.random.choice((most, -most, 0, 1, -1, 16, -16, self.random.randint(-most, most)))
                values[f.name] = max(-most, min(most, amount))
        return Instruction(op, values), takes, fills or ()

    def free_streams(self, position: int, cycle: int, size: int) -> Sequence[int] | None:
        """An aligned group that may be filled at a position: preferably towards memory, and in a used diagonal."""
        drained = self.drained[position]
        candidates = [b for b in (drained if drained and self.random.random() < 0.9 else self.streams) if b % size == 0]
        self.random.shuffle(candidates)
        free = None
        for first in candidates:
            if all(self.plan.is_free(first + n, position, cycle) for n in range(size)):
                free = range(first, first + size)
                if any(self.plan.holder(b, position, cycle) for b in free):
                    break  # replaces a value that was taken on its way
        return free

    # Results

    def settle(self, issued: Issued, depth: int = 0) -> bool:
        """Carry a result on: into memory, or into a further operation whose own result is carried on."""
        filled = issued.cycle + (d_func(issued.instruction.op, self.config) if issued.fills else 0)
        if not issued.fills:
            return True
        settled = False
        for bits in issued.fills:
            if self.random.random() < 0.8 and self.write_from(bits, issued.queue.position, filled):
                settled = True
                if self.random.random() < 0.2:
                    self.write_from(bits, issued.queue.position, filled)
        if depth < MAX_DEPTH and (not settled or self.random.random() < 0.4):
            bits = issued.fills[0]
            place = step(bits) * issued.queue.position
            downstream = self._along(self.operators, bits, issued.queue.position, 1)
            for queue in self.random.sample(downstream, min(3, len(downstream))):
                passes = filled + step(bits) * queue.position - place
                mark = self.plan.mark()
                if self.operate(queue, passes - d_skew(isa.COPY, self.config), taking=bits, depth=1):
                    if self.settle(self.plan.issued[-1], depth + 1):
                        settled = True
                        break
                    self.plan.rollback(mark)
        return settled

    def chain(self, issued: Issued) -> None:
        """After a VXM operation, maybe another that takes its held result in the first cycle possible."""
        if issued.queue.unit.kind is not Kind.VXM or self.random.random() < 0.5:
            return
        queue = self.random.choice([q for q in self.operators if q.unit is isa.VXM_ALU])
        cycle = issued.cycle + isa.VXM_CHAIN(self.config)
        fills, dst = self._vxm_result(queue, cycle + d_func(isa.ADD, self.config), None)
        op = self.random.choice((isa.ADD, isa.SUB, isa.XOR, isa.MAX, isa.LE))
        values = {"dst": dst, "a": Alu(issued.queue.alu), "b": Immediate(self.random.choice(IMMEDIATES))}
        if self.plan.issue(queue, cycle, Instruction(op, values), (), fills):
            last = self.plan.issued[-1]
            self.settle(last)
            self.chain(last)


_VXM_OPS = tuple(op for op in isa.VXM_ALU.ops if op not in isa.CONTROL)
