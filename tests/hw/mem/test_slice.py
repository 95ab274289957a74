"""A MEM slice in one superlane: what its two queues' instructions do to its words, in which cycles."""

import random
from dataclasses import replace
from functools import partial

import pytest

from takt_hw import isa
from takt_hw.config import ECP5_NANO, NANO
from takt_hw.isa import Direction, Stream
from takt_hw.isa.secded import DATA_BITS, encode
from takt_hw.mem.errors import ERROR
from takt_hw.mem.pipelined import PipelinedMemSlice
from takt_hw.mem.pipelined_ecc import PipelinedEccMemSlice
from takt_hw.mem.slice import MemSlice
from tests.hw.simulation import dispatch, from_lanes, run, to_lanes

WORDS = 16
TO, SRC, SIDE = Stream(3, Direction.EAST), Stream(1, Direction.WEST), Stream(6, Direction.EAST)
CONTENT = [from_lanes(range(16 * n, 16 * n + 16)) for n in range(WORDS)]
FILL = [{"host_write": 1, "host_address": n, "host_data": word} for n, word in enumerate(CONTENT)]
NEWS = from_lanes(range(200, 216))


@pytest.fixture(params=[MemSlice, PipelinedMemSlice, PipelinedEccMemSlice], ids=["plain", "pipelined", "ecc"])
def build(request):
    """The class that is tested."""
    return request.param


@pytest.fixture(params=[partial(MemSlice, ecc=True), PipelinedEccMemSlice], ids=["plain", "pipelined"])
def coded(request):
    """The same, with check bits."""
    return request.param


def masked_cycles(build):
    """By how much later than in a `MemSlice` a WRITE_MASKED writes, next to other writes."""
    return getattr(build, "masked_cycles", 0)


def mending_cycles(build):
    """How long addresses and masks take to come."""
    return getattr(build, "mending_cycles", 0)


def late_chosen(build, steps):
    """The steps, with what the tap ``chosen`` takes when it comes."""
    cycles = mending_cycles(build)
    steps = [dict(step) for step in [*steps, *[{}] * cycles]]
    for n in range(len(steps) - 1, -1, -1):
        if cycles and "chosen_data" in steps[n]:
            steps[n + cycles]["chosen_data"] = steps[n].pop("chosen_data")
    return steps


def read(address):
    return {"reads": dispatch(isa.READ.encode(dst=TO, address=address))}


def gather(address):
    return {"reads": dispatch(isa.GATHER.encode(dst=TO, map=SIDE)), "gathered_data": address}


def write(address):
    return {"writes": dispatch(isa.WRITE.encode(src=SRC, address=address)), "arriving_data": NEWS}


def write_masked(address, mask):
    word = isa.WRITE_MASKED.encode(src=SRC, address=address, mask=SIDE)
    return {"writes": dispatch(word), "arriving_data": NEWS, "chosen_data": from_lanes(mask)}


def scatter(address):
    word = isa.SCATTER.encode(src=SRC, map=SIDE)
    return {"writes": dispatch(word), "arriving_data": NEWS, "chosen_data": address | 0xABCD << 16}


def marked(mask):
    """The lanes of a mask that are not 0, a bit each."""
    return sum(bool(lane) << n for n, lane in enumerate(to_lanes(mask, 16)))


OUTPUTS = ("drive", "write", "write_address", "write_data", "bank_conflict", "address_range")


