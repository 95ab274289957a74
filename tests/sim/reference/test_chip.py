"""Programs worked out by hand from docs/manual: values, addresses and cycles."""

import numpy as np
import pytest

from takt_hw import isa
from takt_hw.config import NANO, QUAD
from takt_hw.isa.host import Fault
from takt_sim.reference import ReferenceChip, Write
from takt_sim.timeline import IllegalProgram
from tests.sim.texts import IW, acc, alu, gather, read, repeat, scatter, stream, text, write, write_masked


def run(config, queues, memory=()):
    """The finished chip and what it did; ``memory`` holds (slice, address, bytes)."""
    chip = ReferenceChip(config)
    for name, address, vector in memory:
        chip.memory[name][address] = vector
    return chip, chip.run(text(queues))


def test_the_example_of_the_manual():
    """READ in 5, ADD in 8, WRITE in 12, memory changes in 13; the last queue ends in 13."""
    queues = {
        "MEM_W0.read": [(5, read("s0e", 0x10))],
        "VXM.alu0": [(8, alu(isa.ADD, "s1e:i8", "s0e:i8", "#1"))],
        "MEM_E0.write": [(12, write("s1e", 3))],
    }
    chip, result = run(NANO, queues, [("MEM_W0", 0x10, np.arange(16))])
    assert result.cycles == 14
    assert result.writes == [Write(13, "MEM_E0", 3, bytes(range(1, 17)))]
    assert chip.memory["MEM_E0"][3].tolist() == list(range(1, 17))


@pytest.mark.parametrize("late", [-1, 1])
def test_a_cycle_off_is_undefined(late):
    queues = {"MEM_W0.read": [(5, read("s0e", 0x10))], "VXM.alu0": [(8 + late, alu(isa.COPY, None, "s0e:i8"))]}
    with pytest.raises(IllegalProgram, match=f"^undefined-stream: VXM.alu0, cycle {8 + late}, COPY none, s0e:i8: "):
        run(NANO, queues)


def test_a_value_flows_on_past_its_consumers():
    """Read at position 0 in 0: register 0 in 3, register 2 in 5. Three WRITEs take it, westward nobody."""
    queues = {
        "MEM_W1.read": [read("s2e", 7)],
        "MEM_W0.write": [(2, write("s2e", 1))],
        "MEM_E0.write": [(4, write("s2e", 2))],
        "MEM_E3.write": [(4, write("s2e", 3))],
    }
    _, result = run(NANO, queues, [("MEM_W1", 7, 9)])
    assert [(w.cycle, w.slice, w.address) for w in result.writes] == [
        (3, "MEM_W0", 1),
        (5, "MEM_E0", 2),
        (5, "MEM_E3", 3),
    ]
    assert {w.data for w in result.writes} == {bytes([9] * 16)}


def test_a_later_producer_replaces_a_value_beyond_its_consumer():
    """MEM_W0's word is written at position 0 and replaced at position 2 by MEM_E0's."""
    queues = {
        "MEM_W0.read": [read("s0e", 0)],  # register 0 in 3, register 2 in 5
        "MEM_W1.write": [(2, write("s0e", 0))],
        "MEM_E0.read": [(2, read("s0e", 0))],  # register 2 in 5
        "MEM_E1.write": [(4, write("s0e", 0))],
    }
    _, result = run(NANO, queues, [("MEM_W0", 0, 1), ("MEM_E0", 0, 2)])
    assert [(w.cycle, w.slice, w.data[0]) for w in result.writes] == [(3, "MEM_W1", 1), (5, "MEM_E1", 2)]


def test_read_sees_writes_of_earlier_cycles_only():
    """The word arrives in register 0 in 3 and is written by the WRITE of 2; READs of the other bank and of 3 follow."""
    queues = {
        "MEM_W0.read": [read("s0e", 0)],
        "MEM_W1.write": [(2, write("s0e", 300))],
        "MEM_W1.read": [(1, read("s1e", 300)), (2, read("s1e", 0)), (3, read("s1e", 300))],
        "MEM_W2.write": [(3, write("s1e", 0)), (4, write("s1e", 1)), (5, write("s1e", 2))],
    }
    _, result = run(NANO, queues, [("MEM_W0", 0, 5), ("MEM_W1", 300, 6), ("MEM_W1", 0, 7)])
    assert [w.data[0] for w in result.writes if w.slice == "MEM_W2"] == [6, 7, 5]


