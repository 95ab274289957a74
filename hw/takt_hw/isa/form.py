"""The shape of a table row: fields, operations, units and decoded instructions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from ..config import MAX_STREAMS, ChipConfig, Kind
from . import operands
from .operands import Alu, Immediate, Stream, TypedStream

WORD_BITS = 128
"""An instruction word is 16 bytes, one superlane's share of a vector. Each queue keeps the low bits it uses."""

OPCODE_BITS = 8


class Role(Enum):
    """What the hardware does with a field."""

    VALUE = auto()
    """A number."""
    MODE = auto()
    """One of a few named choices."""
    SOURCE = auto()
    """A stream group that the instruction consumes."""
    DEST = auto()
    """A stream group that the instruction produces."""


class Form(Enum):
    """How a field's bits are read and written."""

    UNSIGNED = auto()
    SIGNED = auto()
    CHOICE = auto()
    STREAM = auto()
    OPTIONAL_STREAM = auto()
    TYPED_DEST = auto()
    VXM_SOURCE = auto()
    ALU = auto()


@dataclass(frozen=True, kw_only=True)
class Field:
    """Some bits of an instruction word.

    ``limit`` bounds the value from above, exclusively: a number or the name of a ChipConfig attribute.
    A signed field with a limit lies strictly between its negative and itself. ``group`` is how many
    aligned streams an untyped stream field names: a number or the name of a ChipConfig attribute.
    """

    name: str
    lsb: int
    width: int
    doc: str
    form: Form = Form.UNSIGNED
    role: Role = Role.VALUE
    minimum: int = 0
    limit: int | str | None = None
    group: int | str = 1
    choices: tuple[str, ...] = ()

    @property
    def msb(self) -> int:
        """Highest bit of the field."""
        return self.lsb + self.width - 1

    @property
    def bits(self) -> slice:
        """The field's bits of a word, as an Amaranth or Python slice."""
        return slice(self.lsb, self.lsb + self.width)

    def extract(self, word: int) -> int:
        """The field's raw bits in ``word``."""
        return word >> self.lsb & ((1 << self.width) - 1)

    def group_size(self, config: ChipConfig) -> int:
        """Aligned streams that an untyped stream field names."""
        return self.group if isinstance(self.group, int) else getattr(config, self.group)

    def upper(self, config: ChipConfig) -> int | None:
        """Exclusive bound of a number in this build; None if only the width bounds it."""
        return getattr(config, self.limit) if isinstance(self.limit, str) else self.limit


def stream_field(name: str, lsb: int, role: Role, doc: str, group: int | str = 1) -> Field:
    """A field that names one stream, or the first of ``group`` aligned streams."""
    return Field(name=name, lsb=lsb, width=operands.STREAM_BITS, form=Form.STREAM, role=role, group=group, doc=doc)


@dataclass(frozen=True)
class Cycles:
    """A latency: ``base + per_superlane * (superlanes - 1)`` cycles, and what one attribute of the build adds."""

    base: int
    per_superlane: int = 0
    plus: str | None = None
    """Name of a ChipConfig attribute: further cycles."""

    @property
    def varies(self) -> bool:
        """Whether builds may differ."""
        return bool(self.per_superlane or self.plus)

    def __call__(self, config: ChipConfig) -> int:
        further = getattr(config, self.plus) if self.plus else 0
        return self.base + self.per_superlane * (config.superlanes - 1) + further

    def __str__(self) -> str:
        terms = [str(self.base)]
        if self.per_superlane:
            factor = "" if self.per_superlane == 1 else f"{self.per_superlane}·"
            terms.append(f"{factor}(superlanes - 1)")
        return " + ".join([*terms, *([self.plus] if self.plus else [])])


