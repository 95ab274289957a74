"""A second opinion on reference and checker: the row as registers that shift, cycle by cycle, in plain Python.

Slow and literal. Queues step once a cycle, values move one position a cycle, and what goes wrong is noted by
the name of the checker's rule. Arithmetic is on Python integers.
"""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction

from takt_hw import isa
from takt_hw.config import Kind
from takt_hw.isa import Alu, DType, Immediate, Instruction, Role, Stream, TypedStream
from tests.sim import function_model, number_model


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


def saturate(value: int) -> int:
    return min(max(value, -(2**31)), 2**31 - 1)


def fp16(bits: int) -> Fraction | str:
    """A number, or "nan", "+inf" or "-inf"."""
    sign, exponent, mantissa = bits >> 15, bits >> 10 & 31, bits & 1023
    if exponent == 31:
        return "nan" if mantissa else "-inf" if sign else "+inf"
    size = Fraction(mantissa + 1024 * (exponent > 0), 1024) * Fraction(2) ** (max(exponent, 1) - 15)
    return -size if sign else size


def exact_products(xs: list, ws: list) -> tuple[Fraction, frozenset[str]]:
    """The sum of products that have a value, and what the others are."""
    total, special = Fraction(0), set()
    for x, w in zip(xs, ws, strict=True):
        if "nan" in (x, w):
            special.add("nan")
        elif isinstance(x, str) or isinstance(w, str):
            if 0 in (x, w):
                special.add("nan")
            else:
                signs = [number == "-inf" if isinstance(number, str) else number < 0 for number in (x, w)]
                special.add("-inf" if signs[0] != signs[1] else "+inf")
        else:
            total += x * w
    return total, frozenset(special)


def to_fp32(total: Fraction, special: frozenset[str]) -> int:
    """The nearest fp32 number, ties to even."""
    if special:
        return {frozenset({"+inf"}): 0x7F800000, frozenset({"-inf"}): 0xFF800000}.get(special, 0x7FC00000)
    if not total:
        return 0
    size, exponent = abs(total), 0
    while size >= 2:
        size, exponent = size / 2, exponent + 1
    while size < 1:
        size, exponent = size * 2, exponent - 1
    return (total < 0) << 31 | (exponent + 126 << 23) + round(size * 2**23)  # Fraction rounds ties to even


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
    "ADD_SAT": lambda a, b, c, s: saturate(a + b),
    "SUB_SAT": lambda a, b, c, s: saturate(a - b),
    "MUL_SAT": lambda a, b, c, s: saturate(a * b),
    "ABS": lambda a, b, c, s: a if a > 0 else -a,
    "NEG": lambda a, b, c, s: -a,
    "SHR_LOGICAL": lambda a, b, c, s: a % 2**32 // 2 ** (b % 32),
}


def as_type(value: int, dtype: DType) -> int:
    """The low bytes of a value as an int32, or as the bits of an fp32 number."""
    match dtype:
        case DType.I8:
            return signed(value, 8)
        case DType.U8:
            return value % 256
        case DType.F16:
            return signed(number_model.encode(number_model.decode(value % 65536, "f16"), "f32"), 32)
    return signed(value, 32)


