"""`undefined-memory` and `bank-conflict`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from takt_hw import isa
from takt_hw.config import ChipConfig

from ..timeline import Dispatch, Violation


def violations(
    config: ChipConfig, dispatches: Sequence[Dispatch], defined: Mapping[str, np.ndarray] | None
) -> Iterator[Violation]:
    """A READ needs a word written in an earlier cycle or before the run, and its bank for itself."""
    first_write: dict[tuple[str, int], int] = {}
    writing: dict[tuple[str, int], Dispatch] = {}
    for d in dispatches:
        if d.instruction.op is isa.WRITE:
            first_write.setdefault((d.queue.slice, d.instruction["address"]), d.cycle)
            writing[d.queue.slice, d.cycle] = d
    for d in dispatches:
        if d.instruction.op is not isa.READ:
            continue
        address = d.instruction["address"]
        if defined is not None and not _holds(defined, d.queue.slice, address):
            written = first_write.get((d.queue.slice, address))
            if written is None or written >= d.cycle:
                message = f"word {address:#x} must be loaded, or written in an earlier cycle"
                yield d.violation("undefined-memory", message)
        write = writing.get((d.queue.slice, d.cycle))
        if write is not None and _bank(config, write.instruction["address"]) == _bank(config, address):
            message = f"bank must differ from that of {write.instruction}, not be {_bank(config, address)} too"
            yield d.violation("bank-conflict", message)


def _holds(defined: Mapping[str, np.ndarray], name: str, address: int) -> bool:
    return name in defined and bool(defined[name][address])


def _bank(config: ChipConfig, address: int) -> int:
    return address // config.bank_words
