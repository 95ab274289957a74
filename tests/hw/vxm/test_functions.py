"""The transcendental functions: the pipe and the Verilated ALU have the reference's bits."""

import numpy as np
import pytest
from amaranth.hdl import Value

from takt_hw import isa
from takt_hw.isa import DType, Instruction, functions
from takt_hw.vxm.functions import FunctionPipe
from takt_hw.vxm.pipe import MODE_LSB
from takt_sim.functions.exact import FUNCTIONS
from takt_sim.reference import functions as reference
from tests.arithmetic.functions import HALVES, TYPES, compare, instruction, limits, sweep
from tests.arithmetic.unit import compiled
from tests.hw.simulation import from_lanes, run, to_lanes

VECTORS = 50_000
"""Random operands of each function and type here; `make functions` takes millions."""

SPECIAL = {
    "EXP2": {0: 0x3F800000, 0x80000000: 0x3F800000, 0x7F800000: 0x7F800000, 0xFF800000: 0, 0x43000000: 0x7F800000},
    "LOG2": {0: 0xFF800000, 0x80000001: 0xFF800000, 0x3F800000: 0, 0x7F800000: 0x7F800000, 0xBF800000: 0x7FC00000},
    "RECIPROCAL": {
        0: 0x7F800000,
        0x80000000: 0xFF800000,
        0xFF800000: 0x80000000,
        0x3F800000: 0x3F800000,
        0x7F7FFFFF: 0,
    },
    "RSQRT": {0: 0x7F800000, 0x80000000: 0xFF800000, 0x7F800000: 0, 0xFF800000: 0x7FC00000, 0x40800000: 0x3F000000},
    "TANH": {0: 0, 0x80000000: 0x80000000, 0x7F800000: 0x3F800000, 0xFF800000: 0xBF800000, 0xA0000000: 0xA0000000},
    "SIGMOID": {0: 0x3F000000, 0x80000000: 0x3F000000, 0x7F800000: 0x3F800000, 0xFF800000: 0, 0xC3000000: 0},
}
"""Results as the manual lists them."""

STEPS = 200


@pytest.fixture(scope="module")
def unit():
    return compiled()


def test_the_pipe_starts_in_every_cycle_and_keeps_functions_apart():
    rng = np.random.default_rng(1)
    chosen = [instruction(FUNCTIONS[n % 6].op, TYPES[n // 6 % 2]) for n in range(STEPS)]
    bits = rng.choice(limits(), (STEPS, 16))
    steps = [_step(one, row) for one, row in zip(chosen, bits, strict=True)]
    idle = [{}] * (FunctionPipe.stages - 1)
    seen = run(FunctionPipe(), [*steps, *idle], lambda d: {"result": Value.cast(d.port.result)})[len(idle) :]
    for one, row, got in zip(chosen, bits, seen, strict=True):
        expected = reference.execute(one.op.code, row.view(np.int32), one["to"])
        assert to_lanes(got["result"], 16, 32, signed=True) == expected.tolist(), one


def test_a_gap_between_starts_changes_nothing():
    row = np.linspace(-4, 4, 16, dtype=np.float32).view(np.uint32)
    step = _step(instruction(isa.TANH, "f32"), row)
    steps = [step, {}, {}, step | {"port.start": 0, "port.a": 0}, step, *[{}] * 4]
    seen = run(FunctionPipe(), steps, lambda d: {"result": Value.cast(d.port.result)})
    expected = reference.execute(isa.TANH.code, row.view(np.int32)).tolist()
    assert [to_lanes(seen[n]["result"], 16, 32, signed=True) for n in (4, 8)] == [expected, expected]


@pytest.mark.parametrize("to", TYPES)
@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.op.name)
def test_the_verilated_alu_has_the_references_bits(unit, function, to):
    assert compare(unit, function.op, to, HALVES, DType.F16) == len(HALVES)
    bits = np.concatenate([limits(), sweep(function.op, VECTORS, seed=2)])
    assert compare(unit, function.op, to, bits) == len(bits)


@pytest.mark.parametrize("name", SPECIAL)
def test_special_results_are_the_manuals(unit, name):
    op = next(f.op for f in FUNCTIONS if f.op.name == name)
    table = SPECIAL[name] | dict.fromkeys((2139095041, 2147483647, 4290772992), 2143289344)
    bits = np.array([*table], np.uint32)
    assert unit.run(instruction(op, "f32"), bits, bits).tolist() == [*table.values()]


def test_the_blocks_fill_the_table():
    blocks = [b for b in vars(functions).values() if isinstance(b, functions.Block | functions.FloatBlock)]
    assert len(functions.coefficients()) == functions.ROWS
    end = 0
    for block in sorted(blocks, key=lambda block: block.first):
        assert block.first == end
        end += block.rows
    assert end == functions.ROWS


@pytest.mark.parametrize("column", range(4))
def test_coefficients_fit_their_columns(column):
    low, high = (
        (0, 1 << 32) if column == 0 else (-1 << functions.ROW_BITS[column] - 1, 1 << functions.ROW_BITS[column] - 1)
    )
    assert all(low <= row[column] < high for row in functions.coefficients())


def _step(one: Instruction, row: np.ndarray) -> dict:
    return {
        "port.start": 1,
        "port.opcode": one.op.code,
        "port.mode": one.word >> MODE_LSB & 15,
        "port.a": from_lanes(row.tolist(), 32),
    }
