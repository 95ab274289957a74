"""Beats of host frames as Amaranth shapes, and their two checksums. The table is ``takt_hw.isa.host``."""

from collections.abc import Iterable
from functools import reduce
from operator import xor

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import crc, data
from amaranth.lib.crc.catalog import CRC16_XMODEM, CRC32_ISO_HDLC

from ..isa import host

BEAT_BITS = 8 * host.BEAT_BYTES
CRC32_BITS = 32
CRC32_START = (1 << CRC32_BITS) - 1
"""State of a CRC-32 before the first beat; the trailer holds the complement of the state after the last."""

PIECE_BITS = 16
"""What a pipelined build adds to a checksum in a cycle."""

PIECES = BEAT_BITS // PIECE_BITS

Header = data.StructLayout({name: 8 * size for name, size in host.HEADER_FIELDS})
"""A header beat."""

HEADER_CRC_BITS = Header["crc"].width
CHECKED_BITS = Header["crc"].offset
"""Bits of a header beat that its CRC-16 covers: all before it."""


def is_one_of(command: Value, commands: Iterable[host.Command]) -> Value:
    """Whether ``command`` is among ``commands``."""
    return Cat(command == c for c in commands).any()


def header_crc(header: Value) -> Value:
    """CRC-16/XMODEM of a header beat, without the CRC field itself."""
    checked = Value.cast(header)[:CHECKED_BITS]
    first_byte_on_top = Cat(*(checked.word_select(n, 8) for n in reversed(range(CHECKED_BITS // 8))))
    return _remainder(first_byte_on_top, CRC16_XMODEM)


def crc32_of(word: Value) -> Value:
    """State of a frame's CRC-32 after one more beat, where ``word`` is the state before, exclusive-or the beat."""
    return _remainder(word, CRC32_ISO_HDLC)


def header_crc_piece(state: Value, piece: Value) -> Value:
    """`header_crc` after one more piece of the beat."""
    return _remainder(state ^ Cat(piece[8:], piece[:8]), CRC16_XMODEM)


def crc32_piece(state: Value, piece: Value) -> Value:
    """State of a frame's CRC-32 after one more piece of a beat."""
    return _remainder(state[:PIECE_BITS] ^ piece, CRC32_ISO_HDLC) ^ state[PIECE_BITS:]


class Summing:
    """Goes through a beat that stays put for a while, piece by piece, at `PIECES` + 2 cycles per beat.

    A register stands between the beat and the sums: where the beat comes from is slow enough.

    Parameters
    ----------
    m : Module
        Where this is.
    beat : Value
        The beat.
    goes_on : Value
        It is there. Stays high until the beat is done with.

    Attributes
    ----------
    first, done : Signal
        Nothing has been added yet; all has been added.
    restart : Signal
        To be set, by whoever uses this, when the beat is done with.
    """

    def __init__(self, m: Module, beat: Value, goes_on: Value):
        self.restart, self.first, self.done = Signal(), Signal(), Signal()
        self._m = m
        self._count = Signal(range(PIECES + 2))
        self._piece = Signal(PIECE_BITS, reset_less=True)
        m.d.comb += [self.first.eq(self._count == 0), self.done.eq(self._count == PIECES + 1)]
        m.d.sync += self._piece.eq(beat.word_select(self._count[: (PIECES - 1).bit_length()], PIECE_BITS))
        with m.If(self.restart):
            m.d.sync += self._count.eq(0)
        with m.Elif(goes_on & ~self.done):
            m.d.sync += self._count.eq(self._count + 1)

    def of_header(self, sum16: Signal) -> None:
        """Add the piece of this cycle to a header's checksum."""
        with self._m.If((self._count != 0) & (self._count <= CHECKED_BITS // PIECE_BITS)):
            self._m.d.sync += sum16.eq(header_crc_piece(sum16, self._piece))

    def of_frame(self, sum32: Signal) -> None:
        """Add the piece of this cycle to a frame's checksum."""
        with self._m.If((self._count != 0) & ~self.done):
            self._m.d.sync += sum32.eq(crc32_piece(sum32, self._piece))


def _remainder(word: Value, algorithm: crc.Algorithm) -> Value:
    """The CRC of one word, less the constant that a word of zeros gives: each bit of the word adds its own remainder.

    Written as a tree of two-way choices between constants, which simulates fast. Parities of masked words do not:
    they are emitted bit by bit.
    """
    parameters = algorithm(len(word))
    constant = parameters.compute([0])
    terms = [Mux(bit, parameters.compute([1 << n]) ^ constant, 0) for n, bit in enumerate(word)]
    while len(terms) > 1:
        terms = [reduce(xor, terms[n : n + 2]) for n in range(0, len(terms), 2)]
    return terms[0]
