"""One node of a reduction tree: two numbers in, their sum or the larger of them out, two cycles later."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed

CANONICAL_NAN = 0x7FC00000
INFINITY = 0xFF

SIGNIFICAND = 27
"""Bits of an addend: 24, and three below that keep what is shifted out as guard, round and sticky bit."""

NODE_LATENCY = 2
"""Cycles from the operands of a node to its result."""


@dataclass(frozen=True)
class Entry:
    """A number on its way through the tree."""

    value: Value
    """32 bits: an integer, an fp32 number, or in a maximum its `key`."""

    index: Value
    """Lane that the number comes from."""


def key(bits: Value) -> Value:
    """An fp32 number as a signed integer that sorts like it: -0 below +0, NaN above all."""
    return Cat(bits[:31] ^ bits[31].replicate(31), bits[31])


def flushed(bits: Value) -> Value:
    """An fp32 number without its subnormals and with one NaN."""
    exponent, fraction = bits[23:31], bits[:23]
    is_nan = (exponent == INFINITY) & (fraction != 0)
    return Mux(is_nan, CANONICAL_NAN, Mux(exponent == 0, bits & 0x80000000, bits))


@dataclass
class Mode:
    """What a tree does with the numbers that pass in one cycle."""

    is_sum: Value
    is_float: Value


def node(m: Module, a: Entry, b: Entry, valid: list[Value], modes: list[Mode], name: str) -> Entry:
    """The result of two neighbours, ``a`` of the lower lane. ``valid`` and ``modes``: of its two cycles."""
    index_bits = len(a.index)
    a_value, b_value = a.value.as_signed(), b.value.as_signed()
    total = Signal(signed(32), name=f"{name}_total")
    b_wins = Signal(name=f"{name}_b_wins")
    m.d.comb += [total.eq((a_value + b_value)[:32]), b_wins.eq(a_value < b_value)]
    added = _add(m, a.value, b.value, name)

    word = Signal(32, name=f"{name}_word", reset_less=True)
    index = Signal(index_bits, name=f"{name}_middle_index", reset_less=True)
    parts = {part: Signal(len(value), name=f"{name}_{part}", reset_less=True) for part, value in added.items()}
    with m.If(valid[0]):
        m.d.sync += [
            word.eq(Mux(modes[0].is_sum, Mux(modes[0].is_float, added["sum"], total), Mux(b_wins, b_value, a_value))),
            index.eq(Mux(b_wins, b.index, a.index)),
            *(register.eq(added[part]) for part, register in parts.items()),
        ]

    rounded = _round(m, word[: SIGNIFICAND + 1], parts, name)
    result = Signal(32, name=f"{name}_result", reset_less=True)
    result_index = Signal(index_bits, name=f"{name}_index", reset_less=True)
    with m.If(valid[1]):
        m.d.sync += [
            result.eq(Mux(modes[1].is_sum & modes[1].is_float, rounded, word)),
            result_index.eq(index),
        ]
    return Entry(result, result_index)


def _add(m: Module, a: Value, b: Value, name: str) -> dict[str, Value]:
    """The sum of two fp32 numbers without subnormals, not yet normalized: 28 bits, exponent and sign; or a special."""
    swap = Signal(name=f"{name}_swap")
    large, small = Signal(32, name=f"{name}_large"), Signal(32, name=f"{name}_small")
    gap = Signal(8, name=f"{name}_gap")
    large_bits, small_bits = (Signal(32, name=f"{name}_{which}_bits") for which in ("large", "small"))
    aligned, lost = Signal(32, name=f"{name}_aligned"), Signal(32, name=f"{name}_lost")
    jammed, total = Signal(32, name=f"{name}_jammed"), Signal(32, name=f"{name}_sum")
    m.d.comb += [
        swap.eq(a[:31] < b[:31]),
        large.eq(Mux(swap, b, a)),
        small.eq(Mux(swap, a, b)),
        gap.eq(large[23:31] - small[23:31]),
        large_bits.eq(Cat(Const(0, 3), large[:23], large[23:31] != 0)),
        small_bits.eq(Cat(Const(0, 3), small[:23], small[23:31] != 0)),
        aligned.eq(Mux(gap > SIGNIFICAND, 0, small_bits >> gap[:5])),
        lost.eq(Mux(gap > SIGNIFICAND, small_bits, small_bits & ~(Const(0xFFFFFFFF, 32) << gap[:5])[:32])),
        jammed.eq(aligned | (lost != 0)),
        total.eq(Mux(large[31] ^ small[31], large_bits - jammed, large_bits + jammed)),
    ]
    opposite = large[31] ^ small[31]
    large_is_special, small_is_special = large[23:31] == INFINITY, small[23:31] == INFINITY
    is_nan = (large_is_special & (large[:23] != 0)) | (large_is_special & small_is_special & opposite)
    sign = Mux(total == 0, a[31] & b[31], large[31])
    return {"sum": total, "exponent": large[23:31], "sign": sign, "infinite": large_is_special, "nan": is_nan}


def _round(m: Module, total: Value, parts: dict[str, Signal], name: str) -> Value:
    """Normalizes, rounds to nearest even and packs; a subnormal result becomes zero of its sign."""
    shifted: Value = total
    zeros = []
    for step in (16, 8, 4, 2, 1):
        empty = Signal(name=f"{name}_empty{step}")
        after = Signal(SIGNIFICAND + 1, name=f"{name}_shifted{step}")
        m.d.comb += [
            empty.eq(shifted[-step:] == 0),
            after.eq(Mux(empty, (shifted << step)[: SIGNIFICAND + 1], shifted)),
        ]
        shifted = after
        zeros.insert(0, empty)
    exponent = Signal(signed(10), name=f"{name}_normal_exponent")
    rounded = Signal(32, name=f"{name}_rounded")
    final = Signal(signed(10), name=f"{name}_final_exponent")
    up = shifted[3] & ((shifted[:3] != 0) | shifted[4])
    m.d.comb += [
        exponent.eq(parts["exponent"] + 1 - Cat(zeros)),
        rounded.eq(shifted[4:] + up),
        final.eq(exponent + rounded[24]),
    ]
    sign = parts["sign"]
    zero = (total == 0) | (final <= 0)
    packed = Mux(
        zero,
        Cat(Const(0, 31), sign),
        Mux(final >= INFINITY, Cat(Const(0, 23), Const(INFINITY, 8), sign), Cat(rounded[:23], final[:8], sign)),
    )
    special = Mux(parts["nan"], CANONICAL_NAN, Cat(Const(0, 23), Const(INFINITY, 8), sign))
    return Mux(parts["infinite"], special, packed)
