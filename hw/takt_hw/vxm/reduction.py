"""Stage 1 of the transcendental functions: from an operand to a row of the table and a place within it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed

from .. import isa
from ..isa import functions as table
from ..isa.functions import PLACE_BITS, Block, FloatBlock
from .rounding import EXPONENT_BITS, normalize

BIAS = 127
MANTISSA_BITS = 23
SIGNIFICAND_BITS = MANTISSA_BITS + 1
SCALED_BITS = table.SCALED_BITS + table.SCALED_WHOLE_BITS
ROW_NUMBER_BITS = (table.ROWS - 1).bit_length()

EXP2_LIMIT = table.SCALED_WHOLE_BITS - 1
"""Greatest exponent of an operand whose magnitude EXP2 can tell from 2^SCALED_WHOLE_BITS."""

SIGMOID_LIMIT = EXP2_LIMIT - 1
"""The same of SIGMOID: its operand is multiplied by log2(e)."""


@dataclass
class Reduced:
    """What the later stages need. The result is ``sign``, and ``offset`` ± the polynomial, times 2^exponent."""

    row: Value
    place: Value
    sign: Value
    exponent: Value
    offset: Value
    """A whole number."""
    subtracts: Value
    zero: Value
    infinite: Value
    nan: Value


@dataclass
class _Operand:
    sign: Value
    exponent: Signal
    fraction: Signal
    significand: Signal
    zero: Signal
    infinite: Signal
    nan: Signal


def reduced(m: Module, bits: Value, is_op: Mapping[isa.Op, Value], name: str) -> Reduced:
    """The reduction of one lane's operand; ``is_op`` tells which function it is for."""
    a = _operand(m, bits.as_unsigned(), name)
    is_exp2, is_log2, is_reciprocal, is_rsqrt, is_tanh, is_sigmoid = (
        is_op[op] for op in (isa.EXP2, isa.LOG2, isa.RECIPROCAL, isa.RSQRT, isa.TANH, isa.SIGMOID)
    )
    whole, scaled = _scaled(m, a, is_sigmoid, name)
    tail = Signal(name=f"{name}_tail")
    m.d.comb += tail.eq(is_sigmoid & a.sign & ~a.zero)

    # A logarithm near 1 is that of a distance from it, normalized.
    upper, below, near = (Signal(name=f"{name}_{suffix}") for suffix in ("upper", "log_below", "log_near"))
    distance = Signal(32, name=f"{name}_distance")
    m.d.comb += [
        upper.eq(a.fraction[-1]),
        below.eq((a.exponent == -1) & upper),
        near.eq(is_log2 & (below | ((a.exponent == 0) & ~upper))),
        distance.eq(Mux(below, (1 << MANTISSA_BITS) - a.fraction, a.fraction) << 31 - (MANTISSA_BITS - 1)),
    ]
    leading, zeros = normalize(m, distance, 32, f"{name}_distance")

    exponent = Signal(signed(9), name=f"{name}_float_exponent")
    fraction = Signal(MANTISSA_BITS, name=f"{name}_float_fraction")
    m.d.comb += [
        exponent.eq(Mux(is_log2, -1 - zeros - below, a.exponent)),
        fraction.eq(Mux(is_log2, leading[31 - MANTISSA_BITS : 31], a.fraction)),
    ]
    blocks = {
        table.TANGENTS: is_tanh,
        table.SIGMOIDS: is_sigmoid,
        table.LOGARITHMS_BELOW: below,
        table.LOGARITHMS_ABOVE: None,
    }
    float_row, float_place = _of_float(m, blocks, exponent, fraction, name)
    by_float = Signal(name=f"{name}_by_float")
    m.d.comb += by_float.eq(near | is_tanh | (is_sigmoid & ~tail))

    part = Signal(range(table.TAILS.parts), name=f"{name}_part")
    m.d.comb += part.eq(Mux(~whole > table.TAILS.parts - 1, table.TAILS.parts - 1, ~whole))
    powers = _of_fraction(m, table.POWERS, 0, scaled, f"{name}_powers")
    tails = _of_fraction(m, table.TAILS, part, scaled, f"{name}_tails")
    reciprocals = _of_fraction(m, table.RECIPROCALS, 0, a.fraction, f"{name}_reciprocals")
    roots = _of_fraction(m, table.ROOTS, a.exponent[0], a.fraction, f"{name}_roots")
    logarithms = _of_fraction(m, table.LOGARITHMS, 0, a.fraction, f"{name}_logarithms")

    row, place = Signal(ROW_NUMBER_BITS, name=f"{name}_row"), Signal(PLACE_BITS, name=f"{name}_place")
    result_exponent = Signal(signed(EXPONENT_BITS), name=f"{name}_result_exponent")
    offset, sign, subtracts = (
        Signal(8, name=f"{name}_offset"),
        Signal(name=f"{name}_sign"),
        Signal(name=f"{name}_minus"),
    )
    far = is_log2 & ~near
    m.d.comb += [
        row.eq(
            Mux(
                by_float,
                float_row,
                Mux(
                    is_exp2,
                    powers[0],
                    Mux(
                        is_sigmoid,
                        tails[0],
                        Mux(is_rsqrt, roots[0], Mux(is_reciprocal, reciprocals[0], logarithms[0])),
                    ),
                ),
            )
        ),
        place.eq(Mux(by_float, float_place, Mux(is_exp2, powers[1], Mux(is_sigmoid, tails[1], reciprocals[1])))),
        result_exponent.eq(
            Mux(
                is_exp2 | tail,
                whole,
                Mux(
                    is_sigmoid,
                    -1,
                    Mux(
                        is_reciprocal,
                        -1 - a.exponent,
                        Mux(
                            is_rsqrt,
                            -1 - (a.exponent >> 1),
                            Mux(is_tanh, Mux(a.exponent < 0, a.exponent, 0), Mux(near, exponent, 0)),
                        ),
                    ),
                ),
            )
        ),
        sign.eq(Mux(is_log2, a.exponent < 0, a.sign & ~is_exp2 & ~is_sigmoid)),
        subtracts.eq(far & (a.exponent < 0)),
        offset.eq(Mux(far, Mux(a.exponent < 0, -a.exponent, a.exponent)[:8], 0)),
    ]

    one = (a.exponent == 0) & (a.fraction == 0)
    zero, infinite, nan = (Signal(name=f"{name}_is_{suffix}") for suffix in ("zero", "infinite", "nan"))
    m.d.comb += [
        zero.eq(Mux(is_log2, one, Mux(is_tanh, a.zero, (is_reciprocal | is_rsqrt) & a.infinite))),
        infinite.eq((a.zero & (is_log2 | is_reciprocal | is_rsqrt)) | (a.infinite & is_log2)),
        nan.eq(a.nan | (a.sign & ~a.zero & (is_log2 | is_rsqrt))),
    ]
    return Reduced(row, place, sign, result_exponent, offset, subtracts, zero, infinite, nan)