def execute(build, *steps, words=WORDS):
    """What is seen in each step after the words are filled, and the words two cycles after the last.

    What is read is shown as if it took one cycle, an address out of range as if it were seen at once, and without the
    check bits that there may be.
    """
    reads = [{"host_read": 1, "host_address": n} for n in range(WORDS)]
    if build.marks:
        steps = [step | {"marked_data": marked(step.get("chosen_data", 0))} for step in steps]
    fill = FILL
    if build is PipelinedEccMemSlice:
        steps = [with_check_bits(step) for step in steps]
        fill = [with_check_bits(step) for step in fill]
    idle = [{}] * (build.latency + masked_cycles(build))
    watch = (*OUTPUTS, "read_data", *build.taps)
    driven = late_chosen(build, [*fill, *steps, *idle, {}, *reads, *idle])
    seen = run(build(words), driven, lambda d: {n: getattr(d, n) for n in watch})
    for row in seen:
        row["drive"] &= (1 << DATA_BITS + 7) - 1
        row.setdefault("gathered", row["chosen"])
    begin, end = len(FILL), len(FILL) + len(steps) + 2
    mending = mending_cycles(build)
    after = end + len(idle) - 1 + build.latency + mending
    words_after = [row["read_data"] for row in seen[after : after + WORDS]]
    late = dict.fromkeys(("write", "write_address", "write_data", "bank_conflict"), mending)
    late |= {"drive": build.latency - 1, "address_range": mending + (build.latency > 1)}
    return [{n: seen[row + late.get(n, 0)][n] for n in (*watch, "gathered")} for row in range(begin, end)], words_after


def with_check_bits(step):
    """A step of a slice that takes words with check bits, and a GATHER's addresses as it does a SCATTER's."""
    step = dict(step)
    if "gathered_data" in step:
        step["chosen_data"] = step.pop("gathered_data")
    for name in {"arriving_data", "host_data"} & step.keys():
        step[name] = encode(step[name])
    return step


def test_read_leaves_on_its_stream_one_cycle_later(build):
    seen, after = execute(build, read(5), read(15), {})
    assert [row["drive"] & 1 for row in seen[:4]] == [0, 1, 1, 0]
    assert [(row["drive"] >> 1 & 63, row["drive"] >> 7) for row in seen[1:3]] == [
        (TO.bits, CONTENT[5]),
        (TO.bits, CONTENT[15]),
    ]
    assert after == CONTENT


@pytest.mark.parametrize("address", [0, 1, 7, 8, 15])
def test_gather_reads_the_word_that_its_stream_names(build, address):
    seen, _ = execute(build, gather(address), {})
    assert seen[0]["gathered"] == 1 | SIDE.bits << 1
    assert seen[1]["drive"] == 1 | TO.bits << 1 | CONTENT[address] << 7
    assert not any(row["address_range"] for row in seen)


@pytest.mark.parametrize("address", [16, 17, 31, 32, 0x8000, 0xFFFF])
def test_out_of_range_reads_zero_and_writes_nothing(build, address):
    seen, after = execute(build, gather(address), scatter(address), read(3), {})
    assert [row["address_range"] for row in seen[:4]] == [1, 1, 0, 0]
    assert seen[1]["drive"] == 1 | TO.bits << 1
    assert seen[3]["drive"] >> 7 == CONTENT[3]
    assert not any(row["write"] for row in seen)
    assert after == CONTENT


def test_the_largest_slice_has_every_address(build):
    seen, _ = execute(build, gather(0xFFFF), scatter(0xFFFF), words=1 << 16)
    assert not any(row["address_range"] for row in seen)
    assert [(row["write"], row["write_address"]) for row in seen[:2]] == [(0, 0), (1, 0xFFFF)]


@pytest.mark.parametrize("make", [write, scatter])
@pytest.mark.parametrize("address", [0, 7, 8, 15])
def test_a_write_happens_at_once(build, make, address):
    seen, after = execute(build, make(address), read(address), {})
    assert seen[0]["arriving"] == 1 | SRC.bits << 1
    assert seen[0]["chosen"] == (1 | SIDE.bits << 1 if make is scatter else seen[0]["chosen"] & ~1)
    assert [row["write"] for row in seen[:3]] == [1, 0, 0]
    assert (seen[0]["write_address"], seen[0]["write_data"]) == (address, NEWS)
    assert seen[2]["drive"] >> 7 == NEWS
    assert after == [NEWS if n == address else word for n, word in enumerate(CONTENT)]


