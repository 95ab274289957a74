"""What the slices of one position put on its streams and take from them."""

from __future__ import annotations

from dataclasses import dataclass, field

from amaranth.hdl import Value, ValueCastable

from .isa import Stream


@dataclass
class Place:
    """What one position's slices put on and take from its streams, gathered while they are built.

    With ``raw`` a slice puts or takes the register's check bits too; the others deal in data alone. With ``lanes`` it
    takes no more than which lanes are not 0. With ``late`` it waits `mending_cycles` for what it takes. With ``among``
    it names no other streams. With ``ahead`` it says there, a cycle before, what it will drive.
    """

    slice: int = 0
    """Number of the slice that is being built."""

    drives: list = field(default_factory=list)
    drive_ranges: list[range] = field(default_factory=list)
    drives_among: list[frozenset[Stream] | None] = field(default_factory=list)
    raw_drives: list[bool] = field(default_factory=list)
    aheads: list[Value | None] = field(default_factory=list)
    taps: list = field(default_factory=list)
    tap_ranges: list[range] = field(default_factory=list)
    taps_among: list[frozenset[Stream] | None] = field(default_factory=list)
    tap_owners: list[int] = field(default_factory=list)
    raw_taps: list[bool] = field(default_factory=list)
    lane_taps: list[bool] = field(default_factory=list)
    late_taps: list[bool] = field(default_factory=list)

    def drive(
        self,
        port,
        numbers: range,
        *,
        among: frozenset[Stream] | None = None,
        raw: bool = False,
        ahead: ValueCastable | Value | None = None,
    ) -> None:
        self.drives.append(port)
        self.drive_ranges.append(numbers)
        self.drives_among.append(among)
        self.raw_drives.append(raw)
        self.aheads.append(None if ahead is None else Value.cast(ahead))

    def tap(
        self,
        port,
        taken,
        numbers: range,
        *,
        among: frozenset[Stream] | None = None,
        raw: bool = False,
        lanes: bool = False,
        late: bool = False,
    ) -> None:
        self.taps.append((port, taken))
        self.tap_ranges.append(numbers)
        self.taps_among.append(among)
        self.tap_owners.append(self.slice)
        self.raw_taps.append(raw)
        self.lane_taps.append(lanes)
        self.late_taps.append(late)