def _operand(m: Module, bits: Value, name: str) -> _Operand:
    """fp32 taken apart; a subnormal is a zero of its sign."""
    exponent, fraction = Signal(signed(9), name=f"{name}_exponent"), Signal(MANTISSA_BITS, name=f"{name}_fraction")
    significand = Signal(SIGNIFICAND_BITS, name=f"{name}_significand")
    zero, infinite, nan = (Signal(name=f"{name}_a_{suffix}") for suffix in ("zero", "infinite", "nan"))
    magnitude = bits[:31]
    m.d.comb += [
        zero.eq(bits[MANTISSA_BITS:31] == 0),
        infinite.eq(magnitude == 0xFF << MANTISSA_BITS),
        nan.eq(magnitude > 0xFF << MANTISSA_BITS),
        exponent.eq(bits[MANTISSA_BITS:31] - BIAS),
        fraction.eq(Mux(zero, 0, bits[:MANTISSA_BITS])),
        significand.eq(Cat(fraction, ~zero)),
    ]
    return _Operand(bits[31], exponent, fraction, significand, zero, infinite, nan)


def _scaled(m: Module, a: _Operand, is_sigmoid: Value, name: str) -> tuple[Signal, Signal]:
    """Whole part, signed, and fraction of the operand, for SIGMOID of its product with log2(e), in fixed point."""
    product = Signal(SIGNIFICAND_BITS + table.LOG2_E.bit_length(), name=f"{name}_product")
    unshifted, magnitude = Signal(SCALED_BITS, name=f"{name}_unshifted"), Signal(SCALED_BITS, name=f"{name}_magnitude")
    distance, places = Signal(signed(10), name=f"{name}_right"), Signal(6, name=f"{name}_places")
    fixed = Signal(SCALED_BITS, name=f"{name}_fixed")
    whole = Signal(signed(table.SCALED_WHOLE_BITS + 1), name=f"{name}_whole")
    most = (1 << SCALED_BITS) - 1
    m.d.comb += [
        product.eq(a.significand * table.LOG2_E),
        unshifted.eq(Mux(is_sigmoid, product >> 24, a.significand << 11)),
        distance.eq(Mux(is_sigmoid, SIGMOID_LIMIT, EXP2_LIMIT) - a.exponent),
        places.eq(Mux(distance > 63, 63, distance[:6])),
        magnitude.eq(Mux(distance < 0, most, unshifted >> places)),
        fixed.eq(Mux(a.sign, ~magnitude, magnitude)),
        whole.eq(Cat(fixed[table.SCALED_BITS :], a.sign).as_signed()),
    ]
    return whole, fixed[: table.SCALED_BITS]


