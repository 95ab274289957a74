"""From planned dispatches to instruction words: REPEAT, LOOP, CONFIG, NOP, SYNC and NOTIFY where they fit."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import lru_cache
from itertools import pairwise
from random import Random

from takt_hw import isa
from takt_hw.config import ChipConfig
from takt_hw.isa import Instruction, Queue

from ..latency import d_func
from .loops import MAX_STRIDE, Fold, Item, fields, fold, moved_item, size

MAX_COUNT = 65535

Timed = tuple[int, int]
"""Cycle in which a word is dispatched first, and the word."""


def emit(
    config: ChipConfig, slots: list[dict[int, Instruction]], length: int, spare: dict[int, int], random: Random
) -> dict[str, tuple[list[Timed], int]]:
    """Words by queue name that dispatch exactly ``slots``: instruction by cycle, of each queue; and the queue's end.

    ``spare``: words that must stay free, by the queue's index.
    """
    queues = isa.queues(config)
    items = [fold(queue, _items(queue, slots[queue.index], random), random) for queue in queues]
    room = [
        config.queue_words - sum(map(size, own)) - 4 - spare.get(queue.index, 0)
        for queue, own in zip(queues, items, strict=True)
    ]
    releases = sorted(set(_notify(config, items, room, length, random)))
    text = {}
    for queue, own in zip(queues, items, strict=True):
        own = _with_bases(config, queue, own, room, random)
        words, end = _words(own, room[queue.index], releases, random)
        if words:
            text[queue.name] = words, end
    return text


def _items(queue: Queue, slots: dict[int, Instruction], random: Random) -> list[Item]:
    """Slice instructions, some of them as REPEATs of what came before, and planned control instructions."""
    repeats = random.choice((0.9, 0.5, 0.0))
    cycles = sorted(slots)
    strides = [_stride(queue, slots[a], slots[b]) for a, b in pairwise(cycles)]
    items: list[Item] = []
    n = 0
    while n < len(cycles):
        items.append(Item(cycles[n], 1, slots[cycles[n]]))
        n += 1
        while n < len(cycles) and strides[n - 1] is not None and random.random() < repeats:
            gap, stride, end = cycles[n] - cycles[n - 1], strides[n - 1], n + 1
            while end < len(cycles) and strides[end - 1] == stride and cycles[end] - cycles[end - 1] == gap:
                end += 1
            count = random.randint(1, end - n) if random.random() < 0.2 else end - n
            if gap > MAX_COUNT or count > MAX_COUNT:
                break
            interval = random.randint(1, gap) if count == 1 else gap
            repeat = Instruction(isa.REPEAT, {"count": count, "interval": interval, "stride": stride})
            items.append(Item(cycles[n] - interval + 1, count * interval, repeat))
            n += count
    return items


def _stride(queue: Queue, a: Instruction, b: Instruction) -> int | None:
    """The stride with which a REPEAT of ``a`` gives ``b``; None if no REPEAT does."""
    if a.op is not b.op or a.op in isa.CONTROL:
        return None
    name = queue.unit.stride.name if queue.unit.stride is not None else ""
    if any(b.values[key] != value for key, value in a.values.items() if key != name):
        return None
    stride = b.values[name] - a.values[name] if name in a.values else 0
    return stride if abs(stride) <= MAX_STRIDE else None


def _notify(config: ChipConfig, items: list[list[Item]], room: list[int], length: int, random: Random) -> list[int]:
    """Put a few NOTIFYs into idle cycles; the cycles in which they release."""
    releases = []
    for _ in range(random.randint(0, 5)):
        n, cycle = random.randrange(len(items)), random.randrange(length)
        if room[n] >= 2 and _insert(items[n], cycle, Instruction(isa.NOTIFY, {})) is not None:
            room[n] -= 2
            releases.append(cycle + d_func(isa.NOTIFY, config))
    return releases


def _insert(items: list[Item], cycle: int, instruction: Instruction) -> int | None:
    """Put an instruction into a cycle; its place among the items, None if the cycle is not idle."""
    after = bisect_right(items, cycle, key=lambda item: item.start)
    if after and items[after - 1].end > cycle:
        return None
    items.insert(after, Item(cycle, 1, instruction))
    return after


def _with_bases(config: ChipConfig, queue: Queue, items: list[Item], room: list[int], random: Random) -> list[Item]:
    """Put CONFIGs into idle cycles and take their bases off the words that follow, up to the next CONFIG."""
    until = len(items)
    last = items[-1].end if items else 0
    while last and random.random() < 0.4 and room[queue.index] >= 2:
        after = _insert(items[:until], cycle := random.randrange(last), Instruction(isa.NOP, {}))
        if after is None:
            break
        base = _base(config, queue, items[after:until], random)
        items[after:until] = [
            Item(cycle, 1, Instruction(isa.CONFIG, {"base": base})),
            *(moved_item(queue, item, -base) for item in items[after:until]),
        ]
        room[queue.index] -= 2
        until, last = after, cycle
    return items


def _base(config: ChipConfig, queue: Queue, items: list[Item], random: Random) -> int:
    """A base that leaves the words themselves in range."""
    stride = queue.unit.stride
    if stride is None:
        return 0
    values = [value for item in items for value in fields(queue, item)]
    upper = stride.upper(config) or 0
    low = max(-MAX_STRIDE - 1, max(values, default=0) - upper + 1)
    high = min(MAX_STRIDE, min(values, default=upper - 1))
    return random.choice((low, high, random.randint(low, high)))


def _words(items: list[Item], room: int, releases: list[int], random: Random) -> tuple[list[Timed], int]:
    """Fill the gaps with NOPs, and with SYNCs where a release ends them in time. The words, and the queue's end."""
    words: list[Timed] = []
    now = 0
    tail = now + random.randint(0, 9) if random.random() < 0.1 else 0
    end = items[-1].end if items else 0
    for start, item in [*((item.start, item) for item in items), (end + tail, None)]:
        while now < start:
            ends = bisect_left(releases, now + 1)  # the first release that a SYNC in this cycle can wait for
            while ends < len(releases) and releases[ends] <= start and random.random() < 0.3:
                ends += 1
            if room >= 2 and ends < len(releases) and releases[ends] <= start and random.random() < 0.7:
                earliest = max(now, releases[ends - 1] if ends else 0)
                parks = random.randrange(earliest, releases[ends])
                words += _nops(now, parks)
                words.append((parks, isa.SYNC.encode()))
                now = releases[ends]
                room -= 2
            else:
                words += _nops(now, start)
                now = start
        if item is not None:
            words += _item_words(item)
            now += item.cycles
    return words, now


def _item_words(item: Item) -> list[Timed]:
    """The words of an instruction, or of a loop with its body."""
    what = item.what
    if not isinstance(what, Fold):
        return [(item.start, what.word)]
    body: list[Timed] = []
    begin = now = item.start + 1
    for inner in what.items:
        body += _nops(now, begin + inner.start)
        body += _item_words(inner._replace(start=begin + inner.start))
        now = begin + inner.end
    body += _nops(now, begin + what.period)
    return [(item.start, isa.LOOP.encode(count=what.count, body=len(body), stride=what.stride)), *body]


def _nops(now: int, until: int) -> list[Timed]:
    result = []
    while now < until:
        count = min(until - now, MAX_COUNT)
        result.append((now, _nop(count)))
        now += count
    return result


@lru_cache(4096)
def _nop(count: int) -> int:
    return isa.NOP.encode(count=count)
