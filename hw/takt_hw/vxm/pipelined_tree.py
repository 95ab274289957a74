"""A node of a pipelined build's reduction tree: `tree.node` in seven cycles, its carry chains between registers."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed

from .tree import CANONICAL_NAN, INFINITY, SIGNIFICAND, Entry, Mode

NODE_LATENCY = 7
"""Cycles from the operands of a node to its result."""

SUM_BITS = SIGNIFICAND + 1
FRACTION_BITS = 23
DROPPED = SUM_BITS - FRACTION_BITS - 1
"""Bits of a normalized sum below those of the result."""


class _Names:
    """Makes a node's signals."""

    def __init__(self, name: str):
        self.name = name

    def register(self, shape, suffix: str) -> Signal:
        return Signal(shape, name=f"{self.name}_{suffix}", reset_less=True)

    def wire(self, shape, suffix: str) -> Signal:
        return Signal(shape, name=f"{self.name}_{suffix}")


@dataclass
class _Along:
    """What goes along while the sum is computed: the result if that is no fp32 sum, and what else makes such a sum."""

    word: Signal
    """The larger summand; or an integer sum, or the larger number."""
    index: Signal
    opposite: Signal
    """The summands have different signs; ``negative``: both are negative."""
    negative: Signal

    @staticmethod
    def registers(names: _Names, stage: int, index_bits: int) -> _Along:
        widths = {"word": 32, "index": index_bits, "opposite": 1, "negative": 1}
        return _Along(**{part: names.register(width, f"{part}{stage}") for part, width in widths.items()})

    def next(self, m: Module, names: _Names, stage: int) -> _Along:
        """The same, one cycle later."""
        later = _Along.registers(names, stage, len(self.index))
        m.d.sync += [register.eq(was) for register, was in zip(vars(later).values(), vars(self).values(), strict=True)]
        return later


