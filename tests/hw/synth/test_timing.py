"""The slowest paths, of a design small enough to add up by hand."""

import pytest

from takt_hw.synth.timing import TimingPath, bus, readable, worst_paths

SDF = r"""
(DELAYFILE
  (CELL
    (CELLTYPE "top")
    (INSTANCE )
    (DELAY
      (ABSOLUTE
        (INTERCONNECT clkbuf/O superlane0.alu0.a\[0\]_TRELLIS_FF_Q/CLK (0:0:10) (0:0:10))
        (INTERCONNECT clkbuf/O superlane0.alu0.b\[1\]_TRELLIS_FF_Q/CLK (0:0:10) (0:0:10))
        (INTERCONNECT clkbuf/O superlane0.alu0.b\[2\]_TRELLIS_FF_Q/CLK (0:0:10) (0:0:10))
        (INTERCONNECT clkbuf/O MXM_E0.sum_TRELLIS_FF_Q/CLK (0:0:10) (0:0:10))
        (INTERCONNECT other/O uart.c_TRELLIS_FF_Q/CLK (0:0:10) (0:0:10))
        (INTERCONNECT superlane0.alu0.a\[0\]_TRELLIS_FF_Q/Q lut/A (100:200:300) (100:200:310))
        (INTERCONNECT lut/F superlane0.alu0.b\[1\]_TRELLIS_FF_Q/DI (0:0:1000) (0:0:1000))
        (INTERCONNECT lut/F superlane0.alu0.b\[2\]_TRELLIS_FF_Q/DI (0:0:900) (0:0:900))
        (INTERCONNECT lut/F uart.c_TRELLIS_FF_Q/DI (0:0:9000) (0:0:9000))
        (INTERCONNECT superlane0.alu0.b\[1\]_TRELLIS_FF_Q/Q MXM_E0.sum_TRELLIS_FF_Q/DI (0:0:50) (0:0:50))
      )
    )
  )
  (CELL
    (CELLTYPE "TRELLIS_COMB")
    (INSTANCE lut)
    (DELAY
      (ABSOLUTE
        (IOPATH A F (0:0:236) (0:0:236))
      )
    )
  )
""" + "".join(
    rf"""
  (CELL
    (CELLTYPE "TRELLIS_FF")
    (INSTANCE {name})
    (DELAY
      (ABSOLUTE
        (IOPATH CLK Q (430:477:525) (430:477:525))
      )
    )
    (TIMINGCHECK
      (SETUPHOLD (posedge DI) (posedge CLK) (0:0:{setup}) (267:285:303))
      (SETUPHOLD (negedge DI) (posedge CLK) (0:0:{setup}) (267:285:303))
    )
  )"""
    for name, setup in (
        (r"superlane0.alu0.a\[0\]_TRELLIS_FF_Q", 0),
        (r"superlane0.alu0.b\[1\]_TRELLIS_FF_Q", 20),
        (r"superlane0.alu0.b\[2\]_TRELLIS_FF_Q", 20),
        ("MXM_E0.sum_TRELLIS_FF_Q", 0),
        ("uart.c_TRELLIS_FF_Q", 0),
    )
)


def test_paths_between_registers_of_one_clock(tmp_path):
    """One for the bus b, of which bit 1 is slower; none to the other clock's register, however slow."""
    (tmp_path / "delays.sdf").write_text(SDF)
    first, second = worst_paths(tmp_path / "delays.sdf")
    assert first == TimingPath(
        "VXM ALU 0: a[0]",
        "VXM ALU 0: b[1]",
        pytest.approx(0.525 + 0.310 + 0.236 + 1.0 + 0.020),
        pytest.approx(0.525 + 0.236 + 0.020),
        pytest.approx(1.310),
        1,
    )
    assert second == TimingPath(
        "VXM ALU 0: b[1]", "MXM_E0: sum", pytest.approx(0.575), pytest.approx(0.525), pytest.approx(0.050), 0
    )
    assert str(second) == "  0.58 ns (0.53 logic, 0.05 routing, 0 levels)  VXM ALU 0: b[1] -> MXM_E0: sum"


def test_only_so_many(tmp_path):
    (tmp_path / "delays.sdf").write_text(SDF)
    assert len(worst_paths(tmp_path / "delays.sdf", 1)) == 1


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ("core.chip.superlane0.MEM_E3.banks.bank1.0.2", "MEM_E3: banks.bank1.0.2"),
        ("core.chip.superlane0.alu0.a[3]_TRELLIS_FF_Q_DI_LUT4_Z_1", "VXM ALU 0: a[3]"),
        ("core.chip.superlane0.position1.s3e[7]_TRELLIS_FF_Q", "streams 1: s3e[7]"),
        ("core.chip.queue_MEM_E0_read.loops.offset[1]_TRELLIS_FF_Q", "queues MEM read: loops.offset[1]"),
        ("core.chip.host.server.state[0]_TRELLIS_FF_Q", "host: server.state[0]"),
        ("superlane0.o_MEM_W0_read[5]_TRELLIS_FF_Q", "superlane control: superlane0.o_MEM_W0_read[5]"),
    ],
)
def test_names(cell, name):
    assert readable(cell) == name


def test_bits_of_a_bus_have_one_name():
    assert bus("VXM ALU 0: a[3]") == bus("VXM ALU 0: a[12]") != bus("VXM ALU 1: a[3]")
