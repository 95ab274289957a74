"""The instruction set's overview, the builds and the host's frames: pages of tables."""

from collections.abc import Iterator

from ..config import ChipConfig
from ..isa import (
    CONTROL,
    OPCODE_BITS,
    UNITS,
    WORD_BITS,
    DType,
    Field,
    Form,
    Op,
    Role,
    Unit,
    deskew_minimum,
    host,
    queues,
)
from .encoding import FORM_NAMES, FORMS
from .instructions import CONTROL_TITLE, TITLES
from .markdown import GENERATED, attribute_texts, table

HEAD = f"""An instruction word has {WORD_BITS} bits, one superlane's share of a vector. Bits {OPCODE_BITS - 1}-0 are the
opcode. Bits that an instruction does not use are 0; a queue stores only the low bits that its unit needs. Opcodes are
looked up within the unit: one name may stand for different instructions in different units. What the cycles below mean
is in [timing](timing.md).
"""


QUEUES_NOTE = f"""A slice has one queue of each of its units, the VXM one per ALU, a C2C one per link. Each also takes
{", ".join(op.name for op in CONTROL)}. The last columns count the queues of each build.
"""


def isa_page(configs: tuple[ChipConfig, ...]) -> str:
    """Overview of the instruction set: all instructions, units and operand forms."""
    pages = [f"* [{CONTROL_TITLE}](isa/control.md)\n"]
    pages += [f"* [{title}](isa/{kind.value.lower()}.md)\n" for kind, title in TITLES.items()]
    rows = []
    for page, unit, op in _instructions():
        latencies = op.d_skew or "–", op.d_func or "–", op.chain or "–"
        link = f"[{op.name}](isa/{page}.md#{op.name.lower()})"
        rows.append((link, unit, f"`{op.code:#04x}`", op.summary, *latencies))
    units = [
        (
            f"`{_queue_suffix(unit)}`",
            unit.kind.value,
            ", ".join(op.name for op in unit.ops if op not in CONTROL),
            unit.word_bits,
            f"`{unit.stride.name}`" if unit.stride else "–",
            *(sum(queue.unit is unit for queue in queues(config)) for config in configs),
        )
        for unit in UNITS
    ]
    names = [config.name for config in configs]
    return "\n".join(
        [
            GENERATED,
            "# The instruction set\n",
            HEAD,
            "".join(pages),
            "## Instructions\n",
            table(("instruction", "queue", "opcode", "summary", "d_skew", "d_func", "chain"), rows),
            "A result that an ALU holds can be taken by dispatches from `chain` cycles after its own on.\n",
            "## Queues\n",
            QUEUES_NOTE,
            table(("queue", "slice", "instructions", "bits stored", "stride field", *names), units),
            "## Forms of fields\n",
            table(("form", "bits"), [(FORM_NAMES[form], text) for form, text in FORMS.items()]),
            "## Streams that an operand can name\n",
            _stream_rules(configs),
        ]
    )


def builds_page(configs: tuple[ChipConfig, ...]) -> str:
    """Sizes of every named build."""
    names = [config.name for config in configs]
    texts = attribute_texts(ChipConfig)
    sizes = [name for name in texts if name not in ("name", "row")]
    derived = [
        "lanes",
        "positions",
        "bank_words",
        "transpose_size",
        "map_streams",
        "weight_blocks",
        "macs",
        "links",
        "packet_cycles",
    ]
    row = [(config.name, " ".join(kind.value for kind in config.row), config.digest.hex()) for config in configs]
    chosen = [(f"`{n}`", texts[n], *(getattr(config, n) for config in configs)) for n in sizes]
    follows = [(f"`{n}`", _text_of_property(n), *(getattr(config, n) for config in configs)) for n in derived]
    follows.append(("memory", "Bytes in all MEM slices.", *(_memory_bytes(config) for config in configs)))
    follows.append(("deskew_minimum", "Least `cycles` of a RUNTIME_DESKEW.", *(deskew_minimum(c) for c in configs)))
    follows.append(("queues", "Instruction queues.", *(len(queues(config)) for config in configs)))
    return "\n".join(
        [
            GENERATED,
            "# Builds\n",
            "A build is one value of `takt_hw.config.ChipConfig`. A program runs only on a chip with its digest.\n",
            table(("build", "row, west to east", "digest"), row),
            "## Chosen sizes\n",
            table(("size", "meaning", *names), chosen),
            "## What follows from them\n",
            table(("size", "meaning", *names), follows),
            "## Slices and positions\n",
            *(_positions(config) for config in configs),
        ]
    )


