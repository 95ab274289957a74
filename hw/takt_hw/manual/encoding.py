"""How one instruction's bits are shown: a diagram of the word and a table of its fields."""

from ..config import ChipConfig
from ..isa import OPCODE_BITS, DType, Field, Form, Op
from .markdown import table

_TYPES = ", ".join(f"{dtype.value} `{dtype.text}`" for dtype in DType)
_ALIGNED = ", ".join(f"`:{dtype.text}` a multiple of {dtype.streams}" for dtype in DType if dtype.streams > 1)

FORMS = {
    Form.UNSIGNED: "A number.",
    Form.SIGNED: "A number in two's complement.",
    Form.CHOICE: "The place of a name in the list of choices, from 0.",
    Form.STREAM: "Number of the stream in bits 4-0; bit 5 is 0 eastward and 1 westward. Text: `s3e`, `s3w`.",
    Form.OPTIONAL_STREAM: "Bit 6 is 1 if there is a stream, which bits 5-0 name as above; else all bits are 0. "
    "Text: `s4e` or `none`.",
    Form.TYPED_DEST: f"Bit 9 is 1 if there is a destination: type in bits 8-6 ({_TYPES}), stream in bits 5-0; "
    "else all bits are 0. Text: `s4w:i32` or `none`.",
    Form.VXM_SOURCE: "Kind in bits 10-9. 0: type in bits 8-6, stream in bits 5-0, text `s0e:i8`. 1: type in bits 8-6, "
    "number of an ALU whose held result is taken in bits 4-0, text `alu2` (type `i32`) or `alu2:f16`. 2: the immediate "
    "field, text `#-5` or `#1.5`.",
    Form.ALU: "Number of an ALU. Text: `alu2`.",
}
"""How the bits of each form of field are read, counted from the field's own bit 0."""

FORM_NAMES = {form: form.name.lower().replace("_", " ") for form in Form}


def bit_diagram(op: Op) -> str:
    """The used part of the word, highest bit first, as a text drawing of three lines."""
    cells: list[tuple[int, int, str]] = [(OPCODE_BITS - 1, 0, f"{op.code:#04x}")]
    for field in sorted(op.fields, key=lambda f: f.lsb):
        if field.lsb > cells[-1][0] + 1:
            cells.append((field.lsb - 1, cells[-1][0] + 1, "0"))
        cells.append((field.msb, field.lsb, field.name))
    numbers, names = "", ""
    for msb, lsb, name in reversed(cells):
        ends = str(msb) if msb == lsb else f"{msb} {lsb}"
        width = max(len(ends), len(name)) + 2
        left, _, right = ends.partition(" ")
        numbers += "  " + left + right.rjust(width - 2 - len(left)) + " "
        names += "|" + name.center(width)
    rule = "+" + "+".join("-" * len(cell) for cell in names[1:].split("|")) + "+"
    return f"```text\n{numbers.rstrip()}\n{rule}\n{names}|\n{rule}\n```\n"


def field_range(field: Field, config: ChipConfig) -> str:
    """Values that a number may have in a build, ``0 to 511``; empty if the form alone decides."""
    if field.form not in (Form.UNSIGNED, Form.SIGNED):
        return ""
    signed = field.form is Form.SIGNED
    upper = field.upper(config)
    if upper is None:
        upper = 1 << (field.width - signed)
        low = -upper if signed else field.minimum
    else:
        low = 1 - upper if signed else field.minimum
    return f"{low} to {upper - 1}"


def field_rule(field: Field, config: ChipConfig) -> str:
    """What a build asks of a field's operand, in words."""
    group = field.group_size(config)
    aligned = f", a multiple of {group}" if group > 1 else ""
    match field.form:
        case Form.UNSIGNED | Form.SIGNED:
            return field_range(field, config)
        case Form.CHOICE:
            return ", ".join(f"`{choice}`" for choice in field.choices)
        case Form.ALU:
            return f"`alu0` to `alu{config.vxm_alus - 1}`"
        case Form.STREAM | Form.OPTIONAL_STREAM:
            return f"below s{config.streams}{aligned}"
        case Form.TYPED_DEST:
            return f"below s{config.streams}; {_ALIGNED}"
        case Form.VXM_SOURCE:
            return f"as dst, or `alu0` to `alu{config.vxm_alus - 1}`, or an immediate"


def field_table(op: Op, configs: tuple[ChipConfig, ...]) -> str:
    """Bits, form and meaning of every field, and what each build asks of it."""
    rows = []
    for field in op.fields:
        rules = [field_rule(field, config) for config in configs]
        same = len(set(rules)) == 1
        named = [f"{config.name}: {rule}" for config, rule in zip(configs, rules, strict=True)]
        rows.append(
            (
                f"`{field.name}`",
                f"{field.msb}-{field.lsb}" if field.width > 1 else field.lsb,
                FORM_NAMES[field.form],
                field.doc,
                rules[0] if same else "; ".join(named),
            )
        )
    return table(("field", "bits", "form", "meaning", "legal"), rows)