def _of_fraction(m: Module, block: Block, part: Value | int, fraction: Value, name: str) -> tuple[Signal, Value]:
    """Row and place of a fraction."""
    row = Signal(ROW_NUMBER_BITS, name=f"{name}_row")
    rest = len(fraction) - block.bits
    m.d.comb += row.eq(block.first + (part << block.bits) + fraction[rest:])
    return row, fraction[:rest] << PLACE_BITS - rest


def _of_float(
    m: Module, blocks: Mapping[FloatBlock, Value | None], exponent: Value, fraction: Value, name: str
) -> tuple[Signal, Value]:
    """Row and place of a floating-point number in the first block that is chosen, or else in the last."""

    def constant(suffix: str, values: list[int]) -> Signal:
        chosen = values[-1]
        for value, is_chosen in reversed(list(zip(values[:-1], list(blocks.values())[:-1], strict=True))):
            chosen = Mux(is_chosen, value, chosen)
        signal = Signal(signed(ROW_NUMBER_BITS + 1), name=f"{name}_{suffix}")
        m.d.comb += signal.eq(chosen)
        return signal

    # Each block's rows are counted from a row that exponent 0 would have.
    lowest = constant("lowest", [block.lowest for block in blocks])
    highest = constant("highest", [block.highest for block in blocks])
    last = constant("last", [block.last for block in blocks])
    coarse = constant("coarse", [block.first - (block.lowest << table.COARSE_BITS) for block in blocks])
    fine = constant("fine", [block.fine - (table.FINE_FROM << table.FINE_BITS) for block in blocks])
    clamped = Signal(signed(9), name=f"{name}_clamped")
    is_fine, row = Signal(name=f"{name}_is_fine"), Signal(ROW_NUMBER_BITS, name=f"{name}_float_row")
    coarse_rest, fine_rest = MANTISSA_BITS - table.COARSE_BITS, MANTISSA_BITS - table.FINE_BITS
    m.d.comb += [
        clamped.eq(Mux(exponent < lowest, lowest, exponent)),
        is_fine.eq(exponent >= table.FINE_FROM),
        row.eq(
            Mux(
                exponent > highest,
                last,
                Mux(
                    is_fine,
                    fine + (clamped << table.FINE_BITS) + fraction[fine_rest:],
                    coarse + (clamped << table.COARSE_BITS) + fraction[coarse_rest:],
                ),
            )
        ),
    ]
    place = Mux(
        is_fine, fraction[:fine_rest] << PLACE_BITS - fine_rest, fraction[:coarse_rest] << PLACE_BITS - coarse_rest
    )
    return row, place
