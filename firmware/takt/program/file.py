"""The program file: a fixed header, then a MessagePack body. docs/manual/program-file.md has the layout.

The same program always gives the same bytes, and only those bytes load: what comes out of a file is
encoded again and compared.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from takt_hw import isa
from takt_hw.config import BUILDS, ChipConfig
from takt_hw.isa import DType

from .container import MAX_FILE_BYTES, seal, unseal, write_whole
from .program import MAX_ITEMS, Entry, Memory, Program, ProgramError
from .tensor import MAX_RUNS, Run, TensorLayout

MAGIC = b"\x89TAKT\r\n\x1a"
"""Not text, and damaged by any transfer that believes it is."""

FORMAT_VERSION = 1
MAX_MAP = 4096

_WORD_BYTES = isa.WORD_BITS // 8
_ADDRESS_BYTES = 4


def save(program: Program, path: str | os.PathLike[str]) -> None:
    """Write a program file. The file appears whole or not at all. OSError if it cannot."""
    write_whole(to_bytes(program), path)


def load(path: str | os.PathLike[str], config: ChipConfig | None = None) -> Program:
    """Read a program file for ``config``, or for the named build that it says it is for.

    ProgramError if the file is not a whole, sound program file for that chip; OSError if it cannot be read.
    """
    with open(path, "rb") as stream:
        content = stream.read(MAX_FILE_BYTES + 1)
    return from_bytes(content, config)


def to_bytes(program: Program) -> bytes:
    """The program file's content."""
    return seal(MAGIC, FORMAT_VERSION, _body(program))


def from_bytes(content: bytes, config: ChipConfig | None = None) -> Program:
    """The program of a file's content. ProgramError as in `load`."""
    arrays = max(MAX_ITEMS, MAX_RUNS)
    body = unseal(content, MAGIC, FORMAT_VERSION, "program file", max_array=arrays, max_map=MAX_MAP)
    program = _program(body, config)
    if to_bytes(program) != content:
        raise ProgramError("body must be encoded in the one canonical way")
    return program


def _body(program: Program) -> dict[str, Any]:
    return {
        "build": program.config.name,
        "digest": program.config.digest,
        "entries": [
            {
                "name": entry.name,
                "cycles": program.cycles[entry.name],
                "text": {queue: _words_to_bytes(words) for queue, words in entry.text.items()},
                "expected": _memory_to_map(entry.expected),
            }
            for entry in program.entries
        ],
        "data": _memory_to_map(program.data),
        "tensors": [
            {
                "name": tensor.name,
                "role": tensor.role,
                "dtype": tensor.dtype.text,
                "shape": list(tensor.shape),
                "planes": [[[r.slice, r.address, r.count, r.stride] for r in runs] for runs in tensor.planes],
            }
            for tensor in program.tensors
        ],
    }


def _words_to_bytes(words: Any) -> bytes:
    return b"".join(word.to_bytes(_WORD_BYTES, "little") for word in words)


def _memory_to_map(memory: Memory) -> dict[str, dict[str, bytes]]:
    return {
        name: {
            "addresses": b"".join(address.to_bytes(_ADDRESS_BYTES, "little") for address in words),
            "words": b"".join(words.values()),
        }
        for name, words in memory.items()
    }


def _program(body: Any, config: ChipConfig | None) -> Program:
    fields = _map(body, "body", ("build", "digest", "entries", "data", "tensors"))
    build = _typed(fields["build"], "build", str)
    digest = _typed(fields["digest"], "digest", bytes)
    if config is None:
        config = BUILDS.get(build)
        if config is None:
            raise ProgramError(f"build must be one of {', '.join(BUILDS)}, not {build!r}")
    if digest != config.digest:
        raise ProgramError(f"digest must be that of {config.name}, not that of another chip ({build!r})")
    if build != config.name:
        raise ProgramError(f"build must be {config.name}, not {build!r}")
    entries = _typed(fields["entries"], "entries", list)
    tensors = _typed(fields["tensors"], "tensors", list)
    program = Program(
        config=config,
        entries=tuple(_entry(value, f"entries[{index}]", config) for index, value in enumerate(entries)),
        data=_memory(fields["data"], "data", config),
        tensors=tuple(_tensor(value, f"tensors[{index}]") for index, value in enumerate(tensors)),
    )
    for value in entries:
        predicted = program.cycles[value["name"]]
        if value["cycles"] != predicted:
            raise ProgramError(f"entry {value['name']}: cycles must be {predicted}, not {value['cycles']!r}")
    return program