@dataclass(frozen=True, kw_only=True)
class Op:
    """One instruction: a row of the table.

    ``d_skew``: cycles from dispatch until the operands are taken, None if there are none.
    ``d_func``: cycles from dispatch until the result is in the stream register of the slice's own
    position; for an instruction without a result stream, what its ``operation`` says. None if the
    instruction leaves nothing to time.
    ``chain``: cycles from dispatch to the first dispatch, in any ALU, that can take the held result;
    None if no result is held.
    ``needs``: name of the ChipConfig attribute that says whether a build has the instruction; of a VXM
    operation, how many ALUs have it, from ALU 0 on. None if every unit of its kind has it.
    ``brings_text``: what arrives on its stream is instruction text.
    """

    name: str
    code: int
    fields: tuple[Field, ...]
    summary: str
    operation: str
    d_skew: Cycles | None = None
    d_func: Cycles | None = None
    chain: Cycles | None = None
    needs: str | None = None
    errors: tuple[str, ...] = ()
    brings_text: bool = False

    def __post_init__(self) -> None:
        taken = (1 << OPCODE_BITS) - 1
        for f in self.fields:
            mask = ((1 << f.width) - 1) << f.lsb
            if taken & mask:
                raise ValueError(f"{self.name}: {f.name} must not overlap another field, not start at bit {f.lsb}")
            taken |= mask

    @property
    def word_bits(self) -> int:
        """Bits of the word that the instruction uses, counted from bit 0."""
        return max([OPCODE_BITS, *(f.msb + 1 for f in self.fields)])

    @property
    def syntax(self) -> str:
        """How the instruction is written: its name and operands in order."""
        shown = ", ".join(f.name for f in self.fields if f.name != "immediate")
        return f"{self.name} {shown}".rstrip()

    @property
    def pattern(self) -> str:
        """Bit pattern of the low opcode byte, for a decoder's case."""
        return format(self.code, f"0{OPCODE_BITS}b")

    def encode(self, **values: Any) -> int:
        """The instruction word. ValueError names the field, its rule and the value."""
        return self.make(**values).word

    def make(self, **values: Any) -> Instruction:
        """An instruction with these operands, by field name. ValueError as in `encode`."""
        wanted = [f.name for f in self.fields if f.name != "immediate"]
        for name in wanted:
            if name not in values:
                raise ValueError(f"{self.name}: {name} must be given")
        for name in values:
            if name not in wanted:
                raise ValueError(f"{self.name}: operands must be among {', '.join(wanted) or 'none'}, not {name!r}")
        instruction = Instruction(self, dict(values))
        instruction.word  # noqa: B018 - encoding is the check
        return instruction


@dataclass(frozen=True)
class Instruction:
    """An operation with its operands, by field name."""

    op: Op
    values: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        shown = ", ".join(_text(f, self.values[f.name]) for f in self.op.fields if f.name != "immediate")
        return f"{self.op.name} {shown}".rstrip()

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    @property
    def word(self) -> int:
        """The 128-bit instruction word. ValueError names the field, its rule and the value."""
        word = self.op.code
        immediates = {v.value for v in self.values.values() if isinstance(v, Immediate)}
        if len(immediates) > 1:
            raise ValueError(f"{self.op.name}: immediates must be equal, not {sorted(immediates)}")
        for f in self.op.fields:
            value = (immediates.pop() if immediates else 0) if f.name == "immediate" else self.values[f.name]
            word |= _encode(self.op, f, value) << f.lsb
        return word

    def streams(self, role: Role, config: ChipConfig) -> tuple[Stream, ...]:
        """Every stream that the instruction consumes (Role.SOURCE) or produces (Role.DEST), in field order."""
        found: list[Stream] = []
        for f in self.op.fields:
            value = self.values.get(f.name)
            if f.role is not role or value is None:
                continue
            if isinstance(value, TypedStream):
                found += value.stream.group(value.dtype.streams)
            elif isinstance(value, Stream):
                found += value.group(f.group_size(config))
        return tuple(found)

    def violations(self, config: ChipConfig, queue: Queue | None = None) -> list[str]:
        """Rules of this build that the operands break, each as ``<field> must <rule>, not <value>``.

        ``queue``: where the instruction is, for what only some queues of the unit can do.
        """
        broken = [text for f in self.op.fields if (text := _violation(f, self.values.get(f.name), config))]
        if queue is not None and not broken:
            broken = [
                text for f in self.op.fields if (text := _unreachable(self.op, f, self.values.get(f.name), queue))
            ]
        alu = queue.alu if queue is not None else 0
        if self.op.needs is not None and alu >= (having := int(getattr(config, self.op.needs))):
            where = f"in ALUs below alu{having}, not in alu{alu}" if having else "in builds that have it"
            broken.insert(0, f"{self.op.name} must be used {where} ({self.op.needs} of {config.name} is {having})")
        return broken


