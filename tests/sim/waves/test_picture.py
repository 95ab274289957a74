import re

import pytest

from takt_hw import isa
from takt_hw.config import NANO
from takt_hw.isa import queue_by_name
from takt_sim.timeline import expand
from takt_sim.waves.observe import Dispatched
from takt_sim.waves.picture import PAGE, draw, save
from tests.sim.waves.programs import relu_program


def relu_picture(shown=None):
    timeline = expand(NANO, relu_program())
    dispatches = [Dispatched(d.cycle, d.queue, d.instruction.word) for d in timeline.dispatches]
    return draw(NANO, dispatches, timeline.control, timeline.cycles, "relu", shown)


def texts(figure):
    found = [text.get_text() for text in (*figure.texts, *figure.axes[0].texts)]
    return [text for text in found if text]


def test_says_what_it_shows():
    found = texts(relu_picture())
    assert "relu" in found
    assert "nano: 23 cycles, 16 dispatches; 24 idle queues not shown" in found
    assert {"MEM_W3", "MEM_W0", "VXM", "read", "write", "alu0", "alu1"} <= set(found)
    assert {"READ s0e, 0x40 +1 ×4", "WRITE s3w, 0x1f0 +2 ×4", "SYNC", "NOTIFY"} <= set(found)
    assert found.count("s0e") == found.count("s3w") == 4


def test_some_cycles_only():
    figure = relu_picture(range(12, 18))
    assert "nano: cycles 12 to 17 of 23, 8 dispatches; 25 idle queues not shown" in texts(figure)
    assert figure.axes[0].get_xlim()[0] == 12
    assert "MEM_W3" not in texts(figure)


def test_no_cycle_is_an_error():
    with pytest.raises(ValueError, match="^shown must hold some of the cycles 0 to 22, not start at 23$"):
        relu_picture(range(23, 30))


def test_the_same_picture_has_the_same_bytes(tmp_path):
    paths = [tmp_path / name for name in ("a.svg", "a.png", "b.svg", "b.png")]
    save(relu_picture(), *paths[:2])
    save(relu_picture(), *paths[2:])
    assert paths[0].read_bytes() == paths[2].read_bytes()
    assert paths[1].read_bytes() == paths[3].read_bytes()
    assert not re.search(r"\d{4}-\d\d-\d\d", paths[0].read_text())
    assert paths[1].read_bytes().startswith(b"\x89PNG")


def test_a_long_program_fits_the_page(tmp_path):
    queue = queue_by_name(NANO)["VXM.alu0"]
    word = isa.ADD.encode(dst=None, a=isa.Immediate(1), b=isa.Immediate(1))
    dispatches = [Dispatched(cycle, queue, word) for cycle in range(0, 20_000, 3)]
    figure = draw(NANO, dispatches, [], 20_001, "long")
    assert figure.get_figwidth() < PAGE + 3
    save(figure, tmp_path / "long.png")


def test_words_that_are_no_instruction_are_drawn():
    figure = draw(NANO, [Dispatched(2, queue_by_name(NANO)["VXM.alu0"], 0xFF)], [], 10, "garbage")
    assert "0xff" in texts(figure)


def test_an_idle_program_is_drawn(tmp_path):
    figure = draw(NANO, [], [], 1, "idle")
    save(figure, tmp_path / "idle.svg")
    assert "idle" in texts(figure)


def test_a_title_is_not_read_as_mathematics(tmp_path):
    figure = draw(NANO, [], [], 1, "a$_{$b")
    save(figure, tmp_path / "title.svg")
    assert (tmp_path / "title.svg").stat().st_size > 0
