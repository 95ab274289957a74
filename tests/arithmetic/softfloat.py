"""What Berkeley SoftFloat says, under the rules of the manual: subnormal fp32 is zero, and there is one NaN."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import softfloatpy as sf

NAN = {"f32": 0x7FC00000, "f16": 0x7E00}
FORMATS = {"f32": sf.Float32, "f16": sf.Float16}
BYTES = {"f32": 4, "f16": 2}
RANGE = {"i32": (-(2**31), 2**31 - 1), "i8": (-128, 127), "u8": (0, 255)}


def numbers(words: np.ndarray, kind: str) -> list:
    """SoftFloat numbers of bits; subnormal fp32 flushed to a zero of its sign."""
    if kind == "f32":
        words = np.where(words & 0x7F800000, words, words & 0x80000000)
    size = BYTES[kind]
    raw, make = words.astype(f">u{size}").tobytes(), FORMATS[kind].from_bytes
    return [make(raw[n : n + size]) for n in range(0, len(raw), size)]


def bits(results: list, kind: str) -> np.ndarray:
    """uint32[n] of SoftFloat numbers."""
    words = np.frombuffer(b"".join([r.to_bytes() for r in results]), f">u{BYTES[kind]}").astype(np.uint32)
    magnitude = words & (0x7FFFFFFF if kind == "f32" else 0x7FFF)
    if kind == "f32":
        words = np.where(magnitude < 0x00800000, words & 0x80000000, words)
    infinity = 0x7F800000 if kind == "f32" else 0x7C00
    return np.where(magnitude > infinity, NAN[kind], words).astype(np.uint32)


def binary(name: str, kind: str, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """``add``, ``sub`` or ``mul``."""
    operate = getattr(sf, f"{kind}_{name}")
    return bits([operate(x, y) for x, y in zip(numbers(a, kind), numbers(b, kind), strict=True)], kind)


def comparison(name: str, kind: str, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """``eq``, ``lt_quiet`` or ``le_quiet``, as 1 or 0."""
    compare = getattr(sf, f"{kind}_{name}")
    both = zip(numbers(a, kind), numbers(b, kind), strict=True)
    return np.fromiter((bool(compare(x, y)) for x, y in both), np.uint32, len(a))


def extreme(kind: str, largest: bool, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The smaller or larger operand by SoftFloat's `<`; of two zeros the negative is the smaller."""
    x, y = numbers(a, kind), numbers(b, kind)
    below = comparison("lt_quiet", kind, a, b).astype(bool)
    a_bits, b_bits = bits(x, kind), bits(y, kind)
    equal = comparison("eq", kind, a, b).astype(bool)
    negative = a_bits >> (8 * BYTES[kind] - 1) == 1
    first = np.where(equal, negative, below)
    chosen = np.where(first ^ largest, a_bits, b_bits)
    nan = np.fromiter((p.is_nan() or q.is_nan() for p, q in zip(x, y, strict=True)), bool, len(a))
    return np.where(nan, NAN[kind], chosen).astype(np.uint32)


def converted(source: str, to: str, a: np.ndarray) -> np.ndarray:
    """One type as another."""
    if source in RANGE:
        least = RANGE[source][0]
        signed = a.view(np.int32) if source == "i32" else a.astype(np.int8) if least else a
        convert = getattr(sf, f"i32_to_{to}")
        return bits([convert(sf.Int32.from_int(int(value))) for value in signed], to)
    given = numbers(a, source)
    if to in RANGE:
        return _integers(given, lambda x: getattr(sf, f"{source}_to_i32")(x, sf.RoundingMode.NEAR_EVEN), to)
    if source == to:
        return bits(given, to)
    convert = getattr(sf, f"{source}_to_{to}")
    return bits([convert(x) for x in given], to)


def scaled(source: str, to: str, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """``a`` (``i32`` or ``f32``) times fp32 ``b``, rounded once: the product is exact in fp128."""
    if source == "i32":
        first = [sf.i32_to_f128(sf.Int32.from_int(int(value))) for value in a.view(np.int32)]
    else:
        first = [sf.f32_to_f128(x) for x in numbers(a, "f32")]
    products = [sf.f128_mul(x, sf.f32_to_f128(y)) for x, y in zip(first, numbers(b, "f32"), strict=True)]
    if to in RANGE:
        return _integers(products, lambda x: sf.f128_to_i32(x, sf.RoundingMode.NEAR_EVEN), to)
    convert = getattr(sf, f"f128_to_{to}")
    return bits([convert(x) for x in products], to)


def narrow_sum(name: str, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """``add``, ``sub`` or ``mul`` of fp32 rounded once to fp16: in fp128, with a sticky lowest bit."""
    operate = getattr(sf, f"f128_{name}")
    results = []
    for x, y in zip(numbers(a, "f32"), numbers(b, "f32"), strict=True):
        sf.set_exception_flags(sf.ExceptionFlag(0))
        sf.set_rounding_mode(sf.RoundingMode.MIN_MAG)
        exact = operate(sf.f32_to_f128(x), sf.f32_to_f128(y))
        sf.set_rounding_mode(sf.RoundingMode.NEAR_EVEN)
        if sf.test_exception_flags(sf.ExceptionFlag.INEXACT):
            raw = int.from_bytes(exact.to_bytes(), "big") | 1
            exact = sf.Float128.from_bytes(raw.to_bytes(16, "big"))
        results.append(sf.f128_to_f16(exact))
    return bits(results, "f16")


def _integers(given: list, convert: Callable, to: str) -> np.ndarray:
    """SoftFloat's int32, clamped; where it has a convention of its own, the manual's: NaN is 0, the rest saturates."""
    least, greatest = RANGE[to]
    result = np.empty(len(given), np.int64)
    for n, x in enumerate(given):
        if x.is_nan():
            result[n] = 0
        else:
            sf.set_exception_flags(sf.ExceptionFlag(0))
            value = convert(x).to_int()
            if sf.test_exception_flags(sf.ExceptionFlag.INVALID):  # out of range
                value = -(2**31) if x.to_bytes()[0] & 0x80 else 2**31 - 1
            result[n] = min(max(value, least), greatest)
    return (result & 0xFFFFFFFF).astype(np.uint32)
