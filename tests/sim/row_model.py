"""A second opinion on reference and checker: the row as registers that shift, cycle by cycle, in plain Python.

Slow and literal. Queues step once a cycle, values move one position a cycle, and what goes wrong is noted by
the name of the checker's rule. Arithmetic is on Python integers.
"""

from __future__ import annotations

from collections import defaultdict

from takt_hw import isa
from takt_hw.config import Kind
from takt_hw.isa import Alu, DType, Immediate, Instruction, Role, Stream, TypedStream


def signed(value: int, bits: int) -> int:
    """The low ``bits`` of an integer as two's complement."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def requantize(a: int, m: int, shift: int) -> int:
    """REQUANT with fractions compared as integers."""
    product, one = a * (m & 0xFFFF), 1 << shift
    low = product // one
    twice = 2 * (product - low * one)
    nearest = low if twice < one else low + 1 if twice > one else low + low % 2
    return min(max(nearest, -128), 127)


ALU = {
    "COPY": lambda a, b, c, s: a,
    "ADD": lambda a, b, c, s: a + b,
    "SUB": lambda a, b, c, s: a - b,
    "MUL": lambda a, b, c, s: a * b,
    "MIN": lambda a, b, c, s: b if b < a else a,
    "MAX": lambda a, b, c, s: a if b < a else b,
    "AND": lambda a, b, c, s: a & b,
    "OR": lambda a, b, c, s: a | b,
    "XOR": lambda a, b, c, s: a ^ b,
    "NOT": lambda a, b, c, s: -a - 1,
    "SHL": lambda a, b, c, s: a * 2 ** (b % 32),
    "SHR": lambda a, b, c, s: a // 2 ** (b % 32),
    "EQ": lambda a, b, c, s: int(a == b),
    "NE": lambda a, b, c, s: int(a != b),
    "LT": lambda a, b, c, s: int(a < b),
    "LE": lambda a, b, c, s: int(a <= b),
    "MASK": lambda a, b, c, s: a if b else 0,
    "SELECT": lambda a, b, c, s: a if c else b,
    "RELU": lambda a, b, c, s: a if a > 0 else 0,
    "REQUANT": lambda a, b, c, s: requantize(a, b, s),
}


class QueueModel:
    """One queue, stepped once a cycle."""

    def __init__(self, queue: isa.Queue, words: list[int]) -> None:
        self.queue = queue
        self.program = [queue.unit.decode(word) for word in words]
        self.busy = 0
        self.repeat: tuple[int, int] | None = None
        """(interval, stride) of the REPEAT in progress."""
        self.since = 0
        self.parked = False
        self.last: Instruction | None = None
        self.end = 0

    def step(self, cycle: int, released: bool) -> tuple[Instruction | None, bool]:
        """The slice instruction dispatched in this cycle, and whether a NOTIFY was."""
        if self.parked and not released:
            return None, False
        if self.parked:
            self.parked, self.end = False, cycle
        if not self.busy:
            if not self.program:
                return None, False
            instruction = self.program.pop(0)
            self.end = cycle + 1
            if instruction.op is isa.SYNC:
                self.parked = True
                return None, False
            if instruction.op is isa.NOTIFY:
                return None, True
            if instruction.op is isa.NOP:
                self.busy, self.repeat = instruction["count"], None
            elif instruction.op is isa.REPEAT:
                self.busy = instruction["count"] * instruction["interval"]
                self.repeat, self.since = (instruction["interval"], instruction["stride"]), 0
            else:
                self.last = instruction
                return instruction, False
        self.busy -= 1
        self.end = cycle + 1
        if self.repeat is None:
            return None, False
        self.since += 1
        interval, stride = self.repeat
        if self.since % interval:
            return None, False
        values = dict(self.last.values)
        if stride:
            values[self.queue.unit.stride.name] += stride
        self.last = Instruction(self.last.op, values)
        return self.last, False

    @property
    def done(self) -> bool:
        return not self.program and not self.busy and not self.parked


class Row:
    """A chip that runs one program."""

    def __init__(self, config, text, memory, defined) -> None:
        self.config = config
        self.queues = [QueueModel(q, list(text.get(q.name, ()))) for q in isa.queues(config)]
        self.memory = {name: [list(map(int, word)) for word in words] for name, words in memory.items()}
        self.defined = {name: [bool(d) for d in words] for name, words in defined.items()}
        self.faults: set[str] = set()
        self.writes: list[tuple] = []
        self.registers: dict[tuple[Stream, int], list] = {}
        """[vector, taken] by (stream, position)."""
        self.results: dict[int, list[int]] = {}
        self.pending: dict[int, list] = defaultdict(list)
        """ALU results by the cycle whose operands they are."""
        self.puts: dict[int, list] = defaultdict(list)
        self.products: dict[tuple[str, int], list[int]] = {}
        self.buffer: dict[tuple[str, int, int], int] = {}
        self.weights: dict[str, dict] = {}
        self.sums: dict[tuple[str, int], list[int]] = {}
        self.cycles = 0

    def run(self) -> Row:
        """To the end, and on until nothing is in flight any more."""
        releases: set[int] = set()
        running, cycle, idle = [], 0, 0
        limit = 40 + 3 * self.config.superlanes + self.config.positions
        while idle < limit:
            self._shift()
            for stream, position, vector in self.puts.pop(cycle, ()):
                self._put(stream, position, vector)
            for alu, value in self.pending.pop(cycle, ()):
                self.results[alu] = value
            for queue, instruction in running:  # dispatched in the cycle before: operands are taken now
                self._take_and_compute(queue, instruction, cycle - 1)
            running = []
            for model in self.queues:
                instruction, notified = model.step(cycle, cycle in releases)
                if notified:
                    releases.add(cycle + isa.NOTIFY.d_func(self.config))
                if instruction is not None:
                    running.append((model.queue, instruction))
            self._dispatch(running, cycle)
            cycle += 1
            idle = idle + 1 if all(model.done for model in self.queues) else 0
        self.cycles = max(model.end for model in self.queues) + self.config.superlanes
        return self

    def _shift(self) -> None:
        moved = {}
        for (stream, position), value in self.registers.items():
            if 0 <= position + stream.direction.step < self.config.positions:
                moved[stream, position + stream.direction.step] = value
        self.registers = moved

    def _put(self, stream, position, vector) -> None:
        there = self.registers.get((stream, position))
        if there is not None and not there[1]:
            self.faults.add("collision")
        self.registers[stream, position] = [vector, False]

    def _take(self, stream, position) -> list[int]:
        there = self.registers.get((stream, position))
        if there is None:
            self.faults.add("undefined-stream")
            return [0] * self.config.lanes
        there[1] = True
        return there[0]

    def _dispatch(self, running, cycle) -> None:
        """What happens in the dispatch cycle itself: memory is read, weights are installed, banks are used."""
        written = {q.slice: i["address"] for q, i in running if i.op is isa.WRITE}
        for queue, instruction in running:
            name = queue.slice
            if instruction.op is isa.READ:
                address, half = instruction["address"], self.config.mem_words // 2
                if name in written and (written[name] < half) == (address < half):
                    self.faults.add("bank-conflict")
                if not self.defined[name][address]:
                    self.faults.add("undefined-memory")
                self._result(queue, instruction, cycle, [list(self.memory[name][address])])
            elif instruction.op is isa.IW:
                if {key[2] for key in self.buffer if key[0] == name} != set(range(self.config.lanes)):
                    self.faults.add("undefined-weights")
                self.weights[name] = {key[1:]: w for key, w in self.buffer.items() if key[0] == name}

    def _result(self, queue, instruction, cycle, vectors) -> None:
        at = cycle + instruction.op.d_func(self.config)
        for stream, vector in zip(instruction.streams(Role.DEST, self.config), vectors, strict=True):
            self.puts[at].append((stream, queue.position, vector))

    def _take_and_compute(self, queue, instruction, cycle) -> None:
        op = instruction.op
        if op.d_skew is None:
            return
        assert op.d_skew(self.config) == 1
        if queue.unit.kind is Kind.VXM:
            return self._vxm(queue, instruction, cycle)
        sources = [self._take(s, queue.position) for s in instruction.streams(Role.SOURCE, self.config)]
        lanes, name = range(self.config.lanes), queue.slice
        match queue.unit.name:
            case "write":
                self.memory[name][instruction["address"]] = list(sources[0])
                self.defined[name][instruction["address"]] = True
                self.writes.append((cycle + 1, name, instruction["address"], bytes(sources[0])))
            case "weights":
                for j, column in enumerate(sources):
                    for row in lanes:
                        key = name, row, instruction["block"] * self.config.weight_streams + j
                        self.buffer[key] = signed(column[row], 8)
            case "activate":
                if name not in self.weights:
                    self.faults.add("undefined-weights")
                weights = self.weights.get(name, {})
                x = [signed(v, 8) for v in sources[0]]
                product = [sum(x[row] * weights.get((row, column), 0) for row in lanes) for column in lanes]
                self.products[name, cycle + op.d_func(self.config)] = product
            case "accumulate":
                value = self.products.get((name, cycle + 1))
                if value is None:
                    self.faults.add("undefined-product")
                    value = [0] * self.config.lanes
                key = name, instruction["address"]
                if instruction["mode"] == "add":
                    if key not in self.sums:
                        self.faults.add("undefined-accumulator")
                    value = [signed(a + b, 32) for a, b in zip(value, self.sums.get(key, value), strict=True)]
                self.sums[key] = value
                if instruction["dst"] is not None:
                    self._result(queue, instruction, cycle, [[v >> 8 * n & 255 for v in value] for n in range(4)])
            case _:
                self._result(queue, instruction, cycle, self._sxm(queue.unit.name, instruction, sources))

    def _sxm(self, unit, instruction, sources) -> list[list[int]]:
        lanes = self.config.lanes
        match unit:
            case "shift":
                came = [lane - instruction["amount"] for lane in range(lanes)]
                return [[sources[0][n] if 0 <= n < lanes else 0 for n in came]]
            case "select":
                a, b, mask = sources
                return [[a[n] if mask[n] else b[n] for n in range(lanes)]]
            case "permute":
                named = sources[1] if len(sources) == 2 else [a + 256 * b for a, b in zip(*sources[1:], strict=True)]
                return [[sources[0][n] if n < lanes else 0 for n in named]]
            case "distribute":
                return [[sources[0][n // 16 * 16 + m] if m < 16 else 0 for n, m in enumerate(sources[1])]]
            case "transpose":
                size = len(sources)
                return [[sources[n % size][n // size * size + i] for n in range(lanes)] for i in range(size)]
        raise AssertionError(unit)

    def _vxm(self, queue, instruction, cycle) -> None:
        operands = [self._operand(queue, instruction.values.get(name)) for name in "abc"]
        operate = ALU[instruction.op.name]
        shift = instruction.values.get("shift", 0)
        result = [signed(operate(*lane, shift), 32) for lane in zip(*operands, strict=True)]
        # taken from the second dispatch after this one on; that one takes its operands a cycle later
        self.pending[cycle + isa.VXM_CHAIN(self.config) + 1].append((queue.alu, result))
        if instruction["dst"] is not None:
            planes = [[v >> 8 * n & 255 for v in result] for n in range(instruction["dst"].dtype.streams)]
            self._result(queue, instruction, cycle, planes)

    def _operand(self, queue, source) -> list[int]:
        match source:
            case TypedStream(stream, DType.I8):
                return [signed(v, 8) for v in self._take(stream, queue.position)]
            case TypedStream(stream, DType.I32):
                planes = [self._take(s, queue.position) for s in stream.group(4)]
                return [signed(sum(v << 8 * n for n, v in enumerate(lane)), 32) for lane in zip(*planes, strict=True)]
            case Immediate(value):
                return [value] * self.config.lanes
            case Alu(index):
                if index not in self.results:
                    self.faults.add("undefined-result")
                return self.results.get(index, [0] * self.config.lanes)
        return [0] * self.config.lanes
