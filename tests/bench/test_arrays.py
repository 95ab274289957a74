"""The arrays under the C++ harness, which checks their products before it times them."""

import pytest

from bench.arrays import plane, yardstick
from bench.verilated import HERE
from takt_hw.config import NANO


@pytest.mark.parametrize("make", [yardstick, plane])
def test_products_are_right(make, tmp_path):
    array = make(NANO, tmp_path)
    assert array.macs == NANO.lanes**2
    assert array.cycles_per_second() > 0


def test_a_wrong_array_is_refused(tmp_path, monkeypatch):
    wrong = tmp_path / "verilog"
    wrong.mkdir()
    (wrong / "array.cpp").write_text((HERE / "array.cpp").read_text())
    text = (HERE / "yardstick.sv").read_text()
    (wrong / "yardstick.sv").write_text(text.replace("installed[7][c]", "installed[6][c]"))
    monkeypatch.setattr("bench.arrays.HERE", wrong)
    with pytest.raises(RuntimeError, match=r"^yardstick-16 must run: product of vector \d is wrong$"):
        yardstick(NANO, tmp_path).cycles_per_second()
