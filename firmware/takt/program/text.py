"""Instruction text that lies in memory and arrives by IFETCH."""

from __future__ import annotations

from collections.abc import Sequence

from takt_hw import isa
from takt_hw.config import LANES_PER_SUPERLANE, ChipConfig

MAX_STORED = 1 << 16
"""Words of one queue's text, at most, if some of them lie in memory."""

_OPCODE = (1 << isa.OPCODE_BITS) - 1


def fetches(words: Sequence[int]) -> bool:
    """Whether any of a queue's words is an IFETCH."""
    return any(word & _OPCODE == isa.IFETCH.code for word in words)


def words_asked(words: Sequence[int]) -> int:
    """Words that the IFETCHes among some words bring, if each is dispatched once."""
    return sum(isa.TEXT_WORDS.extract(word) for word in words if word & _OPCODE == isa.IFETCH.code)


def pack_text(config: ChipConfig, words: Sequence[int]) -> list[bytes]:
    """Memory words that hold instruction words as IFETCH takes them: one per superlane, 16 bytes each, in order.

    The last memory word is filled up with zeros, which no IFETCH should ask for.
    """
    content = b"".join(word.to_bytes(LANES_PER_SUPERLANE, "little") for word in words)
    starts = range(0, len(content), config.lanes)
    return [content[start : start + config.lanes].ljust(config.lanes, b"\0") for start in starts]


def split_text(words: Sequence[int], host: int) -> tuple[list[int], list[int]]:
    """A queue's words as the host loads them, and those from number ``host`` on, which IFETCHes bring.

    Where they bring more words than there are, NOPs follow: every word asked for is dispatched.
    ValueError if they bring fewer.
    """
    loaded, stored = list(words[:host]), list(words[host:])
    asked = words_asked(words)
    if len(stored) > asked:
        raise ValueError(f"text in memory must have at most the {asked} words that IFETCHes ask for, not {len(stored)}")
    return loaded, stored + [isa.NOP.encode(count=1)] * (asked - len(stored))


def place_text(
    config: ChipConfig, data: dict[str, dict[int, bytes]], slice: str, address: int, words: Sequence[int]
) -> None:
    """Add instruction words to memory data, from ``address`` on. ValueError if they cannot be there."""
    vectors = pack_text(config, words)
    if not 0 <= address <= config.mem_words - len(vectors):
        raise ValueError(f"text must lie below {config.mem_words:#x}, not end at {address + len(vectors):#x}")
    held = data.setdefault(slice, {})
    for number, vector in enumerate(vectors, start=address):
        if number in held:
            raise ValueError(f"word must be given once, not again: {slice} {number:#x}")
        held[number] = vector
