"""Which rows of the instruction table, with which data types and modes, the RTL has executed.

A lockstep run adds what each program dispatched once RTL and reference have agreed on it, so whatever
is covered here was executed by the RTL and compared with the reference.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from takt_hw import isa
from takt_hw.config import ChipConfig
from takt_hw.isa import Alu, DType, Field, Form, Immediate, Instruction, Op, Unit

from .timeline import Timeline


def all_rows(config: ChipConfig) -> list[str]:
    """Every row that a build can execute: each operation of each unit, with each type and mode of each operand."""
    units = dict.fromkeys(queue.unit for queue in isa.queues(config))
    return [row for unit in units for op in unit.ops if _has(config, op) for row in _rows(unit, op)]


def _has(config: ChipConfig, op: Op) -> bool:
    return op.needs is None or bool(getattr(config, op.needs))


def _rows(unit: Unit, op: Op) -> Iterator[str]:
    """One row for the operation, and one for each choice that an operand has."""
    name = f"{unit.kind.value}.{unit.name} {op.name}"
    yield name
    for f in op.fields:
        for choice in _choices(f):
            yield f"{name} {f.name}={choice}"


def _choices(f: Field) -> list[str]:
    types = [dtype.text for dtype in DType]
    match f.form:
        case Form.CHOICE:
            return list(f.choices)
        case Form.OPTIONAL_STREAM:
            return ["none", "stream"]
        case Form.TYPED_DEST:
            return ["none", *types]
        case Form.VXM_SOURCE:
            return [*types, *(f"alu:{text}" for text in types), "immediate"]
    return []


@lru_cache(1 << 15)
def _executed(unit_name: str, word: int) -> tuple[str, ...]:
    unit = _UNITS[unit_name]
    instruction = unit.decode(word)
    name = f"{unit.kind.value}.{unit.name} {instruction.op.name}"
    fields = [f for f in instruction.op.fields if _choices(f)]
    return (name, *(f"{name} {f.name}={_choice(f, instruction)}" for f in fields))


_UNITS = {unit.name: unit for unit in isa.UNITS}


def _choice(f: Field, instruction: Instruction) -> str:
    value = instruction[f.name]
    if value is None:
        return "none"
    if isinstance(value, str):
        return value
    if isinstance(value, Immediate):
        return "immediate"
    if f.form is Form.OPTIONAL_STREAM:
        return "stream"
    return f"alu:{value.dtype.text}" if isinstance(value, Alu) else value.dtype.text


@dataclass
class Coverage:
    """Rows that were executed, and by what."""

    by: dict[str, str] = field(default_factory=dict)
    """The first program that executed a row."""

    def add(self, timeline: Timeline, program: str) -> None:
        """What a program executed on the RTL."""
        done = [(d.queue.unit.name, d.instruction.word) for d in timeline.dispatches]
        done += [(c.queue.unit.name, c.instruction.word) for c in timeline.control]
        for unit, word in done:
            for row in _executed(unit, word):
                self.by.setdefault(row, program)

    def report(self, rows: Iterable[str]) -> dict:
        """``rows`` and ``covered`` as counts, ``missing`` as a list, ``by`` as the first program of each row."""
        wanted = list(rows)
        missing = [row for row in wanted if row not in self.by]
        return {
            "rows": len(wanted),
            "covered": len(wanted) - len(missing),
            "missing": missing,
            "by": {row: self.by[row] for row in wanted if row in self.by},
        }

    def write(self, rows: Iterable[str], path: Path) -> dict:
        """Write the report as JSON, and to be read as Markdown beside it; return it."""
        found = self.report(rows)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found, indent=1) + "\n")
        path.with_suffix(".md").write_text(_page(found))
        return found


def _page(report: dict) -> str:
    """A table of all rows with the first program that executed each."""
    lines = [
        "# Coverage of the instruction table",
        "",
        f"{report['covered']} of {report['rows']} rows were executed.",
        "",
    ]
    lines += ["| unit and instruction | operand | executed first by |", "| --- | --- | --- |"]
    for row, program in [*((row, "**never**") for row in report["missing"]), *report["by"].items()]:
        unit, op, *operand = row.split(" ")
        lines.append(f"| {unit} {op} | {' '.join(operand)} | {program} |")
    return "\n".join(lines) + "\n"
