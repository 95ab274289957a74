"""Instructions and their operands in text."""

from __future__ import annotations

import re
from math import isinf
from typing import Any

from takt_hw import isa
from takt_hw.config import ChipConfig
from takt_hw.isa import Alu, Direction, DType, Field, Form, Immediate, Instruction, Queue, Stream, TypedStream

from .lexer import Token, TokenKind
from .reader import Reader

_STREAM = re.compile(r"s([0-9]{1,4})([ew])", re.ASCII)
_ALU = re.compile(r"alu([0-9]{1,4})", re.ASCII)
_DTYPES = {dtype.text: dtype for dtype in DType}


def instruction(reader: Reader, queue: Queue, config: ChipConfig) -> Instruction:
    """One instruction of a queue: its name and operands. SourceError at the operand that breaks a rule of the build."""
    name = reader.name("instruction")
    unit = queue.unit
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
    return _checked(name, Instruction(op, values), places, config, queue)


def loop(reader: Reader, config: ChipConfig) -> tuple[Instruction, bool]:
    """``LOOP count`` or ``LOOP count, stride``, whose body a later END closes, or all three operands of the row.

    The instruction, and whether an END closes it; its body then counts for nothing. SourceError as `instruction`.
    """
    name = reader.name("instruction")
    if reader.next.kind is TokenKind.END:
        raise reader.next.fault("operands must be given: LOOP count, stride")
    found: list[int] = []
    tokens: list[Token] = []
    while not found or (len(found) < len(isa.LOOP.fields) and reader.accept(",")):
        tokens.append(reader.next)
        found.append(reader.expression())
    reader.end()
    fields = ["count", "body", "stride"] if len(found) == len(isa.LOOP.fields) else ["count", "stride"]
    values = {"body": 1, "stride": 0} | dict(zip(fields, found, strict=False))
    places = dict(zip(fields, tokens, strict=False))
    return _checked(name, Instruction(isa.LOOP, values), places, config), "body" not in places


def _checked(
    name: Token, found: Instruction, places: dict[str, Token], config: ChipConfig, queue: Queue | None = None
) -> Instruction:
    """An instruction that the build can hold. SourceError at the operand that breaks a rule."""
    try:
        broken = found.violations(config, queue)
        found.word  # noqa: B018 - encoding is the check
    except ValueError as error:
        broken = broken or [str(error).removeprefix(f"{found.op.name}: ")]
    if broken:
        place = places.get(broken[0].partition(" ")[0], name)
        raise place.fault(f"{found.op.name}: {broken[0]}")
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
            return _alu(reader, f, typed=False) or _refuse(token, f, "an ALU like alu0")
        case Form.VXM_SOURCE:
            if reader.accept("#"):
                return _immediate(reader, f)
            return _alu(reader, f) or _typed(
                reader, f, "a typed stream like s0e:i8, an ALU like alu0 or a number like #5"
            )


def _immediate(reader: Reader, f: Field) -> Immediate:
    """An integer expression as it is, or a signed floating-point number, ``inf`` or ``nan`` as fp32 bits."""
    place = reader.place
    negative = reader.accept("-")
    token = reader.take()
    if token.kind is not TokenKind.FLOAT and (token.text not in ("inf", "nan") or token.text in reader.constants):
        reader.place = place
        return Immediate(reader.expression())
    value = float(token.text)
    try:
        if isinf(value) and token.text != "inf":
            raise ValueError
        return Immediate.of_float(-value if negative else value)
    except ValueError:
        raise token.fault(f"{f.name} must fit fp32, not {token.text}") from None


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
    return TypedStream(stream, _dtype(reader, f))


def _dtype(reader: Reader, f: Field) -> DType:
    token = reader.next
    if token.text not in _DTYPES:
        raise token.fault(f"{f.name} must have the type {' or '.join(_DTYPES)}, not {token.text}")
    reader.take()
    return _DTYPES[token.text]


def _alu(reader: Reader, f: Field, typed: bool = True) -> Alu | None:
    match = _ALU.fullmatch(reader.next.text)
    if match is None:
        return None
    reader.take()
    return Alu(int(match[1]), _dtype(reader, f)) if typed and reader.accept(":") else Alu(int(match[1]))
