"""What a program did: plain data, that other processes can be sent as it is."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..timeline import Timeline


@dataclass(frozen=True)
class Write:
    """One memory word changing, in superlane-0 time."""

    cycle: int
    """dispatch + d_skew + mending_cycles of a WRITE or SCATTER, 1 + masked_cycles more of a WRITE_MASKED."""

    slice: str
    address: int
    data: bytes
    """One byte per lane."""

    superlanes: tuple[int, ...] = ()
    """The superlanes that a SCATTER reached at this address, whose lanes ``data`` holds; all if empty."""


@dataclass(frozen=True, slots=True)
class LinkVector:
    """One vector at one end of a link: all that chips ever tell each other while a program runs."""

    link: int
    """Number of the link on the chip whose end this is."""

    number: int
    """Of the link's SENDs before it."""

    cycle: int
    """Where it was sent: the dispatch of its SEND. Where it is delivered: the first cycle in which a RECEIVE of it may
    be dispatched. Where it was received: the dispatch of its RECEIVE."""

    data: bytes
    """One byte per lane."""


@dataclass
class Result:
    """What a program did."""

    cycles: int
    writes: list[Write]
    """By cycle, then from west to east, then by address."""

    timeline: Timeline
    faults: int = 0
    """Fault flags that legal programs can raise, bits of ``takt_hw.isa.host.Fault``: ADDRESS_RANGE."""

    sent: list[LinkVector] = field(default_factory=list)
    """Every SEND, by cycle and then by link."""

    received: list[LinkVector] = field(default_factory=list)
    """Every RECEIVE, by cycle and then by link."""
