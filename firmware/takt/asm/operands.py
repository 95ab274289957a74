"""Instructions and their operands in text."""

from __future__ import annotations

import re
from typing import Any

from takt_hw.config import ChipConfig
from takt_hw.isa import Alu, Direction, DType, Field, Form, Immediate, Instruction, Stream, TypedStream, Unit

from .lexer import Token, TokenKind
from .reader import Reader

_STREAM = re.compile(r"s([0-9]{1,4})([ew])", re.ASCII)
_ALU = re.compile(r"alu([0-9]{1,4})", re.ASCII)
_DTYPES = {dtype.text: dtype for dtype in DType}


def instruction(reader: Reader, unit: Unit, config: ChipConfig) -> Instruction:
    """One instruction of a unit: its name and operands. SourceError at the operand that breaks a rule of the build."""
    name = reader.name("instruction")
    op = unit.by_name.get(name.text)
    if op is None:
        known = ", ".join(unit.by_name)
        raise name.fault(f"instruction must be one of the {unit.name} unit's ({known}), not {name.text}")
    fields = [f for f in op.fields if f.name != "immediate"]
    values: dict[str, Any] = {}
    places: dict[str, Token] = {}
    for index, f in enumerate(fields):
        if index:
            reader.need(",")
        elif reader.next.kind is TokenKind.END:
            raise reader.next.fault(f"operands must be given: {op.syntax}")
        places[f.name] = reader.next
        values[f.name] = operand(reader, f)
    reader.end()
    found = Instruction(op, values)
    try:
        broken = found.violations(config)
        found.word  # noqa: B018 - encoding is the check
    except ValueError as error:
        broken = broken or [str(error).removeprefix(f"{op.name}: ")]
    if broken:
        place = places.get(broken[0].partition(" ")[0], name)
        raise place.fault(f"{op.name}: {broken[0]}")
    return found


def operand(reader: Reader, f: Field) -> Any:
    """The value of one operand. SourceError if the text is none of the field's form."""
    token = reader.next
    match f.form:
        case Form.UNSIGNED | Form.SIGNED:
            return reader.expression()
        case Form.CHOICE:
            if token.text not in f.choices:
                raise token.fault(f"{f.name} must be one of {', '.join(f.choices)}, not {token.text}")
            return reader.take().text
        case Form.STREAM:
            return _stream(reader, f, "a stream like s0e")
        case Form.OPTIONAL_STREAM:
            return None if _none(reader) else _stream(reader, f, "a stream like s0e, or none")
        case Form.TYPED_DEST:
            return None if _none(reader) else _typed(reader, f, "a typed stream like s0e:i8, or none")
        case Form.ALU:
            return _alu(reader) or _refuse(token, f, "an ALU like alu0")
        case Form.VXM_SOURCE:
            if reader.accept("#"):
                return Immediate(reader.expression())
            return _alu(reader) or _typed(reader, f, "a typed stream like s0e:i8, an ALU like alu0 or a number like #5")


def _refuse(token: Token, f: Field, wanted: str) -> Any:
    raise token.fault(f"{f.name} must be {wanted}, not {token.text}")


def _none(reader: Reader) -> bool:
    return reader.next.text == "none" and reader.take() is not None


def _stream(reader: Reader, f: Field, wanted: str) -> Stream:
    token = reader.next
    match = _STREAM.fullmatch(token.text)
    if match is None:
        return _refuse(token, f, wanted)
    reader.take()
    return Stream(int(match[1]), Direction("ew".index(match[2])))


def _typed(reader: Reader, f: Field, wanted: str) -> TypedStream:
    stream = _stream(reader, f, wanted)
    reader.need(":")
    dtype = reader.next
    if dtype.text not in _DTYPES:
        raise dtype.fault(f"{f.name} must have the type {' or '.join(_DTYPES)}, not {dtype.text}")
    reader.take()
    return TypedStream(stream, _DTYPES[dtype.text])


def _alu(reader: Reader) -> Alu | None:
    match = _ALU.fullmatch(reader.next.text)
    if match is None:
        return None
    reader.take()
    return Alu(int(match[1]))
