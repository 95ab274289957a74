"""Text that arrives by stream: READs of reserved words are planned first, and filled with text at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from takt_hw import isa
from takt_hw.config import LANES_PER_SUPERLANE
from takt_hw.isa import Instruction, Queue

from ..latency import d_func, d_skew
from .compose import STREAMS, Composer
from .plan import step

SMALLEST_QUEUE = 64
"""Words of a queue from which on it is worth while."""

MAX_WORDS = 16

Timed = tuple[int, int]
"""Cycle in which a word is dispatched first, and the word."""


@dataclass(frozen=True)
class PlannedFetch:
    """An IFETCH and the memory words, one per vector, that it gets."""

    queue: Queue
    cycle: int
    words: int
    slice: str
    addresses: Sequence[int]


def plan_fetches(composer: Composer, windows: dict[str, tuple[range, range]]) -> list[PlannedFetch]:
    """Plan some IFETCHes, early, with all READs that feed them; in the order of their cycles."""
    random, config = composer.random, composer.config
    if config.queue_words < SMALLEST_QUEUE or random.random() < 0.3:
        return []
    made: list[PlannedFetch] = []
    for _ in range(random.randint(1, 4)):
        again = made and random.random() < 0.4
        queue = random.choice(made).queue if again else random.choice(isa.queues(config))
        words = random.randint(1, MAX_WORDS)
        cycle = random.randrange(config.positions + 4, config.positions + 60)
        busy = [f for f in made if f.queue.position == queue.position]
        if any(f.cycle < cycle + words and cycle < f.cycle + f.words for f in busy):
            continue
        planned = _plan(composer, windows, queue, cycle, words)
        if planned is not None:
            made.append(planned)
    return sorted(made, key=lambda f: f.cycle)


def _plan(
    composer: Composer, windows: dict[str, tuple[range, range]], queue: Queue, cycle: int, words: int
) -> PlannedFetch | None:
    plan, random, config = composer.plan, composer.random, composer.config
    vectors = -(-words // config.superlanes)
    fed = [b for b in composer.fed[queue.position] if b & 31 in queue.text]
    if not fed:
        return None
    bits = random.choice(fed)
    source = random.choice(composer._along(composer.reads, bits, queue.position, -1))
    bank = random.randrange(2)
    first = bank * config.bank_words + random.randrange(max(1, config.bank_words - vectors))
    addresses = range(first, first + vectors)
    window = windows[source.slice][bank]
    taken = {address for name, address in plan.reserved if name == source.slice}
    free = taken.isdisjoint(addresses) and not (first < window.stop and window.start < addresses.stop)
    if not free or addresses.stop > (bank + 1) * config.bank_words:
        return None
    mark = plan.mark()
    fetch = Instruction(isa.IFETCH, {"src": STREAMS[bits], "words": words})
    place = step(bits) * queue.position
    latency = d_func(isa.READ, config) + place - step(bits) * source.position
    if not plan.control(queue, cycle, fetch):
        return None
    plan.defined[source.slice][addresses.start : addresses.stop] = True
    for vector, address in enumerate(addresses):
        at = cycle + d_skew(isa.IFETCH, config) + vector * config.superlanes
        read = Instruction(isa.READ, {"dst": STREAMS[bits], "address": address})
        issued = plan.issue(source, at - latency, read, (), (bits,), until=place)
        if not issued or not plan.take(bits, queue.position, at):
            plan.rollback(mark)
            plan.defined[source.slice][addresses.start : addresses.stop] = False
            return None
    plan.reserved |= {(source.slice, address) for address in addresses}
    plan.spare[queue.index] = plan.spare.get(queue.index, 0) + words + 2
    return PlannedFetch(queue, cycle, words, source.slice, addresses)


def split(composer: Composer, fetches: Sequence[PlannedFetch], words: list[Timed], end: int) -> tuple[list, list[list]]:
    """The words of one queue that the host loads, and those that each of its IFETCHes brings.

    As much of the text's end as can arrive in time; beyond it the IFETCHes bring NOPs.
    """
    ready = [f.cycle + d_func(isa.IFETCH, composer.config) + n for f in fetches for n in range(f.words)]
    words = list(words)
    if end < ready[-1]:
        words.append((end, isa.NOP.encode(count=ready[-1] - end)))
        end = ready[-1]
    tail = len(ready)
    while tail and not _arrives_in_time(fetches, words, ready, tail):
        tail -= 1
    fetched = [word for _, word in words[len(words) - tail :]]
    fetched += [isa.NOP.encode(count=1)] * (len(ready) - tail)
    loaded = [word for _, word in words[: len(words) - tail]]
    shares, first = [], 0
    for f in fetches:
        shares.append(fetched[first : first + f.words])
        first += f.words
    return loaded, shares


def _arrives_in_time(fetches: Sequence[PlannedFetch], words: Sequence[Timed], ready: Sequence[int], tail: int) -> bool:
    """Whether the last ``tail`` words can be fetched: each is there in time, and whole loops are asked for."""
    host = len(words) - tail
    if host < 1 or any(cycle < arrives for (cycle, _), arrives in zip(words[host:], ready, strict=False)):
        return False
    for n, (cycle, word) in enumerate(words):
        if word & ((1 << isa.OPCODE_BITS) - 1) == isa.LOOP.code:
            asked = host + sum(f.words for f in fetches if f.cycle < cycle)
            if n + 1 + isa.BODY.extract(word) > asked:
                return False
    return True


def store(memory: dict[str, np.ndarray], fetch: PlannedFetch, words: Sequence[int]) -> None:
    """Put text into the words that an IFETCH gets."""
    content = b"".join(word.to_bytes(LANES_PER_SUPERLANE, "little") for word in words)
    lanes = memory[fetch.slice].shape[1]
    for n, address in enumerate(fetch.addresses):
        part = content[n * lanes : (n + 1) * lanes].ljust(lanes, b"\0")
        memory[fetch.slice][address] = np.frombuffer(part, np.uint8)