def test_held_results_are_there_from_the_second_cycle_on():
    """alu0 gives 1, 2, 3 from cycles 0, 1, 2; alu1 adds 10 in cycles 2, 3, 4 and again in 6."""
    queues = {
        "VXM.alu0": [alu(isa.COPY, None, f"#{n}") for n in (1, 2, 3)],
        "VXM.alu1": [
            (2, alu(isa.ADD, "s0e:i8", "alu0", "#10")),
            repeat(2, 1),
            (6, alu(isa.ADD, "s0e:i8", "alu0", "#10")),
        ],
        "MEM_E0.write": [(6, write("s0e", 0)), repeat(2, 1, 1), (10, write("s0e", 3))],
    }
    _, result = run(NANO, queues)
    assert [(w.cycle, w.data[0]) for w in result.writes] == [(7, 11), (8, 12), (9, 13), (11, 13)]
    with pytest.raises(IllegalProgram, match="undefined-result: VXM.alu1, cycle 1, .* alu0 must hold a result"):
        run(NANO, {"VXM.alu0": queues["VXM.alu0"], "VXM.alu1": [(1, alu(isa.COPY, None, "alu0"))]})


def test_int32_leaves_low_byte_first():
    """alu0 puts -2 on s4w to s7w of register 1 in 4; alu1 takes it there, its result is in register 0 in 8."""
    queues = {
        "VXM.alu0": [alu(isa.COPY, "s4w:i32", "#-2")],
        "VXM.alu1": [(3, alu(isa.SHR, "s0w:i32", "s4w:i32", "#8"))],
        "MEM_W0.write": [(4, write("s4w", 0)), (7, write("s0w", 4))],
        "MEM_W1.write": [(4, write("s5w", 0))],
        "MEM_W2.write": [(4, write("s7w", 0))],
    }
    _, result = run(NANO, queues)
    assert [(w.cycle, w.slice, w.data[3]) for w in result.writes] == [
        (5, "MEM_W2", 0xFF),
        (5, "MEM_W1", 0xFF),
        (5, "MEM_W0", 0xFE),
        (8, "MEM_W0", 0xFF),
    ]


def test_a_westward_crossing():
    """MEM_E0 (position 2) westward in register 2 in 3, in register 0 in 5; MEM_W0 eastward meets it unharmed."""
    queues = {
        "MEM_E0.read": [read("s0w", 0)],
        "MEM_W0.read": [read("s0e", 0)],
        "MEM_W3.write": [(4, write("s0w", 0))],
        "MEM_E3.write": [(4, write("s0e", 0))],
    }
    _, result = run(NANO, queues, [("MEM_E0", 0, 1), ("MEM_W0", 0, 2)])
    assert [(w.cycle, w.slice, w.data[0]) for w in result.writes] == [(5, "MEM_W3", 1), (5, "MEM_E3", 2)]


def matrix_program(config, plane_position):
    """All blocks of one plane from the eight (or sixteen) MEM slices eastward, IW, ABC, ABC, ACC first, ACC add."""
    sources = config.mem_slices[: config.weight_streams]
    lw = 30
    queues = {
        f"{s.name}.read": [
            (lw + 1 - (plane_position - s.position) - 3, read(f"s{n}e", 0)),
            *([repeat(config.weight_blocks - 1, 1, 1)] if config.weight_blocks > 1 else []),
        ]
        for n, s in enumerate(sources)
    }
    first = sources[0]
    start = lw + config.weight_blocks + 1
    queues[f"{first.name}.read"].append((start + 1 - (plane_position - first.position) - 3 + 1, read("s0e", 100)))
    queues[f"{first.name}.read"].append(read("s0e", 101))
    name = next(s.name for s in config.slices if s.position == plane_position)
    queues[f"{name}.weights"] = [(lw, isa.LW.make(src=stream("s0e"), block=0)), repeat(config.weight_blocks - 1, 1, 1)]
    abc = isa.ABC.make(src=stream("s0e"))
    queues[f"{name}.activate"] = [(start - 1, IW), (start + 1, abc), abc]
    delay = isa.ABC.d_func(config) - 1
    queues[f"{name}.accumulate"] = [(start + 1 + delay, acc(3, "first", None)), acc(3, "add", "s4w")]
    leaves = start + 2 + delay + isa.ACC.d_func(config)
    for n, s in enumerate(config.mem_slices[-4:]):
        queues[f"{s.name}.write"] = [(leaves + plane_position - s.position - 1, write(f"s{4 + n}w", 0))]
    return sources, queues


