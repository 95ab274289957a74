"""The host frames' checksums are CRC-32 and CRC-16: the functions of Python's library, for every beat.

Both are linear: a beat's checksum is the sum of those of its bits, each alone, which the library says.
"""

from __future__ import annotations

import binascii
import zlib
from collections.abc import Callable, Sequence
from functools import partial, reduce
from operator import xor

from amaranth.asserts import AnySeq
from amaranth.hdl import Assert, Cover, Module, Mux, Signal, Value

from takt_hw.host import frame
from takt_hw.host.frame import BEAT_BITS, CHECKED_BITS

from .proof import Mutant, Proof

LAST_BYTE_FIRST = [bit for byte in reversed(range(CHECKED_BITS // 8)) for bit in range(8 * byte, 8 * byte + 8)]


def _crc32(beat: int) -> int:
    """State after a beat, from a state of 0; zlib's is inverted at both ends."""
    return zlib.crc32(beat.to_bytes(BEAT_BITS // 8, "little"), 0xFFFF_FFFF) ^ 0xFFFF_FFFF


def _crc16(beat: int) -> int:
    return binascii.crc_hqx(beat.to_bytes(BEAT_BITS // 8, "little")[: CHECKED_BITS // 8], 0)


def sums(hardware: Callable[[Value], Value], library: Callable[[int], int], order: Sequence[int], m: Module) -> None:
    """Every beat: the sum of what the library says of its bits, added in the hardware's order as pairs of pairs."""
    x = Signal(BEAT_BITS)
    m.d.comb += x.eq(AnySeq(BEAT_BITS))
    terms: list[Value] = [Mux(x[bit], library(1 << bit), 0) for bit in order]
    while len(terms) > 1:
        terms = [reduce(xor, terms[n : n + 2]) for n in range(0, len(terms), 2)]
    m.d.comb += [Assert(hardware(x) == terms[0]), Cover(hardware(x) == 0x5A5A)]


PROOFS = [
    Proof(
        name=name,
        what=f"The function that the host port computes is {title}, for every beat",
        build=partial(sums, hardware, library, order),
        depth=1,
        note="combinational: one cycle is all",
        mutants=(
            Mutant(
                "one remainder is another bit's",
                "host/frame.py",
                "parameters.compute([1 << n])",
                "parameters.compute([1 << max(n, 5)])",
            ),
        ),
    )
    for name, title, hardware, library, order in (
        ("crc32", "CRC-32 (that of zlib)", frame.crc32_of, _crc32, range(BEAT_BITS)),
        ("crc16", "CRC-16/XMODEM of the header but its CRC field", frame.header_crc, _crc16, LAST_BYTE_FIRST),
    )
]
