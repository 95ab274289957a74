"""From planned dispatches to instruction words: REPEAT, NOP, SYNC and NOTIFY where they fit."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import lru_cache
from itertools import pairwise
from random import Random

from takt_hw import isa
from takt_hw.config import ChipConfig
from takt_hw.isa import Instruction, Queue

from ..latency import d_func

Item = tuple[int, int, Instruction]
"""First cycle, cycles, instruction."""

MAX_COUNT = 65535

MAX_STRIDE = 32767


def emit(config: ChipConfig, slots: list[dict[int, Instruction]], length: int, random: Random) -> dict[str, list[int]]:
    """Words by queue name that dispatch exactly ``slots``: instruction by cycle, of each queue."""
    queues = isa.queues(config)
    items = [_items(queue, slots[queue.index], random) for queue in queues]
    room = [config.queue_words - 2 * len(own) - 4 for own in items]
    releases = sorted(set(_notify(config, items, room, length, random)))
    text = {}
    for queue, own, spare in zip(queues, items, room, strict=True):
        words = _words(own, spare, releases, random)
        if words:
            text[queue.name] = words
    return text


def _items(queue: Queue, slots: dict[int, Instruction], random: Random) -> list[Item]:
    """Slice instructions, some of them as REPEATs of what came before."""
    cycles = sorted(slots)
    strides = [_stride(queue, slots[a], slots[b]) for a, b in pairwise(cycles)]
    items: list[Item] = []
    n = 0
    while n < len(cycles):
        items.append((cycles[n], 1, slots[cycles[n]]))
        n += 1
        while n < len(cycles) and strides[n - 1] is not None and random.random() < 0.9:
            gap, stride, end = cycles[n] - cycles[n - 1], strides[n - 1], n + 1
            while end < len(cycles) and strides[end - 1] == stride and cycles[end] - cycles[end - 1] == gap:
                end += 1
            count = random.randint(1, end - n) if random.random() < 0.2 else end - n
            if gap > MAX_COUNT or count > MAX_COUNT:
                break
            interval = random.randint(1, gap) if count == 1 else gap
            repeat = Instruction(isa.REPEAT, {"count": count, "interval": interval, "stride": stride})
            items.append((cycles[n] - interval + 1, count * interval, repeat))
            n += count
    return items


def _stride(queue: Queue, a: Instruction, b: Instruction) -> int | None:
    """The stride with which a REPEAT of ``a`` gives ``b``; None if no REPEAT does."""
    if a.op is not b.op:
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
        after = bisect_right(items[n], cycle, key=lambda item: item[0])
        idle = after == 0 or sum(items[n][after - 1][:2]) <= cycle
        if idle and room[n] >= 2:
            items[n].insert(after, (cycle, 1, Instruction(isa.NOTIFY, {})))
            room[n] -= 2
            releases.append(cycle + d_func(isa.NOTIFY, config))
    return releases


def _words(items: list[Item], room: int, releases: list[int], random: Random) -> list[int]:
    """Fill the gaps with NOPs, and with SYNCs where a release ends them in time."""
    words: list[int] = []
    now = 0
    tail = now + random.randint(0, 9) if random.random() < 0.1 else 0
    end = sum(items[-1][:2]) if items else 0
    for start, cycles, instruction in [*items, (end + tail, 0, None)]:
        while now < start:
            ends = bisect_left(releases, now + 1)  # the first release that a SYNC in this cycle can wait for
            while ends < len(releases) and releases[ends] <= start and random.random() < 0.3:
                ends += 1
            if room >= 2 and ends < len(releases) and releases[ends] <= start and random.random() < 0.7:
                earliest = max(now, releases[ends - 1] if ends else 0)
                parks = random.randrange(earliest, releases[ends])
                words += _nops(parks - now)
                words.append(isa.SYNC.encode())
                now = releases[ends]
                room -= 2
            else:
                words += _nops(start - now)
                now = start
        if instruction is not None:
            words.append(instruction.word)
        now += cycles
    return words


def _nops(cycles: int) -> list[int]:
    result = []
    while cycles:
        count = min(cycles, MAX_COUNT)
        result.append(_nop(count))
        cycles -= count
    return result


@lru_cache(4096)
def _nop(count: int) -> int:
    return isa.NOP.encode(count=count)
