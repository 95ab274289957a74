"""Random programs: legal, repeatable, covering; and reference and checker against the literal row model."""

from collections import Counter
from random import Random

import numpy as np
import pytest

from takt_hw import isa
from takt_hw.config import NANO, QUAD, ChipConfig, Kind
from takt_sim.checker import violations
from takt_sim.generate import random_program
from takt_sim.reference import ReferenceChip
from takt_sim.timeline import expand
from tests.sim.row_model import Row

ODD = ChipConfig(
    name="odd",
    superlanes=2,
    streams=4,
    row=(Kind.MXM, Kind.MEM, Kind.VXM, Kind.SXM, Kind.MEM),
    mem_group_slices=3,
    mem_words=32,
    mxm_planes=2,
    weight_streams=2,
    accumulators=2,
    vxm_alus=2,
)
TINY = ChipConfig(
    name="tiny",
    streams=4,
    row=(Kind.VXM, Kind.MEM),
    mem_group_slices=1,
    mem_words=4,
    weight_streams=1,
    vxm_alus=1,
    queue_words=4,
)
WIDE = ChipConfig(name="wide", superlanes=20, streams=32, row=QUAD.row, weight_streams=16, mem_words=64)


def run(config, text, memory):
    """The reference chip after a program, and the result."""
    chip = ReferenceChip(config)
    for name, words in memory.items():
        chip.memory[name][:] = words
    return chip, chip.run(text)


def assert_row_model_agrees(config, text, memory, defined):
    chip, result = run(config, text, memory)
    row = Row(config, text, memory, defined).run()
    assert row.faults == set()
    assert sorted(row.writes) == sorted((w.cycle, w.slice, w.address, w.data) for w in result.writes)
    assert row.cycles == result.cycles
    for name, words in chip.memory.items():
        assert (words == np.array(row.memory[name])).all(), name


@pytest.mark.parametrize(
    ("config", "seeds"), [(NANO, 12), (QUAD, 3), (ODD, 8), (TINY, 15)], ids=lambda value: getattr(value, "name", None)
)
def test_reference_agrees_with_shifting_registers(config, seeds):
    for seed in range(seeds):
        program = random_program(config, seed)
        assert_row_model_agrees(config, program.text, program.memory, program.defined)


def mutated(text, random):
    """The text with a few words changed, dropped, delayed or copied."""
    text = {name: list(words) for name, words in text.items()}
    for _ in range(random.choice((1, 1, 1, 3))):
        words = text[random.choice([name for name, words in text.items() if words])]
        n, change = random.randrange(len(words)), random.random()
        if change < 0.3:
            words[n] ^= 1 << random.randrange(80)
        elif change < 0.5:
            words[n] ^= 1 << random.randrange(8, 16)  # addresses, counts
        elif change < 0.7:
            del words[n]
        elif change < 0.85:
            words.insert(n, isa.NOP.encode(count=random.randint(1, 3)))
        else:
            words[n] = random.choice(words)
    return text


STATIC = {"encoding", "operand", "repeat", "text", "sync", "length"}


@pytest.mark.parametrize(("config", "seeds"), [(NANO, 15), (QUAD, 2)], ids=lambda value: getattr(value, "name", None))
def test_checker_agrees_with_shifting_registers(config, seeds):
    """Of broken programs the checker names just the rules that the row model saw broken; the rest run as ever."""
    random, seen = Random(7), Counter()
    for seed in range(seeds):
        program = random_program(config, seed, length=100)
        for _ in range(8):
            text = mutated(program.text, random)
            rules = {v.rule for v in violations(config, text, program.defined)}
            if rules & STATIC or expand(config, text).cycles > 1000:
                continue
            seen.update(rules or {"legal"})
            if rules:
                assert Row(config, text, program.memory, program.defined).run().faults == rules
            else:
                assert_row_model_agrees(config, text, program.memory, program.defined)
    if config is NANO:
        assert {"legal", "collision", "undefined-stream", "bank-conflict"} <= set(seen)


@pytest.mark.parametrize("config", [NANO, QUAD, ODD, TINY, WIDE], ids=lambda c: c.name)
def test_same_seed_same_program(config):
    one, other, third = random_program(config, 11), random_program(config, 11), random_program(config, 12)
    assert one.text == other.text
    assert all((one.memory[name] == other.memory[name]).all() for name in one.memory)
    assert one.text != third.text


def test_legal_over_memory_that_is_loaded():
    for seed in range(5):
        program = random_program(NANO, seed)
        assert violations(NANO, program.text, program.defined) == []
        for name, words in program.memory.items():
            assert not words[~program.defined[name]].any()


@pytest.mark.parametrize(("config", "seeds"), [(NANO, 60), (QUAD, 12)], ids=lambda value: getattr(value, "name", None))
def test_everything_appears(config, seeds):
    ops, controls, both_banks, add_modes, repeats, shares = Counter(), Counter(), 0, 0, Counter(), []
    blocks, alus, load_during_compute = Counter(), Counter(), 0
    for seed in range(seeds):
        program = random_program(config, seed)
        cycles, installs = {}, {}
        for d in program.timeline.dispatches:
            ops[d.queue.unit.name, d.instruction.op.name] += 1
            cycles.setdefault((d.queue.slice, d.cycle), []).append(d.queue.unit.name)
            add_modes += d.instruction.op is isa.ACC and d.instruction["mode"] == "add"
            if d.instruction.op is isa.LW:
                blocks[d.queue.slice, d.instruction["block"]] += 1
            if d.queue.unit is isa.VXM_ALU:
                alus[d.queue.alu] += 1
            if d.instruction.op is isa.IW:
                installs[d.queue.slice] = installs.get(d.queue.slice, 0) + 1
        both_banks += sum(units == ["read", "write"] for units in cycles.values())
        load_during_compute += sum({"weights", "activate"} <= set(units) for units in cycles.values())
        for c in program.timeline.control:
            controls[c.instruction.op.name] += 1
            if c.instruction.op is isa.REPEAT:
                repeats.update(f for f in ("count", "interval", "stride") if c.instruction[f] > 1)
                repeats["back"] += c.instruction["stride"] < 0
        shares.append(len(program.text) / len(isa.queues(config)))
    expected = {(unit.name, op.name) for unit in isa.UNITS for op in unit.ops if op not in isa.CONTROL}
    assert set(ops) == expected
    assert min(ops.values()) > seeds
    assert set(controls) == {"NOP", "REPEAT", "SYNC", "NOTIFY"}
    assert set(repeats) == {"count", "interval", "stride", "back"}
    planes = [s.name for s in config.slices if s.kind is Kind.MXM]
    assert set(blocks) == {(name, block) for name in planes for block in range(config.weight_blocks)}
    assert set(alus) == set(range(config.vxm_alus))
    assert both_banks > 10 * seeds
    assert add_modes > seeds
    assert load_during_compute > 0
    assert min(shares) > 0.8


@pytest.mark.parametrize("config", [NANO, QUAD], ids=lambda c: c.name)
def test_most_results_reach_memory(config):
    for seed in range(5):
        program = random_program(config, seed)
        _, result = run(config, program.text, program.memory)
        assert len(result.writes) > len(program.timeline.dispatches) / 5


def test_length_is_kept():
    for length in (1, 2, 30, 500):
        program = random_program(NANO, 3, length=length)
        assert all(d.cycle < length for d in program.timeline.dispatches)
    with pytest.raises(ValueError, match=r"^length must be at least 1, not 0$"):
        random_program(NANO, 0, length=0)
