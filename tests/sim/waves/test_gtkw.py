import re

import pywellen

from takt_hw import isa
from takt_hw.config import NANO, QUAD
from takt_hw.isa import Direction, Stream, queues
from takt_sim.waves.gtkw import write_gtkw
from takt_sim.waves.observe import Run
from takt_sim.waves.vcd import write_vcd
from tests.sim.waves.fake_chip import write_chip_vcd


def test_every_trace_is_a_variable_of_the_vcd(tmp_path):
    for config in (NANO, QUAD):
        write_chip_vcd(
            tmp_path / "chip.vcd",
            config,
            dispatches=[(2, "MEM_W0.read", isa.READ.encode(dst=Stream(3, Direction.EAST), address=0))],
            writes=[(4, "MEM_E0", config.superlanes - 1, 7, 1)],
            streams=[(5, 2, 0, Stream(1, Direction.EAST), 99)],
        )
        run, vcd, saved = Run(config, tmp_path / "chip.vcd"), tmp_path / "run.vcd", tmp_path / "run.gtkw"
        streams = write_vcd(vcd, run, (), cycles=19)
        write_gtkw(saved, vcd, config, used={"MEM_W0.read"}, writes=run.writes, streams=streams, cycles=run.cycles)
        text = saved.read_text()
        traced = set(re.findall(r"^(?:\+\{[^}]*\} )?(takt\.[\w.]+)", text, re.MULTILINE))
        there = {v.full_name for v in pywellen.Waveform(str(vcd)).all_vars()}
        assert traced <= there
        assert {f"takt.{queue.name}" for queue in queues(config)} <= traced
        assert '[dumpfile] "run.vcd"\n' in text
        assert str(tmp_path) not in text