@pytest.mark.parametrize(("config", "position"), [(NANO, 4), (QUAD, 8)], ids=["nano", "quad"])
def test_matrix_times_two_vectors(config, position):
    rng = np.random.default_rng(1)
    lanes, size = config.lanes, config.weight_streams
    weights = rng.choice(np.array([-128, -127, -1, 0, 1, 127], np.int8), (lanes, lanes))  # [row, column]
    x, y = rng.integers(-128, 128, (2, lanes), np.int8)
    x[:2] = -128
    sources, queues = matrix_program(config, position)
    image = [
        (s.name, block, weights[:, block * size + n].view(np.uint8))
        for n, s in enumerate(sources)
        for block in range(config.weight_blocks)
    ]
    image += [(sources[0].name, 100, x.view(np.uint8)), (sources[0].name, 101, y.view(np.uint8))]
    chip, result = run(config, queues, image)
    expected = [
        sum((int(x[row]) + int(y[row])) * int(weights[row, column]) for row in range(lanes)) for column in range(lanes)
    ]
    planes = [chip.memory[s.name][0] for s in config.mem_slices[-4:]]
    assert len(result.writes) == 4
    assert np.stack(planes, -1).view("<i4")[:, 0].tolist() == expected


def test_lw_reaches_iw_of_a_later_cycle_and_iw_abc_of_a_later_cycle():
    """MEM slice n feeds stream n with words 0, 1, 2, …: word k is 1 + k in all lanes and at the MXM in 17 + k.

    Position 0 dispatches in 10 (register 0 in 13, register 4 in 17), position 2 in 12. The LWs of 16, 17, 18 load
    1 into block 0, 2 into block 1, 3 into block 0. The IW of 18 installs 1 and 2, that of 20 installs 3 and 2.
    The ABCs of 19 and 21 multiply 4 and 6 in 16 rows.
    """
    queues = {
        f"{s.name}.read": [(10 + s.position, read(f"s{n}e", 0)), repeat(4, 1, 1)] for n, s in enumerate(NANO.mem_slices)
    }
    queues["MEM_W3.read"] = [(10, read("s0e", 0)), repeat(5, 1, 1)]
    load, sends = [isa.LW.make(src=stream("s0e"), block=block) for block in (0, 1, 0)], isa.ACC.d_func(NANO)
    abc = isa.ABC.make(src=stream("s0e"))
    queues |= {
        "MXM_E0.weights": [(16, load[0]), load[1], load[2]],
        "MXM_E0.activate": [(18, IW), abc, IW, abc],
        "MXM_E0.accumulate": [(19 + 3, acc(0, "first", "s0w")), (21 + 3, acc(0, "first", "s0w"))],
        "MEM_E0.write": [(22 + sends + 2 - 1, write("s0w", 300)), (24 + sends + 2 - 1, write("s0w", 301))],
    }
    image = [(s.name, address, 1 + address) for s in NANO.mem_slices for address in range(6)]
    _, result = run(NANO, queues, image)
    assert [(w.cycle, w.data[0], w.data[8]) for w in result.writes] == [
        (24 + sends, 16 * 4 * 1 % 256, 16 * 4 * 2 % 256),
        (26 + sends, 16 * 6 * 3 % 256, 16 * 6 * 2 % 256),
    ]


