"""Pieces of random programs for the VXM: an operation, its typed operands and its result."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np

from takt_hw import isa
from takt_hw.isa import Alu, DType, Form, Immediate, Instruction, Op, Queue, Role, Stream, TypedStream

from ..latency import d_func, d_skew

if TYPE_CHECKING:
    from .compose import Composer

STREAMS = tuple(Stream.from_bits(bits) for bits in range(64))

INTEGERS = (0, 1, -1, 2, 127, -128, 128, 255, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 2**31 - 1, -(2**31), 31, 32)

NUMBERS = (1.0, -1.0, 0.5, -0.0, 2.0, 1 / 3, 65504.0, -65520.0, 2.0**-24, 2.0**-126, 3.4e38, np.inf, -np.inf, np.nan)

IMMEDIATES = (*INTEGERS, *(int(np.float32(number).view(np.int32)) for number in NUMBERS), 0x007FFFFF, 1)
"""Integers, and fp32 numbers by their bits, the least and the greatest subnormal among them."""

SHIFTS = (0, 1, 2, 3, 7, 8, 15, 16, 23, 31, 32, 46, 47)

OPERANDS = (DType.I8, DType.I8, DType.U8, DType.I32, DType.F32, DType.F32, DType.F16)

RESULTS = (DType.I8, DType.I8, DType.U8, DType.I32, DType.F32, DType.F16)

TOP_BYTE = {DType.I32: ("high",), DType.F32: ("high", "exponent", "exponent"), DType.F16: ("high", "exponent")}
"""Kinds of memory word that make the highest byte of an element."""


class Vector:
    """Builds VXM instructions for a composer.

    Parameters
    ----------
    composer : Composer
        Supplies operands and knows the plan.
    """

    def __init__(self, composer: Composer) -> None:
        self.composer = composer
        self.config = composer.config
        self.random: Random = composer.random
        self.known: dict[int, list[Op]] = {}
        """Operations of each VXM queue that the build has there, by the queue's index."""

    def operations(self, queue: Queue) -> list[Op]:
        """What a VXM queue can dispatch in this build."""
        if queue.index not in self.known:
            own = (op for op in queue.unit.ops if op not in isa.CONTROL)
            having = [op for op in own if op.needs is None or queue.alu < getattr(self.config, op.needs)]
            # what few ALUs have is drawn more often there
            self.known[queue.index] = having + 2 * [op for op in having if op.needs == "vxm_function_alus"]
        return self.known[queue.index]

    def build(
        self, queue: Queue, op: Op, cycle: int, depth: int, to: tuple[int, ...] | None, taking: int | None
    ) -> tuple[Instruction, list[int], Sequence[int]] | None:
        """An instruction with the streams that it takes and fills; None if an operand cannot be had."""
        held = self.composer.plan.held(cycle)
        if op is isa.SELECT and not held:
            op = isa.MASK
        fills, dst = self.result(queue, cycle + d_func(op, self.config), to)
        values: dict[str, Any] = {"dst": dst}
        takes: list[int] = []
        # one instruction has one immediate
        immediate = Immediate(self.random.choice((*IMMEDIATES, self.random.randint(-(2**31), 2**31 - 1))))
        for f in op.fields:
            if f.form is Form.CHOICE:
                values[f.name] = self.random.choice(f.choices)
            elif f.name == "shift":
                values["shift"] = self.random.choice(SHIFTS)
            elif f.name == "c":
                values["c"] = self.random.choice(held)
            elif f.role is Role.SOURCE:
                chance = self.random.random()
                if taking is None and held and chance < 0.25:
                    dtype = self.random.choice((DType.I32, *DType))
                    values[f.name] = Alu(self.random.choice(held).index, dtype)
                elif taking is None and chance < (0.6 if op is isa.REQUANT and f.name == "b" else 0.4):
                    values[f.name] = immediate
                else:
                    stream = self._operand(queue.position, cycle + d_skew(op, self.config), depth, taking)
                    if stream is None:
                        return None
                    taking = None
                    values[f.name] = stream
                    takes += range(stream.stream.bits, stream.stream.bits + stream.dtype.streams)
        return Instruction(op, values), takes, fills

    def _operand(self, position: int, taken: int, depth: int, taking: int | None) -> TypedStream | None:
        """A supplied stream operand; with ``taking``, one that has that stream in it."""
        dtype = self.random.choice(OPERANDS)
        first = taking if taking is not None else self.composer.choose_stream(position, taken, dtype.streams)
        if first is None:
            return None
        first -= first % dtype.streams
        low = self.random.choice((None, "low"))
        for n in range(dtype.streams):
            top = n == dtype.streams - 1
            kind = self.random.choice(TOP_BYTE.get(dtype, (None,))) if top else low
            if not self.composer.supply(first + n, position, taken, depth, kind):
                return None
        return TypedStream(STREAMS[first], dtype)

    def result(self, queue: Queue, filled: int, to: tuple[int, ...] | None) -> tuple[Sequence[int], TypedStream | None]:
        if to is not None:
            return to, TypedStream(STREAMS[to[0]], DType.I8)
        dtype = self.random.choice(RESULTS)
        fills = self.composer.free_streams(queue.position, filled, dtype.streams)
        if fills is None or self.random.random() < 0.1:
            return (), None
        return fills, TypedStream(STREAMS[fills[0]], dtype)
