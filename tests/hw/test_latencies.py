"""Each latency of the table is the sum along its hardware path."""

from dataclasses import replace

import pytest

from takt_hw import isa
from takt_hw.c2c.link import Link
from takt_hw.config import ECP5, NANO
from takt_hw.icu.clockwork import LOOK_AHEAD, Clockwork
from takt_hw.icu.fetch import FetchPort
from takt_hw.icu.pipelined import WRITE_LATENCY as PIPELINED_WRITE_LATENCY
from takt_hw.icu.queue import WRITE_LATENCY
from takt_hw.icu.text import TextPort
from takt_hw.mem.pipelined import PipelinedMemSlice
from takt_hw.mem.pipelined_ecc import PipelinedEccMemSlice
from takt_hw.mem.slice import MemSlice
from takt_hw.mxm.accumulator import Accumulator
from takt_hw.mxm.feeder import Feeder
from takt_hw.mxm.pipelined_accumulator import PipelinedAccumulator
from takt_hw.mxm.plane import Plane
from takt_hw.streams import StreamPosition
from takt_hw.superlane import CONTROL_LATENCY
from takt_hw.sxm import crossing, local
from takt_hw.tiles import Relay, TileLibrary
from takt_hw.vxm.alu import VxmAlu
from takt_hw.vxm.floating import FloatPipe
from takt_hw.vxm.functions import FunctionPipe
from takt_hw.vxm.pipelined_alu import PipelinedVxmAlu
from takt_hw.vxm.pipelined_arithmetic import STAGES
from takt_hw.vxm.product import ProductPipe
from takt_hw.vxm.reduce import LaneReducer


@pytest.mark.parametrize("superlanes", [1, 2, 4, 20])
def test_the_table_is_the_sum_of_its_path(superlanes):
    config = replace(NANO, superlanes=superlanes)
    register = StreamPosition.latency
    paths = {
        isa.READ: CONTROL_LATENCY + MemSlice.latency + register,
        isa.GATHER: CONTROL_LATENCY + MemSlice.latency + register,
        isa.ACC: CONTROL_LATENCY + Accumulator(config).latency + register,
        isa.DRAIN: CONTROL_LATENCY + Accumulator(config).latency + register,
        isa.ABC: CONTROL_LATENCY + Feeder(config).latency + Plane(config, TileLibrary(shared=False)).latency,
        isa.RECEIVE: CONTROL_LATENCY + Link(config).latency + register,
        isa.IFETCH: FetchPort(superlanes, 1, 8, CONTROL_LATENCY).latency + WRITE_LATENCY + LOOK_AHEAD,
        isa.NOTIFY: LOOK_AHEAD + Clockwork(config).release_delay,
    }
    paths[isa.ABC_FP16] = paths[isa.ABC]
    base = CONTROL_LATENCY + VxmAlu.latency + register
    stages = {None: 1, "vxm_float_alus": FloatPipe.stages, "vxm_function_alus": FunctionPipe.stages}
    paths |= {op: base + stages[op.needs] - 1 for op in isa.VXM_ALU.ops if op not in isa.CONTROL}
    reductions = (isa.LANE_SUM, isa.LANE_MAX, isa.LANE_ARGMAX)
    paths |= {op: CONTROL_LATENCY + LaneReducer(config).latency + register for op in reductions}
    for op, mover in (
        (isa.LANE_SELECT, local.selector()),
        (isa.DISTRIBUTE, local.distributor()),
        (isa.TRANSPOSE, local.transposer(config.transpose_size)),
        (isa.LANE_SHIFT, crossing.shift_port(config)),
        (isa.ROTATE, crossing.shift_port(config)),
        (isa.PERMUTE, crossing.permute_port(config)),
    ):
        paths[op] = CONTROL_LATENCY + mover.latency + register
    # how long these wait no path says: what they take in the program is a convention
    waits = isa.C2C_ALIGN.waits
    timed = {op for unit in isa.UNITS for op in unit.ops if op.d_func is not None and op not in waits}
    assert {op: op.d_func(config) for op in timed} == paths
    assert crossing.shift_network(config).latency + 1 == crossing.shift_port(config).latency
    chains = {op: op.chain(config) for op in isa.VXM_ALU.ops if op.chain is not None}
    assert chains == {op: VxmAlu.latency + stages[op.needs] - 1 for op in chains}
    assert isa.VXM_CHAIN(config) == VxmAlu.latency


