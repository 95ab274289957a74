"""The SXM's units move lanes as the manual says, in the table's cycles."""

import random
from dataclasses import replace

import pytest

from takt_hw import isa
from takt_hw.config import ECP5_NANO, NANO
from takt_hw.sxm import crossing, local
from tests.hw.simulation import dispatch, from_lanes, run, to_lanes

EAST = [isa.Stream(n, isa.Direction.EAST) for n in range(16)]


def vectors(seed, count, lanes=16):
    rng = random.Random(seed)
    return [
        [rng.choice([0, 1, 15, 16, 17, 127, 128, 255, rng.randrange(256)]) for _ in range(lanes)] for _ in range(count)
    ]


def move(dut, word, operands):
    """Result vectors, and the stream numbers that they are sent on."""
    step = {"control": dispatch(word)} | {f"tap{n}_data": from_lanes(lanes) for n, lanes in enumerate(operands)}
    seen = run(
        dut, [step, *[{}] * dut.latency], lambda d: {f"drive{n}": getattr(d, f"drive{n}") for n in range(dut.results)}
    )
    sent = seen[dut.latency]
    assert all(not row["drive0"] & 1 for row in seen[:-1])
    return [to_lanes(value >> 7, 16) for value in sent.values()], [value >> 1 & 63 for value in sent.values()]


@pytest.mark.parametrize("seed", range(4))
def test_select(seed):
    a, b, mask = vectors(seed, 3)
    word = isa.LANE_SELECT.encode(dst=EAST[1], a=EAST[2], b=EAST[3], mask=EAST[4])
    got, streams = move(local.selector(), word, [a, b, mask])
    assert got == [[x if m else y for x, y, m in zip(a, b, mask, strict=True)]]
    assert streams == [EAST[1].bits]


@pytest.mark.parametrize("one_hot", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_distribute(seed, one_hot):
    source, lane_map = vectors(seed, 2)
    word = isa.DISTRIBUTE.encode(dst=EAST[1], src=EAST[2], map=EAST[3])
    got, _ = move(local.distributor(one_hot=one_hot), word, [source, lane_map])
    assert got == [[source[n] if n < 16 else 0 for n in lane_map]]


@pytest.mark.parametrize("size", [4, 8, 16])
def test_transpose(size):
    operands = vectors(size, size)
    word = isa.TRANSPOSE.encode(dst=EAST[0], src=EAST[0])
    got, streams = move(local.transposer(size), word, operands)
    assert streams == [stream.bits for stream in EAST[:size]]
    for stream in range(size):
        assert got[stream] == [operands[lane % size][lane - lane % size + stream] for lane in range(16)]


@pytest.fixture(params=[NANO, ECP5_NANO], ids=["plain", "pipelined"])
def build(request):
    """The build that is tested."""
    return request.param


def run_network(network, superlanes, word, operands):
    """Result vector of a network: superlane k's operands enter and its result leaves k cycles late."""
    steps = [{} for _ in range(network.latency + superlanes)]
    for k in range(superlanes):
        parts = [from_lanes(lanes[16 * k : 16 * k + 16]) for lanes in operands]
        bits = sum(part << 128 * n for n, part in enumerate(parts))
        steps[k] = {f"port{k}.valid": 1, f"port{k}.operands": bits, f"port{k}.word": word}
    seen = run(network, steps, lambda d: {f"result{k}": getattr(d, f"port{k}").result for k in range(superlanes)})
    return sum((to_lanes(seen[network.latency + k][f"result{k}"], 16) for k in range(superlanes)), [])


@pytest.mark.parametrize("superlanes", [1, 3])
@pytest.mark.parametrize("part", [-1, 0, 1, "some", "all"])
def test_shift(build, superlanes, part):
    config = replace(build, superlanes=superlanes)
    (source,) = vectors(superlanes, 1, config.lanes)
    for sign in (1, -1):
        amount = sign * {"some": 5, "all": config.lanes - 1}.get(part, part)
        word = isa.LANE_SHIFT.encode(dst=EAST[0], src=EAST[0], amount=amount)
        got = run_network(crossing.shift_network(config), superlanes, word, [source])
        expected = [source[n - amount] if 0 <= n - amount < config.lanes else 0 for n in range(config.lanes)]
        assert got == expected


@pytest.mark.parametrize("superlanes", [1, 3])
@pytest.mark.parametrize("part", [0, 1, 15, 16, "some", "all"])
def test_rotate(build, superlanes, part):
    config = replace(build, superlanes=superlanes)
    (source,) = vectors(superlanes, 1, config.lanes)
    for sign in (1, -1):
        amount = sign * min({"some": 5, "all": config.lanes - 1}.get(part, part), config.lanes - 1)
        word = isa.ROTATE.encode(dst=EAST[0], src=EAST[0], amount=amount)
        got = run_network(crossing.shift_network(config), superlanes, word, [source])
        assert got == [source[(n - amount) % config.lanes] for n in range(config.lanes)]


@pytest.mark.parametrize(("build", "superlanes"), [(NANO, 1), (NANO, 3), (NANO, 17), (ECP5_NANO, 1), (ECP5_NANO, 3)])
def test_permute(build, superlanes):
    config = replace(build, superlanes=superlanes)
    rng = random.Random(superlanes)
    (source,) = vectors(superlanes, 1, config.lanes)
    limits = [0, 1, config.lanes - 1, config.lanes, min(255, config.lanes + 1), 255]
    numbers = [rng.choice(limits) for _ in range(16)]
    numbers += [rng.randrange(config.lanes + 2) for _ in range(config.lanes - 16)]
    maps = [[n & 255 for n in numbers], [n >> 8 for n in numbers]][: config.map_streams]
    word = isa.PERMUTE.encode(dst=EAST[0], src=EAST[0], map=EAST[2])
    got = run_network(crossing.permute_network(config), superlanes, word, [source, *maps])
    numbers = [sum(lane_map[lane] << 8 * n for n, lane_map in enumerate(maps)) for lane in range(config.lanes)]
    assert got == [source[n] if n < config.lanes else 0 for n in numbers]


@pytest.mark.parametrize("superlanes", [1, 4])
def test_a_port_sends_what_the_network_returns(build, superlanes):
    config = replace(build, superlanes=superlanes)
    port = crossing.shift_port(config)
    word = isa.LANE_SHIFT.encode(dst=EAST[5], src=EAST[2], amount=1)
    steps = [{"control": dispatch(word), "tap0_data": 77}, *[{}] * port.latency]
    seen = run(port, steps, lambda d: {"tap": d.tap0, "drive": d.drive0, "operand": d.network.operands})
    assert seen[0]["tap"] == 1 | EAST[2].bits << 1
    assert seen[1]["operand"] == 77
    assert [n for n, row in enumerate(seen) if row["drive"] & 1] == [port.latency]
    assert seen[-1]["drive"] >> 1 & 63 == EAST[5].bits
    assert port.latency == crossing.shift_network(config).latency + 1 == crossing.permute_network(config).latency + 1
