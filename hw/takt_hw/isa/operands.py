"""What an instruction can name: streams, ALUs, immediates. Each has one text form and one bit pattern."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

NAN_BITS = 0x7FC00000
"""The one NaN that fp32 results have."""


class Direction(IntEnum):
    """Which way a stream flows."""

    EAST = 0
    WEST = 1

    @property
    def letter(self) -> str:
        """``e`` or ``w``, as written behind a stream's number."""
        return "ew"[self]

    @property
    def step(self) -> int:
        """Positions that a value moves per cycle: +1 eastward, -1 westward."""
        return 1 if self is Direction.EAST else -1


class DType(IntEnum):
    """Element types that streams carry. An element of n bytes takes n streams, low byte first."""

    I8 = 0
    I32 = 1
    U8 = 2
    F16 = 3
    F32 = 4

    @property
    def streams(self) -> int:
        """Streams of one aligned group, so bytes of one element."""
        return (1, 4, 1, 2, 4)[self]

    @property
    def text(self) -> str:
        """``i8``, ``i32``, ``u8``, ``f16`` or ``f32``."""
        return self.name.lower()


@dataclass(frozen=True, order=True)
class Stream:
    """One stream, or the first of an aligned group. Text: ``s3e`` eastward, ``s3w`` westward.

    Six bits: the number in bits 4-0, the direction in bit 5.
    """

    index: int
    direction: Direction

    def __str__(self) -> str:
        return f"s{self.index}{self.direction.letter}"

    @property
    def bits(self) -> int:
        """The bit pattern."""
        return self.index | self.direction << 5

    @staticmethod
    def from_bits(bits: int) -> Stream:
        """The stream of a bit pattern."""
        return Stream(bits & 31, Direction(bits >> 5 & 1))

    def group(self, count: int) -> tuple[Stream, ...]:
        """This stream and its ``count - 1`` followers."""
        return tuple(Stream(self.index + n, self.direction) for n in range(count))


@dataclass(frozen=True)
class TypedStream:
    """A stream group with its element type. Text: ``s4w:i32``.

    Nine bits: the stream in bits 5-0, the type in bits 8-6.
    """

    stream: Stream
    dtype: DType

    def __str__(self) -> str:
        return f"{self.stream}:{self.dtype.text}"


@dataclass(frozen=True)
class Alu:
    """The held result of one VXM ALU. Text: ``alu2``, or ``alu2:f16`` to read its low bytes as another type."""

    index: int
    dtype: DType = DType.I32

    def __str__(self) -> str:
        return f"alu{self.index}" if self.dtype is DType.I32 else f"alu{self.index}:{self.dtype.text}"


@dataclass(frozen=True)
class Immediate:
    """A signed 32-bit constant, the same in every lane. Text: ``#-5``."""

    value: int

    @staticmethod
    def of_float(value: float) -> Immediate:
        """The bits of the fp32 number nearest to ``value``. ValueError if it is finite and that is not."""
        try:
            return Immediate(struct.unpack("<i", struct.pack("<f", value))[0] if value == value else NAN_BITS)
        except OverflowError:
            raise ValueError(f"floating-point immediate must fit fp32, not {value!r}") from None

    def __str__(self) -> str:
        return f"#{self.value}"


Source = TypedStream | Alu | Immediate
"""What a VXM operand reads."""

STREAM_BITS = 6
TYPE_BITS = 3
DEST_BITS = 1 + TYPE_BITS + STREAM_BITS
SOURCE_BITS = 2 + TYPE_BITS + STREAM_BITS

SOURCE_STREAM, SOURCE_ALU, SOURCE_IMMEDIATE = range(3)
"""Codes in the two top bits of a source."""

PRESENT = 1 << (DEST_BITS - 1)
"""Top bit of a typed destination; clear, with all bits below, when there is none."""

STREAM_PRESENT = 1 << STREAM_BITS
"""Top bit of an optional untyped destination."""


def source_bits(source: Source) -> int:
    """Bit pattern of a VXM source: kind in bits 10-9, type in bits 8-6, stream or ALU in bits 5-0."""
    if isinstance(source, TypedStream):
        return SOURCE_STREAM << 9 | source.dtype << 6 | source.stream.bits
    if isinstance(source, Alu):
        return SOURCE_ALU << 9 | source.dtype << 6 | source.index
    return SOURCE_IMMEDIATE << 9


def typed_stream_from_bits(bits: int) -> TypedStream:
    """The typed stream of nine bits. ValueError if the type code is not in use."""
    return TypedStream(Stream.from_bits(bits & 63), DType(bits >> 6 & 7))