@dataclass(frozen=True, kw_only=True)
class Unit:
    """One kind of instruction queue: a slice has one queue per unit, the VXM one per ALU."""

    name: str
    """Suffix of the queue's name: ``MEM_W3.read``."""

    kind: Kind
    ops: tuple[Op, ...]
    doc: str
    per_alu: bool = False
    """Whether the slice has one such queue for each of its ALUs."""
    per_link: bool = False
    """Whether the slice has one such queue for each of its links."""
    once: bool = False
    """Whether only the westmost slice of the kind has such a queue."""
    needs: str | None = None
    """Name of the ChipConfig attribute that says whether a build has such queues. None if every one has."""
    waits: tuple[Op, ...] = ()
    """Operations that park the queue until the slice answers."""
    stride: Field | None = None
    """Field that REPEAT's stride advances, the same bits in every operation of the unit."""

    @property
    def word_bits(self) -> int:
        """Bits that the unit's queue stores."""
        return max(op.word_bits for op in self.ops)

    @property
    def by_code(self) -> dict[int, Op]:
        """Operations by opcode."""
        return {op.code: op for op in self.ops}

    @property
    def by_name(self) -> dict[str, Op]:
        """Operations by name."""
        return {op.name: op for op in self.ops}

    def decode(self, word: int) -> Instruction:
        """The instruction of a word. ValueError if this unit has no such word."""
        op = self.by_code.get(word & ((1 << OPCODE_BITS) - 1))
        if op is None:
            raise ValueError(f"{self.name}: opcode must be one of the unit's, not {word & 255:#04x}")
        values = {f.name: _decode(op, f, word) for f in op.fields if f.name != "immediate"}
        instruction = Instruction(op, values)
        if instruction.word != word:
            raise ValueError(f"{op.name}: unused bits must be zero, not {word ^ instruction.word:#x}")
        return instruction


@dataclass(frozen=True)
class Queue:
    """One in-order instruction queue of a build."""

    name: str
    """``MEM_W3.read``, ``VXM.alu0``, ``MXM_E0.weights``."""

    slice: str
    unit: Unit
    position: int
    index: int
    """Place among the build's queues; host frames and trace ports name queues by it."""

    alu: int = 0
    """Number of the VXM ALU; 0 elsewhere."""

    link: int = 0
    """Number of the link on its chip; 0 in queues that have none."""

    streams: range = range(MAX_STREAMS)
    """Numbers of the streams, in either direction, that its slice can name."""

    text: range = range(MAX_STREAMS)
    """Those that its instruction text can come on."""

    takes: frozenset[Stream] = frozenset()
    """Of those numbers, what its slice can take values from. Instruction text may come from either side."""

    puts: frozenset[Stream] = frozenset()
    """What its slice can put values on."""


def _encode(op: Op, f: Field, value: Any) -> int:
    def fail(rule: str) -> ValueError:
        return ValueError(f"{op.name}: {f.name} must {rule}, not {value!s}")

    match f.form:
        case Form.UNSIGNED | Form.SIGNED:
            if not isinstance(value, int) or isinstance(value, bool):
                raise fail("be an integer")
            signed = f.form is Form.SIGNED
            low, high = (-(1 << f.width - 1), 1 << f.width - 1) if signed else (f.minimum, 1 << f.width)
            if not low <= value < high:
                raise fail(f"be from {low} to {high - 1}")
            return value & ((1 << f.width) - 1)
        case Form.CHOICE:
            if value not in f.choices:
                raise fail(f"be one of {', '.join(f.choices)}")
            return f.choices.index(value)
        case Form.ALU:
            if not isinstance(value, Alu) or not 0 <= value.index < 1 << f.width:
                raise fail("be an ALU")
            if value.dtype is not operands.DType.I32:
                raise fail("have no type")
            return value.index
        case Form.STREAM | Form.OPTIONAL_STREAM:
            if value is None and f.form is Form.OPTIONAL_STREAM:
                return 0
            if not isinstance(value, Stream) or not 0 <= value.index < 32:
                raise fail("be a stream")
            return value.bits | (operands.STREAM_PRESENT if f.form is Form.OPTIONAL_STREAM else 0)
        case Form.TYPED_DEST:
            if value is None:
                return 0
            if not isinstance(value, TypedStream) or not 0 <= value.stream.index < 32:
                raise fail("be a typed stream or none")
            return operands.PRESENT | value.dtype << 6 | value.stream.bits
        case Form.VXM_SOURCE:
            if not isinstance(value, operands.Source):
                raise fail("be a typed stream, an ALU or an immediate")
            index = value.index if isinstance(value, Alu) else 0
            index = value.stream.index if isinstance(value, TypedStream) else index
            if not 0 <= index < 32:
                raise fail("name a stream or ALU from 0 to 31")
            return operands.source_bits(value)


