"""Short ways to write programs in tests."""

from __future__ import annotations

from takt_hw import isa
from takt_hw.isa import Alu, Direction, DType, Immediate, Instruction, Stream, TypedStream


def stream(text: str) -> Stream:
    """``s3e`` or ``s3w``."""
    return Stream(int(text[1:-1]), Direction("ew".index(text[-1])))


def source(text: str) -> TypedStream | Alu | Immediate:
    """``s3e:i8``, ``alu1`` or ``#-5``."""
    if text.startswith("#"):
        return Immediate(int(text[1:]))
    if text.startswith("alu"):
        return Alu(int(text[3:]))
    name, dtype = text.split(":")
    return TypedStream(stream(name), DType[dtype.upper()])


def read(dst: str, address: int) -> Instruction:
    return isa.READ.make(dst=stream(dst), address=address)


def write(src: str, address: int) -> Instruction:
    return isa.WRITE.make(src=stream(src), address=address)


def alu(op: isa.Op, dst: str | None, *sources: str, **more: object) -> Instruction:
    """A VXM operation; sources in the order a, b."""
    operands = {name: source(text) for name, text in zip("ab", sources, strict=False)}
    return op.make(dst=source(dst) if dst else None, **operands, **more)


def acc(address: int, mode: str, dst: str | None = None) -> Instruction:
    return isa.ACC.make(address=address, mode=mode, dst=stream(dst) if dst else None)


def repeat(count: int, interval: int, stride: int = 0) -> Instruction:
    return isa.REPEAT.make(count=count, interval=interval, stride=stride)


def nop(count: int) -> Instruction:
    return isa.NOP.make(count=count)


SYNC, NOTIFY, IW = isa.SYNC.make(), isa.NOTIFY.make(), isa.IW.make()


def text(queues: dict[str, list]) -> dict[str, list[int]]:
    """Words by queue. An entry is an instruction, or (cycle, instruction) with NOPs up to that cycle.

    REPEAT counts as ``count * interval`` cycles; times do not reach across a SYNC.
    """
    result = {}
    for name, entries in queues.items():
        words, now = [], 0
        for entry in entries:
            cycle, instruction = entry if isinstance(entry, tuple) else (now, entry)
            assert cycle >= now, f"{name}: cycle {cycle} is past"
            if cycle > now:
                words.append(isa.NOP.encode(count=cycle - now))
            words.append(instruction.word)
            values = instruction.values
            now = cycle + (values["count"] * values.get("interval", 1) if "count" in values else 1)
        result[name] = words
    return result
