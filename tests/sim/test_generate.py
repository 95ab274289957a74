"""Random programs: legal, repeatable, covering; and reference and checker against the literal row model."""

from collections import Counter
from dataclasses import replace
from random import Random

import numpy as np
import pytest

from takt_hw import isa
from takt_hw.config import ECP5, NANO, QUAD, ChipConfig, Kind
from takt_hw.isa.host import Fault
from takt_sim.checker import violations
from takt_sim.generate import random_program
from takt_sim.generate.plan import Plan
from takt_sim.reference import ReferenceChip
from takt_sim.timeline import trace
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
    mxm_fp16=True,
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
    vxm_float_alus=1,
    queue_words=4,
)
TURNS = replace(ECP5, mem_words=64, vxm_alus=2, mxm_turns=4)
"""Slices that cannot name all streams, and ALUs and planes that are busy for some cycles."""

CHECKED = replace(TURNS, name="checked", ecc=True)
"""Where a WRITE_MASKED takes some cycles, and both banks."""

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
    assert sorted(row.writes) == sorted((w.cycle, w.slice, w.address, w.data, w.superlanes) for w in result.writes)
    assert result.faults == row.out_of_range << Fault.ADDRESS_RANGE
    assert row.cycles == result.cycles
    for name, words in chip.memory.items():
        assert (words == np.array(row.memory[name])).all(), name


@pytest.mark.parametrize(
    ("config", "seeds"),
    [(NANO, 12), (QUAD, 3), (ODD, 8), (TINY, 15), (TURNS, 8), (CHECKED, 8)],
    ids=lambda value: getattr(value, "name", None),
)
def test_reference_agrees_with_shifting_registers(config, seeds):
    for seed in range(seeds):
        program = random_program(config, seed)
        assert_row_model_agrees(config, program.text, program.memory, program.defined)


S0 = isa.Stream(0, isa.Direction.EAST)


def mutated(text, random):
    """The text with a few words changed, dropped, delayed or copied, or with a write behind a masked one."""
    text = {name: list(words) for name, words in text.items()}
    for _ in range(random.choice((1, 1, 1, 3))):
        words = text[random.choice([name for name, words in text.items() if words])]
        n, change = random.randrange(len(words)), random.random()
        masked = [words for name, words in text.items() if name.endswith(".write") and len(words) > 1]
        if change < 0.1 and masked:
            words = random.choice(masked)
            n = random.randrange(len(words) - 1)
            words[n : n + 2] = [
                isa.WRITE_MASKED.encode(src=S0, address=0, mask=S0),
                isa.WRITE.encode(src=S0, address=0),
            ]
        elif change < 0.3:
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


@pytest.mark.parametrize(
    ("config", "seeds"),
    [(NANO, 15), (QUAD, 2), (TURNS, 25), (CHECKED, 15)],
    ids=lambda value: getattr(value, "name", None),
)
def test_checker_agrees_with_shifting_registers(config, seeds):
    """Of broken programs the checker names just the rules that the row model saw broken; the rest run as ever."""
    random, seen = Random(9), Counter()
    for seed in range(seeds):
        program = random_program(config, seed, length=100)
        for _ in range(8):
            text = mutated(program.text, random)
            timeline, broken = trace(config, text, program.memory)
            if broken or timeline.cycles > 1000:
                continue
            rules = {v.rule for v in violations(config, text, program.defined, program.memory)}
            seen.update(rules or {"legal"})
            if rules:
                assert Row(config, text, program.memory, program.defined).run().faults == rules
            else:
                assert_row_model_agrees(config, text, program.memory, program.defined)
    if config in (NANO, CHECKED):
        assert {"legal", "collision", "undefined-stream", "bank-conflict", "write-conflict"} <= set(seen)
    if config is TURNS:
        assert {"legal", "alu-busy"} <= set(seen)


@pytest.mark.parametrize("gap", range(1, TURNS.mxm_turns + 2))
@pytest.mark.parametrize("op", [isa.ABC, isa.IW], ids=lambda op: op.name)
def test_checker_and_shifting_registers_agree_on_busy_planes(gap, op):
    """Random programs hardly ever come too early for a plane."""
    apply = isa.ABC.make(src=isa.Stream(4, isa.Direction.EAST))
    then = apply if op is isa.ABC else op.make()
    words = [apply, *([isa.NOP.make(count=gap - 1)] if gap > 1 else []), then]
    text = {"MXM_E0.activate": [i.op.encode(**i.values) for i in words]}
    memory = {s.name: np.zeros((TURNS.mem_words, TURNS.lanes), np.uint8) for s in TURNS.mem_slices}
    defined = {name: np.ones(TURNS.mem_words, bool) for name in memory}
    rules = {v.rule for v in violations(TURNS, text, defined, memory)}
    assert ("mxm-busy" in rules) == (gap < TURNS.mxm_turns)
    assert Row(TURNS, text, memory, defined).run().faults == rules