@pytest.mark.parametrize("seed", range(6))
def test_write_masked_merges_and_writes_a_cycle_later(build, seed):
    rng = random.Random(seed)
    address = (0, 7, 8, 15, 3, 12)[seed]
    mask = [rng.choice((0, 0, 1, 2, 128, 255)) for _ in range(16)]
    other = (address + WORDS // 2) % WORDS
    lanes = zip(to_lanes(NEWS, 16), mask, to_lanes(CONTENT[address], 16), strict=True)
    merged = [new if chosen else old for new, chosen, old in lanes]
    last = 1 + masked_cycles(build)
    # if it is soon done, the other bank may be read in both cycles; in any case the same word in the one after
    reads = {} if masked_cycles(build) else read(other)
    seen, after = execute(build, write_masked(address, mask) | reads, *[reads] * last, read(address), {})
    assert [row["write"] for row in seen] == [n == last for n in range(len(seen))]
    assert seen[last]["write_address"] == address
    assert to_lanes(seen[last]["write_data"], 16) == merged
    assert [row["drive"] >> 7 for row in seen[1 : last + 2] if row["drive"] & 1] == [CONTENT[other]] * 2 * bool(reads)
    assert seen[last + 2]["drive"] == 1 | TO.bits << 1 | from_lanes(merged) << 7
    assert after == [from_lanes(merged) if n == address else word for n, word in enumerate(CONTENT)]
    assert not any(row["bank_conflict"] for row in seen)


class Unseen(PipelinedMemSlice):
    """As a chip without a trace has it."""

    def __init__(self, words):
        super().__init__(words, shows=False)


def test_a_slice_that_shows_nothing_stores_all_the_same():
    seen, after = execute(Unseen, write(3), write_masked(12, [1] * 16), {}, scatter(7))
    assert after == [NEWS if n in (3, 7, 12) else word for n, word in enumerate(CONTENT)]
    assert not any(row["write"] for row in seen)


LOW, HIGH = 3, 11
CONFLICTS = [
    (read(LOW) | write(LOW), [1]),
    (read(LOW) | write(HIGH), [0]),
    (read(HIGH) | write(HIGH), [1]),
    (gather(LOW) | write(HIGH), [1]),
    (read(LOW) | scatter(HIGH), [1]),
    (read(LOW) | write_masked(LOW, [1] * 16), [1, 0]),
]


@pytest.mark.parametrize(("step", "expected"), CONFLICTS)
def test_a_bank_used_twice_is_reported(build, step, expected):
    seen, _ = execute(build, step, {})
    assert [row["bank_conflict"] for row in seen[: len(expected)]] == expected


def test_write_masked_uses_its_bank_and_both_if_it_takes_long(build):
    seen, _ = execute(build, read(HIGH) | write_masked(LOW, [1] * 16), {})
    assert [row["bank_conflict"] for row in seen[:2]] == [masked_cycles(build) > 0, 0]


@pytest.mark.parametrize("then", [read(LOW), read(HIGH), gather(HIGH), write(HIGH), scatter(HIGH)])
def test_write_masked_needs_the_next_cycles_too(build, then):
    last = 1 + masked_cycles(build)
    alone = then == read(HIGH) and last == 1
    for n in range(last + 1):
        seen, _ = execute(build, write_masked(LOW, [1] * 16), *[{}] * n, then, {})
        assert [row["bank_conflict"] for row in seen] == [
            row == n + 1 <= last and not alone for row in range(len(seen))
        ]


@pytest.mark.parametrize(
    ("build", "config"),
    [(MemSlice, NANO), (PipelinedMemSlice, ECP5_NANO), (PipelinedEccMemSlice, replace(ECP5_NANO, ecc=True))],
)
def test_its_latencies_are_those_of_the_banks_and_what_the_configuration_adds(build, config):
    assert build(config.mem_words).latency == 1 + config.memory_cycles
    assert mending_cycles(build) == config.mending_cycles
    assert masked_cycles(build) == config.masked_cycles


def execute_coded(coded, *steps):
    """As `execute` with check bits: words are filled by WRITEs, as they are given. What is seen, with each ERROR."""
    device = coded(WORDS)
    words = [encode(word) for word in CONTENT]
    fill = [write(n) | {"arriving_data": word} for n, word in enumerate(words)]
    watch = ("drive", "write", "write_data", "read_data", *(f"{word}_error" for word in device.mended))
    mending = mending_cycles(device)
    steps = late_chosen(device, [*fill, *steps, *[{}] * (device.latency + mending)])
    seen = run(device, steps, lambda d: {name: getattr(d, name) for name in watch})
    late = dict.fromkeys(("drive", "read_error"), device.latency - 1) | {"read_data": device.latency - 1 + mending}
    late |= dict.fromkeys(("write", "write_data"), mending)
    late |= dict.fromkeys(("old_error", "new_error"), mending + (device.latency > 1))
    rows = range(len(fill), len(seen) - max(late.values()))
    return [{name: seen[row + late.get(name, 0)][name] for name in watch} for row in rows]


def error(**values):
    return ERROR.const({"counted": 1} | values).as_bits()


def faulty(row):
    """The errors of a cycle, without those of nothing."""
    found = {name.removesuffix("_error"): bits for name, bits in row.items() if name.endswith("_error")}
    return {name: bits for name, bits in found.items() if bits & 0b11}


def test_words_pass_with_their_check_bits_as_they_are(coded):
    broken = encode(NEWS) ^ 1 << 50
    seen = execute_coded(coded, write(3) | {"arriving_data": broken}, read(3), read(4), {})
    assert [row["drive"] >> 7 for row in seen[2:4]] == [broken, encode(CONTENT[4])]
    assert faulty(seen[2]) == {"read": error(single=1, counted=0, from_memory=1, address=3)}
    assert faulty(seen[1]) == faulty(seen[3]) == {}


def test_the_host_writes_check_bits_and_gets_mended_data(coded):
    data = NEWS if coded(WORDS).encodes else encode(NEWS)
    steps = [{"host_write": 1, "host_address": 5, "host_data": data}, {"host_read": 1, "host_address": 5}]
    steps += [write(6) | {"arriving_data": encode(NEWS) ^ 1}, {"host_read": 1, "host_address": 6}]
    steps += [write(7) | {"arriving_data": encode(NEWS) ^ 3}, {"host_read": 1, "host_address": 7}]
    seen = execute_coded(coded, *steps)
    assert [seen[n]["read_data"] for n in (2, 4)] == [NEWS, NEWS]
    assert faulty(seen[2]) == {}
    assert faulty(seen[4]) == {"read": error(single=1, from_memory=1, address=6)}
    assert faulty(seen[6]) == {"read": error(double=1, from_memory=1, address=7)}


@pytest.mark.parametrize("flips", [1 << 100, 1 << 20, 1 << 136], ids=["kept", "replaced", "check"])
def test_a_masked_write_mends_both_words_and_makes_new_check_bits(coded, flips):
    mask = [n & 1 for n in range(16)]
    last = 1 + masked_cycles(coded)
    steps = [write(3) | {"arriving_data": encode(CONTENT[3]) ^ flips}]
    steps += [write_masked(3, mask) | {"arriving_data": encode(NEWS) ^ 1 << 20}, *[{}] * last, read(3), {}]
    seen = execute_coded(coded, *steps)
    both = from_lanes(200 + n if n & 1 else 48 + n for n in range(16))
    assert [row["write_data"] for row in seen[2:] if row["write"]] == [both]
    assert seen[1 + last]["write"]
    old = error(single=1, from_memory=1, address=3)
    found = {name: bits for row in seen for name, bits in faulty(row).items()}
    assert found == {"new": error(single=1), "read" if masked_cycles(coded) else "old": old}
    assert seen[3 + last]["drive"] >> 7 == encode(both)
    assert faulty(seen[3 + last]) == {}


def test_a_gather_out_of_range_reads_a_good_word(coded):
    away = gather(16) if coded is not PipelinedEccMemSlice else with_check_bits(gather(16))
    seen = execute_coded(coded, write(0) | {"arriving_data": 1}, read(0), away, {})
    assert [bool(faulty(row)) for row in seen[2:4]] == [True, False]
    assert seen[3]["drive"] >> 7 == encode(0) == 0
