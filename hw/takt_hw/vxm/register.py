"""What the stages of a pipelined build's lanes are made of."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal, Value, ValueLike
from amaranth.lib import data


def register(m: Module, value: ValueLike, name: str) -> Any:
    """``value`` a cycle later. What is in a pipe when the chip is reset is of no account."""
    shape = value.shape() if isinstance(value, data.View) else Value.cast(value).shape()
    later = Signal(shape, name=name, reset_less=True)
    m.d.sync += later.eq(value)
    return later


def add(m: Module, one: Value, other: Value, carry: Value, name: str) -> Value:
    """``one + other + carry`` to the width of ``one``, on one chain of carries: the lowest bit starts it."""
    total = Signal(len(one) + 1, name=f"{name}_chain")
    m.d.comb += total.eq(Cat(1, one) + Cat(carry, other))
    return total[1:]
