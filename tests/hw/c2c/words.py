"""The words of a link as docs/design/links.md has them, without the hardware's help."""

import zlib
from dataclasses import replace
from functools import cache

from takt_hw.config import NANO_C2C
from takt_hw.isa.secded import Code

FILL, TIME, SIGHT, STATE, START, BODY = range(6)

NARROW = NANO_C2C
"""One superlane, 16 bits: packets of 11 words."""

WIDE = replace(NANO_C2C, name="wide", superlanes=3, link_bits=128)
"""Packets of 5 words, with a CRC word that is mostly empty."""

SHORT = replace(NANO_C2C, name="short", link_bits=128)
"""The shortest packets: 3 words."""

LONG = replace(NANO_C2C, name="long", superlanes=4, link_bits=32)
"""Packets of 18 words."""

CONFIGS = (NARROW, WIDE, SHORT, LONG)


code = cache(Code)


def coded(config, kind, payload=0):
    """The bits on the wires."""
    return code(3 + config.link_bits).encode(kind | payload << 3)


def packet(config, number, vector):
    """Types and payloads of a packet; the vector as bytes."""
    size = config.link_bits // 8
    payloads = [number.to_bytes(size, "little")]
    payloads += [vector[n : n + size] for n in range(0, len(vector), size)]
    crc = zlib.crc32(b"".join(payloads)).to_bytes(4, "little")
    payloads += [crc[n : n + size] for n in range(0, 4, size)]
    kinds = [START] + [BODY] * (len(payloads) - 1)
    return [(kind, int.from_bytes(payload, "little")) for kind, payload in zip(kinds, payloads, strict=True)]


def coded_packet(config, number, vector):
    """The same as bits on the wires."""
    return [coded(config, *word) for word in packet(config, number, vector)]