class QueueModel:
    """One queue, stepped once a cycle. Its text memory is a list of places, each with the number of its word."""

    def __init__(self, queue: isa.Queue, words: list[int], size: int) -> None:
        self.queue = queue
        self.places: list[tuple[int, int] | None] = [None] * size
        for number, word in enumerate(words):
            self.places[number] = number, word
        self.number = 0
        """Number of the word that comes next, or is in progress."""
        self.asked = len(words)
        self.loops: list[dict] = []
        self.base = 0
        self.busy = 0
        self.repeat: tuple[int, int] | None = None
        """(interval, stride) of the REPEAT in progress."""
        self.since = 0
        self.parked = False
        self.last: Instruction | None = None
        self.end = 0
        self.faults: set[str] = set()

    def arrive(self, number: int, word: int) -> None:
        """A word of text takes its place."""
        place = number % len(self.places)
        there = self.places[place]
        if there is not None and (self.busy or self.parked) and there[0] == self.number:
            self.faults.add("fetch-overwrite")
        self.places[place] = number, word

    def step(self, cycle: int, released: bool) -> tuple[Instruction | None, Instruction | None]:
        """The slice instruction dispatched in this cycle, and a NOTIFY or IFETCH that is."""
        if self.parked and not released:
            return None, None
        if self.parked:
            self.parked, self.end = False, cycle
            self._next()
        if not self.busy:
            return self._begin(cycle)
        return self._go_on(cycle), None

    def _begin(self, cycle: int) -> tuple[Instruction | None, Instruction | None]:
        if self.number == self.asked:
            return None, None
        there = self.places[self.number % len(self.places)]
        if there is None or there[0] < self.number:
            self.faults.add("dry")
            return None, None
        if there[0] > self.number:
            self.faults.add("fetch-overwrite")
        instruction = self.queue.unit.decode(there[1])
        self.end = cycle + 1
        match instruction.op:
            case isa.SYNC:
                self.parked = True
                return None, None
            case isa.NOP:
                self.busy, self.repeat = instruction["count"], None
                return self._go_on(cycle), None
            case isa.DESKEW | isa.SYNC_LINK | isa.RUNTIME_DESKEW:
                d_func = instruction.op.d_func
                self.busy = instruction["cycles"] if d_func is None else d_func.base
                self.repeat = None
                return self._go_on(cycle), None
            case isa.REPEAT:
                self.busy = instruction["count"] * instruction["interval"]
                self.repeat, self.since = (instruction["interval"], instruction["stride"]), 0
                return self._go_on(cycle), None
            case isa.LOOP:
                body = range(self.number + 1, self.number + 1 + instruction["body"])
                self.loops.append({"body": body, "left": instruction["count"], "by": instruction["stride"], "sum": 0})
            case isa.CONFIG:
                self.base = instruction["base"]
            case isa.IFETCH:
                self.asked += instruction["words"]
            case isa.NOTIFY:
                pass
            case _:
                self.last = self._advanced(instruction, self.base + sum(loop["sum"] for loop in self.loops))
                self._next()
                return self.last, None
        self._next()
        return None, instruction

    def _go_on(self, cycle: int) -> Instruction | None:
        """One cycle of a NOP or REPEAT."""
        self.busy -= 1
        self.end = cycle + 1
        dispatched = None
        if self.repeat is not None:
            self.since += 1
            interval, stride = self.repeat
            if self.since % interval == 0:
                dispatched = self.last = self._advanced(self.last, stride)
        if not self.busy:
            self._next()
        return dispatched

    def _advanced(self, instruction: Instruction, by: int) -> Instruction:
        field = self.queue.unit.stride
        if field is None or field.name not in instruction.values:
            return instruction
        return Instruction(instruction.op, {**instruction.values, field.name: instruction[field.name] + by})

    def _next(self) -> None:
        """On to the next word: back to the beginning of a loop, or past its end."""
        self.number += 1
        while self.loops and self.loops[-1]["body"].stop == self.number:
            self.loops[-1]["left"] -= 1
            if self.loops[-1]["left"]:
                self.loops[-1]["sum"] += self.loops[-1]["by"]
                self.number = self.loops[-1]["body"].start
                return
            self.loops.pop()

    @property
    def done(self) -> bool:
        return self.number == self.asked and not self.busy and not self.parked


class Word(list):
    """A vector, and the memory word that a READ found it in."""

    source: tuple[str, int]


