"""Words of a link as Amaranth shapes. docs/design/links.md has the table."""

from functools import cache

from amaranth.lib import data, enum

from ..config import LINK_CRC_BITS, ChipConfig
from ..isa.secded import Code


class WordType(enum.Enum, shape=3):
    """What a word is. A word of zeros, as a wire without a sender may carry, is FILL."""

    FILL = 0
    TIME = 1
    SIGHT = 2
    STATE = 3
    START = 4
    BODY = 5


BEACONS = (WordType.TIME, WordType.SIGHT, WordType.STATE)
"""What a link carries between packets, in turns."""

BEACON_GAP = 3
"""Words between two beacons, at least: each has crossed to the other clock before the next comes."""

TIME_BITS = 16
"""Low bits of an aligned counter that chips tell each other."""

NUMBER_BITS = 8
"""Bits of a packet's number."""

NOTIFY_BITS = 8
"""Bits of the count of NOTIFY_LINKS."""

BEACON = data.StructLayout({"type": WordType, "payload": TIME_BITS})
"""A beacon without what nobody reads."""

STATE = data.StructLayout({"notified": NOTIFY_BITS, "hears": 1, "aligned": 1})
"""Payload of a STATE word."""


@cache
def word_code(link_bits: int) -> Code:
    """The code that mends a link's words."""
    return Code(WordType.as_shape().width + link_bits)


def wire_bits(config: ChipConfig) -> int:
    """Wires of a link, each way."""
    return word_code(config.link_bits).bits


def word_layout(link_bits: int) -> data.StructLayout:
    """A word without its check bits."""
    return data.StructLayout({"type": WordType, "payload": link_bits})


def packet_layout(lanes: int) -> data.StructLayout:
    """What is left of a packet when it has arrived. If it is not ``good`` its number and vector mean nothing.

    ``corrected``: a bit of it was mended.
    """
    return data.StructLayout({"number": NUMBER_BITS, "good": 1, "corrected": 1, "vector": 8 * lanes})


def vector_words(lanes: int, link_bits: int) -> int:
    """Words of a packet that hold its vector."""
    return 8 * lanes // link_bits


def crc_words(link_bits: int) -> int:
    """Words of a packet that hold its CRC, low bits first."""
    return -(-LINK_CRC_BITS // link_bits)
