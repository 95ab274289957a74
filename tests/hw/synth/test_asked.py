"""The router is asked for most of what was estimated, for less where it does not end, and then for no more."""

import re

import pytest

from takt_hw.synth import placing
from takt_hw.synth.mapping import synthesize
from takt_hw.synth.timing import worst_paths
from takt_hw.synth.tools import Stuck

RTL = """
module design(input clk, input [15:0] d, output reg [31:0] o);
  reg [15:0] a, b;
  always @(posedge clk) begin
    a <= d;
    b <= a + {a[7:0], a[15:8]};
    o <= {o[15:0], a + b};
  end
endmodule
"""


@pytest.fixture
def design(tmp_path, monkeypatch):
    """Directory of a netlist, and where what was estimated is kept, in MHz."""
    (tmp_path / "design.v").write_text(RTL)
    synthesize(["design.v"], "design", tmp_path)
    estimated: list[float] = []
    relocate = placing.relocate

    def estimate(module, sdf):
        before, after = relocate(module, sdf)
        assert before == pytest.approx(worst_paths(sdf)[0].ns)
        estimated.append(1e3 / after)
        return before, after

    monkeypatch.setattr(placing, "relocate", estimate)
    return tmp_path, estimated


def asked(directory):
    """MHz that nextpnr was asked for when it routed."""
    found = re.findall(r"MHz \((?:PASS|FAIL) at ([\d.]+) MHz\)", (directory / "nextpnr.log").read_text())
    assert found
    return float(found[-1])


def stuck_at(routings):
    """A `Patience` that has none with the first routings, and those."""
    tried: list[None] = []

    class Impatience(placing.Patience):
        def __call__(self, line):
            if re.match(r"Info: +iter=1 wires", line):
                tried.append(None)
                if len(tried) <= routings:
                    return "it must be fast"
            return super().__call__(line)

    return Impatience, tried


@pytest.mark.parametrize(("parts", "tries"), [((0.5,), 0), ((0.9, 0.5), 1), ((0.9, 0.5, 0.4), 1), ((0.9, 0.5), 2)])
def test_the_router_is_asked_for_a_part_of_the_estimate(design, monkeypatch, parts, tries):
    directory, estimated = design
    patience, tried = stuck_at(tries)
    monkeypatch.setattr(placing, "Patience", patience)
    monkeypatch.setattr(placing, "_ASKED", parts)
    placed = placing.place(directory, mhz=10)
    assert len(tried) == tries + 1
    assert asked(directory) == pytest.approx(parts[min(tries, len(parts) - 1)] * estimated[-1], abs=0.01)
    log = (directory / "nextpnr.log").read_text()
    assert ("tmgfail=0" in log) == (tries < len(parts))  # at last it may be late
    assert placed.fmax_mhz > (0.5 * estimated[-1] if tries < len(parts) else 0)


@pytest.mark.parametrize(("after", "times"), [([9.95], 1), ([9, 8.95], 2), ([9, 8, 7, 6, 5], 4)])
def test_cells_move_again_while_that_helps(design, monkeypatch, after, times):
    directory, _ = design
    paths = [10.0, *after]
    told: list[float] = []

    def relocate(module, sdf):
        told.append(paths[len(told) + 1])
        return paths[len(told) - 1], told[-1]

    monkeypatch.setattr(placing, "relocate", relocate)
    placing.place(directory, mhz=10, estimate=True)
    assert len(told) == times


def test_one_that_never_ends_is_an_error(design, monkeypatch):
    monkeypatch.setattr(placing, "Patience", stuck_at(4)[0])
    with pytest.raises(Stuck, match=r"^nextpnr-ecp5 was stopped: it must be fast \(see .*nextpnr.log\)$"):
        placing.place(design[0], mhz=10)
