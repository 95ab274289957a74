"""The language: what each line means, and what is refused with file, line, column and rule."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from takt.asm import AssemblyError, Diagnostic, assemble, disassemble
from takt.program import Entry, Program, Run
from takt_hw import isa
from takt_hw.config import BUILDS, ECP5, NANO

EAST = isa.Direction.EAST
S0E = isa.Stream(0, EAST)


def nano(*lines: str) -> str:
    return "\n".join([".chip nano", *lines])


def instructions(text: str, queue: str = "MEM_W0.read", entry: str = "main") -> list[str]:
    """The instructions of a queue, NOPs included."""
    unit = isa.queue_by_name(NANO)[queue].unit
    return [str(unit.decode(word)) for word in assemble(text).program.entry(entry).text.get(queue, ())]


def read_queue(*lines: str) -> list[str]:
    return instructions(nano(".queue MEM_W0.read", *lines))


def test_times_become_waits():
    assert read_queue("@5 READ s0e, 1", "READ s0e, 2", "+1 READ s0e, 3", "+2 READ s0e, 4", "@10 READ s0e, 5") == [
        "NOP 5",
        "READ s0e, 0x1",
        "READ s0e, 0x2",
        "READ s0e, 0x3",
        "NOP 1",
        "READ s0e, 0x4",
        "READ s0e, 0x5",
    ]


def test_repeat_occupies_its_queue():
    assert read_queue("READ s0e, 1", "REPEAT 3, 2, 1", "@8 READ s0e, 2") == [
        "READ s0e, 0x1",
        "REPEAT 3, 2, 1",
        "NOP 1",
        "READ s0e, 0x2",
    ]


def test_a_long_wait_takes_several_words():
    assert read_queue("@131071 READ s0e, 1") == ["NOP 65535", "NOP 65535", "NOP 1", "READ s0e, 0x1"]


def test_labels_are_cycles_of_this_entry_before_or_after():
    text = nano(
        ".queue MEM_W0.read",
        "@second - 2 READ s0e, 1",
        ".queue MEM_W1.read",
        "alone:",
        "@first + 4 READ s1e, 1",
        ".queue MEM_W2.read",
        "first: @10 READ s2e, 1",
        "second: +4 READ s2e, 1",
        "@alone + 1 READ s2e, 2",
    )
    assert instructions(text) == ["NOP 12", "READ s0e, 0x1"]
    assert instructions(text, "MEM_W1.read") == ["NOP 14", "READ s1e, 0x1"]
    assert instructions(text, "MEM_W2.read")[-1] == "READ s2e, 0x2"


def test_after_a_sync_absolute_times_count_from_cycle_0():
    text = nano(
        ".queue MEM_W0.read",
        "@2 SYNC",
        "@30 READ s0e, 1",
        "late: @40 SYNC",
        "+3 READ s0e, 2",
        ".queue MEM_W1.read",
        "@20 NOTIFY",
        "SYNC ; in cycle 21, so that its own NOTIFY ends it in cycle 24",
        "@late + 20 NOTIFY",
    )
    assert instructions(text) == ["NOP 2", "SYNC", "NOP 6", "READ s0e, 0x1", "NOP 9", "SYNC", "NOP 2", "READ s0e, 0x2"]
    assert instructions(text, "MEM_W1.read") == ["NOP 20", "NOTIFY", "SYNC", "NOP 36", "NOTIFY"]
    assert assemble(text).program.cycles == {"main": 40 + 20 + 4 + 3 + NANO.superlanes}


def test_queues_that_wait_for_each_other():
    text = nano(
        ".queue MEM_W0.read",
        "late: @40 SYNC",
        ".queue MEM_W1.read",
        "@30 SYNC",
        "@late + 20 NOTIFY",
    )
    with pytest.raises(AssemblyError) as caught:
        assemble(text)
    rule = "time must be relative (+n) after a SYNC that no NOTIFY ends"
    assert caught.value.diagnostics == (Diagnostic(6, 2, rule),)


def test_a_sync_whose_end_depends_on_itself():
    text = nano(
        ".queue MEM_W0.read",
        "@2 SYNC",
        "after: READ s0e, 1",
        ".queue MEM_W1.read",
        "@after - 10 NOTIFY",
        ".queue MEM_W2.read",
        "@20 NOTIFY",
    )
    with pytest.raises(AssemblyError) as caught:
        assemble(text)
    assert caught.value.diagnostics == (
        Diagnostic(3, 2, "SYNC must not end with a NOTIFY whose time depends on that end"),
    )


def test_constants_and_expressions():
    lines = [".const two = 0b10", ".const n = (two + 0x10) * 3 / 2 - -1", ".queue MEM_W0.read", "@n-8*2 READ s0e, n"]
    assert instructions(nano(*lines)) == ["NOP 12", "READ s0e, 0x1c"]


def test_the_build_is_there_as_constants():
    lines = [".queue MEM_W0.read", "@READ.d_func + VXM.position - WRITE.d_skew READ s0e, bank_words + lanes"]
    assert instructions(nano(*lines)) == ["NOP 3", "READ s0e, 0x110"]


def test_operands_of_every_form():
    text = nano(
        ".queue VXM.alu1",
        "ADD none, s0e:i8, #-5",
        "SELECT s4w:i32, alu0, s1w:i8, alu3",
        "REQUANT s1e:i8, s4e:i32, #2 * 3, 7",
        ".queue MXM_E0.accumulate",
        "ACC 3, add, none",
        "ACC 4, first, s4w",
    )
    assert instructions(text, "VXM.alu1") == [
        "ADD none, s0e:i8, #-5",
        "SELECT s4w:i32, alu0, s1w:i8, alu3",
        "REQUANT s1e:i8, s4e:i32, #6, 7",
    ]
    assert instructions(text, "MXM_E0.accumulate") == ["ACC 0x3, add, none", "ACC 0x4, first, s4w"]


def test_memory_words():
    text = nano(".data MEM_E1, 2: 1, -1, 255 times 2, 0 times 12,", "  7 times lanes", ".expect MEM_E1, 0: 9 times 16")
    program = assemble(text).program
    assert program.data == {"MEM_E1": {2: bytes([1, 255, 255, 255] + [0] * 12), 3: bytes([7] * 16)}}
    assert program.entry().expected == {"MEM_E1": {0: bytes([9] * 16)}}


def test_tensors():
    text = nano(".input x: i8[2, 20] = MEM_W0[1 : 2], MEM_W1[0x10 : 2 : 8]", ".output y: i32[4] = " + planes("E", 3))
    x, y = assemble(text).program.tensors
    assert (x.name, x.role, x.shape) == ("x", "input", (2, 20))
    assert x.planes == ((Run("MEM_W0", 1, 2), Run("MEM_W1", 0x10, 2, 8)),)
    assert y.planes == tuple((Run(f"MEM_E{n}", 3),) for n in range(4))


def planes(side: str, address: int) -> str:
    return " | ".join(f"MEM_{side}{n}[{address}]" for n in range(4))


def test_entries_share_queues_and_start_at_cycle_0():
    text = nano(".queue MEM_W0.read", "@1 READ s0e, 1", ".entry again", ".queue MEM_W0.read", "@2 READ s0e, 1")
    program = assemble(text).program
    assert program.ranges == {"main": {"MEM_W0.read": (0, 2)}, "again": {"MEM_W0.read": (2, 2)}}
    assert program.cycles == {"main": 3, "again": 4}


def test_a_queue_can_be_taken_up_again():
    text = nano(".queue MEM_W0.read", "READ s0e, 1", ".queue MEM_W1.read", ".queue MEM_W0.read", "+1 READ s0e, 2")
    assert instructions(text) == ["READ s0e, 0x1", "READ s0e, 0x2"]


def test_a_wanted_build_replaces_the_missing_directive():
    assert assemble("", config=ECP5).program.config is ECP5


REFUSED = {
    "READ s0e, 512": (3, 11, "READ: address must be from 0 to 511, not 512"),
    "READ s0e, -1": (3, 11, "READ: address must be at least 0, not -1"),
    "READ s8e, 1": (3, 6, "READ: dst must be below s8, not s8e"),
    "READ s0, 1": (3, 6, "dst must be a stream like s0e, not s0"),
    "READ s0e": (3, 9, "',' must come here, not the end of the line"),
    "READ": (3, 5, "operands must be given: READ dst, address"),
    "READ s0e, 1, 2": (3, 12, "line must end here, not go on with ,"),
    "WRITE s0e, 1": (
        3,
        1,
        "instruction must be one of the read unit's "
        "(NOP, REPEAT, SYNC, NOTIFY, LOOP, IFETCH, CONFIG, READ, GATHER), not WRITE",
    ),
    "NOP 0": (3, 5, "NOP: count must be at least 1, not 0"),
    "NOP 65536": (3, 5, "NOP: count must be from 1 to 65535, not 65536"),
    "REPEAT 1, 1, 32768": (3, 14, "REPEAT: stride must be from -32768 to 32767, not 32768"),
    "+0 READ s0e, 1": (3, 2, "relative time must be at least 1, not 0"),
    "@-1 READ s0e, 1": (3, 2, "cycle must be at least 0, when the queue is free, not -1"),
    "@x READ s0e, 1": (3, 2, "label must be defined in this entry, not x"),
    "x: @x READ s0e, 1": (3, 5, "time must not depend on itself, as it does through label 'x'"),
    "x:": (3, 1, "label must stand before an instruction of its queue, not at its end: x"),
    "READ s0e, x": (3, 11, "constant must be defined before, not x"),
    "READ s0e, 1 / 0": (3, 13, "division must leave no remainder, not be 1 / 0"),
    "READ s0e, 7 / 2": (3, 13, "division must leave no remainder, not be 7 / 2"),
    "READ s0e, 1 +": (3, 14, "number, constant, '-' or '(' must come here, not the end of the line"),
    "READ s0e, 0x": (3, 11, "number must be decimal, 0x… or 0b…, not 0x"),
    "READ s0e, 12ab": (3, 11, "number must be decimal, 0x… or 0b…, not 12ab"),
    "READ s0e, 0xffffffffffffffff": (3, 11, "number must fit 64 bits, not 0xffffffffffffffff"),
    "READ s0e, $": (3, 11, "character must begin a number, a name or a mark, not '$'"),
    "SYNC\n@9 READ s0e, 1": (4, 2, "time must be relative (+n) after a SYNC that no NOTIFY ends"),
    ".queue MEM_X.read": (3, 8, "queue must be one of nano, as MEM_E0.read or VXM.alu0, not MEM_X.read"),
    ".chip nano": (3, 7, "directive .chip must come before everything else, once"),
    ".what": (
        *(3, 1),
        "directive must be one of .chip, .const, .data, .entry, .expect, .input, .output, .queue, .text, not .what",
    ),
    ".const lanes = 3": (3, 8, "constant must be defined once, not again: lanes"),
    ".const a.b = 3": (3, 8, "name of a constant must be letters, digits and _, at most 64, not a.b"),
    ".entry main": (3, 8, "entry must be defined once, not again: main"),
    ".data MEM_W9, 0: 1": (3, 7, "slice must be a memory slice of nano, as MEM_E0, not MEM_W9"),
    ".data MEM_W0, 512: 1": (3, 15, "address must be from 0 to 0x1ff, not 0x200"),
    ".data MEM_W0, 0: 256": (3, 18, "value must be from -128 to 255, not 256"),
    ".data MEM_W0, 0: 1, 2": (3, 15, "values must fill whole words of 16 bytes, not be 2"),
    ".data MEM_W0, 511: 0 times 17": (3, 28, "values must end with the memory slice, not go on past it"),
    ".data MEM_W0, 0: 1 times 0": (3, 26, "count must be at least 1, not 0"),
    ".expect MEM_W0, 0: 0 times 32\n.expect MEM_W0, 1: 0 times 16": (
        *(4, 17),
        "word must be given once, not again: MEM_W0 0x1",
    ),
    ".input x: i9[1] = MEM_W0[0]": (3, 11, "type must be i8 or i32 or u8 or f16 or f32, not i9"),
    ".input x: i8[17] = MEM_W0[0]": (3, 8, "plane 0 must hold the shape's 2 vectors, not 1"),
    ".input x: i32[1] = MEM_W0[0]": (3, 8, "i32 must have 4 byte planes, not 1"),
    ".input x: i8[1] = MEM_W0[0x1ff:1], MEM_W0[1:3:2]": (3, 8, "plane 0 must hold the shape's 1 vectors, not 4"),
    ".input x: i8[17] = MEM_W0[511 : 2]": (3, 8, "addresses must be from 0 to 0x1ff, not 0x1ff to 0x200"),
    ".input x: i8[1] = VXM[0]": (3, 8, "slice must be a memory slice of the build, not 'VXM'"),
    ".input x: i8[17] = MEM_W0[1], MEM_W0[1]": (3, 8, "words must differ, not hold two vectors"),
    ".input x: i8[1] = MEM_W0[1]\n.input y: i8[9] = MEM_W0[1]": (4, 8, "inputs must not share words, not MEM_W0 0x1"),
    ".output x: i8[1] = MEM_W0[1]\n.output x: i8[9] = MEM_W0[1]": (4, 9, "tensor must be defined once, not again: x"),
}


@pytest.mark.parametrize("line", REFUSED)
def test_refusals_name_place_and_rule(line):
    place = ".queue MEM_W0.read"
    with pytest.raises(AssemblyError) as caught:
        assemble(nano(place, line), "a.takt")
    assert caught.value.diagnostics == (Diagnostic(*REFUSED[line]),)


VXM_REFUSED = {
    "ADD none, s0e:i32, s1e:i32": (20, "ADD: b must be a multiple of 4, not s1e"),
    "ADD none, alu4, #1": (11, "ADD: a must be below alu4, not alu4"),
    "ADD none, #1, #2": (1, "ADD: immediates must be equal, not [1, 2]"),
    "COPY none, #0x80000000": (1, "COPY: immediate must be from -2147483648 to 2147483647, not 2147483648"),
    "COPY s0e, #1": (9, "':' must come here, not ,"),
    "COPY s0e:f8, #1": (10, "dst must have the type i8 or i32 or u8 or f16 or f32, not f8"),
    "COPY none, 5": (12, "a must be a typed stream like s0e:i8, an ALU like alu0 or a number like #5, not 5"),
    "SELECT none, alu0, alu0, 3": (26, "c must be an ALU like alu0, not 3"),
}


@pytest.mark.parametrize("line", VXM_REFUSED)
def test_vxm_refusals(line):
    with pytest.raises(AssemblyError) as caught:
        assemble(nano(".queue VXM.alu0", line), "a.takt")
    assert caught.value.diagnostics == (Diagnostic(3, *VXM_REFUSED[line]),)


def test_a_report_shows_every_mistake_with_its_line_and_a_caret():
    text = nano(".queue MEM_W0.read", "\tREAD s0e, 999 ; far", "", "READ\x1b s0e, 1", ".queue NONE", "READ s0e, 1")
    with pytest.raises(AssemblyError) as caught:
        assemble(text, "a.takt")
    assert str(caught.value).split("\n") == [
        "a.takt:3:12: READ: address must be from 0 to 511, not 999",
        "     READ s0e, 999 ; far",
        "               ^",
        "a.takt:5:5: character must begin a number, a name or a mark, not '\\x1b'",
        "    READ? s0e, 1",
        "        ^",
        "a.takt:6:8: queue must be one of nano, as MEM_E0.read or VXM.alu0, not NONE",
        "    .queue NONE",
        "           ^",
    ]


def test_a_dispatch_before_the_queue_is_free():
    with pytest.raises(AssemblyError) as caught:
        assemble(nano(".queue MEM_W0.read", "@5 READ s0e, 1", "REPEAT 2, 3, 1", "x: @11 READ s0e, 1"))
    rule = "cycle must be at least 12, when the queue is free, not 11"
    assert caught.value.diagnostics == (Diagnostic(5, 5, rule),)


def test_more_words_than_the_queue_holds():
    full = ["READ s0e, 1"] * NANO.queue_words
    assemble(nano(".queue MEM_W0.read", *full))
    with pytest.raises(AssemblyError, match="queue must hold at most 256 words with NOPs, not 257"):
        assemble(nano(".queue MEM_W0.read", *full, "READ s0e, 1"))
    with pytest.raises(AssemblyError, match="queue must hold at most 256 words with NOPs, not 25"):
        assemble(nano(".queue MEM_W0.read", "@0x7000000000000000 READ s0e, 1"))


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", f"text must name its build: .chip {'|'.join(BUILDS)}"),
        (".queue MEM_W0.read", f"text must begin with its build: .chip {'|'.join(BUILDS)}"),
        (".chip none", f"build must be one of {', '.join(BUILDS)}, not none"),
    ],
)
def test_the_build_comes_first(text, rule):
    with pytest.raises(AssemblyError) as caught:
        assemble(text)
    assert [diagnostic.message for diagnostic in caught.value.diagnostics] == [rule]


def test_a_text_for_another_build_is_refused():
    with pytest.raises(AssemblyError, match="build must be ecp5, not nano"):
        assemble(".chip nano", config=ECP5)


def test_hostile_expressions_end():
    powers = "\n".join([".const a0 = 2", *(f".const a{n + 1} = a{n} * a{n}" for n in range(40))])
    for line in ("READ s0e, " + "(" * 100_000, "READ s0e, " + "-" * 100_000, "READ s0e, " + "1+" * 100_000, powers):
        with pytest.raises(AssemblyError):
            assemble(nano(".queue MEM_W0.read", line))
    with pytest.raises(AssemblyError, match="values must end with the memory slice"):
        assemble(nano(".data MEM_W0, 0: 1 times 0x7fffffffffffffff"))


PIECES = st.sampled_from(
    [
        ".chip nano",
        ".queue MEM_W0.read",
        ".queue VXM.alu0",
        ".data MEM_W0, 0:",
        ".input x: i8[16] =",
        ".entry",
        ".const",
    ]
    + ["READ s0e,", "ADD none, s0e:i8,", "SYNC", "NOTIFY", "REPEAT 2, 3,", "NOP", "a:", "@a", "@", "+", "-", "(", ")"]
    + ["1", "0x10", "#5", "times", "lanes", "MEM_W0[1]", "|", ",", "\n", "\n", "\n", " ", ";", "\t", "\r", "é", "\0"]
)


@given(st.lists(PIECES, max_size=40).map(" ".join) | st.text())
@settings(deadline=None, max_examples=400)
def test_any_text_assembles_or_is_refused(text):
    try:
        program = assemble(text).program
    except AssemblyError as error:
        assert error.diagnostics
        return
    assert assemble(disassemble(program)).program == program


def test_a_loop_takes_all_its_iterations():
    """Body of three cycles from 6 on, with the inner loop's own cycle 7, three times; END in cycle 9 of the first."""
    text = nano(
        ".queue MEM_W0.read",
        "@5 LOOP 3, 10",
        "  @6 READ s0e, 0",
        "  LOOP 4, 1",
        "    inner: @9 READ s0e, 1",
        "  END",
        "@after READ s0e, 2",
        ".queue MEM_W1.read",
        "@inner READ s1e, 0",
    ).replace("@after READ", "+1 END\nREAD")
    program = assemble(text).program
    unit = isa.MEM_READ
    shown = [str(unit.decode(word)) for word in program.entry().text["MEM_W0.read"]]
    assert shown == [
        "NOP 5",
        "LOOP 3, 4, 10",
        "READ s0e, 0x0",
        "LOOP 4, 2, 1",
        "NOP 1",
        "READ s0e, 0x1",
        "READ s0e, 0x2",
    ]
    assert [str(unit.decode(word)) for word in program.entry().text["MEM_W1.read"]] == ["NOP 9", "READ s1e, 0x0"]
    assert program.cycles["main"] == 5 + 1 + 3 * (1 + 1 + 4 * 2) + 1 + NANO.superlanes
    assert assemble(disassemble(program)).program == program
    assert "LOOP 3, 10" in disassemble(program)


