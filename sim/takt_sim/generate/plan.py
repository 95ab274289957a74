"""The board that a random program is planned on: queues by cycle, stream values by diagonal.

Every method keeps the plan legal by the manual's rules, or changes nothing and says no. What was
planned can be taken back to a mark, so a half-built piece leaves no trace.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from takt_hw import isa
from takt_hw.config import ChipConfig, Kind
from takt_hw.isa import Alu, Instruction, Queue

from ..latency import d_func, d_skew

State = tuple[str, str, int]
"""Something that instructions set and use: what, slice, number."""


@dataclass(frozen=True, slots=True)
class Issued:
    """One planned dispatch with the streams that it takes and fills, as stream bits."""

    queue: Queue
    cycle: int
    instruction: Instruction
    takes: Sequence[int]
    fills: Sequence[int]
    until: int | None
    """Place of a consumer that is sure to come; None if the values may have to run to the row's edge."""


@dataclass(slots=True)
class _Value:
    place: int
    last: int | None
    """Place of the last consumer."""


def step(bits: int) -> int:
    """Flow step of a stream: +1 eastward, -1 westward. A *place* is a position times this step."""
    return -1 if bits & 32 else 1


class Plan:
    """Dispatches planned so far, all legal together.

    Parameters
    ----------
    config : ChipConfig
        The build.
    length : int
        Cycles in which something may be dispatched.
    defined : dict of str to ndarray
        bool[mem_words] by MEM slice: words that hold something at the start.
    """

    def __init__(self, config: ChipConfig, length: int, defined: dict[str, np.ndarray]) -> None:
        self.config = config
        self.length = length
        self.defined = defined
        self.capacity = max(1, (config.queue_words - 4) // 2)
        """Dispatches per queue, so that each finds room for itself and a NOP."""
        self.slots: list[dict[int, Instruction]] = [{} for _ in isa.queues(config)]
        """Instruction by cycle, of each queue."""
        self.issued: list[Issued] = []
        self.values: dict[tuple[int, int], list[_Value]] = defaultdict(list)
        """Values by (stream bits, diagonal)."""
        self.earliest: dict[State, int] = {}
        """First dispatch that sets a state."""
        self.journal: list[tuple] = []
        index = {(q.slice, q.unit.name): q.index for q in isa.queues(config)}
        other = {"read": "write", "write": "read", "accumulate": "activate"}
        self.partner = {n: index[name, other[unit]] for (name, unit), n in index.items() if unit in other}
        """Of a MEM read queue the slice's write queue, and back; of an accumulate queue the plane's activate queue."""
        self.product_delay = d_func(isa.ABC, config) - d_skew(isa.ACC, config)
        """Cycles from an ABC to its ACC."""

    def mark(self) -> tuple[int, int]:
        """A point to go back to."""
        return len(self.journal), len(self.issued)

    def rollback(self, mark: tuple[int, int]) -> None:
        """Take back everything since ``mark``."""
        while len(self.journal) > mark[0]:
            kind, where, key, old = self.journal.pop()
            if kind == "last":
                where.last = old
            elif kind == "value":
                where.remove(key)
            elif old is None:
                del where[key]
            else:
                where[key] = old
        del self.issued[mark[1] :]

    def issue(
        self,
        queue: Queue,
        cycle: int,
        instruction: Instruction,
        takes: Sequence[int] = (),
        fills: Sequence[int] = (),
        until: int | None = None,
    ) -> bool:
        """Plan one dispatch; False, and no change, if it would be illegal."""
        if not self._may_dispatch(queue, cycle, instruction):
            return False
        op, mark = instruction.op, self.mark()
        self._set(self.slots[queue.index], cycle, instruction)
        for bits in takes:
            if not self._take(bits, queue.position, cycle + d_skew(op, self.config)):
                self.rollback(mark)
                return False
        for bits in fills:
            place, filled = step(bits) * queue.position, cycle + d_func(op, self.config)
            if not self.is_free(bits, queue.position, filled, until):
                self.rollback(mark)
                return False
            value, row = _Value(place, None), self.values[bits, filled - place]
            row.append(value)
            self.journal.append(("value", row, value, None))
        state = _sets(queue, instruction)
        if state is not None and cycle < self.earliest.get(state, self.length):
            self._set(self.earliest, state, cycle)
        self.issued.append(Issued(queue, cycle, instruction, takes, fills, until))
        return True

    def holder(self, bits: int, position: int, cycle: int) -> _Value | None:
        """The value that a consumer would take from a stream register."""
        place = step(bits) * position
        nearest = None
        for value in self.values.get((bits, cycle - place), ()):
            if value.place <= place and (nearest is None or value.place > nearest.place):
                nearest = value
        return nearest

    def is_free(self, bits: int, position: int, cycle: int, until: int | None = None) -> bool:
        """Whether a producer may fill a stream register; ``until`` as in `Issued`."""
        place = step(bits) * position
        for value in self.values.get((bits, cycle - place), ()):
            if value.place == place:
                return False
            if value.place < place and (value.last is None or value.last >= place):
                return False
            if value.place > place and (until is None or until >= value.place):
                return False
        return True

    def is_set(self, state: State, cycle: int, delay: int = 1) -> bool:
        """Whether an instruction dispatched in ``cycle`` can use a state, ``delay`` cycles after it is set."""
        return state in self.earliest and self.earliest[state] + delay <= cycle

    def held(self, cycle: int) -> list[Alu]:
        """ALUs whose results can be taken in ``cycle``."""
        chain = isa.VXM_CHAIN(self.config)
        return [Alu(n) for n in range(self.config.vxm_alus) if self.is_set(("alu", "VXM", n), cycle, chain)]

    def other_bank(self, queue: Queue, cycle: int) -> int | None:
        """The bank left for a MEM queue in ``cycle``; None if both are."""
        partner = self.slots[self.partner[queue.index]].get(cycle)
        return None if partner is None else 1 - partner["address"] // self.config.bank_words

    def _may_dispatch(self, queue: Queue, cycle: int, instruction: Instruction) -> bool:
        slots = self.slots[queue.index]
        if not 0 <= cycle < self.length or cycle in slots or len(slots) >= self.capacity:
            return False
        op, values, name = instruction.op, instruction.values, queue.slice
        stride = queue.unit.stride
        if stride is not None and not 0 <= values.get(stride.name, 0) < stride.upper(self.config):
            return False
        if queue.unit.kind is Kind.MEM:
            address = values["address"]
            if self.other_bank(queue, cycle) == 1 - address // self.config.bank_words:
                return False
            known = op is isa.WRITE or self.defined[name][address]
            return bool(known) or self.is_set(("word", name, address), cycle)
        if queue.unit.kind is Kind.VXM:
            chain = isa.VXM_CHAIN(self.config)
            return all(self.is_set(("alu", name, v.index), cycle, chain) for v in values.values() if isinstance(v, Alu))
        if op is isa.IW:
            return all(self.is_set(("block", name, n), cycle) for n in range(self.config.weight_blocks))
        if op is isa.ABC:
            return self.is_set(("weights", name, 0), cycle)
        if op is isa.ACC:
            activation = self.slots[self.partner[queue.index]].get(cycle - self.product_delay)
            if activation is None or activation.op is not isa.ABC:
                return False
            return values["mode"] == "first" or self.is_set(("sum", name, values["address"]), cycle)
        return True

    def _take(self, bits: int, position: int, cycle: int) -> bool:
        value = self.holder(bits, position, cycle)
        if value is None:
            return False
        place = step(bits) * position
        if value.last is None or value.last < place:
            self.journal.append(("last", value, None, value.last))
            value.last = place
        return True

    def _set(self, where: dict, key: object, new: object) -> None:
        self.journal.append(("set", where, key, where.get(key)))
        where[key] = new


def _sets(queue: Queue, instruction: Instruction) -> State | None:
    """The state that an instruction makes usable."""
    op, values = instruction.op, instruction.values
    if queue.unit.kind is Kind.VXM:
        return "alu", "VXM", queue.alu
    if op is isa.WRITE:
        return "word", queue.slice, values["address"]
    if op is isa.LW:
        return "block", queue.slice, values["block"]
    if op is isa.IW:
        return "weights", queue.slice, 0
    if op is isa.ACC:
        return "sum", queue.slice, values["address"]
    return None