@pytest.mark.parametrize("superlanes", [1, 2, 4])
@pytest.mark.parametrize("turns", [1, 4])
@pytest.mark.parametrize("mxm_turns", [1, 2, 16])
@pytest.mark.parametrize("ecc", [False, True])
def test_the_table_of_a_pipelined_build_is_the_sum_of_its_path(superlanes, turns, mxm_turns, ecc):
    config = replace(ECP5, superlanes=superlanes, vxm_turns=turns, mxm_turns=mxm_turns, vxm_reductions=True, ecc=ecc)
    register = StreamPosition.latency
    memory = CONTROL_LATENCY + (PipelinedEccMemSlice if ecc else PipelinedMemSlice).latency + register
    mending = PipelinedEccMemSlice.mending_cycles if ecc else 0
    alu = PipelinedVxmAlu(1, late=mending)
    sums = CONTROL_LATENCY + PipelinedAccumulator(config).latency + register
    reduction = CONTROL_LATENCY + LaneReducer(config).latency + register
    taken = CONTROL_LATENCY + mending
    text = TextPort(superlanes, 1, 8, taken).latency + Relay.latency + PIPELINED_WRITE_LATENCY + LOOK_AHEAD
    paths = {
        **{isa.READ: memory, isa.GATHER: memory, isa.ACC: sums, isa.DRAIN: sums},
        isa.ABC: CONTROL_LATENCY + Feeder(config).latency + Plane(config, TileLibrary(shared=False)).latency,
        isa.RECEIVE: CONTROL_LATENCY + Link(config).latency + register,
        isa.IFETCH: text,
        isa.NOTIFY: Clockwork(config).release_delay + Relay.latency + LOOK_AHEAD,
        **dict.fromkeys((isa.LANE_SUM, isa.LANE_MAX, isa.LANE_ARGMAX), reduction),
        **dict.fromkeys((isa.LANE_SELECT, isa.DISTRIBUTE), CONTROL_LATENCY + local.selector().latency + register),
        isa.TRANSPOSE: CONTROL_LATENCY + local.transposer(config.transpose_size).latency + register,
        **dict.fromkeys((isa.LANE_SHIFT, isa.ROTATE), CONTROL_LATENCY + crossing.shift_port(config).latency + register),
        isa.PERMUTE: CONTROL_LATENCY + crossing.permute_port(config).latency + register,
    }
    piped = ProductPipe(floating=True).ops
    for op in isa.VXM_ALU.ops:
        if op not in isa.CONTROL and op.needs != "vxm_function_alus":
            held = alu.latency + (ProductPipe(floating=True).stages - STAGES if op in piped else 0)
            paths[op] = CONTROL_LATENCY + held + turns - 1 + register
            assert op.chain is not None
            assert op.chain(config) == held - alu.held_latency, op.name
    waits = isa.C2C_ALIGN.waits
    missing = {op for unit in isa.UNITS for op in unit.ops if op.needs and not getattr(config, op.needs)}
    timed = {op for unit in isa.UNITS for op in unit.ops if op.d_func is not None and op not in waits} - missing
    assert {op: op.d_func(config) for op in timed} == paths


@pytest.mark.parametrize("config", [NANO, ECP5], ids=lambda config: config.name)
def test_operands_are_taken_when_the_slice_acts(config):
    skews = {op.d_skew(config) for unit in isa.UNITS for op in unit.ops if op.d_skew is not None}
    assert skews == {CONTROL_LATENCY}
