import pytest
import pywellen
from vcd.reader import TokenKind, tokenize

from takt_hw import isa
from takt_hw.config import NANO, QUAD
from takt_hw.isa import Direction, Stream, queue_by_name
from takt_sim.timeline import expand
from takt_sim.waves.observe import CYCLE, Dispatched, Run
from takt_sim.waves.vcd import instruction_texts, write_vcd
from tests.sim.waves.fake_chip import write_chip_vcd
from tests.sim.waves.programs import relu_program


def changes(path):
    """Changes by full name."""
    return {v.full_name: list(v.tv) for v in pywellen.Waveform(str(path)).all_vars()}


def other_reader(path):
    """The same, read by another library."""
    names, found, time = {}, {}, 0
    with open(path, "rb") as file:
        scope = []
        for token in tokenize(file):
            match token.kind:
                case TokenKind.SCOPE:
                    scope.append(token.scope.ident)
                case TokenKind.UPSCOPE:
                    scope.pop()
                case TokenKind.VAR:
                    names.setdefault(token.var.id_code, []).append(".".join((*scope, token.var.reference)))
                case TokenKind.CHANGE_TIME:
                    time = token.time_change
                case TokenKind.CHANGE_SCALAR | TokenKind.CHANGE_VECTOR | TokenKind.CHANGE_STRING:
                    for name in names[token.data.id_code]:
                        found.setdefault(name, []).append((time, token.data.value))
    return found


def test_text_of_a_queue():
    timeline = expand(NANO, relu_program())
    dispatches = [Dispatched(d.cycle, d.queue, d.instruction.word) for d in timeline.dispatches]
    queue = queue_by_name(NANO)["MEM_W0.read"]
    assert instruction_texts(queue, dispatches, timeline.control) == [
        (0, "SYNC"),
        (6 * CYCLE, "READ s0e, 0x40"),
        (7 * CYCLE, "REPEAT 3, 2, 1"),
        (8 * CYCLE, "READ s0e, 0x41"),
        (9 * CYCLE, "REPEAT 3, 2, 1"),
        (10 * CYCLE, "READ s0e, 0x42"),
        (11 * CYCLE, "REPEAT 3, 2, 1"),
        (12 * CYCLE, "READ s0e, 0x43"),
        (13 * CYCLE, ""),
    ]


@pytest.mark.parametrize("config", [NANO, QUAD], ids=lambda config: config.name)
def test_two_other_readers_find_what_was_written(config, tmp_path):
    word = isa.READ.encode(dst=Stream(3, Direction.EAST), address=0x40)
    stream = Stream(1, Direction.EAST)
    write_chip_vcd(
        tmp_path / "chip.vcd",
        config,
        dispatches=[(2, "MEM_W0.read", word)],
        writes=[(4, "MEM_E0", 0, 7, 0xFE)],
        streams=[(5, 2, 0, stream, 99)],
        cycles=9,
    )
    path = tmp_path / "run.vcd"
    busy = write_vcd(path, Run(config, tmp_path / "chip.vcd"), (), cycles=8)
    found = changes(path)
    superlane, memory = ("superlane0.", "memory_0") if config.superlanes > 1 else ("", "memory")
    register = f"takt.streams.{superlane}position2_MEM.s1e"
    assert busy == [register]
    assert found["takt.MEM_W0.read"] == [(0, ""), (2000, "READ s3e, 0x40"), (3000, "")]
    assert found[f"takt.MEM_E0.{memory}"] == [(0, ""), (4000, "0x7: -2" + " 0" * 15), (5000, "")]
    assert found[register][1] == (5000, 99)
    assert found["takt.cycle"][:8] == [(n * CYCLE, n) for n in range(8)]
    assert found["takt.rtl.word_MEM_W0_read"] == [(0, 0), (2000, word), (3000, 0)]
    other = other_reader(path)
    assert other["takt.MEM_W0.read"] == [(0, ""), (2000, r"READ\x20s3e,\x200x40"), (3000, "")]
    assert other["takt.cycle"][3] == (3000, 3)
    assert other["takt.running"] == [(0, "1"), (8000, "0")]
    assert other[register][1] == (5000, 99)
    assert set(other) == set(found)