def test_a_thousand_iterations_are_as_long_as_one():
    def program(count):
        return assemble(nano(".queue MEM_W0.read", f"LOOP {count}, 0", "READ s0e, 3", "+2 READ s1e, 4", "END")).program

    one, thousand = program(1), program(1000)
    lengths = [sum(map(len, p.entry().text.values())) for p in (one, thousand)]
    assert lengths[0] == lengths[1]
    assert [p.cycles["main"] for p in (one, thousand)] == [1 + 3 + 1, 1 + 3000 + 1]


def test_loops_that_no_block_can_show_keep_their_words():
    words = [
        isa.LOOP.encode(count=2, body=9, stride=0),
        isa.NOP.encode(count=3),
        isa.READ.encode(dst=S0E, address=1),
        isa.REPEAT.encode(count=1, interval=3, stride=0),
    ]
    program = Program(config=NANO, entries=(Entry("main", {"MEM_W0.read": words}),))
    assert "LOOP 2, 9, 0" in disassemble(program)
    assert assemble(disassemble(program)).program == program


def test_the_end_of_a_queue_lies_in_memory():
    text = nano(
        ".queue MEM_W0.read",
        "IFETCH s7w, 4",
        ".text MEM_E0, 0x40",
        "@9 READ s0e, 5",
        "@11 READ s0e, 6",
        ".queue MEM_E0.read",
        "@0 READ s7w, 0x40",
        "REPEAT 3, 1, 1",
    ).replace("IFETCH", "@4 IFETCH")
    program = assemble(text).program
    unit = isa.MEM_READ
    assert [str(unit.decode(w)) for w in program.entry().text["MEM_W0.read"]] == ["NOP 4", "IFETCH s7w, 4", "NOP 4"]
    stored = [int.from_bytes(program.data["MEM_E0"][0x40 + n], "little") for n in range(4)]
    assert [str(unit.decode(word)) for word in stored] == ["READ s0e, 0x5", "NOP 1", "READ s0e, 0x6", "NOP 1"]
    assert program.cycles["main"] == 13 + 1
    assert assemble(disassemble(program)).program == program