def test_shift_crosses_superlanes_in_d_func():
    """On quad SHIFT takes 4 + 3 cycles: read at position 6 in 0, SXM at 7 takes in 4, result in register 7 in 10."""
    queues = {
        "MEM_E4.read": [read("s0e", 0)],
        "SXM_E.shift": [(3, isa.LANE_SHIFT.make(dst=stream("s0w"), src=stream("s0e"), amount=17))],
        "MEM_E7.write": [(10, write("s0w", 5))],
    }
    _, result = run(QUAD, queues, [("MEM_E4", 0, np.arange(64))])
    assert result.writes == [Write(11, "MEM_E7", 5, bytes([0] * 17 + list(range(47))))]
    assert result.cycles == 11 + 4


@pytest.mark.parametrize("amount", [0, 1, -1, 17, 63, -63])
def test_rotate_crosses_superlanes_in_d_func(amount):
    """As SHIFT above, but what leaves at one end comes in at the other."""
    queues = {
        "MEM_E4.read": [read("s0e", 0)],
        "SXM_E.shift": [(3, isa.ROTATE.make(dst=stream("s0w"), src=stream("s0e"), amount=amount))],
        "MEM_E7.write": [(10, write("s0w", 5))],
    }
    _, result = run(QUAD, queues, [("MEM_E4", 0, np.arange(64))])
    assert result.writes == [Write(11, "MEM_E7", 5, bytes((lane - amount) % 64 for lane in range(64)))]


SIDES = {"MEM_W0.read": [read("s0e", 0)], "MEM_W1.read": [read("s1e", 0)]}
"""MEM_W0's word on s0e and MEM_W1's on s1e: in MEM_E0's register in cycle 5, on nano and on quad."""


def test_a_masked_write_keeps_lanes_and_comes_a_cycle_later():
    """Dispatched in 4, it writes in 6; a READ of 6 sees it and its word is in register 2 in 9."""
    queues = SIDES | {
        "MEM_E0.write": [(4, write_masked("s0e", 7, "s1e"))],
        "MEM_E0.read": [(6, read("s2w", 7))],
        "MEM_E1.write": [(8, write("s2w", 0))],
    }
    mask = [0, 1, 128, 255] * 4
    image = [("MEM_W0", 0, np.arange(100, 116)), ("MEM_W1", 0, mask), ("MEM_E0", 7, np.arange(16))]
    _, result = run(NANO, queues, image)
    merged = bytes(100 + lane if mask[lane] else lane for lane in range(16))
    assert result.writes == [Write(6, "MEM_E0", 7, merged), Write(9, "MEM_E1", 0, merged)]


def addresses(*numbers):
    """A vector that has these in bytes 0 and 1 of its superlanes, and 0xEE elsewhere."""
    return [byte for number in numbers for byte in (number & 255, number >> 8, *[0xEE] * 14)]


