"""`undefined-memory`, `bank-conflict` and `write-conflict`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from takt_hw import isa
from takt_hw.config import ChipConfig, Kind

from ..timeline import Dispatch, Violation

Place = tuple[str, int]
"""Slice and address, or slice and cycle."""


def violations(
    config: ChipConfig, dispatches: Sequence[Dispatch], defined: Mapping[str, np.ndarray] | None
) -> Iterator[Violation]:
    """A word is there before it is read, a bank does one thing at a time, and so does the write port."""
    accesses = [d for d in dispatches if d.queue.unit.kind is Kind.MEM]
    if defined is not None:
        yield from _undefined(accesses, defined)
    yield from _conflicts(config, accesses)


def _undefined(accesses: Sequence[Dispatch], defined: Mapping[str, np.ndarray]) -> Iterator[Violation]:
    """Only WRITE makes a word defined: WRITE_MASKED needs one that is, where SCATTER writes is not known."""
    first_write: dict[Place, int] = {}
    first_in_slice: dict[str, int] = {}
    for d in accesses:
        if d.instruction.op is isa.WRITE:
            first_write.setdefault((d.queue.slice, d.instruction["address"]), d.cycle)
            first_in_slice.setdefault(d.queue.slice, d.cycle)
    for d in accesses:
        name, op = d.queue.slice, d.instruction.op
        if op in (isa.READ, isa.WRITE_MASKED):
            address = d.instruction["address"]
            loaded = name in defined and defined[name][address]
            if not loaded and first_write.get((name, address), d.cycle) >= d.cycle:
                yield d.violation(
                    "undefined-memory", f"word {address:#x} must be loaded, or written in an earlier cycle"
                )
        elif op is isa.GATHER:
            loaded = name in defined and defined[name].any()
            if not loaded and first_in_slice.get(name, d.cycle) >= d.cycle:
                yield d.violation("undefined-memory", "some word must be loaded, or written in an earlier cycle")


def _conflicts(config: ChipConfig, accesses: Sequence[Dispatch]) -> Iterator[Violation]:
    """A WRITE_MASKED uses banks and write port in the next cycles too."""
    masked: dict[Place, Dispatch] = {}
    writing: dict[Place, list[Dispatch]] = {}
    for d in accesses:
        if d.queue.unit is isa.MEM_WRITE:
            writing.setdefault((d.queue.slice, d.cycle), []).append(d)
            if d.instruction.op is isa.WRITE_MASKED:
                for cycle in range(d.cycle + 1, d.cycle + 2 + config.masked_cycles):
                    writing.setdefault((d.queue.slice, cycle), []).append(d)
                    masked.setdefault((d.queue.slice, cycle), d)
    for d in accesses:
        place = d.queue.slice, d.cycle
        if d.queue.unit is isa.MEM_WRITE:
            if place in masked:
                yield d.violation("write-conflict", f"write port must be free, not store {masked[place].instruction}")
            continue
        for write in writing.get(place, ()):
            shared = isa.banks(config, d.instruction) & isa.banks(config, write.instruction)
            if shared:
                message = f"bank must differ from that of {write.instruction}, not be {min(shared)} too"
                yield d.violation("bank-conflict", message)
                break
