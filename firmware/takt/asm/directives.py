"""The longer directives: memory words and tensor layouts."""

from __future__ import annotations

from takt_hw.config import ChipConfig
from takt_hw.isa import DType

from ..program import Run, TensorLayout
from .lexer import TokenKind
from .reader import Reader

_DTYPES = {dtype.text: dtype for dtype in DType}


def memory_words(reader: Reader, config: ChipConfig, memory: dict[str, dict[int, bytes]]) -> None:
    """Read ``SLICE, address: value, value times count, ...`` into ``memory``. SourceError if a word cannot be there."""
    name = reader.name("name of a memory slice")
    if name.text not in {s.name for s in config.mem_slices}:
        raise name.fault(f"slice must be a memory slice of {config.name}, as MEM_E0, not {name.text}")
    reader.need(",")
    place = reader.next
    address = reader.expression()
    if not 0 <= address < config.mem_words:
        raise place.fault(f"address must be from 0 to {config.mem_words - 1:#x}, not {address:#x}")
    reader.need(":")
    values = bytearray()
    room = (config.mem_words - address) * config.lanes
    while True:
        _value(reader, values, room)
        if not reader.accept(","):
            break
    reader.end()
    if len(values) % config.lanes:
        raise place.fault(f"values must fill whole words of {config.lanes} bytes, not be {len(values)}")
    words = memory.setdefault(name.text, {})
    for index in range(len(values) // config.lanes):
        if address + index in words:
            raise place.fault(f"word must be given once, not again: {name.text} {address + index:#x}")
        words[address + index] = bytes(values[index * config.lanes : (index + 1) * config.lanes])


def _value(reader: Reader, values: bytearray, room: int) -> None:
    place = reader.next
    value = reader.expression()
    if not -128 <= value <= 255:
        raise place.fault(f"value must be from -128 to 255, not {value}")
    count = 1
    if reader.next.kind is TokenKind.NAME and reader.next.text == "times":
        reader.take()
        place = reader.next
        count = reader.expression()
        if count < 1:
            raise place.fault(f"count must be at least 1, not {count}")
    if len(values) + count > room:
        raise place.fault("values must end with the memory slice, not go on past it")
    values += bytes([value & 0xFF]) * count


def tensor_layout(reader: Reader, name: str, role: str) -> TensorLayout:
    """Read ``: type[shape] = runs | runs ...``, one list of runs per byte plane. The build's rules are not checked."""
    reader.need(":")
    dtype = reader.name("type i8 or i32")
    if dtype.text not in _DTYPES:
        raise dtype.fault(f"type must be {' or '.join(_DTYPES)}, not {dtype.text}")
    reader.need("[")
    shape = [reader.expression()]
    while reader.accept(","):
        shape.append(reader.expression())
    reader.need("]")
    reader.need("=")
    planes = [_runs(reader)]
    while reader.accept("|"):
        planes.append(_runs(reader))
    return TensorLayout(name=name, role=role, dtype=_DTYPES[dtype.text], shape=tuple(shape), planes=tuple(planes))


def _runs(reader: Reader) -> tuple[Run, ...]:
    runs = [_run(reader)]
    while reader.accept(","):
        runs.append(_run(reader))
    return tuple(runs)


def _run(reader: Reader) -> Run:
    """``SLICE[address : count : stride]``, count and stride 1 if not given."""
    name = reader.name("name of a memory slice")
    reader.need("[")
    numbers = [reader.expression()]
    while len(numbers) < 3 and reader.accept(":"):
        numbers.append(reader.expression())
    reader.need("]")
    return Run(name.text, *numbers)
