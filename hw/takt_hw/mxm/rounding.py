"""Exact sums rounded to fp32, in two cycles."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data

FRACTION_BITS = 48
"""An exact sum counts in units of 2**-48."""

NAN = 0x7FC00000
"""The one NaN that leaves the chip."""

_BIAS = 127
_MANTISSA_BITS = 23

NEARLY_ROUNDED = data.StructLayout(
    {"window": 64, "chunk": 2, "sticky": 1, "negative": 1, "nan": 1, "infinite": 1, "is_fp16": 1}
)
"""Between the two cycles. ``window`` holds the 32 bits with the leading one, bits ``32 * chunk`` on of the
magnitude, and the 32 bits below them; ``sticky`` says that a bit below these is set. An int32 sum, which only
travels along, is in the low bits of the window."""


def find_window(m: Module, low: Value, middle: Value, high: Value, special: dict, is_fp16: Value, name: str) -> dict:
    """First cycle: the parts of NEARLY_ROUNDED for the sum ``high * 2**64 + middle * 2**32 + low``.

    ``low`` and ``middle`` have 32 bits, ``high`` 64 with the sign; an int32 sum is ``low``.
    """
    negative = Signal(name=f"{name}_negative")
    m.d.comb += negative.eq(high[63])
    sums = [Signal(64, name=f"{name}_negated{n}") for n in range(3)]
    m.d.comb += [
        sums[0].eq((low ^ negative.replicate(32)) + negative),
        sums[1].eq((middle ^ negative.replicate(32)) + sums[0][32]),
        sums[2].eq((high ^ negative.replicate(64)) + sums[1][32]),
    ]
    chunks = [sums[0][:32], sums[1][:32], sums[2][:32], sums[2][32:]]
    reaches = [Signal(name=f"{name}_reaches{n}") for n in range(4)]
    m.d.comb += [reach.eq(chunk.any()) for reach, chunk in zip(reaches, chunks, strict=True)]
    windows = [Cat(Const(0, 32), chunks[0]), *(Cat(chunks[n - 1], chunks[n]) for n in (1, 2, 3))]
    return {
        "window": Mux(
            is_fp16,
            Mux(reaches[3], windows[3], Mux(reaches[2], windows[2], Mux(reaches[1], windows[1], windows[0]))),
            low,
        ),
        "chunk": Mux(reaches[3], 3, Mux(reaches[2], 2, reaches[1])),
        "sticky": (reaches[0] & (reaches[2] | reaches[3])) | (reaches[1] & reaches[3]),
        "negative": Mux(special["plus"] | special["minus"], special["minus"], negative),
        "nan": special["nan"] | (special["plus"] & special["minus"]),
        "infinite": special["plus"] | special["minus"],
        "is_fp16": is_fp16,
    }


def round_window(m: Module, nearly: Value, name: str) -> Value:
    """Second cycle: the fp32 number, to nearest and ties to even; an int32 sum as it is.

    The exponent lies between those of 2**-48 and 2**79: neither a subnormal number nor an overflow can come up.
    """
    window, zeros = nearly.window, []
    for distance in (16, 8, 4, 2, 1):
        empty, shifted = Signal(name=f"{name}_empty{distance}"), Signal(64, name=f"{name}_shifted{distance}")
        m.d.comb += [empty.eq(~window[64 - distance :].any()), shifted.eq(Mux(empty, window << distance, window))]
        window = shifted
        zeros.append(empty)
    below = 63 - _MANTISSA_BITS
    exponent = Signal(8, name=f"{name}_exponent")
    up = Signal(name=f"{name}_up")
    rounded = Signal(31, name=f"{name}_rounded")
    sticky = nearly.sticky | window[: below - 1].any()
    m.d.comb += [
        # 32 * chunk + 31 - zeros is the place of the leading one
        exponent.eq(Cat(Const(0, 5), nearly.chunk) + (31 - FRACTION_BITS + _BIAS) - Cat(*reversed(zeros))),
        up.eq(window[below - 1] & (sticky | window[below])),
        rounded.eq(Cat(window[below:63], exponent) + up),
    ]
    finite = Mux(window[63], Cat(rounded, nearly.negative), 0)
    infinity = Cat(Const(0, _MANTISSA_BITS), Const(255, 8), nearly.negative)
    return Mux(nearly.is_fp16, Mux(nearly.nan, NAN, Mux(nearly.infinite, infinity, finite)), nearly.window[:32])
