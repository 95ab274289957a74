"""One operand of an ALU: from streams, from a held result or from the instruction, as 32 bits per lane."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed

from ..config import LANES_PER_SUPERLANE
from ..isa import DType
from ..isa.operands import SOURCE_ALU, SOURCE_IMMEDIATE, SOURCE_STREAM, STREAM_BITS, TYPE_BITS
from .pipe import RESULT

PLANES = max(dtype.streams for dtype in DType)
"""Byte planes of the widest element."""


def widen(half: Value) -> Value:
    """fp16 as fp32, exactly; every NaN as the canonical one.

    A subnormal is normal in fp32: each of its ten possible leading bits has an exponent of its own, and what is
    below that bit becomes the fraction.
    """
    fraction, exponent = half[:10], half[10:15]
    magnitude = Const(0, 31)
    for bit in range(10):
        # fp16 counts subnormals in units of 2^-24, and fp32's exponent field is biased by 127
        normal = fraction[:bit] << (23 - bit) | (127 - 24 + bit) << 23
        magnitude = Mux(fraction[bit], normal, magnitude)
    magnitude = Mux(exponent != 0, Cat(Const(0, 13), half[:15]) + ((127 - 15) << 23), magnitude)
    magnitude = Mux(exponent == 31, Mux(fraction != 0, 0x7FC00000, 0x7F800000), magnitude)
    return Cat(magnitude[:31], half[15] & ~((exponent == 31) & (fraction != 0)))


def register_operand(
    m: Module,
    *,
    name: str,
    used: Value,
    source: Value,
    immediate: Value,
    held: Value,
    holds: Value,
    taps: list,
    planes: list[Value],
) -> tuple[list[Signal], Signal]:
    """Registers one operand, per lane; beside them, whether it was a held result that does not exist.

    ``source`` and ``immediate`` are the instruction's fields, ``used`` says that there is such an operand in this
    cycle. ``held`` and ``holds`` are of all ALUs. ``taps`` name the streams whose byte planes come back in ``planes``.
    """
    kind = source[STREAM_BITS + TYPE_BITS :]
    dtype = source[STREAM_BITS : STREAM_BITS + TYPE_BITS]
    index = source[:STREAM_BITS]
    streaming, holding = Signal(name=f"{name}_streaming"), Signal(name=f"{name}_holding")
    constant, half = Signal(name=f"{name}_constant"), Signal(name=f"{name}_half")
    signed_byte, byte = Signal(name=f"{name}_signed_byte"), Signal(name=f"{name}_byte")
    m.d.comb += [
        streaming.eq(used & (kind == SOURCE_STREAM)),
        holding.eq(kind == SOURCE_ALU),
        constant.eq(kind == SOURCE_IMMEDIATE),
        signed_byte.eq(dtype == DType.I8),
        byte.eq(signed_byte | (dtype == DType.U8)),
        half.eq(dtype == DType.F16),
    ]
    for p, tap in enumerate(taps):
        m.d.comb += [tap.valid.eq(streaming & is_sent(dtype, p)), tap.stream.eq(index + p)]

    holder = Signal(RESULT, name=f"{name}_held")
    lacks = Signal(name=f"{name}_lacks")
    with m.Switch(index):
        for n in range(len(holds)):
            with m.Case(n):
                m.d.comb += [holder.eq(held[n]), lacks.eq(used & holding & ~holds[n])]
    lanes = []
    for lane in range(LANES_PER_SUPERLANE):
        raw = Signal(32, name=f"{name}_raw{lane}")
        value = Signal(signed(32), name=f"{name}{lane}", reset_less=True)
        m.d.comb += raw.eq(Mux(holding, holder[lane], Cat(plane.word_select(lane, 8) for plane in planes)))
        with m.If(used):
            with m.If(constant):
                m.d.sync += value.eq(immediate)
            with m.Elif(byte):
                m.d.sync += value.eq(Cat(raw[:8], (raw[7] & signed_byte).replicate(24)))
            with m.Elif(half):
                m.d.sync += value.eq(widen(raw[:16]))
            with m.Else():
                m.d.sync += value.eq(raw)
        lanes.append(value)
    return lanes, lacks


def is_sent(dtype: Value, plane: int) -> Value:
    """Whether an element of a type has a byte plane."""
    return Cat(dtype == t for t in DType if t.streams > plane).any()
