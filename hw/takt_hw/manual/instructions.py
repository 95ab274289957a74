"""One page per kind of slice: each instruction in the order summary, syntax, encoding, operation, latency, errors."""

from typing import Any

from ..config import ChipConfig, Kind
from ..isa import CONTROL, UNITS, Alu, Cycles, Direction, DType, Field, Form, Immediate, Op, Stream, TypedStream
from .encoding import bit_diagram, field_table
from .markdown import GENERATED

TITLES = {
    Kind.MEM: "MEM instructions",
    Kind.VXM: "VXM instructions",
    Kind.MXM: "MXM instructions",
    Kind.SXM: "SXM instructions",
    Kind.C2C: "C2C instructions",
}
CONTROL_TITLE = "Instruction control"
CONTROL_NOTE = "Every queue has these. They start nothing in the slice; they say when what follows is dispatched.\n"

EXAMPLE_NUMBERS = {
    "body": 2,
    "base": 16,
    "words": 1,
    "count": 3,
    "interval": 2,
    "stride": 1,
    "address": 0x40,
    "block": 1,
    "amount": -1,
    "shift": 7,
    "cycles": 200,
    "link": 0,
    "links": 1,
}
"""Values that the examples use; every build must be able to take them."""


def example_operand(field: Field, place: int) -> Any:
    """A legal operand for an instruction's example. ``place``: the field's place among the fields."""
    east = Stream(0, Direction.EAST)
    match field.form:
        case Form.UNSIGNED | Form.SIGNED:
            limit = field.limit if isinstance(field.limit, int) else None
            value = EXAMPLE_NUMBERS[field.name]
            return value if limit is None else min(value, limit - 1)
        case Form.CHOICE:
            return field.choices[-1]
        case Form.ALU:
            return Alu(0)
        case Form.STREAM if field.group == 1:
            return Stream(place, Direction.EAST)
        case Form.STREAM:
            return east
        case Form.OPTIONAL_STREAM:
            return Stream(4, Direction.WEST)
        case Form.TYPED_DEST:
            return TypedStream(Stream(4, Direction.EAST), DType.I32)
        case Form.VXM_SOURCE:
            return TypedStream(east, DType.I8) if field.name == "a" else Immediate(-5)


def example(op: Op) -> Any:
    """The instruction that an instruction's page shows as its example."""
    shown = [field for field in op.fields if field.name != "immediate"]
    values = {field.name: example_operand(field, place) for place, field in enumerate(shown)}
    if "address" in values and op.name in ("ACC", "DRAIN"):
        values["address"] = 1
    return op.make(**values)


def latency(name: str, cycles: Cycles | None, configs: tuple[ChipConfig, ...]) -> str:
    """One line on a latency: its formula and, where builds differ, its value in each."""
    if cycles is None:
        return f"* {name}: none\n"
    values = ", ".join(f"{config.name} {cycles(config)}" for config in configs)
    unit = "cycle" if str(cycles) == "1" else "cycles"
    return f"* {name}: {cycles} {unit}" + (f" ({values})\n" if cycles.varies else "\n")


def _latencies(op: Op) -> list[tuple[str, Cycles | None]]:
    """The latencies that an instruction's section lists: `chain` only where a result is held."""
    return [("d_skew", op.d_skew), ("d_func", op.d_func), *([("chain", op.chain)] if op.chain else [])]


def _where(op: Op) -> str:
    """Which builds, or which ALUs, have an instruction that not all have."""
    if op.chain is not None:
        return f"In ALUs below [`{op.needs}`](../builds.md)."
    return f"In builds with [`{op.needs}`](../builds.md)."


def instruction(op: Op, configs: tuple[ChipConfig, ...]) -> str:
    """The section of one instruction."""
    shown = example(op)
    errors = [f"* {text}\n" for text in op.errors]
    if op.fields:
        errors.append("* An operand that the table above does not allow.\n")
    parts = [
        f"## {op.name}\n",
        f"{op.summary}\n",
        f"**Syntax.** `{op.syntax}`, for example `{shown}` = `{shown.word:#x}`\n",
        f"**Encoding.** Opcode `{op.code:#04x}` in bits 7-0. Bits that no field takes are 0.\n",
        bit_diagram(op),
        field_table(op, configs) if op.fields else "",
        f"**Operation.** {op.operation}\n",
        "**Latency.**\n",
        "".join(latency(name, cycles, configs) for name, cycles in _latencies(op)),
        f"**Where.** {_where(op)}\n" if op.needs else "",
        "**Errors.**\n",
        "".join(errors) or "None.\n",
    ]
    return "\n".join(part for part in parts if part)


def control_page(configs: tuple[ChipConfig, ...]) -> str:
    """The page of the instructions that every queue has."""
    sections = [instruction(op, configs) for op in CONTROL]
    return "\n".join([GENERATED, f"# {CONTROL_TITLE}\n", CONTROL_NOTE, *sections])


def slice_page(kind: Kind, configs: tuple[ChipConfig, ...]) -> str:
    """The page of all units of one kind of slice."""
    parts = [GENERATED, f"# {TITLES[kind]}\n"]
    for unit in (unit for unit in UNITS if unit.kind is kind):
        own = [op for op in unit.ops if op not in CONTROL]
        names = ", ".join(f"[{op.name}](#{op.name.lower()})" for op in own)
        stride = f"REPEAT's stride advances `{unit.stride.name}`." if unit.stride else "REPEAT takes stride 0 only."
        parts.append(f"Queue `{unit.name}`: {unit.doc} {names}. {stride}\n")
    for unit in (unit for unit in UNITS if unit.kind is kind):
        parts += [instruction(op, configs) for op in unit.ops if op not in CONTROL]
    return "\n".join(parts)
