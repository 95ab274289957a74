"""`takt system` on the RTL says what it says on the reference simulator."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from takt.cli import main

ROOT = Path(__file__).parents[3]

TEXT = """
.system full 2
.chip nano_c2c
.const read_to_send     = READ.d_func + (MEM_W0.position - C2C_W.position) - SEND.d_skew
.const receive_to_write = RECEIVE.d_func + (MEM_E0.position - C2C_W.position) - WRITE.d_skew
.input  mine: u8[16] = MEM_W0[0x10]
.output came: u8[16] = MEM_E0[0x00]
.queue MEM_W0.read
own:    @start                    READ s0w, 0x10
.queue C2C_W.send0
send:   @own + read_to_send       SEND s0w
.queue C2C_W.receive0
come:   @send + 64                RECEIVE s0e
.queue MEM_E0.write
        @come + receive_to_write  WRITE s0e, 0x00
.member 0
.data   MEM_W0, 0x10: 7, 8, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255
.member 1
.data   MEM_W0, 0x10: 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 128
"""
EXPECT = ".expect MEM_E0, 0x00: 7, 8, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255\n"


def run(path, *options):
    return CliRunner().invoke(main, ["system", str(path), *options])


@pytest.fixture
def place(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.mark.usefixtures("place")
def test_both_backends_say_the_same(tmp_path):
    path = tmp_path / "swap.system"
    path.write_text(TEXT + EXPECT)
    on_reference, on_rtl = run(path), run(path, "--backend", "rtl")
    assert on_reference.exit_code == 0, on_reference.output
    assert "came = [ 1 2 3 0 0 0 0 0 0 0 0 0 0 0 0 128]" in on_reference.output
    assert (on_rtl.stdout, on_rtl.exit_code) == (on_reference.stdout, 0)


@pytest.mark.usefixtures("place")
def test_a_wrong_end_fails_on_the_rtl_too(tmp_path):
    path = tmp_path / "swap.system"
    path.write_text(TEXT + EXPECT.replace(" 7,", " 6,"))
    refused = run(path, "--backend", "rtl")
    assert refused.exit_code == 1
    assert "memory must end as the file says\nchip 1, MEM_E0 0x0: must be 0608090" in refused.output