def host_page() -> str:
    """Frames of the host port."""
    offset, rows = 0, []
    for name, size in host.HEADER_FIELDS:
        rows.append((offset, size, name))
        offset += size
    parts = [
        GENERATED,
        "# Frames of the host port\n",
        "How host and chip converse is in [the host port](host.md).\n",
        "## Header beat\n",
        f"{host.BEAT_BYTES} bytes, little-endian. The magic is `{host.MAGIC:#06x}`; a response carries its request's "
        f"command + `{host.RESPONSE:#04x}`. A frame holds at most {host.MAX_BEATS} payload beats. Protocol version "
        f"{host.PROTOCOL_VERSION}.\n",
        table(("byte", "bytes", "field"), rows),
    ]
    for title, kind in (("Commands", host.Command), ("Status of a response", host.Status), ("Fault bits", host.Fault)):
        texts = attribute_texts(kind)
        listed = [(f"`{member.name}`", f"{member.value:#04x}", texts.get(member.name, "")) for member in kind]
        parts += [f"## {title}\n", table(("name", "value", "meaning"), listed)]
    beats = (("Payload of ERRORS", host.ERROR_FIELDS), ("Payload of LINK, address 0", host.LINK_STATE_FIELDS))
    for title, fields in (*beats, ("Payload of LINK, address 1", host.LINK_COUNT_FIELDS)):
        parts += [f"## {title}\n", table(("bytes", "field"), [(size, f"`{name}`") for name, size in fields])]
    return "\n".join(parts)


def _instructions() -> Iterator[tuple[str, str, Op]]:
    """Page, queue and row of every instruction, in the order of the manual."""
    yield from (("control", "every", op) for op in CONTROL)
    for kind in TITLES:
        for unit in (unit for unit in UNITS if unit.kind is kind):
            yield from ((kind.value.lower(), f"`{_queue_suffix(unit)}`", op) for op in unit.ops if op not in CONTROL)


def _queue_suffix(unit: Unit) -> str:
    return f"{unit.name}N" if unit.per_alu or unit.per_link else unit.name


def _stream_rules(configs: tuple[ChipConfig, ...]) -> str:
    """Which aligned groups each stream operand may name, per build; operands alike in all of a unit share a line."""
    lines: dict[tuple[str, ...], list[str]] = {}
    for _, queue, op in _instructions():
        for field in op.fields:
            for text, size in _groups(field):
                sizes = [getattr(config, size) if isinstance(size, str) else size for config in configs]
                groups = [_group_list(size, config) for size, config in zip(sizes, configs, strict=True)]
                way = "out" if field.role is Role.DEST else "in"
                named = lines.setdefault((queue, f"`{field.name}`{text}", way, *groups), [])
                named.append(op.name)
    own = {f"`{_queue_suffix(unit)}`": len(unit.ops) - len(CONTROL) for unit in UNITS}
    rows = [(key[0], "all" if len(ops) == own.get(key[0]) else ", ".join(ops), *key[1:]) for key, ops in lines.items()]
    return table(("queue", "instruction", "operand", "way", *(config.name for config in configs)), rows)


def _groups(field: Field) -> list[tuple[str, int | str]]:
    match field.form:
        case Form.STREAM | Form.OPTIONAL_STREAM:
            return [("", field.group)]
        case Form.TYPED_DEST | Form.VXM_SOURCE:
            return [(f" `:{dtype.text}`", dtype.streams) for dtype in DType]
        case _:
            return []


def _group_list(size: int, config: ChipConfig) -> str:
    first = list(range(0, config.streams, size))
    return f"any of s0…s{config.streams - 1}" if size == 1 else ", ".join(f"s{n}…s{n + size - 1}" for n in first)


def _text_of_property(name: str) -> str:
    return " ".join((getattr(ChipConfig, name).__doc__ or "").split()).replace("``", "`")


def _memory_bytes(config: ChipConfig) -> int:
    return len(config.mem_slices) * config.mem_words * config.lanes


def _positions(config: ChipConfig) -> str:
    """Which slices stand at each position of a build."""
    rows = []
    for position, kind in enumerate(config.row):
        here = [s.name for s in config.slices if s.position == position]
        rows.append((position, kind.value, ", ".join(here)))
    return f"### {config.name}\n\n" + table(("position", "kind", "slices"), rows)