def test_gather_reads_in_each_superlane_its_own_address():
    """On quad: superlane 1's address 256 is out of range. The words are in MEM_E0's register in 4 + 3."""
    queues = SIDES | {"MEM_E0.read": [(4, gather("s2w", "s1e"))], "MEM_E1.write": [(6, write("s2w", 9))]}
    image = [("MEM_W1", 0, addresses(3, 256, 255, 3))]
    image += [("MEM_E0", address, np.arange(64) + address // 3) for address in (3, 255)]
    _, result = run(QUAD, queues, image)
    word = [*range(1, 17), *[0] * 16, *range(32 + 85, 48 + 85), *range(49, 65)]
    assert result.writes == [Write(7, "MEM_E1", 9, bytes(word))]
    assert result.faults == 1 << Fault.ADDRESS_RANGE


def test_scatter_writes_in_each_superlane_its_own_address():
    """Superlanes 0 and 3 share a word; superlane 2 writes nothing."""
    queues = SIDES | {"MEM_E0.write": [(4, scatter("s0e", "s1e"))]}
    image = [("MEM_W0", 0, np.arange(64)), ("MEM_W1", 0, addresses(200, 9, 0xFFFF, 200))]
    chip, result = run(QUAD, queues, image)
    assert result.writes == [
        Write(5, "MEM_E0", 9, bytes(range(16, 32)), (1,)),
        Write(5, "MEM_E0", 200, bytes([*range(16), *range(48, 64)]), (0, 3)),
    ]
    assert chip.memory["MEM_E0"][200].tolist() == [*range(16), *[0] * 32, *range(48, 64)]
    assert chip.memory["MEM_E0"].sum() == sum(range(64)) - sum(range(32, 48))
    assert result.faults == 1 << Fault.ADDRESS_RANGE


def test_scatter_to_one_address_is_a_whole_write():
    queues = SIDES | {"MEM_E0.write": [(4, scatter("s0e", "s1e"))]}
    _, result = run(QUAD, queues, [("MEM_W0", 0, 7), ("MEM_W1", 0, addresses(5, 5, 5, 5))])
    assert result.writes == [Write(5, "MEM_E0", 5, bytes([7] * 64))]
    assert result.faults == 0


def test_memory_stays_and_nothing_else_does():
    chip = ReferenceChip(NANO)
    chip.run(text({"VXM.alu0": [alu(isa.COPY, "s0e:i8", "#7")], "MEM_E0.write": [(4, write("s0e", 0))]}))
    assert chip.memory["MEM_E0"][0].tolist() == [7] * 16
    result = chip.run(text({"MEM_E0.read": [read("s0e", 0)], "MEM_E1.write": [(2, write("s0e", 9))]}))
    assert result.writes == [Write(3, "MEM_E1", 9, bytes([7] * 16))]
    with pytest.raises(IllegalProgram, match=r"^undefined-result: "):
        chip.run(text({"VXM.alu1": [(5, alu(isa.COPY, None, "alu0"))]}))


def test_a_read_word_does_not_change_on_its_way():
    """The word read in 0 is overwritten by the WRITE of 1 and still arrives as it was."""
    queues = {
        "MEM_W0.read": [(5, read("s0e", 0))],
        "MEM_W1.read": [(4, read("s1e", 1))],
        "MEM_W0.write": [(6, write("s1e", 0))],
        "MEM_E0.write": [(9, write("s0e", 0))],
    }
    _, result = run(NANO, queues, [("MEM_W0", 0, 1), ("MEM_W1", 1, 2)])
    assert [(w.slice, w.data[0]) for w in result.writes] == [("MEM_W0", 2), ("MEM_E0", 1)]


@pytest.mark.parametrize(
    ("queues", "rule"),
    [
        ({"MXM_E0.activate": [IW]}, "undefined-weights"),
        ({"MXM_E0.activate": [isa.ABC.make(src=stream("s0e"))]}, "undefined-weights"),
        ({"MXM_E0.activate": [isa.IW_FP16.make()]}, "undefined-weights"),
        ({"MXM_E0.accumulate": [acc(0, "first")]}, "undefined-product"),
        ({"MXM_E0.accumulate": [isa.DRAIN.make(address=0, dst=None)]}, "undefined-accumulator"),
        ({"MEM_E0.write": [write("s0e", 0)]}, "undefined-stream"),
    ],
)
def test_no_answer_is_no_program(queues, rule):
    with pytest.raises(IllegalProgram, match=f"^{rule}: "):
        run(NANO, queues)


def test_long_runs_forget_what_left_the_row():
    """A stream of 600 words: the diagonals of the first ones are gone, the results are all there."""
    config = NANO
    queues = {
        "MEM_W0.read": [read("s0e", 0), repeat(255, 1, 1), repeat(1, 1, -255), repeat(255, 1, 1), repeat(88, 7, 0)],
        "MEM_E0.write": [
            (4, write("s0e", 256)),
            repeat(255, 1, 1),
            repeat(1, 1, -255),
            repeat(255, 1, 1),
            repeat(88, 7, 0),
        ],
    }
    words = np.random.default_rng(3).integers(0, 256, (256, 16), np.uint8)
    chip, result = run(config, queues, [("MEM_W0", n, word) for n, word in enumerate(words)])
    assert (chip.memory["MEM_E0"][256:] == words).all()
    assert len(result.writes) == 600
