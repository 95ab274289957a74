"""The builder: the same words as the same text, and every dispatch in the cycle that was asked for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from takt.asm import Builder, BuildError, assemble
from takt.program import ProgramError, Run
from takt_hw import isa
from takt_hw.config import NANO, NANO_C2C
from takt_sim.timeline import trace
from tests.firmware.strategies import instructions


def test_what_waits_is_never_repeated():
    builder = Builder(NANO_C2C)
    for n in range(4):
        builder.at(5 + 4 * n, "C2C_W.align", isa.DESKEW)
        builder.at(30 + 80 * n, "C2C_W.align", isa.RUNTIME_DESKEW, cycles=40)
    program = builder.build()
    ops = [isa.C2C_ALIGN.decode(word).op for word in program.text["C2C_W.align"]]
    assert ops.count(isa.DESKEW) == ops.count(isa.RUNTIME_DESKEW) == 4
    assert program.cycles["main"] == 30 + 80 * 3 + 40 + NANO_C2C.superlanes
    assert builder.begins() == {"C2C_W.align": (5, 9, 13, 17, 30, 110, 190, 270)}
    with pytest.raises(BuildError, match="^C2C_W.align, RUNTIME_DESKEW 40 at cycle 300: cycle must be at least 310"):
        builder.at(300, "C2C_W.align", isa.RUNTIME_DESKEW, cycles=40).build()


def test_the_same_program_as_its_text():
    builder = Builder(NANO)
    builder.data("MEM_W0", 0x10, np.arange(32).reshape(2, 16) - 16)
    builder.input("x", [16], "i8", [Run("MEM_W0", 0x20)]).output(
        "y", [16], "i32", [Run(f"MEM_E{n}", 0) for n in range(4)]
    )
    builder.at(9, "MEM_E0.write", "WRITE", src="s0e", address=3)
    builder.at(3, "VXM.alu0", isa.ADD, dst="s0e:i8", a="s0e:i8", b="#-5")
    builder.at(7, "MXM_E0.accumulate", "ACC", address=1, mode="first", dst=None)
    for n in range(4):
        builder.at(2 * n, "MEM_W0.read", "READ", dst="s0e", address=np.int64(0x10 + n))
    builder.expect("MEM_E0", 3, np.full(16, 255))
    text = """
        .chip nano
        .input x: i8[16] = MEM_W0[0x20]
        .output y: i32[16] = MEM_E0[0] | MEM_E1[0] | MEM_E2[0] | MEM_E3[0]
        .data MEM_W0, 0x10: -16, -15, -14, -13, -12, -11, -10, -9, -8, -7, -6, -5, -4, -3, -2, -1,
                            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        .expect MEM_E0, 3: -1 times 16
        .queue MEM_W0.read
            READ s0e, 0x10
            REPEAT 3, 2, 1
        .queue VXM.alu0
            @3 ADD s0e:i8, s0e:i8, #-5
        .queue MXM_E0.accumulate
            @7 ACC 1, first, none
        .queue MEM_E0.write
            @9 WRITE s0e, 3
    """
    assert builder.build() == assemble(text).program
    assert assemble(builder.text()).program == builder.build()


def shown(builder: Builder, queue: str = "MEM_W0.read") -> list[str]:
    unit = isa.queue_by_name(NANO)[queue].unit
    return [str(unit.decode(word)) for word in builder.build().entry().text[queue]]


def reads(*dispatches: tuple[int, int]) -> list[str]:
    builder = Builder(NANO)
    for cycle, address in dispatches:
        builder.at(cycle, "MEM_W0.read", "READ", dst="s0e", address=address)
    return shown(builder)


def test_regular_runs_are_repeats():
    assert reads((0, 5)) == ["READ s0e, 0x5"]
    assert reads((0, 5), (1, 6)) == ["READ s0e, 0x5", "READ s0e, 0x6"]
    assert reads((0, 5), (3, 6)) == ["READ s0e, 0x5", "REPEAT 1, 3, 1"]
    assert reads((4, 9), (5, 7), (6, 5), (7, 3)) == ["NOP 4", "READ s0e, 0x9", "REPEAT 3, 1, -2"]
    assert reads((0, 1), (1, 2), (2, 3), (12, 1), (13, 2), (14, 3)) == [
        "READ s0e, 0x1",
        "REPEAT 2, 1, 1",
        "REPEAT 1, 10, -2",
        "REPEAT 2, 1, 1",
    ]


def test_a_wait_that_no_repeat_can_hold():
    assert reads((0, 1), (65_536, 2)) == ["READ s0e, 0x1", "NOP 65535", "READ s0e, 0x2"]


def test_equal_instructions_of_a_unit_without_stride():
    builder = Builder(NANO)
    for cycle in (2, 4, 6, 8):
        builder.at(cycle, "VXM.alu0", "COPY", dst="s0e:i8", a="s0e:i8")
    assert shown(builder, "VXM.alu0") == ["NOP 2", "COPY s0e:i8, s0e:i8", "REPEAT 3, 2, 0"]


def test_cycles_after_a_sync_are_absolute():
    builder = Builder(NANO)
    builder.sync(2, "MEM_W0.read", "MEM_W1.read").notify(10, "MEM_W2.read")
    builder.at(16, "MEM_W0.read", "READ", dst="s0e", address=1)
    assert shown(builder) == ["NOP 2", "SYNC", "NOP 2", "READ s0e, 0x1"]
    builder.at(13, "MEM_W1.read", "READ", dst="s0e", address=1)
    with pytest.raises(BuildError, match=r"^MEM_W1.read, READ s0e, 0x1 at cycle 13: cycle must be at least 14, when"):
        builder.build()


def test_entries():
    builder = Builder(NANO).at(0, "MEM_W0.read", "READ", dst="s0e", address=1)
    builder.entry("second").at(0, "MEM_W0.read", "READ", dst="s0e", address=2)
    assert [entry.name for entry in builder.build().entries] == ["main", "second"]


REFUSED = [
    (
        lambda b: b.at(1, "MEM_W0.read", "LOOP", count=1, body=1, stride=0),
        r"MEM_W0.read, cycle 1: instruction must not be LOOP, which loop\(\) makes",
    ),
    (lambda b: b.text_in_memory("MEM_W0.read", 0, "VXM", 0), "MEM_W0.read: slice must be a memory slice of nano, .*"),
    (
        lambda b: b.loop(1, "MEM_W0.read", 0).__enter__(),
        "MEM_W0.read, cycle 1: LOOP: count must be from 1 to 65535, not 0",
    ),
    (
        lambda b: b.loop(1, "MEM_W0.read", 1, period=0).__enter__(),
        "MEM_W0.read, cycle 1: period must be at least 1, not 0",
    ),
    (
        lambda b: b.at(0, "MEM_W9.read", "READ"),
        "queue must be one of nano, as MEM_E0.read or VXM.alu0, not 'MEM_W9.read'",
    ),
    (lambda b: b.at(-1, "MEM_W0.read", "READ"), "MEM_W0.read, cycle -1: cycle must be an integer of at least 0"),
    (
        lambda b: b.at(1, "MEM_W0.read", "NOP", count=1),
        "MEM_W0.read, cycle 1: instruction must not be NOP, which the .*",
    ),
    (lambda b: b.at(1, "MEM_W0.read", isa.WRITE), "MEM_W0.read, cycle 1: instruction must be one of .*, not WRITE"),
    (lambda b: b.at(1, "VXM.alu0", isa.LANE_SELECT), "VXM.alu0, cycle 1: instruction must be one of .*, not SELECT"),
    (lambda b: b.at(1, "MEM_W0.read", "READ", dst="s0e"), "MEM_W0.read, cycle 1: READ: address must be given"),
    (
        lambda b: b.at(1, "MEM_W0.read", "READ", dst="s0e", address=512),
        "MEM_W0.read, cycle 1: READ: address must be from 0 to 511, not 512",
    ),
    (
        lambda b: b.at(1, "MEM_W0.read", "READ", dst="s0", address=1),
        "MEM_W0.read, cycle 1: READ: dst must be a stream like s0e, not s0",
    ),
    (
        lambda b: b.at(1, "MEM_W0.read", "READ", dst="s0e", address=1, row=2),
        "MEM_W0.read, cycle 1: READ: operands must be among dst, address, not 'row'",
    ),
    (
        lambda b: b.sync(1, "MEM_W0.read").at(1, "MEM_W0.read", "READ", dst="s0e", address=1),
        "MEM_W0.read, cycle 1: cycle must hold one instruction, not SYNC and READ s0e, 0x1",
    ),
    (lambda b: b.data("VXM", 0, [0]), "VXM, 0x0: slice must be a memory slice of nano, as MEM_E0"),
    (lambda b: b.data("MEM_W0", 0, [0]), r"MEM_W0, 0x0: words must have shape \[16\] or \[count, 16\], not \[1\]"),
    (lambda b: b.data("MEM_W0", 0, [256] * 16), "MEM_W0, 0x0: words must hold integers from -128 to 255"),
    (lambda b: b.data("MEM_W0", 0, [0.5] * 16), "MEM_W0, 0x0: words must hold integers from -128 to 255"),
    (lambda b: b.data("MEM_W0", 512, [0] * 16), "MEM_W0, 0x200: words must lie below 0x200, not end at 0x201"),
    (
        lambda b: b.data("MEM_W0", 1, [0] * 16).data("MEM_W0", 0, [[0] * 16] * 2),
        "MEM_W0, 0x0: word must be given once, not again: 0x1",
    ),
    (lambda b: b.input("x", [1], "i9", []), "tensor x: dtype must be one of i8, i32, u8, f16, f32, not 'i9'"),
    (lambda b: b.input("x", [1], "i8", []), "tensor x: i8 must have 1 byte planes, not 0"),
]


@pytest.mark.parametrize(("call", "rule"), REFUSED)
def test_refusals(call, rule):
    with pytest.raises(BuildError, match=f"^{rule}$"):
        call(Builder(NANO))


def test_the_program_is_checked_as_a_whole():
    builder = Builder(NANO)
    for cycle in range(300):
        builder.at(2 * cycle, "MEM_W0.read", "READ", dst="s0e", address=cycle * cycle % 7)
    with pytest.raises(ProgramError, match=r"^MEM_W0.read: queue must hold at most 256 words, not \d+$"):
        builder.build()


@given(st.data())
@settings(deadline=None, max_examples=100)
def test_every_dispatch_happens_in_its_cycle(data):
    queue = data.draw(
        st.sampled_from([q for q in isa.queues(NANO) if q.name in ("MEM_W0.read", "VXM.alu0", "MXM_E0.activate")])
    )
    ops = [op for op in queue.unit.ops if op not in isa.CONTROL]
    few = data.draw(st.lists(st.sampled_from(ops).flatmap(lambda op: instructions(NANO, op)), min_size=1, max_size=3))
    cycles = data.draw(st.lists(st.integers(0, 40) | st.integers(0, 200_000), unique=True, max_size=40))
    builder = Builder(NANO)
    wanted = {}
    for cycle in cycles:
        wanted[cycle] = data.draw(st.sampled_from(few))
        builder.at(cycle, queue.name, wanted[cycle].op, **wanted[cycle].values)
    timeline, violations = trace(NANO, builder.build().entry().text)
    assert violations == []
    assert {d.cycle: str(d.instruction) for d in timeline.dispatches} == {c: str(i) for c, i in wanted.items()}


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "int64"])
def test_data_of_any_integer_dtype_keeps_its_bits(dtype):
    lanes = np.arange(16, dtype=dtype) + (0 if dtype == "uint8" else -8)
    memory = Builder(NANO).data("MEM_W0", 3, lanes.astype(dtype)).build().data
    assert memory["MEM_W0"][3] == bytes(int(lane) & 255 for lane in lanes)


def test_loops_are_blocks():
    builder = Builder(NANO)
    with builder.loop(3, "MEM_W0.read", 5, stride=2, period=8) as body:
        for n in range(3):
            body.at(2 * n, "READ", dst="s0e", address=n)
        with body.loop(5, 2) as inner:
            inner.at(0, isa.READ, dst="s1e", address=7)
    builder.at(44, "MEM_W0.read", "READ", dst="s0e", address=9)
    assert shown(builder) == [
        "NOP 3",
        "LOOP 5, 4, 2",
        "READ s0e, 0x0",
        "REPEAT 2, 2, 1",
        "LOOP 2, 1, 0",
        "READ s1e, 0x7",
        "READ s0e, 0x9",
    ]
    assert assemble(builder.text()).program == builder.build()
    builder.at(43, "MEM_W0.read", "READ", dst="s0e", address=9)
    with pytest.raises(BuildError, match=r"^MEM_W0.read, READ s0e, 0x9 at cycle 43: cycle must be at least 44, when"):
        builder.build()


def test_a_loop_waits_for_its_period():
    builder = Builder(NANO)
    with builder.loop(0, "MEM_W0.read", 2, period=4) as body:
        body.at(0, "READ", dst="s0e", address=1)
    assert shown(builder) == ["LOOP 2, 2, 0", "READ s0e, 0x1", "NOP 3"]
    with builder.loop(9, "MEM_W0.read", 2, period=1) as body:
        body.at(1, "READ", dst="s0e", address=1)
    with pytest.raises(BuildError, match=r"^MEM_W0.read, end of a loop at cycle 11: cycle must be at least 12, when"):
        builder.build()


def test_the_end_of_the_text_in_memory():
    builder = Builder(NANO)
    builder.at(4, "MEM_W0.read", "IFETCH", src="s7w", words=5)
    for n in range(5):
        builder.at(n, "MEM_E0.read", "READ", dst="s7w", address=0x40 + n)
    builder.at(9, "MEM_W0.read", "READ", dst="s0e", address=1)
    builder.at(10, "MEM_W0.read", "READ", dst="s0e", address=7)
    builder.text_in_memory("MEM_W0.read", 9, "MEM_E0", 0x40)
    program = builder.build()
    assert program == builder.build()
    assert shown(builder) == ["NOP 4", "IFETCH s7w, 5", "NOP 4"]
    words = [int.from_bytes(word, "little") for word in program.data["MEM_E0"].values()]
    assert [str(isa.MEM_READ.decode(word)) for word in words] == [
        "READ s0e, 0x1",
        "READ s0e, 0x7",
        *["NOP 1"] * 3,
    ]
    assert program.cycles["main"] == 14 + 1
    builder.data("MEM_E0", 0x41, np.zeros(16, int))
    with pytest.raises(BuildError, match=r"^MEM_W0.read: word must be given once, not again: MEM_E0 0x41$"):
        builder.build()
