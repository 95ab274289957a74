"""Hypothesis strategies for instructions and programs that a build can hold, legal or not."""

from hypothesis import strategies as st

from takt.program import Entry, Program, Run, TensorLayout
from takt_hw import isa
from takt_hw.config import ChipConfig
from takt_hw.isa import Alu, Direction, DType, Field, Form, Immediate, Instruction, Op, Queue, Stream, TypedStream

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,10}", fullmatch=True)


@st.composite
def streams(draw, config: ChipConfig, group: int = 1):
    """The first of an aligned group of streams."""
    return Stream(group * draw(st.integers(0, config.streams // group - 1)), draw(st.sampled_from(Direction)))


@st.composite
def typed_streams(draw, config: ChipConfig):
    dtype = draw(st.sampled_from(DType))
    return TypedStream(draw(streams(config, dtype.streams)), dtype)


def operands(config: ChipConfig, f: Field, immediate: int):
    """Values of one field within the build's limits."""
    match f.form:
        case Form.UNSIGNED:
            return st.integers(f.minimum, (f.upper(config) or 1 << f.width) - 1)
        case Form.SIGNED:
            limit = f.upper(config)
            half = 1 << f.width - 1
            return st.integers(1 - limit, limit - 1) if limit else st.integers(-half, half - 1)
        case Form.CHOICE:
            return st.sampled_from(f.choices)
        case Form.STREAM:
            return streams(config, f.group_size(config))
        case Form.OPTIONAL_STREAM:
            return st.none() | streams(config, f.group_size(config))
        case Form.TYPED_DEST:
            return st.none() | typed_streams(config)
        case Form.ALU:
            return st.builds(Alu, st.integers(0, config.vxm_alus - 1))
        case Form.VXM_SOURCE:
            alus = st.builds(Alu, st.integers(0, config.vxm_alus - 1))
            return typed_streams(config) | alus | st.just(Immediate(immediate))


@st.composite
def instructions(draw, config: ChipConfig, op: Op):
    """Any instruction of a row of the table; its immediates are equal, as one word can hold only one."""
    immediate = draw(st.integers(-(1 << 31), (1 << 31) - 1))
    values = {f.name: draw(operands(config, f, immediate)) for f in op.fields if f.name != "immediate"}
    return Instruction(op, values)


def queue_instructions(config: ChipConfig, queue: Queue, max_size: int = 12):
    """Any instructions of a queue, NOPs next to NOPs and NOPs at the end included."""
    waits = st.builds(lambda count: isa.NOP.make(count=count), st.sampled_from([1, 2, 3, 65535]))
    having = [op for op in queue.unit.ops if op.needs is None or queue.alu < getattr(config, op.needs)]
    other = st.sampled_from(having).flatmap(lambda op: instructions(config, op))
    return st.lists(waits | other, max_size=max_size)


@st.composite
def texts(draw, config: ChipConfig, max_queues: int = 5):
    """Words for some queues."""
    queues = draw(st.lists(st.sampled_from(isa.queues(config)), unique=True, max_size=max_queues))
    return {q.name: [i.word for i in draw(queue_instructions(config, q))] for q in queues}


@st.composite
def memories(draw, config: ChipConfig):
    """A few memory words."""
    names = st.sampled_from([s.name for s in config.mem_slices])
    words = st.dictionaries(
        st.integers(0, config.mem_words - 1), st.binary(min_size=config.lanes, max_size=config.lanes), max_size=3
    )
    return draw(st.dictionaries(names, words, max_size=3))


@st.composite
def tensors(draw, config: ChipConfig, name: str):
    """A layout in one memory slice per byte plane: one run, or one run per vector."""
    dtype = draw(st.sampled_from(DType))
    shape = tuple(draw(st.lists(st.integers(1, 3), max_size=2))) + (draw(st.integers(1, 2 * config.lanes)),)
    layout = TensorLayout(name=name, role="output", dtype=dtype, shape=shape, planes=())
    count = layout.vectors(config.lanes)
    first = draw(st.integers(0, config.mem_words - 2 * count))
    slices = draw(st.permutations([s.name for s in config.mem_slices]))[: dtype.streams]
    if draw(st.booleans()):
        planes = tuple((Run(s, first, count, draw(st.integers(1, 2))),) for s in slices)
    else:
        planes = tuple(tuple(Run(s, first + vector) for vector in range(count)) for s in slices)
    return TensorLayout(name=name, role=draw(st.just("output")), dtype=dtype, shape=shape, planes=planes)


@st.composite
def programs(draw, config: ChipConfig):
    """Any program that the build can hold; the checker would refuse most."""
    names = draw(st.lists(NAMES, unique=True, min_size=1, max_size=3))
    entries = tuple(Entry(name, draw(texts(config)), draw(memories(config))) for name in names)
    tensor_names = draw(st.lists(NAMES, unique=True, max_size=2))
    return Program(
        config=config,
        entries=entries,
        data=draw(memories(config)),
        tensors=tuple(draw(tensors(config, name)) for name in tensor_names),
    )
