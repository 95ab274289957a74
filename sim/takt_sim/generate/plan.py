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
from takt_hw.isa import Alu, Instruction, Op, Queue, Stream

from ..latency import chain, d_func, d_skew

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
        """First dispatch that sets a state; of an ALU's result, when it lands."""
        self.landings: dict[tuple[int, int], Instruction] = {}
        """Results by ALU and the cycle from which they are held."""
        self.reserved: set[tuple[str, int]] = set()
        """Memory words, by slice and address, that nothing may write."""
        self.spare: dict[int, int] = {}
        """Words, by queue, that must stay free for other things than dispatches."""
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
        if not (_all_in(takes, queue.takes) and _all_in(fills, queue.puts)):
            return False
        op, mark = instruction.op, self.mark()
        self._set(self.slots[queue.index], cycle, instruction)
        for bits in takes:
            if not self.take(bits, queue.position, cycle + d_skew(op, self.config)):
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
        usable = cycle
        if queue.unit is isa.VXM_ALU:
            usable += chain(op, self.config)
            self._set(self.landings, (queue.alu, usable), instruction)
        if state is not None and usable < self.earliest.get(state, usable + 1):
            self._set(self.earliest, state, usable)
        self.issued.append(Issued(queue, cycle, instruction, takes, fills, until))
        return True

    def control(self, queue: Queue, cycle: int, instruction: Instruction) -> bool:
        """Let a queue dispatch a control instruction; False, and no change, if the cycle is taken."""
        slots = self.slots[queue.index]
        if not 0 <= cycle < self.length or cycle in slots:
            return False
        self._set(slots, cycle, instruction)
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
        return [Alu(n) for n in range(self.config.vxm_alus) if self.is_set(("alu", "VXM", n), cycle, 0)]

    def busy_banks(self, queue: Queue, cycle: int) -> frozenset[int]:
        """Banks that the slice's other queue uses in ``cycle``."""
        slots = self.slots[self.partner[queue.index]]
        busy = isa.banks(self.config, slots[cycle]) if cycle in slots else frozenset()
        return busy.union(*(isa.banks(self.config, slots[n]) for n in self._merges(slots, cycle)))

    def _merges(self, slots: dict[int, Instruction], cycle: int) -> list[int]:
        """Cycles of the WRITE_MASKEDs of a queue that are not done in ``cycle``."""
        before = range(cycle - 1 - self.config.masked_cycles, cycle)
        return [n for n in before if n in slots and slots[n].op is isa.WRITE_MASKED]

    def _may_dispatch(self, queue: Queue, cycle: int, instruction: Instruction) -> bool:
        slots = self.slots[queue.index]
        if not 0 <= cycle < self.length or cycle in slots:
            return False
        if len(slots) >= self.capacity - self.spare.get(queue.index, 0):
            return False
        op, values, name = instruction.op, instruction.values, queue.slice
        stride = queue.unit.stride
        if stride is not None and not 0 <= values.get(stride.name, 0) < stride.upper(self.config):
            return False
        if queue.unit.kind is Kind.MEM:
            return self._may_access(queue, cycle, instruction)
        if queue.unit.kind is Kind.VXM:
            if queue.unit is isa.VXM_ALU and not self._turns_fit(queue, cycle, op):
                return False
            return all(self.is_set(("alu", name, v.index), cycle, 0) for v in values.values() if isinstance(v, Alu))
        if op in (isa.IW, isa.IW_FP16):
            loads = ("block", "high block") if op is isa.IW_FP16 else ("block",)
            blocks = [(load, name, n) for load in loads for n in range(self.config.weight_blocks)]
            fit = self._weights_fit(slots, cycle, op) and self._columns_fit(slots, cycle, op)
            return fit and all(self.is_set(block, cycle) for block in blocks)
        if op in (isa.ABC, isa.ABC_FP16):
            return op in self.usable(self.installed(queue, cycle)) and self._columns_fit(slots, cycle, op)
        if op in (isa.ACC, isa.DRAIN):
            return self._sums_fit(queue, cycle, instruction)
        return True

    def _turns_fit(self, queue: Queue, cycle: int, op: Op) -> bool:
        """Whether an ALU has time for all turns of one more operation, and to hold its result."""
        lands, slots = cycle + chain(op, self.config), self.slots[queue.index]
        near = [n for n in range(1 - self.config.vxm_turns, self.config.vxm_turns) if n]
        dispatched = [slots[cycle + n].op for n in near if cycle + n in slots]
        return all(other in isa.CONTROL for other in dispatched) and not any(
            (queue.alu, lands + n) in self.landings for n in (0, *near)
        )

    def _columns_fit(self, slots: dict[int, Instruction], cycle: int, op: Op) -> bool:
        """Whether the array has time for all turns of what multiplies around one more operation."""
        multiplies, turns = (isa.ABC, isa.ABC_FP16), self.config.mxm_turns
        before = (slots[n].op for n in range(cycle - turns + 1, cycle) if n in slots)
        behind = (slots[n].op for n in range(cycle + 1, cycle + turns) if n in slots)
        return not any(other in multiplies for other in before) and not (
            op in multiplies and any(other not in isa.CONTROL for other in behind)
        )

    def installed(self, queue: Queue, cycle: int) -> Op | None:
        """What installed the weights that an activate queue has in ``cycle``."""
        slots = self.slots[queue.index]
        before = [n for n, i in slots.items() if n < cycle and i.op in (isa.IW, isa.IW_FP16)]
        return slots[max(before)].op if before else None

    def usable(self, installed: Op | None) -> tuple[Op, ...]:
        """Operations that multiply by what an operation has installed."""
        if installed is None:
            return ()
        if installed is isa.IW_FP16:
            return (isa.ABC_FP16,)
        return (isa.ABC, isa.ABC_FP16) if self.config.mxm_fp16_int8 else (isa.ABC,)

    def _weights_fit(self, slots: dict[int, Instruction], cycle: int, op: Op) -> bool:
        """Whether an install in ``cycle`` is of use to what was planned behind it, up to the next install."""
        for n in sorted(n for n in slots if n > cycle):
            if slots[n].op in (isa.IW, isa.IW_FP16):
                break
            if slots[n].op not in self.usable(op):
                return False
        return True

    def _sums_fit(self, queue: Queue, cycle: int, instruction: Instruction) -> bool:
        """Whether all sums of an accumulator stay of one kind with one more ACC or DRAIN."""
        address = instruction["address"]
        of_address = {n: i for n, i in self.slots[queue.index].items() if i.values.get("address") == address}
        products = self.slots[self.partner[queue.index]]
        is_set, held = False, None
        for n, i in sorted((of_address | {cycle: instruction}).items()):
            product = products.get(n - self.product_delay)
            kind = product.op if product is not None and product.op in (isa.ABC, isa.ABC_FP16) else None
            if (i.op is isa.DRAIN or i["mode"] == "add") and not is_set:
                return False
            if i.op is isa.ACC and (kind is None or (i["mode"] == "add" and held not in (None, kind))):
                return False
            is_set, held = True, None if i.op is isa.DRAIN else kind
        return True

    def _may_access(self, queue: Queue, cycle: int, instruction: Instruction) -> bool:
        slots, op, name = self.slots[queue.index], instruction.op, queue.slice
        used = isa.banks(self.config, instruction)
        if used & self.busy_banks(queue, cycle) or self._overwrites_text(name, instruction):
            return False
        if self._merges(slots, cycle):
            return False
        merging = range(cycle + 1, cycle + 2 + self.config.masked_cycles) if op is isa.WRITE_MASKED else ()
        if any(n in slots or used & self.busy_banks(queue, n) for n in merging):
            return False
        if op in (isa.READ, isa.WRITE_MASKED):
            address = instruction["address"]
            return bool(self.defined[name][address]) or self.is_set(("word", name, address), cycle)
        return op is not isa.GATHER or bool(self.defined[name].any())

    def _overwrites_text(self, name: str, instruction: Instruction) -> bool:
        """Whether a write may reach a word that an IFETCH brings to a queue."""
        if instruction.op is isa.SCATTER:
            return any(slice_name == name for slice_name, _ in self.reserved)
        return instruction.op in (isa.WRITE, isa.WRITE_MASKED) and (name, instruction["address"]) in self.reserved

    def take(self, bits: int, position: int, cycle: int) -> bool:
        """Take what a stream register holds in a cycle; False if that is nothing."""
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


def _all_in(streams: Sequence[int], named: frozenset[Stream]) -> bool:
    """Whether all the streams are among those that a queue names."""
    return all(Stream.from_bits(bits) in named for bits in streams)


def _sets(queue: Queue, instruction: Instruction) -> State | None:
    """The state that an instruction makes usable."""
    op, values = instruction.op, instruction.values
    if queue.unit is isa.VXM_ALU:
        return "alu", "VXM", queue.alu
    if op is isa.WRITE:
        return "word", queue.slice, values["address"]
    if op is isa.LW:
        return "block", queue.slice, values["block"]
    if op is isa.LW_HIGH:
        return "high block", queue.slice, values["block"]
    if op in (isa.IW, isa.IW_FP16):
        return "weights", queue.slice, 0
    if op is isa.ACC:
        return "sum", queue.slice, values["address"]
    return None