@pytest.mark.parametrize("gap", range(1, CHECKED.masked_cycles + 4))
@pytest.mark.parametrize("op", [isa.READ, isa.WRITE], ids=lambda op: op.name)
def test_checker_and_shifting_registers_agree_on_long_masked_writes(gap, op):
    """Of the other bank, which a WRITE_MASKED that is soon done leaves alone."""
    name = CHECKED.mem_slices[0].name
    masked = isa.WRITE_MASKED.encode(src=S0, address=0, mask=S0)
    operands = {"dst" if op is isa.READ else "src": S0, "address": CHECKED.bank_words}
    late = isa.NOP.encode(count=gap)
    text = {f"{name}.write": [late, masked], f"{name}.read": [late, late, op.encode(**operands)]}
    if op is isa.WRITE:
        text = {f"{name}.write": [masked, *([isa.NOP.encode(count=gap - 1)] if gap > 1 else []), op.encode(**operands)]}
    memory = {s.name: np.zeros((CHECKED.mem_words, CHECKED.lanes), np.uint8) for s in CHECKED.mem_slices}
    defined = {slice_name: np.ones(CHECKED.mem_words, bool) for slice_name in memory}
    rules = {v.rule for v in violations(CHECKED, text, defined, memory)}
    conflict = "bank-conflict" if op is isa.READ else "write-conflict"
    assert (conflict in rules) == (gap < CHECKED.masked_cycles + 2)
    assert Row(CHECKED, text, memory, defined).run().faults == rules


@pytest.mark.parametrize("config", [NANO, QUAD, ODD, TINY, WIDE, TURNS, CHECKED], ids=lambda c: c.name)
def test_same_seed_same_program(config):
    one, other, third = random_program(config, 11), random_program(config, 11), random_program(config, 12)
    assert one.text == other.text
    assert all((one.memory[name] == other.memory[name]).all() for name in one.memory)
    assert one.text != third.text


def test_legal_over_memory_that_is_loaded():
    for seed in range(5):
        program = random_program(NANO, seed)
        assert violations(NANO, program.text, program.defined, program.memory) == []
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
    units = dict.fromkeys(queue.unit for queue in isa.queues(config))
    slice_ops = [(unit.name, op) for unit in units for op in unit.ops if op not in isa.CONTROL]
    expected = {(unit, op.name) for unit, op in slice_ops if op.needs is None or getattr(config, op.needs)}
    assert set(ops) == expected
    assert min(ops.values()) > seeds / 2
    assert set(controls) == {op.name for op in isa.CONTROL}
    assert set(repeats) == {"count", "interval", "stride", "back"}
    planes = [s.name for s in config.slices if s.kind is Kind.MXM]
    assert set(blocks) == {(name, block) for name in planes for block in range(config.weight_blocks)}
    assert set(alus) == set(range(config.vxm_alus))
    assert both_banks > 10 * seeds
    assert add_modes > seeds
    assert load_during_compute > 0
    assert min(shares) > 0.8


@pytest.mark.parametrize(("config", "seeds"), [(NANO, 60), (QUAD, 12)], ids=lambda value: getattr(value, "name", None))
def test_control_is_drawn(config, seeds):
    """Programs with loops, with loops within loops, with bases and with fetched slice instructions."""
    share = Counter()
    for seed in range(seeds):
        program = random_program(config, seed)
        seen, strides, loops = set(), set(), {}
        for c in program.timeline.control:
            seen.add(c.instruction.op.name)
            if c.instruction.op is isa.LOOP:
                loops.setdefault(c.queue.name, {})[c.index] = c.index + c.instruction["body"]
                strides.add(c.instruction["stride"])
            elif c.instruction.op is isa.CONFIG and c.instruction["base"]:
                seen.add("moved")
        if any(i < j <= end for own in loops.values() for i, end in own.items() for j in own):
            seen.add("nested")
        if len(strides) > 2:
            seen.add("strides")
        loaded = {name: len(words) for name, words in program.text.items()}
        if any(d.index >= loaded[d.queue.name] for d in program.timeline.dispatches):
            seen.add("fetched")
        share.update(seen)
    assert share["LOOP"] > 0.9 * seeds
    assert min(share["nested"], share["IFETCH"]) > 0.2 * seeds
    assert share["fetched"] > 0.2 * seeds
    assert share["moved"] > 0.9 * seeds
    assert share["strides"] > 0.9 * seeds


def test_words_dispatch_what_was_planned(monkeypatch):
    """Loops, bases and fetches change no dispatch: every queue does what its plan says, in its cycles."""
    plans = []
    monkeypatch.setattr("takt_sim.generate.program.Plan", lambda *a: plans.append(Plan(*a)) or plans[-1])
    for seed in range(10):
        dispatches = random_program(NANO, seed).timeline.dispatches
        found = {(d.queue.index, d.cycle, str(d.instruction)) for d in dispatches}
        planned = {
            (n, cycle, str(instruction))
            for n, slots in enumerate(plans[-1].slots)
            for cycle, instruction in slots.items()
            if instruction.op not in isa.CONTROL
        }
        assert found == planned


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