def _decode(op: Op, f: Field, word: int) -> Any:
    def fail(bits: int) -> ValueError:
        return ValueError(f"{op.name}: {f.name} must be a defined code, not {bits:#x}")

    bits = f.extract(word)
    match f.form:
        case Form.UNSIGNED:
            return bits
        case Form.SIGNED:
            return bits - (1 << f.width) if bits >> (f.width - 1) else bits
        case Form.CHOICE:
            if bits >= len(f.choices):
                raise fail(bits)
            return f.choices[bits]
        case Form.ALU:
            return Alu(bits)
        case Form.STREAM:
            return Stream.from_bits(bits)
        case Form.OPTIONAL_STREAM:
            return Stream.from_bits(bits & 63) if bits & operands.STREAM_PRESENT else None
        case Form.TYPED_DEST if not bits & operands.PRESENT:
            return None
        case Form.VXM_SOURCE if bits >> 9 == operands.SOURCE_ALU:
            if bits >> 6 & 7 >= len(operands.DType) or bits & 32:
                raise fail(bits)
            return Alu(bits & 31, operands.DType(bits >> 6 & 7))
        case Form.VXM_SOURCE if bits >> 9 == operands.SOURCE_IMMEDIATE:
            raw = next(g for g in op.fields if g.name == "immediate")
            return Immediate(_decode(op, raw, word))
        case _:
            if (f.form is Form.VXM_SOURCE and bits >> 9 != operands.SOURCE_STREAM) or bits >> 6 & 7 >= len(
                operands.DType
            ):
                raise fail(bits)
            return operands.typed_stream_from_bits(bits & 511)


def _text(f: Field, value: Any) -> str:
    if value is None:
        return "none"
    return hex(value) if f.name == "address" else str(value)


def _violation(f: Field, value: Any, config: ChipConfig) -> str | None:
    """The first rule of this build that an operand breaks."""
    upper = f.upper(config)
    match value:
        case Alu(index) if index >= config.vxm_alus:
            return f"{f.name} must be below alu{config.vxm_alus}, not alu{index}"
        case int() if upper is not None and not (-upper if value < 0 else f.minimum - 1) < value < upper:
            low = 1 - upper if f.form is Form.SIGNED else f.minimum
            return f"{f.name} must be from {low} to {upper - 1}, not {value}"
        case int() if value < f.minimum and f.form is Form.UNSIGNED:
            return f"{f.name} must be at least {f.minimum}, not {value}"
        case Stream() | TypedStream():
            stream = value.stream if isinstance(value, TypedStream) else value
            size = value.dtype.streams if isinstance(value, TypedStream) else f.group_size(config)
            if stream.index >= config.streams:
                return f"{f.name} must be below s{config.streams}, not {stream}"
            if stream.index % size:
                return f"{f.name} must be a multiple of {size}, not {stream}"
    return None


def _unreachable(op: Op, f: Field, value: Any, queue: Queue) -> str | None:
    """The rule that a stream breaks which its queue cannot name."""
    stream = value.stream if isinstance(value, TypedStream) else value
    if not isinstance(stream, Stream):
        return None
    named = queue.text if op.brings_text else queue.streams
    if stream.index not in named:
        wanted = ", ".join(f"s{n}" for n in named)
        return f"{f.name} must be one of {wanted}, not {stream}"
    if op.brings_text:
        return None
    if f.role is Role.DEST and stream not in queue.puts:
        return f"{f.name} must lead to a slice elsewhere, not {stream}"
    if f.role is Role.SOURCE and stream not in queue.takes:
        return f"{f.name} must come from a slice elsewhere, not {stream}"
    return None
