"""One column of a supercell for an FPGA: 16 products and their sum, with a register after every addition."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..config import LANES_PER_SUPERLANE
from ..streams import BITS

ROWS = LANES_PER_SUPERLANE

DIGITS = 4
"""Digits of an activation, of two bits each."""

LEVELS = ROWS.bit_length() - 1
"""Levels of the tree that adds the rows' products."""

SUM_BITS = 20
"""Bits that the sum of 16 products needs, and more."""

CHAINED = 4
"""Additions that share a carry chain: one that begins and ends costs as much as four more bits."""


WEIGHT_ROWS = 4
"""Rows of one `WeightBuffer`."""


class WeightBuffer(wiring.Component):
    """The buffer of some rows of a column.

    With registers of its own for what lets them change: across a whole column that net is the slowest of the MXM.

    Members
    -------
    load, buffered : In(1), In
        Weights for the buffer, a cycle after ``load``.
    install : In(1)
        The column takes the weights.
    installs : Out(1)
        One cycle later.
    weights : Out
        What the buffer holds.
    """

    def __init__(self) -> None:
        bits = 8 * WEIGHT_ROWS
        sides = {"load": In(1), "buffered": In(bits), "install": In(1), "installs": Out(1), "weights": Out(bits)}
        super().__init__(sides)

    def elaborate(self, platform) -> Module:
        m = Module()
        load, install = Signal(), Signal()
        buffer = Signal(8 * WEIGHT_ROWS, reset_less=True)
        m.d.sync += [load.eq(self.load), install.eq(self.install)]
        with m.If(load):
            m.d.sync += buffer.eq(self.buffered)
        m.d.comb += [self.installs.eq(install), self.weights.eq(buffer)]
        return m


