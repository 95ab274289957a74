"""Text to binary to text, and binary to text to binary, are the identity."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from takt.asm import assemble, disassemble
from takt.program import Entry, Program
from takt_hw import isa
from takt_hw.config import NANO, QUAD
from takt_sim.generate import random_program
from tests.firmware.strategies import programs

CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@pytest.mark.parametrize("config", [NANO, QUAD], ids=lambda config: config.name)
@given(data=st.data())
@settings(CALM, max_examples=100)
def test_every_program_survives_as_text(config, data):
    program = data.draw(programs(config))
    text = disassemble(program)
    again = assemble(text).program
    assert again == program
    assert disassemble(again) == text


def words(*instructions):
    return [instruction.word for instruction in instructions]


NOP = isa.NOP.make
READ = isa.READ.make(dst=isa.Stream(0, isa.Direction.EAST), address=1)


@pytest.mark.parametrize(
    "instructions",
    [
        [NOP(count=1)],
        [NOP(count=2), NOP(count=3)],
        [NOP(count=2), NOP(count=3), READ],
        [NOP(count=65535), NOP(count=1), READ, NOP(count=9)],
        [NOP(count=1), NOP(count=65535), READ],
        [READ, NOP(count=4), isa.REPEAT.make(count=2, interval=3, stride=-1), READ],
        [isa.SYNC.make(), NOP(count=7), READ, isa.SYNC.make(), READ],
        [isa.SYNC.make(), NOP(count=7), isa.REPEAT.make(count=1, interval=1, stride=0)],
        [NOP(count=5), isa.NOTIFY.make(), NOP(count=5), isa.SYNC.make(), NOP(count=5), NOP(count=5)],
    ],
)
def test_redundant_waits_survive(instructions):
    program = Program(config=NANO, entries=(Entry("main", {"MEM_W0.read": words(*instructions)}),))
    assert assemble(disassemble(program)).program == program


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("config", [NANO, QUAD], ids=lambda config: config.name)
def test_legal_programs_survive_and_take_the_predicted_cycles(config, seed):
    made = random_program(config, seed)
    data = {
        name: {int(a): made.memory[name][a].tobytes() for a in held.nonzero()[0]} for name, held in made.defined.items()
    }
    program = Program(config=config, entries=(Entry("main", made.text),), data=data)
    assert assemble(disassemble(program)).program == program
    assert program.cycles["main"] == made.timeline.cycles
