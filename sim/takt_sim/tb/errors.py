"""What a chip with ECC says of flipped bits, and how a simulation flips some."""

from __future__ import annotations

from dataclasses import dataclass

from takt_hw.config import ChipConfig
from takt_hw.isa.host import ERROR_FIELDS, PLACE_FIELDS


@dataclass(frozen=True)
class Place:
    """Where a flipped bit was met."""

    slice: str
    superlane: int
    address: int | None
    """None if the word came by stream."""


@dataclass(frozen=True)
class ErrorReport:
    """The answer to ERRORS: what was met since CLEAR."""

    corrected: int
    uncorrectable: int
    first_corrected: Place | None
    first_uncorrectable: Place | None

    @staticmethod
    def from_payload(config: ChipConfig, payload: bytes) -> ErrorReport:
        """From the payload beat."""
        values, at = {}, 0
        for name, size in ERROR_FIELDS:
            values[name] = int.from_bytes(payload[at : at + size], "little")
            at += size
        return ErrorReport(
            values["corrected"],
            values["uncorrectable"],
            _place(config, values["first_corrected"]),
            _place(config, values["first_uncorrectable"]),
        )


def _place(config: ChipConfig, bits: int) -> Place | None:
    fields = {}
    for name, width in PLACE_FIELDS:
        fields[name] = bits & ((1 << width) - 1)
        bits >>= width
    if not fields["there"]:
        return None
    address = fields["address"] if fields["from_memory"] else None
    return Place(config.slices[fields["slice"]].name, fields["superlane"], address)


@dataclass(frozen=True)
class Flip:
    """Bits to flip in a simulation, in the middle of one cycle of the next program."""

    cycle: int
    path: str
    """The register or memory within the chip, instance names joined by dots."""

    word: int | None
    """Of a memory."""

    bits: int
    """Those that are set are flipped."""


def flip_register(cycle: int, superlane: int, position: int, stream: str, bits: int) -> Flip:
    """Flip bits of a stream register; ``stream`` as ``s3e``. The cycle is superlane 0's."""
    return Flip(cycle + superlane, f"superlane{superlane}.position{position}.{stream}", None, bits)


def flip_word(config: ChipConfig, cycle: int, superlane: int, slice: str, address: int, bits: int) -> Flip:
    """Flip bits of a memory word. The cycle is superlane 0's."""
    # a pipelined build has both banks in one memory
    bank, word = (0, address) if config.pipelined else divmod(address, config.bank_words)
    return Flip(cycle + superlane, f"superlane{superlane}.{slice}.banks.bank{bank}", word, bits)
