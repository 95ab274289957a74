"""Canonical text, letter for letter."""

from takt.asm import assemble, disassemble

TEXT = """
.chip nano
.const rows = 4
.output y: i32[1, 3] = MEM_E0[0] | MEM_E1[1 : 1] | MEM_E2[2 : 1 : 1] | MEM_E3[3]
.input x: i8[rows, 20] = MEM_W0[0x20 : rows], MEM_W1[0x20 : rows : 2]
.data MEM_W0, 0x10: 1, 255, -3, 0 times 29
.queue MEM_E0.write
    @7 WRITE s0e, 3
    NOP 3
    +2 NOP 7
    @50 WRITE s0e, 4
    NOP 1
.queue MEM_W0.read
first: @5 READ s0e, rows * 4
    READ s0e, 0x11
    REPEAT 3, 1, 1
    +2 REPEAT 1, 2, -1
    @first + 15 SYNC
    READ s1e, 0x20
    +4 READ s1e, 0x21
    NOTIFY
.entry again
.expect MEM_W0, 1: 0 times 16
"""

CANONICAL = """\
.chip nano

.output y: i32[1, 3] = MEM_E0[0x0] | MEM_E1[0x1] | MEM_E2[0x2] | MEM_E3[0x3]
.input x: i8[4, 20] = MEM_W0[0x20 : 4], MEM_W1[0x20 : 4 : 2]

.data MEM_W0, 0x10: 1, -1, -3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
.data MEM_W0, 0x11: 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0

.entry main  ; never ends

.queue MEM_W0.read
    @5       READ s0e, 0x10
    @6       READ s0e, 0x11
             REPEAT 3, 1, 1
    @11      REPEAT 1, 2, -1
    @20      SYNC
    +1       READ s1e, 0x20
    +4       READ s1e, 0x21
    +1       NOTIFY

.queue MEM_E0.write
    @7       WRITE s0e, 0x3
             NOP 3
             NOP 1
             NOP 7
    @50      WRITE s0e, 0x4
             NOP 1

.entry again  ; 1 cycles
.expect MEM_W0, 0x1: 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
"""


def test_canonical_text():
    assert disassemble(assemble(TEXT).program) == CANONICAL
    assert disassemble(assemble(CANONICAL).program) == CANONICAL