class Row:
    """A chip that runs one program."""

    def __init__(self, config, text, memory, defined, received=()) -> None:
        """``received``: (link, bytes) of the vectors that come over links, in the order in which they are received."""
        self.config = config
        self.received = {link: [data for n, data in received if n == link] for link, _ in received}
        self.sent: list[tuple] = []
        """(cycle, link, bytes) of each SEND."""
        self.queues = [QueueModel(q, list(text.get(q.name, ())), config.queue_words) for q in isa.queues(config)]
        self.memory = {name: [list(map(int, word)) for word in words] for name, words in memory.items()}
        self.defined = {name: [bool(d) for d in words] for name, words in defined.items()}
        self.faults: set[str] = set()
        self.writes: list[tuple] = []
        self.registers: dict[tuple[Stream, int], list] = {}
        """[vector, taken] by (stream, position)."""
        self.results: dict[int, list[int]] = {}
        self.began: dict[int, int] = {}
        self.multiplied: dict[str, int] = {}
        self.landings: dict[int, list[int]] = {}
        self.pending: dict[int, list] = defaultdict(list)
        """ALU results by the cycle whose operands they are."""
        self.puts: dict[int, list] = defaultdict(list)
        self.masked: dict[int, list] = defaultdict(list)
        """What a WRITE_MASKED stores, by the cycle from which it can be read."""
        self.merging: dict[str, list] = {}
        """By slice: the last WRITE_MASKED, and the last cycle in which it uses the slice."""
        self.out_of_range = False
        self.products: dict[tuple[str, int], list] = {}
        self.buffer: dict[tuple[str, int, int], int] = {}
        self.high_buffer: dict[tuple[str, int, int], int] = {}
        self.weights: dict[str, dict] = {}
        self.weights_are_fp16: dict[str, bool] = {}
        self.sums: dict[tuple[str, int], list] = {}
        """Integers, or pairs of `exact_products`; None after DRAIN."""
        self.arriving: dict[int, list] = defaultdict(list)
        """(queue model, number, word) of text by the cycle in which it can first be dispatched."""
        self.fetching: dict[int, list] = defaultdict(list)
        """(queue model, stream, number of the first word, words) by the cycle in which a vector is taken."""
        self.fetch_busy: dict[int, int] = {}
        """By position: cycle from which on an IFETCH may be dispatched."""
        self.text_from: set[tuple[str, int]] = set()
        """Memory words, by slice and address, that text came from."""
        self.overwritten: set[tuple[str, int]] = set()
        """Memory words that the program may write: of a SCATTER, all words of its slice."""
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
            for name, address, word in self.masked.pop(cycle, ()):
                self.memory[name][address] = word
                self.writes.append((cycle + self.config.mending_cycles, name, address, bytes(word), ()))
            for alu, value in self.pending.pop(cycle, ()):
                self.results[alu] = value
            for queue, instruction in running:  # dispatched in the cycle before: operands are taken now
                self._take_and_compute(queue, instruction, cycle - 1)
            for model, stream, number, words in self.fetching.pop(cycle, ()):
                self._take_text(model, stream, number, words, cycle)
            for model, number, word in self.arriving.pop(cycle, ()):
                model.arrive(number, word)
            running = []
            for model in self.queues:
                instruction, control = model.step(cycle, cycle in releases)
                if control is not None and control.op is isa.NOTIFY:
                    releases.add(cycle + isa.NOTIFY.d_func(self.config))
                if control is not None and control.op is isa.IFETCH:
                    self._fetch(model, control, cycle)
                if instruction is not None:
                    running.append((model.queue, instruction))
            self._dispatch(running, cycle)
            cycle += 1
            idle = idle + 1 if all(model.done for model in self.queues) else 0
        self.faults.update(*(model.faults for model in self.queues))
        if self.text_from & self.overwritten:
            self.faults.add("fetch-text")
        self.cycles = max(model.end for model in self.queues) + self.config.superlanes
        return self

    def _fetch(self, model, fetch, cycle) -> None:
        """IFETCH: one vector now, and one after every ``superlanes`` cycles."""
        position, words, step = model.queue.position, fetch["words"], self.config.superlanes
        if cycle < self.fetch_busy.get(position, 0):
            self.faults.add("fetch-conflict")
        self.fetch_busy[position] = max(self.fetch_busy.get(position, 0), cycle + words)
        for n in range(0, words, step):
            at = cycle + isa.IFETCH.d_skew(self.config) + n
            self.fetching[at].append((model, fetch["src"], model.asked - words + n, min(step, words - n)))

    def _take_text(self, model, stream, number, words, cycle) -> None:
        taken = self._take(stream, model.queue.position)
        self.text_from.add(getattr(taken, "source", ("", 0)))
        vector = bytes(taken)
        usable = cycle + isa.IFETCH.d_func(self.config) - isa.IFETCH.d_skew(self.config)
        for n in range(words):
            word = int.from_bytes(vector[16 * n : 16 * n + 16], "little")
            self.arriving[usable + n].append((model, number + n, word))

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

    def _banks(self, instruction) -> set[int]:
        if "address" not in instruction.values:
            return {0, 1}
        if instruction.op is isa.WRITE_MASKED and self.config.ecc and self.config.pipelined:
            return {0, 1}
        return {int(instruction["address"] >= self.config.mem_words // 2)}

    def _use_banks(self, running, cycle) -> None:
        storing = {name: masked for name, (masked, last) in self.merging.items() if cycle <= last}
        self.merging |= {
            q.slice: [i, cycle + 1 + self.config.masked_cycles] for q, i in running if i.op is isa.WRITE_MASKED
        }
        for queue, instruction in running:
            if queue.unit.name == "write" and queue.slice in storing:
                self.faults.add("write-conflict")
            if queue.unit.name == "read":
                writes = [i for q, i in running if (q.slice, q.unit.name) == (queue.slice, "write")]
                writes += [storing[queue.slice]] if queue.slice in storing else []
                if any(self._banks(instruction) & self._banks(write) for write in writes):
                    self.faults.add("bank-conflict")

    def _dispatch(self, running, cycle) -> None:
        """What happens in the dispatch cycle itself: memory is read, weights are installed, banks are used."""
        self._use_banks(running, cycle)
        for queue, instruction in running:
            name = queue.slice
            if instruction.op is isa.SCATTER:
                self.overwritten |= {(name, address) for address in range(self.config.mem_words)}
            elif instruction.op in (isa.WRITE, isa.WRITE_MASKED):
                self.overwritten.add((name, instruction["address"]))
            if instruction.op is isa.GATHER and not any(self.defined[name]):
                self.faults.add("undefined-memory")
            if instruction.op is isa.WRITE_MASKED and not self.defined[name][instruction["address"]]:
                self.faults.add("undefined-memory")
            if instruction.op is isa.RECEIVE:
                self._result(queue, instruction, cycle, [list(self.received[queue.link].pop(0))])
            if instruction.op is isa.READ:
                address = instruction["address"]
                if not self.defined[name][address]:
                    self.faults.add("undefined-memory")
                word = Word(self.memory[name][address])
                word.source = name, address
                self._result(queue, instruction, cycle, [word])
            elif instruction.op in (isa.IW, isa.IW_FP16):
                self._turns(name, cycle)
                wide = instruction.op is isa.IW_FP16
                for buffer in (self.buffer, self.high_buffer) if wide else (self.buffer,):
                    if {key[2] for key in buffer if key[0] == name} != set(range(self.config.lanes)):
                        self.faults.add("undefined-weights")
                self.weights[name] = {
                    key[1:]: fp16(w & 255 | self.high_buffer.get(key, 0) << 8) if wide else w
                    for key, w in self.buffer.items()
                    if key[0] == name
                }
                self.weights_are_fp16[name] = wide

    def _turns(self, plane, cycle) -> None:
        """Columns of a plane take turns for some cycles from one ABC on."""
        if cycle - self.multiplied.get(plane, -self.config.mxm_turns) < self.config.mxm_turns:
            self.faults.add("mxm-busy")

    def _result(self, queue, instruction, cycle, vectors) -> None:
        at = cycle + instruction.op.d_func(self.config)
        for stream, vector in zip(instruction.streams(Role.DEST, self.config), vectors, strict=True):
            self.puts[at].append((stream, queue.position, vector))

    def _take_and_compute(self, queue, instruction, cycle) -> None:
        op = instruction.op
        if op is isa.DRAIN:
            return self._accumulate(queue, instruction, cycle)
        if op.d_skew is None:
            return
        assert op.d_skew(self.config) == 1
        if queue.unit.kind is Kind.VXM:
            return self._vxm(queue, instruction, cycle)
        sources = [self._take(s, queue.position) for s in instruction.streams(Role.SOURCE, self.config)]
        lanes, name = range(self.config.lanes), queue.slice
        match queue.unit.name:
            case "send":
                self.sent.append((cycle, queue.link, bytes(sources[0])))
            case "read":  # a GATHER
                word = [0] * self.config.lanes
                for k, address in self._addresses(sources[0]):
                    word[16 * k : 16 * k + 16] = self.memory[name][address][16 * k : 16 * k + 16]
                self._result(queue, instruction, cycle, [word])
            case "write" if op is isa.SCATTER:
                reached = self._addresses(sources[1])
                for at in sorted({address for _, address in reached}):
                    there = [k for k, address in reached if address == at]
                    for k in there:
                        self.memory[name][at][16 * k : 16 * k + 16] = sources[0][16 * k : 16 * k + 16]
                    data = b"".join(bytes(sources[0][16 * k : 16 * k + 16]) for k in there)
                    some = () if len(there) == self.config.superlanes else tuple(there)
                    self.writes.append((cycle + 1 + self.config.mending_cycles, name, at, data, some))
            case "write" if op is isa.WRITE_MASKED:
                old = self.memory[name][instruction["address"]]
                word = [new if chosen else was for new, chosen, was in zip(*sources, old, strict=True)]
                self.masked[cycle + 2 + self.config.masked_cycles].append((name, instruction["address"], word))
            case "write":
                self.memory[name][instruction["address"]] = list(sources[0])
                self.defined[name][instruction["address"]] = True
                at = cycle + 1 + self.config.mending_cycles
                self.writes.append((at, name, instruction["address"], bytes(sources[0]), ()))
            case "weights":
                for j, column in enumerate(sources):
                    for row in lanes:
                        key = name, row, instruction["block"] * self.config.weight_streams + j
                        if op is isa.LW_HIGH:
                            self.high_buffer[key] = column[row]
                        else:
                            self.buffer[key] = signed(column[row], 8)
            case "activate":
                self._turns(name, cycle)
                self.multiplied[name] = cycle
                if name not in self.weights:
                    self.faults.add("undefined-weights")
                weights = self.weights.get(name, {})
                fp16_weights = self.weights_are_fp16.get(name, False)
                columns = [[weights.get((row, column), 0) for row in lanes] for column in lanes]
                if op is isa.ABC_FP16:
                    if weights and not fp16_weights and not self.config.mxm_fp16_int8:
                        self.faults.add("undefined-weights")
                    x = [fp16(low | high << 8) for low, high in zip(*sources, strict=True)]
                    product = [exact_products(x, column) for column in columns]
                else:
                    if fp16_weights:
                        self.faults.add("undefined-weights")
                        columns = [[0] * len(column) for column in columns]
                    x = [signed(v, 8) for v in sources[0]]
                    product = [sum(a * w for a, w in zip(x, column, strict=True)) for column in columns]
                self.products[name, cycle + op.d_func(self.config)] = product
            case "accumulate":
                self._accumulate(queue, instruction, cycle)
            case _:
                self._result(queue, instruction, cycle, self._sxm(queue.unit.name, instruction, sources))

    def _addresses(self, vector) -> list[tuple[int, int]]:
        """(superlane, address) of those superlanes whose address there is."""
        found = [(k, vector[16 * k] + 256 * vector[16 * k + 1]) for k in range(self.config.superlanes)]
        inside = [(k, address) for k, address in found if address < self.config.mem_words]
        self.out_of_range |= len(inside) < len(found)
        return inside

    def _accumulate(self, queue, instruction, cycle) -> None:
        op, key = instruction.op, (queue.slice, instruction["address"])
        held = self.sums.get(key)
        if key not in self.sums and (op is isa.DRAIN or instruction["mode"] == "add"):
            self.faults.add("undefined-accumulator")
        if op is isa.DRAIN:
            value, self.sums[key] = held, None
        else:
            value = self.products.get((queue.slice, cycle + 1))
            if value is None:
                self.faults.add("undefined-product")
                value = held if instruction["mode"] == "add" else None
            elif instruction["mode"] == "add" and held is not None:
                if isinstance(value[0], tuple) != isinstance(held[0], tuple):
                    self.faults.add("mixed-accumulator")
                elif isinstance(value[0], tuple):
                    value = [(a[0] + b[0], a[1] | b[1]) for a, b in zip(value, held, strict=True)]
                else:
                    value = [signed(a + b, 32) for a, b in zip(value, held, strict=True)]
            self.sums[key] = value
        if instruction["dst"] is not None:
            leaves = [0] * self.config.lanes if value is None else value
            words = [to_fp32(*v) if isinstance(v, tuple) else v for v in leaves]
            self._result(queue, instruction, cycle, [[v >> 8 * n & 255 for v in words] for n in range(4)])

    def _sxm(self, unit, instruction, sources) -> list[list[int]]:
        lanes = self.config.lanes
        match unit:
            case "shift":
                came = [lane - instruction["amount"] for lane in range(lanes)]
                if instruction.op is isa.ROTATE:
                    return [[sources[0][n % lanes] for n in came]]
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
        name, values = instruction.op.name, instruction.values
        if name in ALU:
            raw = [ALU[name](*lane, values.get("shift", 0)) for lane in zip(*operands, strict=True)]
        elif queue.unit.name == "reduce":
            raw = [number_model.lane_reduction(name, operands[0], values["kind"])] * self.config.lanes
        elif name in function_model.FUNCTIONS:
            raw = [function_model.execute(name, a, values["to"]) for a in operands[0]]
        else:
            to, source = values.get("to", "f32"), values.get("from", "f32")
            raw = [number_model.execute(name, a, b, to, source) for a, b, _ in zip(*operands, strict=True)]
        result = [signed(value, 32) for value in raw]
        if instruction.op.chain is not None:
            # taken by dispatches from `chain` cycles on; those take their operands a cycle later
            lands = cycle + instruction.op.chain(self.config) + 1
            others = self.landings.setdefault(queue.alu, [])  # also of results that are there by now
            if any(abs(lands - other) < self.config.vxm_turns for other in others):
                self.faults.add("result-conflict")
            others.append(lands)
            self.pending[lands].append((queue.alu, result))
            if cycle - self.began.get(queue.alu, -self.config.vxm_turns) < self.config.vxm_turns:
                self.faults.add("alu-busy")
            self.began[queue.alu] = cycle
        if instruction["dst"] is not None:
            planes = [[v >> 8 * n & 255 for v in result] for n in range(instruction["dst"].dtype.streams)]
            self._result(queue, instruction, cycle, planes)

    def _operand(self, queue, source) -> list[int]:
        match source:
            case TypedStream(stream, dtype):
                planes = [self._take(s, queue.position) for s in stream.group(dtype.streams)]
                raw = [sum(v << 8 * n for n, v in enumerate(lane)) for lane in zip(*planes, strict=True)]
                return [as_type(value, dtype) for value in raw]
            case Immediate(value):
                return [value] * self.config.lanes
            case Alu(index, dtype):
                if index not in self.results:
                    self.faults.add("undefined-result")
                return [as_type(value, dtype) for value in self.results.get(index, [0] * self.config.lanes)]
        return [0] * self.config.lanes
