"""The host's side of a chip with links: alignment, and what it says of its links."""

from __future__ import annotations

from dataclasses import dataclass, fields

from takt_hw.isa.host import LINK_COUNT_FIELDS, LINK_STATE_FIELDS, Command

from ..frames import Request
from ..host import Host


@dataclass(frozen=True)
class LinkState:
    """How one end of a link is; fields as LINK_STATE_FIELDS."""

    up: int
    aligned: int
    late: int
    conflicts: int
    length: int
    shortest: int
    longest: int
    theirs: int


@dataclass(frozen=True)
class LinkCounts:
    """What came to one end of a link; fields as LINK_COUNT_FIELDS."""

    vectors: int
    corrected: int
    uncorrectable: int
    lost: int

    def since(self, before: LinkCounts) -> LinkCounts:
        """What came after ``before`` was read."""
        return LinkCounts(*(getattr(self, f.name) - getattr(before, f.name) for f in fields(self)))


class LinkHost(Host):
    """Loads, starts and reads a chip with links; parameters and errors as of `Host`."""

    def align(self, parent: int | None) -> None:
        """Begin to align the chip's counter with that of the chip at the other end of a link. None: it is the root."""
        self._ask([Request(command=Command.ALIGN, address=0 if parent is None else parent + 1)])

    def start(self) -> None:
        """START."""
        self.run({})


def link_state(payload: bytes) -> LinkState:
    """How a link is, from the answer."""
    return LinkState(**_fields(payload, LINK_STATE_FIELDS))


def link_counts(payload: bytes) -> LinkCounts:
    """What came over a link, from the answer."""
    return LinkCounts(**_fields(payload, LINK_COUNT_FIELDS))


def _fields(payload: bytes, layout: tuple[tuple[str, int], ...]) -> dict[str, int]:
    values, at = {}, 0
    for name, size in layout:
        values[name] = int.from_bytes(payload[at : at + size], "little")
        at += size
    values.pop("unused", None)
    return values
