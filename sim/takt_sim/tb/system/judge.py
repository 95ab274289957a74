"""What became of vectors that were sent: RTL writes against those of the reference simulator."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields

from takt_hw.isa.host import Fault

from ...reference import Result
from ...reference import Write as Expected
from ...system.topology import Port
from ..run import RtlResult, Write

NEAR = 64
"""Vectors of a link, before and behind, that a wrong one is compared with. A link's buffer holds no more."""


@dataclass
class Verdict:
    """Counts of vectors. All but ``vectors`` are zero if nothing went wrong, ``lost`` aside where bits were flipped."""

    vectors: int = 0
    """That were to be written."""
    misplaced: int = 0
    """Writes in a cycle or at an address that the program does not write, and writes that were not made."""
    lost: int = 0
    """Zeros, and the chip says so."""
    duplicated: int = 0
    """A vector that came before, in place of another."""
    reordered: int = 0
    """A vector whose turn was later."""
    silent: int = 0
    """Wrong in any way, and the chip says nothing of it: duplicated and reordered vectors count here too."""

    def add(self, other: Verdict) -> None:
        """Add another's counts."""
        for f, value in zip(fields(self), astuple(other), strict=True):
            setattr(self, f.name, getattr(self, f.name) + value)


def judge(
    expected: Result, found: RtlResult, links: Mapping[tuple[str, int], Port], told: Mapping[Port, int]
) -> dict[Port, Verdict]:
    """What became of the vectors that one chip was to write.

    Parameters
    ----------
    expected, found : Result, RtlResult
        What the chip was to do and what it did.
    links : mapping
        The link that each slice and address is written from.
    told : mapping
        RECEIVEs that met no good vector, as the chip has counted them, by link.
    """
    verdicts = {port: Verdict() for port in links.values()}
    by_link: dict[Port, list[Expected]] = defaultdict(list)
    for write in expected.writes:
        by_link[links[write.slice, write.address]].append(write)
    there = {(write.cycle, write.slice, write.address): write for write in found.writes}
    flagged = bool(found.faults >> Fault.LINK_LOST & 1)
    for port, wanted in by_link.items():
        mine = [there.pop((write.cycle, write.slice, write.address), None) for write in wanted]
        verdicts[port] = _judge_link(wanted, mine)
        if verdicts[port].lost > (told[port] if flagged else 0):
            verdicts[port].silent += verdicts[port].lost - (told[port] if flagged else 0)
    for _, name, address in there:
        verdicts[links.get((name, address), next(iter(verdicts)))].misplaced += 1
    return verdicts


def _judge_link(wanted: Sequence[Expected], found: Sequence[Write | None]) -> Verdict:
    verdict = Verdict(vectors=len(wanted))
    before: deque[bytes] = deque(maxlen=NEAR)
    for n, (write, got) in enumerate(zip(wanted, found, strict=True)):
        if got is None:
            verdict.misplaced += 1
        elif got.data != write.data:
            if not any(got.data):
                verdict.lost += 1
            else:
                verdict.silent += 1
                verdict.duplicated += got.data in before
                verdict.reordered += got.data in [later.data for later in wanted[n + 1 : n + 1 + NEAR]]
        before.append(write.data)
    return verdict