class Column(wiring.Component):
    """Multiplies activations by the weights of one column and adds the products and the sum from below.

    Products of the first rows are multiplications, which synthesis gives to multipliers. In the other rows an
    activation is cut into four digits d of radix 4: activation + 43 = sum of d * 4**k, with d of -1, 0, 1 or 2. Then
    every bit of d * weight is a function of two bits of the weight and the two of the digit, one LUT4; ~weight stands
    for -weight, so each digit of -1 makes the sum too small by 4**k, alike in all columns.

    Apart from these, what the digits make is the right sum and something that depends on the weights alone: 43 times
    each, and that the terms are added as unsigned numbers, their signs inverted. It is the sum that activations of 0
    have. IW leaves a cycle without activations: they go down the tree as zeros, and the column keeps what comes out, to
    subtract it from then on.

    Parameters
    ----------
    multiplied : int
        Rows whose products are multiplications.
    adds : bool
        There is a sum from below.

    Attributes
    ----------
    latency : int
        Cycles from ``activations`` to ``sum``: 9; from ``below``: 1.

    Members
    -------
    activations : In(BITS)
        Int8 activations, zeros in a cycle without.
    load, buffered : In(1), In(BITS)
        Weights for the buffer, a cycle after ``load``.
    install : In(1)
        The buffer's weights are those of the activations two cycles later.
    installs : In(1)
        The same one cycle later, for weights of multipliers.
    negative : In
        What the digits of -1 lack, 6 cycles after their activations.
    below : In(32)
        Added to the sum.
    sum : Out(32)
        Sum of the products.
    """

    latency = LEVELS + 5

    def __init__(self, multiplied: int, *, adds: bool):
        self.multiplied = multiplied
        self.adds = adds
        super().__init__(
            {
                "activations": In(BITS),
                "load": In(1),
                "buffered": In(BITS),
                "install": In(1),
                "installs": In(1),
                "negative": In(NEGATIVE_BITS),
                "below": In(32),
                "sum": Out(32),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        # Copies of what every column has, so that no register drives the whole supercell.
        activations = activation_registers(m, self.activations)
        chain = Signal(self.latency)
        m.d.sync += chain.eq(Cat(self.install, chain[:-1]))
        keep = chain[-1]
        weights = []
        for first in range(0, ROWS, WEIGHT_ROWS):
            m.submodules[f"weights{first}"] = part = WeightBuffer()
            m.d.comb += [
                part.load.eq(self.load),
                part.buffered.eq(self.buffered[8 * first : 8 * (first + WEIGHT_ROWS)]),
                part.install.eq(self.install),
            ]
            # Here, beside the multipliers, which take those of theirs in.
            for n in range(WEIGHT_ROWS):
                weight = Signal(signed(8), name=f"weight{first + n}", reset_less=True)
                with m.If(self.installs if first + n < self.multiplied else part.installs):
                    m.d.sync += weight.eq(part.weights.word_select(n, 8))
                weights.append(weight)

        split = self.multiplied
        # Multipliers stand far apart and are slow: levels that the tree does not need are registers on the way there
        # and back.
        levels = max(split - 1, 0).bit_length()
        ahead, behind = (LEVELS - levels + 1) // 2, (LEVELS - levels) // 2
        factors = [*activations[:split], *weights[:split]]
        for n in range(ahead):
            factors = registered(m, factors, f"factor{n}_")
        products = [a * w for a, w in zip(factors[:split], factors[split:], strict=True)]
        for n in range(1 + behind):
            products = registered(m, products, f"product{n}_")
        for level in range(levels):
            pairs = [products[n : n + 2] for n in range(0, len(products), 2)]
            products = registered(m, [sum(pair[1:], pair[0]) for pair in pairs], f"products{level}_")
        digits = [digits_of(activation) for activation in activations[split:]]
        digit_sum = self._by_digits(m, digits, weights[split:])

        rest, raw, excess = (Signal(SUM_BITS, name=name, reset_less=True) for name in ("rest", "raw", "excess"))
        total = Signal(32, reset_less=True)
        dot = (raw - excess)[:SUM_BITS].as_signed()
        m.d.sync += [
            rest.eq((products[0] if products else 0) + self.negative),
            raw.eq(digit_sum + rest),
            total.eq(dot + self.below if self.adds else dot),
        ]
        with m.If(keep):
            m.d.sync += excess.eq(raw)
        m.d.comb += self.sum.eq(total)
        return m

    def _by_digits(self, m: Module, digits: list[list[Value]], weights: list[Value]) -> Value:
        """Sum of the products by digits, LEVELS + 2 cycles after the activations' register."""
        if not digits:
            return Const(0, 1)
        terms = [[_times(row[k], weight) for row, weight in zip(digits, weights, strict=True)] for k in range(DIGITS)]
        for level in range(LEVELS):
            pairs = [digit[n : n + 2] for digit in terms for n in range(0, len(digit), 2)]
            sums = iter(_add_pairs(m, pairs, f"level{level}_"))
            terms = [[next(sums) for _ in range(0, len(digit), 2)] for digit in terms]
        s = [digit[0] for digit in terms]
        ends = registered(m, [s[0][:2], s[2][:2]], "end")
        low, high = _add_pairs(m, [[s[0][2:], s[1]], [s[2][2:], s[3]]], "half")
        low, high = Cat(ends[0], low), Cat(ends[1], high)
        total = Signal(SUM_BITS, name="digit_sum", reset_less=True)
        m.d.sync += total.eq(Cat(low[:DIGITS], low[DIGITS:] + high))
        return total


NEGATIVE_BITS = (ROWS * (4**DIGITS - 1) // 3).bit_length()
"""Bits of ``negative``."""


def activation_registers(m: Module, activations: Value) -> list[Signal]:
    """The int8 numbers one cycle later."""
    return registered(m, [activations.word_select(row, 8).as_signed() for row in range(ROWS)], "activation")


def digits_of(activation: Value) -> list[Value]:
    """Radix-4 digits of an int8 number + 43, each as the number of two bits that is one more."""
    fields = [activation[2 * k : 2 * k + 2] for k in range(DIGITS)]
    return [*fields[:-1], fields[-1] ^ 0b10]


def count_negative(m: Module, digits: list[list[Value]], name: str) -> Value:
    """How many digits are -1, weighted as the digits are, 5 cycles later."""
    counts: list[Value] = []
    for k in range(DIGITS):
        ones = [~row[k].any() for row in digits]
        fours = registered(m, [sum(ones[n + 1 : n + 4], ones[n]) for n in range(0, len(ones), 4)], f"{name}_{k}_four")
        counts += registered(m, [sum(fours, Const(0, 1))], f"{name}_{k}_")
    halves = registered(m, [counts[n] + (counts[n + 1] << 2) for n in (0, 2)], f"{name}_half")
    total = halves[0] + (halves[1] << DIGITS)
    return registered(m, registered(m, [total[:NEGATIVE_BITS]], name), f"{name}_late")[0]


def registered(m: Module, terms: Sequence[Value], name: str) -> list[Signal]:
    """The terms one cycle later."""
    registers = [Signal.like(term, name=f"{name}{n}", reset_less=True) for n, term in enumerate(terms)]
    m.d.sync += [register.eq(term) for register, term in zip(registers, terms, strict=True)]
    return registers


def _times(digit: Value, weight: Value) -> Value:
    """``digit - 1`` times an int8 weight, one less if that is -1; nine bits, the sign inverted."""
    wide = Cat(weight, ~weight[-1])
    doubled = Cat(Const(0, 1), weight[:-1], ~weight[-1])
    return Mux(digit[1], Mux(digit[0], doubled, wide), Mux(digit[0], 1 << 8, ~wide))[:9]


def _add_pairs(m: Module, pairs: list[list[Value]], name: str) -> list[Value]:
    """The sum of each pair of unsigned numbers, or the one that is alone, one cycle later.

    CHAINED of them become one addition, each with a bit more than it adds: no carry goes on to the next. That bit is a
    register that is never set: of a constant Yosys would see that it can cut the chain there.
    """
    never = Signal(name=f"{name}never")
    m.d.sync += never.eq(never & pairs[0][0][0])
    sums: dict[int, Value] = {}
    adding = [n for n, pair in enumerate(pairs) if len(pair) == 2]
    for first in range(0, len(adding), CHAINED):
        chain = adding[first : first + CHAINED]
        widths = [max(map(len, pairs[n])) + 1 for n in chain]
        sides = [
            Cat(
                Cat(pairs[n][side], never.replicate(bits - len(pairs[n][side])))
                for n, bits in zip(chain, widths, strict=True)
            )
            for side in range(2)
        ]
        total = Signal(sum(widths), name=f"{name}{first}", reset_less=True)
        m.d.sync += total.eq(sides[0] + sides[1])
        start = 0
        for n, width in zip(chain, widths, strict=True):
            sums[n] = total[start : start + width]
            start += width
    alone = [n for n in range(len(pairs)) if n not in sums]
    sums |= dict(zip(alone, registered(m, [pairs[n][0] for n in alone], f"{name}alone"), strict=True))
    return [sums[n] for n in range(len(pairs))]
