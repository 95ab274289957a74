"""Pieces of random programs: an operation, backwards to the words it reads, onwards to the words it leaves."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from takt_hw import isa
from takt_hw.config import ChipConfig, Kind
from takt_hw.isa import Alu, Immediate, Instruction, Op, Queue, Role

from ..latency import chain, d_func, d_skew
from .image import KINDS
from .plan import Issued, Plan, step
from .vector import IMMEDIATES, STREAMS, Vector

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
    strays : bool
        Whether GATHER and SCATTER may meet addresses out of range. If not, they take only words that hold
        addresses, and nothing writes these.
    """

    def __init__(self, plan: Plan, windows: dict[str, tuple[range, range]], random: Random, strays: bool) -> None:
        self.plan = plan
        self.config: ChipConfig = plan.config
        self.windows = windows
        self.random = random
        self.strays = strays
        queues = isa.queues(self.config)
        self.reads = [q for q in queues if q.unit is isa.MEM_READ]
        self.writes = [q for q in queues if q.unit is isa.MEM_WRITE]
        self.vector = Vector(self)
        self.operations = self.vector.operations
        """Slice instructions that a queue can dispatch in this build."""
        self.operators = [q for q in queues if q.unit.kind in (Kind.VXM, Kind.SXM)]
        self.streams = [b for b in range(64) if b & 31 < self.config.streams]
        self.fed = {n: self._passing(n, self.reads, -1) for n in range(self.config.positions)}
        """By position: streams that a READ can put something on."""
        self.drained = {n: self._passing(n, self.writes, 1) for n in range(self.config.positions)}
        """By position: streams that a WRITE can take something from."""

    def _passing(self, position: int, queues: list[Queue], way: int) -> list[int]:
        """Streams that one of the queues up- (-1) or downstream (1) of a position, or at it, can name."""
        return [b for b in self.streams if self._along(queues, b, position, way)]

    @staticmethod
    def _along(queues: list[Queue], bits: int, position: int, way: int) -> list[Queue]:
        """Those of the queues up- (-1) or downstream (1) of a position, or at it, that can name a stream."""
        return [q for q in queues if way * step(bits) * (q.position - position) >= 0 and bits & 31 in q.streams]

    # Memory

    def read_into(self, bits: int, position: int, cycle: int, kind: str | None, beyond: int | None = None) -> bool:
        """Plan a READ, or a GATHER, whose word is in a stream register in ``cycle``, past ``beyond`` if given.

        The caller takes the word there, or takes the plan back.
        """
        place = step(bits) * position
        upstream = self._along(self.reads, bits, position, -1)
        if beyond is not None:
            upstream = [q for q in upstream if step(bits) * q.position > beyond]
        for queue in self.random.sample(upstream, min(8, len(upstream))):
            hops = place - step(bits) * queue.position
            dispatch = cycle - hops - d_func(isa.READ, self.config)
            if kind != "address" and self.random.random() < 0.1 and self._gather(queue, dispatch, bits, place):
                return True
            instruction = Instruction(isa.READ, {"dst": STREAMS[bits], "address": self._address(queue, dispatch, kind)})
            if self.plan.issue(queue, dispatch, instruction, (), (bits,), until=place):
                return True
        return False

    def read_anywhere(self, queue: Queue, cycle: int) -> bool:
        """Plan a READ onto whatever stream is free."""
        fills = self.free_streams(queue.position, cycle + d_func(isa.READ, self.config), 1, queue.streams)
        if fills is None:
            return False
        if self.random.random() < 0.3 and self._gather(queue, cycle, fills[0], None):
            return True
        instruction = Instruction(isa.READ, {"dst": STREAMS[fills[0]], "address": self._address(queue, cycle)})
        return self.plan.issue(queue, cycle, instruction, (), fills)

    def _gather(self, queue: Queue, cycle: int, bits: int, until: int | None) -> bool:
        """Plan a GATHER onto a stream, with the READ of its addresses."""
        mark = self.plan.mark()
        source = self._side_stream(queue, cycle + d_skew(isa.GATHER, self.config), "address")
        if source is not None:
            instruction = Instruction(isa.GATHER, {"dst": STREAMS[bits], "map": STREAMS[source]})
            if self.plan.issue(queue, cycle, instruction, (source,), (bits,), until):
                return True
        self.plan.rollback(mark)
        return False

    def _side_stream(self, queue: Queue, cycle: int, kind: str, besides: int | None = None) -> int | None:
        """A stream, not ``besides``, that a READ of a word of this kind puts into the queue's place in ``cycle``.

        Sometimes one with whatever passes there, unless an address must not be out of range.
        """
        fed = [b for b in self.fed[queue.position] if b != besides and b & 31 in queue.streams]
        if (self.strays or kind != "address") and self.random.random() < 0.1:
            passing = [b for b in fed if self.plan.holder(b, queue.position, cycle)]
            return self.random.choice(passing) if passing else None
        for bits in self.random.sample(fed, min(3, len(fed))):
            if self.plan.holder(bits, queue.position, cycle) is None:
                if self.read_into(bits, queue.position, cycle, kind):
                    return bits
        return None

    def write_from(self, bits: int, position: int, cycle: int) -> bool:
        """Plan a write of the value that is in a stream register in ``cycle``, there or downstream."""
        place = step(bits) * position
        downstream = self._along(self.writes, bits, position, 1)
        for queue in self.random.sample(downstream, min(8, len(downstream))):
            hops = step(bits) * queue.position - place
            dispatch = cycle + hops - d_skew(isa.WRITE, self.config)
            if self.plan.holder(bits, queue.position, cycle + hops) is not self.plan.holder(bits, position, cycle):
                continue
            chance = self.random.random()
            if chance < 0.3 and self._write_with(
                queue, dispatch, bits, isa.SCATTER if chance < 0.12 else isa.WRITE_MASKED
            ):
                return True
            instruction = Instruction(isa.WRITE, {"src": STREAMS[bits], "address": self._address(queue, dispatch)})
            if self.plan.issue(queue, dispatch, instruction, (bits,)):
                return True
        return False

    def _write_with(self, queue: Queue, cycle: int, bits: int, op: Op) -> bool:
        """Plan a WRITE_MASKED or SCATTER of a stream, with the READ of its mask or addresses."""
        mark, masked = self.plan.mark(), op is isa.WRITE_MASKED
        side = self._side_stream(queue, cycle + d_skew(op, self.config), "mask" if masked else "address", bits)
        if side is not None:
            values: dict[str, Any] = {"src": STREAMS[bits], "mask" if masked else "map": STREAMS[side]}
            if masked:
                values["address"] = self._address(queue, cycle)
            if self.plan.issue(queue, cycle, Instruction(op, values), (bits, side)):
                return True
        self.plan.rollback(mark)
        return False

    def _bank(self, queue: Queue, cycle: int) -> int:
        """A bank that is free, if one is."""
        free = sorted({0, 1} - self.plan.busy_banks(queue, cycle))
        return self.random.choice(free or [0, 1])

    def _address(self, queue: Queue, cycle: int, kind: str | None = None) -> int:
        """A word of the queue's slice: mostly within the windows, in the bank that is free."""
        bank = self._bank(queue, cycle)
        window: Sequence[int] = self.windows[queue.slice][bank]
        words = self.config.bank_words
        if queue.unit is isa.MEM_WRITE:
            if self.random.random() < 0.25:
                window = [bank * words + n for n in (0, words - 1, self.random.randrange(words))]
            if not self.strays:
                window = [address for address in window if KINDS[address % len(KINDS)] != "address"] or window
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
            op = self.random.choice(self.operations(queue))
            dispatch = cycle - (place - step(bits) * queue.position) - d_func(op, self.config)
            if self.operate(queue, dispatch, depth + 1, to=(bits,), until=place, op=op):
                return True
        return False

    def choose_stream(self, position: int, cycle: int, group: int) -> int | None:
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
        op: Op | None = None,
    ) -> bool:
        """Plan one VXM or SXM operation, ``op`` or any, with all that feeds it.

        ``to`` fixes the result stream, which a consumer at place ``until`` will take; without it the
        result goes wherever there is room. ``taking`` fixes the first operand's stream.
        """
        mark = self.plan.mark()
        op = op or self.random.choice(self.operations(queue))
        build = self.vector.build if queue.unit.kind is Kind.VXM else self._sxm
        built = build(queue, op, cycle, depth, to, taking)
        if built is not None:
            instruction, takes, fills = built
            if self.plan.issue(queue, cycle, instruction, takes, fills, until):
                return True
        self.plan.rollback(mark)
        return False

    def _sxm(
        self, queue: Queue, op: Op, cycle: int, depth: int, to: tuple[int, ...] | None, taking: int | None
    ) -> tuple[Instruction, list[int], Sequence[int]] | None:
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
                first = taking if taking is not None else self.choose_stream(queue.position, taken, size)
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

    def free_streams(self, position: int, cycle: int, size: int, numbers: range = range(32)) -> Sequence[int] | None:
        """An aligned group that may be filled at a position: preferably towards memory, and in a used diagonal.

        ``numbers``: of the streams that may be first.
        """
        drained = self.drained[position]
        wanted = drained if drained and self.random.random() < 0.9 else self.streams
        candidates = [b for b in wanted if b % size == 0 and b & 31 in numbers]
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
        if issued.queue.unit is not isa.VXM_ALU or self.random.random() < 0.5:
            return
        queue = self.random.choice([q for q in self.operators if q.unit is isa.VXM_ALU])
        cycle = issued.cycle + chain(issued.instruction.op, self.config)
        wanted = (isa.ADD, isa.SUB, isa.XOR, isa.MAX, isa.LE, isa.FADD, isa.FMUL, isa.FMAX)
        op = self.random.choice([op for op in wanted if op in self.operations(queue)])
        fills, dst = self.vector.result(queue, cycle + d_func(op, self.config), None)
        values: dict[str, Any] = {
            "dst": dst,
            "a": Alu(issued.queue.alu),
            "b": Immediate(self.random.choice(IMMEDIATES)),
        }
        values |= {"to": "f32"} if isa.TO_FLOAT in op.fields else {}
        if self.plan.issue(queue, cycle, Instruction(op, values), (), fills):
            last = self.plan.issued[-1]
            self.settle(last)
            self.chain(last)
