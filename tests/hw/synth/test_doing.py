"""What the lines of the tools say that they are doing, which is what progress shows."""

import pytest

from takt_hw.synth.tools import _doing


@pytest.mark.parametrize(
    ("line", "doing"),
    [
        ("3.1. Executing OPT_CLEAN pass (remove unused cells and wires).", "OPT_CLEAN"),
        ("Info: iter=35 steplen=1.2 a=3.4 penalty=[0.1, 0.1]", "placing, iter=35"),
        ("Info:   at iteration #5: temp = 0.0, timing cost = 0, wirelen = 630016", "placing, at iteration #5"),
        (
            "Info:     iter=3 wires=857172 overused=20671 overuse=21355 tmgfail=7 archfail=NA",
            "routing, pass 3: 20671 wires taken twice, 7 late",
        ),
        ("Info: Running main router loop...", "Running main router loop"),
        ("Warning: nothing", None),
    ],
)
def test_each_line_is_told(line, doing):
    assert _doing(line) == doing
