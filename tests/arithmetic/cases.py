"""Every floating-point operation in every type, with what SoftFloat says of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from takt_hw import isa
from takt_hw.isa import Direction, DType, Immediate, Instruction, Source, Stream, TypedStream

from . import softfloat, vectors

ONE = Immediate(0x3F800000)

Words = np.ndarray


@dataclass(frozen=True)
class Case:
    """One operation in one type."""

    name: str
    instruction: Instruction
    kinds: tuple[str, str]
    """What the operands are drawn as."""
    oracle: Callable[[Words, Words], Words]

    def operands(self, seed: int, count: int) -> tuple[Words, Words]:
        """uint32[count] each, the same for the same seed."""
        rng = np.random.default_rng([seed, *self.name.encode()])
        return vectors.pairs(rng, self.kinds, count)


def stream(number: int, kind: str) -> TypedStream:
    """A source operand of a type."""
    return TypedStream(Stream(number, Direction.EAST), DType[kind.upper()])


def case(name: str, op: isa.Op, kinds: tuple[str, str], oracle: Callable, b: Source | None = None, **modes) -> Case:
    values = {"dst": None, "a": stream(0, kinds[0]), "b": b or stream(4, kinds[1])} | modes
    instruction = op.make(**{f.name: values[f.name] for f in op.fields if f.name in values})
    return Case(name, instruction, kinds, oracle)


def _arithmetic() -> list[Case]:
    found = []
    for kind in ("f32", "f16"):
        both = (kind, kind)
        for op, name in ((isa.FADD, "add"), (isa.FSUB, "sub"), (isa.FMUL, "mul")):
            found.append(case(f"{op.name} {kind}", op, both, partial(softfloat.binary, name, kind), to=kind))
        for op, largest in ((isa.FMIN, False), (isa.FMAX, True)):
            oracle = partial(softfloat.extreme, kind, largest)
            found.append(case(f"{op.name} {kind}", op, both, oracle, to=kind))
        for op, name in ((isa.FEQ, "eq"), (isa.FLT, "lt_quiet"), (isa.FLE, "le_quiet")):
            found.append(case(f"{op.name} {kind}", op, both, partial(softfloat.comparison, name, kind)))
        found.append(case(f"FNE {kind}", isa.FNE, both, partial(_differs, kind)))
        for op, largest in ((isa.FNEG, None), (isa.FABS, True)):
            oracle = partial(_signed, kind, largest is not None)
            found.append(case(f"{op.name} {kind}", op, both, oracle, to=kind))
    for op, name in ((isa.FADD, "add"), (isa.FSUB, "sub"), (isa.FMUL, "mul")):
        found.append(case(f"{op.name} f32 to f16", op, ("f32", "f32"), partial(softfloat.narrow_sum, name), to="f16"))
    return found


def _differs(kind: str, a: Words, b: Words) -> Words:
    return 1 - softfloat.comparison("eq", kind, a, b)


def _signed(kind: str, magnitude: bool, a: Words, b: Words) -> Words:
    """Negated, or without sign; SoftFloat has neither, so its conversion to the same type gives flush and NaN."""
    value = softfloat.converted(kind, kind, a)
    sign = np.uint32(1 << (8 * softfloat.BYTES[kind] - 1))
    is_nan = value == softfloat.NAN[kind]
    return np.where(is_nan, value, value & ~sign if magnitude else value ^ sign).astype(np.uint32)


def _conversions() -> list[Case]:
    found = []
    for source in ("f32", "f16", "i32", "i8", "u8"):
        for to in isa.TO_ANY.choices:
            integer = source in softfloat.RANGE
            oracle = partial(_clipped if integer and to in softfloat.RANGE else _converted, source, to)
            modes = {"to": to, "from": "i32" if integer else "f32"}
            found.append(case(f"CONVERT {source} to {to}", isa.CONVERT, (source, "f32"), oracle, ONE, **modes))
    for source in ("f32", "i32"):
        for to in isa.TO_ANY.choices:
            oracle = partial(softfloat.scaled, source, to)
            modes = {"to": to, "from": source}
            found.append(case(f"CONVERT {source} scaled to {to}", isa.CONVERT, (source, "f32"), oracle, **modes))
    return found


def _clipped(source: str, to: str, a: Words, b: Words) -> Words:
    """One integer type as another: NumPy's clip."""
    integer = {"i32": np.int32, "i8": np.int8, "u8": np.uint8}[source]
    value = a.astype(np.uint32).astype(integer, casting="unsafe").astype(np.int64)
    return (np.clip(value, *softfloat.RANGE[to]) & 0xFFFFFFFF).astype(np.uint32)


def _converted(source: str, to: str, a: Words, b: Words) -> Words:
    return softfloat.converted(source, to, a)


def _mul_sat(a: Words, b: Words) -> Words:
    exact = a.view(np.int32).astype(np.int64) * b.view(np.int32)
    return (np.clip(exact, -(2**31), 2**31 - 1) & 0xFFFFFFFF).astype(np.uint32)


CASES = (*_arithmetic(), *_conversions(), case("MUL_SAT i32", isa.MUL_SAT, ("i32", "i32"), _mul_sat))