def node(m: Module, a: Entry, b: Entry, modes: list[Mode], name: str) -> Entry:
    """The result of two neighbours, ``a`` of the lower lane. ``modes``: of its ``NODE_LATENCY`` cycles."""
    names = _Names(name)
    fraction = slice(0, FRACTION_BITS)
    exponent = slice(FRACTION_BITS, 31)

    # 1: which is larger. A sum's operands are compared by their magnitudes, all others as signed integers.
    swap, total = names.wire(1, "swap"), names.wire(32, "total")
    along = [_Along.registers(names, 1, len(a.index))]
    small = names.register(31, "small")
    a_order, b_order = (Cat(bits[:31], ~bits[31] & ~modes[0].is_sum) for bits in (a.value, b.value))
    m.d.comb += [swap.eq(a_order < b_order), total.eq(a.value + b.value)]
    whole = modes[0].is_sum & ~modes[0].is_float
    m.d.sync += [
        along[0].word.eq(Mux(whole, total, Mux(swap, b.value, a.value))),
        along[0].index.eq(Mux(swap, b.index, a.index)),
        along[0].opposite.eq(a.value[31] ^ b.value[31]),
        along[0].negative.eq(a.value[31] & b.value[31]),
        small.eq(Mux(swap, a.value[:31], b.value[:31])),
    ]
    along += [along[0].next(m, names, 2)]
    for stage in range(3, NODE_LATENCY):
        along.append(along[-1].next(m, names, stage))

    # 2: the smaller one shifted right, by as many times 8 as it has to be
    large, gap, far = along[0].word, names.wire(8, "gap"), names.wire(1, "far")
    small_bits, by_sixteen = names.wire(SIGNIFICAND, "small_bits"), names.wire(SIGNIFICAND, "by_sixteen")
    aligned, lost, rest = names.register(SIGNIFICAND, "aligned"), names.register(1, "lost"), names.register(3, "rest")
    infinite, nan = names.register(1, "infinite2"), names.register(1, "nan2")
    there = small[exponent].any()
    m.d.comb += [
        gap.eq(large[exponent] - small[exponent]),
        far.eq(gap[5:].any()),
        small_bits.eq(Cat(Const(0, 3), small[fraction], there)),
        by_sixteen.eq(Mux(gap[4], small_bits[16:], small_bits)),
    ]
    m.d.sync += [
        aligned.eq(Mux(gap[3], by_sixteen[8:], by_sixteen) & (~far).replicate(SIGNIFICAND)),
        lost.eq((far & there) | (gap[4] & small_bits[:16].any()) | (gap[3] & by_sixteen[:8].any())),
        rest.eq(gap[:3]),
        infinite.eq(large[exponent].all()),
        nan.eq(
            large[exponent].all() & (large[fraction].any() | (small[exponent].all() & along[0].opposite)),
        ),
    ]

    # 3: shifted on, what is lost jammed into the lowest bit; the sum. Its carry-in is a bit of its own.
    large, minus = along[1].word, along[1].opposite
    by_four, by_two, by_one = (names.wire(SIGNIFICAND, suffix) for suffix in ("by_four", "by_two", "by_one"))
    addend, added = names.wire(SIGNIFICAND, "addend"), names.wire(SUM_BITS + 2, "added")
    sum3 = names.register(SUM_BITS, "sum3")
    jam = Cat(aligned[bit] & (rest >= bit) for bit in range(8)).any() | lost
    m.d.comb += [
        by_four.eq(Mux(rest[2], aligned[4:], aligned)),
        by_two.eq(Mux(rest[1], by_four[2:], by_four)),
        by_one.eq(Mux(rest[0], by_two[1:], by_two)),
        addend.eq(Cat(jam, by_one[1:]) ^ minus.replicate(SIGNIFICAND)),
        added.eq(
            Cat(Const(1, 1), Const(0, 3), large[fraction], large[exponent].any(), Const(0, 1))
            + Cat(minus, addend, minus)
        ),
    ]
    m.d.sync += sum3.eq(added[1:])

    # 4, 5: normalized
    sum4, coarse = _shifted_left(m, names, sum3, (16, 8), 4)
    sum5, fine = _shifted_left(m, names, sum4, (4, 2, 1), 5)
    coarse5 = names.register(2, "coarse5")
    specials = [(infinite, nan)]
    for stage in (3, 4, 5, 6):
        later = names.register(1, f"infinite{stage}"), names.register(1, f"nan{stage}")
        m.d.sync += [register.eq(was) for register, was in zip(later, specials[-1], strict=True)]
        specials.append(later)
    m.d.sync += coarse5.eq(coarse)

    # 6: rounded to nearest even, and the exponent
    wide, wide_next = names.wire(signed(10), "wide"), names.wire(signed(10), "wide_next")
    rounded, plain, next_up = names.register(25, "rounded"), names.register(8, "plain"), names.register(8, "next_up")
    below, zero, most, nearly = (names.register(1, suffix) for suffix in ("below", "zero", "most", "nearly"))
    none = names.register(1, "none")
    shift = Cat(fine, coarse5)
    up = sum5[DROPPED - 1] & (sum5[: DROPPED - 1].any() | sum5[DROPPED])
    m.d.comb += [
        wide.eq(along[4].word[exponent] + 1 - shift),
        wide_next.eq(along[4].word[exponent] + 2 - shift),
    ]
    m.d.sync += [
        rounded.eq(sum5[DROPPED:] + up),
        plain.eq(wide),
        next_up.eq(wide_next),
        below.eq(wide[9]),
        zero.eq(wide == 0),
        most.eq(wide[:8] == INFINITY),
        nearly.eq(wide[1:8] == INFINITY >> 1),
        none.eq(~sum5[-1]),
    ]

    # 7: packed; a subnormal result becomes zero of its sign
    carries, last, (is_infinite, is_nan) = rounded[24], along[5], specials[-1]
    is_float, small_result, huge, sign = (
        names.wire(1, suffix) for suffix in ("is_float", "small_result", "huge", "sign")
    )
    packed, result, index = (
        names.wire(32, "packed"),
        names.register(32, "result"),
        names.register(len(a.index), "index"),
    )
    m.d.comb += [
        is_float.eq(modes[-1].is_sum & modes[-1].is_float),
        small_result.eq(~is_infinite & (none | below | (zero & ~carries))),
        huge.eq(is_infinite | (~small_result & Mux(carries, nearly & ~below, most & ~below))),
        sign.eq(Mux(none, last.negative, last.word[31]) & ~is_nan),
        packed.eq(
            Cat(
                rounded[:FRACTION_BITS] & (~small_result & ~huge).replicate(FRACTION_BITS),
                (Mux(carries, next_up, plain) & (~small_result).replicate(8)) | huge.replicate(8),
                sign,
            )
            | Mux(is_nan, CANONICAL_NAN, 0)
        ),
    ]
    m.d.sync += [result.eq(Mux(is_float, packed, last.word)), index.eq(last.index)]
    return Entry(result, index)


def _shifted_left(m: Module, names: _Names, value: Value, steps: tuple[int, ...], stage: int) -> tuple[Signal, Signal]:
    """Shifted by each step if that many of its highest bits are 0; and which steps were taken, the last lowest.

    Whether there is a step is told from the unshifted value, beside the steps before it.
    """
    taken: list[Value] = []
    result = value
    for number, step in enumerate(steps):
        # each combination of earlier steps, and the bits that are highest after it
        empty: Value = Const(0, 1)
        for choice in range(1 << number):
            places = sum(earlier for n, earlier in enumerate(steps[:number]) if choice >> n & 1)
            matches = Cat(taken).as_unsigned() == choice if taken else Const(1, 1)
            empty |= matches & ~value[SUM_BITS - places - step : SUM_BITS - places].any()
        found = names.wire(1, f"empty{step}")
        shifted = names.wire(SUM_BITS, f"shifted{step}")
        m.d.comb += [
            found.eq(empty),
            shifted.eq(Mux(found, Cat(Const(0, step), result[: SUM_BITS - step]), result)),
        ]
        taken.append(found)
        result = shifted
    register, count = names.register(SUM_BITS, f"sum{stage}"), names.register(len(steps), f"steps{stage}")
    m.d.sync += [register.eq(result), count.eq(Cat(reversed(taken)))]
    return register, count