def _entry(value: Any, place: str, config: ChipConfig) -> Entry:
    fields = _map(value, place, ("name", "cycles", "text", "expected"))
    text: dict[str, tuple[int, ...]] = {}
    known = isa.queue_by_name(config)
    for queue, content in _typed(fields["text"], f"{place}.text", dict).items():
        if queue not in known:
            raise ProgramError(f"{place}.text must name queues of the build, not {queue!r}")
        words = _typed(content, f"{place}.text.{queue}", bytes)
        if not words or len(words) % _WORD_BYTES or len(words) > config.queue_words * _WORD_BYTES:
            rule = f"must hold 1 to {config.queue_words} words of {_WORD_BYTES} bytes, not {len(words)} bytes"
            raise ProgramError(f"{place}.text.{queue} {rule}")
        starts = range(0, len(words), _WORD_BYTES)
        text[queue] = tuple(int.from_bytes(words[start : start + _WORD_BYTES], "little") for start in starts)
    expected = _memory(fields["expected"], f"{place}.expected", config)
    return Entry(_typed(fields["name"], f"{place}.name", str), text, expected)


def _memory(value: Any, place: str, config: ChipConfig) -> dict[str, dict[int, bytes]]:
    memory: dict[str, dict[int, bytes]] = {}
    known = {s.name for s in config.mem_slices}
    for name, content in _typed(value, place, dict).items():
        if name not in known:
            raise ProgramError(f"{place} must name memory slices of the build, not {name!r}")
        fields = _map(content, f"{place}.{name}", ("addresses", "words"))
        addresses = _typed(fields["addresses"], f"{place}.{name}.addresses", bytes)
        words = _typed(fields["words"], f"{place}.{name}.words", bytes)
        count = len(addresses) // _ADDRESS_BYTES
        if not count or len(addresses) % _ADDRESS_BYTES or len(words) != count * config.lanes:
            rule = f"must pair every {_ADDRESS_BYTES}-byte address with a word of {config.lanes} bytes"
            raise ProgramError(f"{place}.{name} {rule}, not {len(addresses)} bytes with {len(words)}")
        memory[name] = {
            int.from_bytes(addresses[n * _ADDRESS_BYTES : (n + 1) * _ADDRESS_BYTES], "little"): words[
                n * config.lanes : (n + 1) * config.lanes
            ]
            for n in range(count)
        }
    return memory


def _tensor(value: Any, place: str) -> TensorLayout:
    fields = _map(value, place, ("name", "role", "dtype", "shape", "planes"))
    dtypes = {dtype.text: dtype for dtype in DType}
    dtype = _typed(fields["dtype"], f"{place}.dtype", str)
    if dtype not in dtypes:
        raise ProgramError(f"{place}.dtype must be one of {', '.join(dtypes)}, not {dtype!r}")
    return TensorLayout(
        name=_typed(fields["name"], f"{place}.name", str),
        role=_typed(fields["role"], f"{place}.role", str),
        dtype=dtypes[dtype],
        shape=tuple(_typed(size, f"{place}.shape", int) for size in _typed(fields["shape"], f"{place}.shape", list)),
        planes=tuple(
            tuple(_run(run, f"{place}.planes") for run in _typed(runs, f"{place}.planes", list))
            for runs in _typed(fields["planes"], f"{place}.planes", list)
        ),
    )


def _run(value: Any, place: str) -> Run:
    run = _typed(value, place, list)
    if [type(item) for item in run] != [str, int, int, int]:
        raise ProgramError(f"{place} must hold runs of slice, address, count and stride")
    return Run(*run)


def _typed(value: Any, place: str, wanted: type) -> Any:
    if type(value) is not wanted:
        raise ProgramError(f"{place} must be a {wanted.__name__}, not a {type(value).__name__}")
    return value


def _map(value: Any, place: str, keys: tuple[str, ...]) -> Mapping[str, Any]:
    fields = _typed(value, place, dict)
    if tuple(fields) != keys:
        raise ProgramError(f"{place} must have the keys {', '.join(keys)}")
    return fields
