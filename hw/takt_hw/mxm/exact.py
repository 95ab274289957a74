"""Exact fp16 arithmetic: numbers taken apart, products as integers, sums in two limbs.

A finite fp16 number is ``significand * 2**shift * 2**-24`` with integers, the significand of at most 12 bits
with its sign and the shift from 0 to 29; an int8 number is its value with shift 24. A product is therefore an
integer, ``significand * 2**shift`` with a shift up to 58, in units of 2**-48.

Sums climb the plane in two limbs, so that no adder is wider than 64 bits. ``high`` is the sum of the products with
shifts from 32 on, in units of 2**32; ``low`` is the sum of all products modulo 2**64. The products with shifts below
32 sum up to less than 2**62 in size (320 rows), so ``low - high * 2**32``, modulo 2**64 and with its sign, is just
their sum: nothing is lost. The accumulator puts the two together.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Signal, Value, signed
from amaranth.lib import data

from ..config import LANES_PER_SUPERLANE

SIZE = LANES_PER_SUPERLANE

SIGNIFICAND_BITS = 12
"""Sign and 11 bits."""

SHIFT_BITS = 5

LIMB_BITS = 32
"""Shifts from here on belong to the high limb, which counts in units of 2**32."""

INT8_SHIFT = 24
"""An int8 number in units of 2**-24."""

WIDE = signed(64)
"""Aligned products and limbs."""

OPERANDS = data.StructLayout(
    {
        "significands": data.ArrayLayout(signed(SIGNIFICAND_BITS), SIZE),
        "shifts": data.ArrayLayout(SHIFT_BITS, SIZE),
        "nan": SIZE,
        "infinite": SIZE,
        "zero": SIZE,
        "negative": SIZE,
    }
)
"""Sixteen numbers taken apart; of the last four, one bit per number. NaN and infinity have significand 0."""

SPECIAL = data.StructLayout({"nan": SIZE, "plus": SIZE, "minus": SIZE})
"""Of each column: NaN came up, +infinity did, -infinity did. Either of the two with the other is NaN."""


def significand(number: Value) -> Value:
    """Of an fp16 number, in 32 bits; 0 of infinity and NaN. Each part is read once (docs/design/verilog.md)."""
    sign, exponent = number[15], number[10:15]
    magnitude = Cat(number[:10], exponent.any(), Const(0, 21)) & (~exponent.all()).replicate(32)
    return ((magnitude ^ sign.replicate(32)) + sign)[:32].as_signed()


def shift(number: Value) -> Value:
    """Of an fp16 number: its exponent field less one; subnormal numbers share the lowest."""
    exponent = number[10:15]
    return (exponent - exponent.any())[:SHIFT_BITS]


_INFINITY = 0x7C00
"""fp16 without its sign; NaN is all above."""


def take_apart(numbers: list[Value]) -> dict[str, Value]:
    """The parts of sixteen fp16 numbers, as in OPERANDS."""
    return {
        "significands": Cat(significand(number)[:SIGNIFICAND_BITS] for number in numbers),
        "shifts": Cat(shift(number) for number in numbers),
        "nan": Cat(number[:15] > _INFINITY for number in numbers),
        "infinite": Cat(number[:15] == _INFINITY for number in numbers),
        "zero": Cat(number[:15] == 0 for number in numbers),
        "negative": Cat(number[15] for number in numbers),
    }


def exact_dots(
    m: Module, a: list[Signal], a_shifts: list[Signal], b: list[Signal], b_shifts: list[Value], name: str
) -> tuple[Signal, Signal]:
    """Both limbs of the exact sum of 16 products of ``significand * 2**shift``.

    Called outside of any ``m.If``. Every signal has one reader, so that the simulator works it out only where
    the sums are taken (docs/design/verilog.md). The product is there twice, in two widths, which Verilator does
    not take for one; synthesis does.
    """
    lows, highs = [], []
    for row in range(SIZE):
        product = Signal(signed(32), name=f"{name}_exact{row}")
        low_product, high_product, low, high = (
            Signal(WIDE, name=f"{name}_{part}{row}") for part in ("low_product", "high_product", "low", "high")
        )
        low_places = Signal(6, name=f"{name}_low_places{row}")
        high_places = Signal(8, name=f"{name}_high_places{row}")
        m.d.comb += [
            product.eq(a[row] * b[row]),
            low_product.eq(product),
            high_product.eq(a[row] * b[row]),
            low_places.eq(a_shifts[row] + b_shifts[row]),
            # below zero, so without a sign past all bits, where the product is none of the high limb's
            high_places.eq((a_shifts[row] - LIMB_BITS) + b_shifts[row]),
            low.eq((low_product << low_places)[: WIDE.width]),
            high.eq((high_product << high_places)[: WIDE.width]),
        ]
        lows.append(low)
        highs.append(high)
    return _sum(m, lows, f"{name}_low"), _sum(m, highs, f"{name}_high")


def _sum(m: Module, terms: list[Signal], name: str) -> Signal:
    """A tree of 64-bit sums, each with a name."""
    while len(terms) > 1:
        pairs = []
        for n in range(0, len(terms), 2):
            total = Signal(WIDE, name=f"{name}_sum{len(terms)}_{n}")
            m.d.comb += total.eq(terms[n] + terms[n + 1])
            pairs.append(total)
        terms = pairs
    return terms[0]
