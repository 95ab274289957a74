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


def write_masked(src: str, address: int, mask: str) -> Instruction:
    return isa.WRITE_MASKED.make(src=stream(src), address=address, mask=stream(mask))


def gather(dst: str, addresses: str) -> Instruction:
    return isa.GATHER.make(dst=stream(dst), map=stream(addresses))


def scatter(src: str, addresses: str) -> Instruction:
    return isa.SCATTER.make(src=stream(src), map=stream(addresses))


def alu(op: isa.Op, dst: str | None, *sources: str, **more: object) -> Instruction:
    """A VXM operation; sources in the order a, b."""
    operands = {name: source(text) for name, text in zip("ab", sources, strict=False)}
    return op.make(dst=source(dst) if dst else None, **operands, **more)


def acc(address: int, mode: str, dst: str | None = None) -> Instruction:
    return isa.ACC.make(address=address, mode=mode, dst=stream(dst) if dst else None)


def drain(address: int, dst: str | None = None) -> Instruction:
    return isa.DRAIN.make(address=address, dst=stream(dst) if dst else None)


def repeat(count: int, interval: int, stride: int = 0) -> Instruction:
    return isa.REPEAT.make(count=count, interval=interval, stride=stride)


def nop(count: int) -> Instruction:
    return isa.NOP.make(count=count)


def loop(count: int, *body: Instruction | list[Instruction], stride: int = 0) -> list[Instruction]:
    """A LOOP and its body, in which further loops may stand."""
    words = flat(*body)
    return [isa.LOOP.make(count=count, body=len(words), stride=stride), *words]


def flat(*parts: Instruction | list[Instruction]) -> list[Instruction]:
    """Instructions and lists of them, as one list."""
    return [i for part in parts for i in (part if isinstance(part, list) else [part])]


def config(base: int) -> Instruction:
    return isa.CONFIG.make(base=base)


def ifetch(src: str, words: int) -> Instruction:
    return isa.IFETCH.make(src=stream(src), words=words)


SYNC, NOTIFY, IW = isa.SYNC.make(), isa.NOTIFY.make(), isa.IW.make()


def text(queues: dict[str, list]) -> dict[str, list[int]]:
    """Words by queue. An entry is an instruction, or (cycle, instruction) with NOPs up to that cycle.

    REPEAT counts as ``count * interval`` cycles; times do not reach across a SYNC or a LOOP. Lists, as of
    `loop`, are taken as if their items stood there.
    """
    result = {}
    for name, entries in queues.items():
        words, now = [], 0
        for entry in flat(*entries):
            cycle, instruction = entry if isinstance(entry, tuple) else (now, entry)
            assert cycle >= now, f"{name}: cycle {cycle} is past"
            if cycle > now:
                words.append(isa.NOP.encode(count=cycle - now))
            words.append(instruction.word)
            values = instruction.values
            waits = instruction.op in (isa.NOP, isa.REPEAT)
            now = cycle + (values["count"] * values.get("interval", 1) if waits else 1)
        result[name] = words
    return result
