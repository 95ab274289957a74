"""Normalizing a magnitude, and rounding it to fp32 or fp16: the end of every floating-point operation."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed

SIGNIFICAND_BITS = 32
"""Bits of a normalized significand before rounding; what lies below them is one sticky bit."""

EXPONENT_BITS = 11
"""Bits of a signed, unbiased exponent before rounding."""

NAN_F32 = 0x7FC00000
NAN_F16 = 0x7E00
INFINITY_F32 = 0x7F800000
INFINITY_F16 = 0x7C00
SMALLEST_F32 = 0x00800000
"""The smallest normal number, 2^-126."""


def normalize(m: Module, value: Value, bits: int, name: str) -> tuple[Signal, Signal]:
    """``value`` shifted left until its bit ``bits - 1`` is set, and by how many places that is.

    ``bits`` is a power of two. 0 stays 0, and its count means nothing. Each step halves the distance that is left.
    """
    count = Signal(range(bits), name=f"{name}_zeros")
    step = bits // 2
    while step:
        clear = Signal(name=f"{name}_clear{step}")
        shifted = Signal(bits, name=f"{name}_shifted{step}")
        m.d.comb += [
            clear.eq(value[bits - step : bits] == 0),
            shifted.eq(Mux(clear, value[: bits - step] << step, value)),
            count[step.bit_length() - 1].eq(clear),
        ]
        value = shifted
        step //= 2
    return value, count


def leading_zeros(m: Module, value: Value, name: str) -> tuple[Value, Value]:
    """How many places above the highest set bit of ``value`` are clear, and whether there is such a bit.

    The width is a power of two, at least 2. The count of 0 means nothing. A tree: as deep as the count is wide.
    """
    half = len(value) // 2
    if half == 1:
        return ~value[1], value.any()
    low_count, low_any = leading_zeros(m, value[:half], f"{name}_low{half}")
    high_count, high_any = leading_zeros(m, value[half:], f"{name}_high{half}")
    count, some = Signal(len(high_count) + 1, name=f"{name}_zeros"), Signal(name=f"{name}_some")
    m.d.comb += [
        count.eq(Cat(Mux(high_any, high_count, low_count), ~high_any)),
        some.eq(low_any | high_any),
    ]
    return count, some


def shift_right(
    m: Module, value: Value, places: Value, kept: int, name: str, steps: Sequence[int] | None = None
) -> tuple[Value, Value, Value]:
    """The lowest ``kept`` bits of ``value >> places``; whether set bits were lost below them, and above them.

    ``steps`` are the bits of ``places`` to follow here, the highest first; all of them unless given. No more bits are
    moved than later steps can still bring into what is kept.
    """
    steps = range(len(places))[::-1] if steps is None else steps
    reach = sum(1 << step for step in steps)
    below: list[Value] = [Const(0, 1)]
    above: list[Value] = [value[kept + reach :].any()]
    value = value[: kept + reach]
    for step in steps:
        distance, taken = 1 << step, places[step]
        reach -= distance
        wide = Signal(kept + reach + distance, name=f"{name}_wide{step}")
        shifted = Signal(kept + reach, name=f"{name}_by{step}")
        m.d.comb += [wide.eq(value), shifted.eq(Mux(taken, wide[distance:], wide))]
        below.append(taken & wide[:distance].any())
        above.append(~taken & wide[kept + reach :].any())
        value = shifted
    return value, Cat(below).any(), Cat(above).any()


def float_places(m: Module, exponent: Value, half: Value, name: str) -> tuple[Signal, Signal, Signal]:
    """How many of 32 bits an fp32, or if ``half`` an fp16, result drops; all but the first of those.

    Beside them: whether the fp16 result is subnormal, and whether nothing at all is left of it.
    """
    depth = Signal(signed(EXPONENT_BITS + 1), name=f"{name}_depth")
    below = Signal(name=f"{name}_below")
    lost = Signal(name=f"{name}_lost")
    places = Signal(5, name=f"{name}_places")
    # fp32 keeps 24 bits. fp16 keeps 11, and one fewer per place below its smallest exponent, down to none at -25.
    m.d.comb += [
        depth.eq(-14 - exponent),
        below.eq(depth > 0),
        lost.eq(depth > 11),
        places.eq(Mux(half, Mux(below, 20 + depth[:4], 20), 7)),
    ]
    return places, below, lost


def round_at(m: Module, significand: Value, sticky: Value, places: Value, name: str) -> tuple[Signal, Signal]:
    """What is left of 32 bits without the ``places + 1`` lowest, and whether nearest-even adds 1 to it."""
    shifted = Signal(SIGNIFICAND_BITS, name=f"{name}_shifted")
    mask = Signal(SIGNIFICAND_BITS, name=f"{name}_mask")
    more = Signal(name=f"{name}_more")
    up = Signal(name=f"{name}_up")
    m.d.comb += [
        shifted.eq(significand >> places),  # the lowest bit left decides; kept is what lies above it
        mask.eq((1 << places) - 1),
        more.eq(sticky | ((significand & mask) != 0)),
        up.eq(shifted[0] & (more | shifted[1])),
    ]
    return shifted[1:], up


def encode_float(
    m: Module,
    *,
    sign: Value,
    exponent: Value,
    significand: Value,
    kept: Value,
    up: Value,
    below: Value,
    lost: Value,
    infinite: Value,
    nan: Value,
    half: Value,
    name: str,
) -> Signal:
    """The bits of a rounded number: `round_float` from the parts that `float_places` and `round_at` give."""

    def signal(shape: int, suffix: str) -> Signal:
        return Signal(shape, name=f"{name}_{suffix}")

    # The leading bit of a normal number adds 1 to the exponent field, and so does a carry out of rounding.
    scaled, coded = signal(32, "scaled"), signal(32, "coded")
    small, huge = signal(1, "small"), signal(1, "huge")
    m.d.comb += [
        scaled.eq(Mux(half, Mux(below, 0, (exponent + 14)[:5] << 10), (exponent + 126)[:8] << 23)),
        coded.eq(scaled + kept + up),
        small.eq((significand == 0) | Mux(half, lost, exponent < -126)),
        huge.eq(infinite | (~small & Mux(half, (exponent > 15) | (coded >= INFINITY_F16), exponent > 127))),
    ]

    # Just below 2^-126, IEEE rounds to 23 bits: up to the smallest normal if those and the next are all ones.
    reaches = signal(1, "reaches")
    magnitude, result = signal(31, "magnitude"), signal(32, "rounded")
    m.d.comb += [
        reaches.eq(~half & (exponent == -127) & significand[8:32].all()),
        magnitude.eq(
            Mux(
                huge,
                Mux(half, INFINITY_F16, INFINITY_F32),
                Mux(small, Mux(reaches, SMALLEST_F32, 0), coded),
            )
        ),
        result.eq(
            Mux(
                nan,
                Mux(half, Const(NAN_F16, 32), Const(NAN_F32, 32)),
                magnitude | Mux(half, sign << 15, sign << 31),
            )
        ),
    ]
    return result


def round_float(
    m: Module,
    *,
    sign: Value,
    exponent: Value,
    significand: Value,
    sticky: Value,
    infinite: Value,
    nan: Value,
    half: Value,
    name: str,
) -> Signal:
    """A number as fp32, or if ``half`` as fp16 below 16 zeros, rounded once to nearest even.

    The number is ``(-1)^sign * significand * 2^(exponent - 31)``: ``significand`` has 32 bits with bit 31 set, or
    is 0; ``sticky`` says that a little more is to be added to it, less than its lowest bit. ``infinite`` makes it
    an infinity of ``sign`` and ``nan`` a NaN, whatever the rest says. ``exponent`` is signed, of at most
    ``EXPONENT_BITS`` bits, and between -900 and 900.

    A subnormal fp32 result becomes a zero of its sign, after rounding. fp16 has its subnormals.
    """
    places, below, lost = float_places(m, exponent, half, name)
    kept, up = round_at(m, significand, sticky, places, name)
    return encode_float(
        m,
        sign=sign,
        exponent=exponent,
        significand=significand,
        kept=kept[:24],
        up=up,
        below=below,
        lost=lost,
        infinite=infinite,
        nan=nan,
        half=half,
        name=name,
    )
