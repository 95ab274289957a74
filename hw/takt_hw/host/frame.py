"""Beats of host frames as Amaranth shapes, and their two checksums. The table is ``takt_hw.isa.host``."""

from collections.abc import Iterable
from functools import reduce
from operator import xor

from amaranth.hdl import Cat, Mux, Value
from amaranth.lib import crc, data
from amaranth.lib.crc.catalog import CRC16_XMODEM, CRC32_ISO_HDLC

from ..isa import host

BEAT_BITS = 8 * host.BEAT_BYTES
CRC32_BITS = 32
CRC32_START = (1 << CRC32_BITS) - 1
"""State of a CRC-32 before the first beat; the trailer holds the complement of the state after the last."""

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
