"""The system file: a fixed header, then a MessagePack body with the topology and every chip's program file.

docs/manual/systems.md has the layout. As with program files, the same system always gives the same bytes, and only
those bytes load.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from takt_hw.config import ChipConfig
from takt_sim.system.topology import Cable, Port, Topology

from ..program import ProgramError, from_bytes, to_bytes
from ..program.container import MAX_FILE_BYTES, seal, unseal, write_whole
from .system import System

MAGIC = b"\x89TKSY\r\n\x1a"
"""Not text, and damaged by any transfer that believes it is."""

FORMAT_VERSION = 1
MAX_CHIPS = 4096
MAX_CABLES = 1 << 16
MAX_MAP = 16


def save_system(system: System, path: str | os.PathLike[str]) -> None:
    """Write a system file. The file appears whole or not at all. OSError if it cannot."""
    write_whole(system_to_bytes(system), path)


def load_system(path: str | os.PathLike[str], config: ChipConfig | None = None) -> System:
    """Read a system file for ``config``, or for the named build that it says it is for.

    ProgramError if the file is not a whole, sound system file for such chips; OSError if it cannot be read.
    """
    with open(path, "rb") as stream:
        content = stream.read(MAX_FILE_BYTES + 1)
    return system_from_bytes(content, config)


def system_to_bytes(system: System) -> bytes:
    """The system file's content."""
    topology = system.topology
    body = {
        "name": topology.name,
        "ppm": topology.ppm,
        "cables": [[c.a.chip, c.a.link, c.b.chip, c.b.link, c.latency] for c in topology.cables],
        "programs": [to_bytes(program) for program in system.programs],
    }
    return seal(MAGIC, FORMAT_VERSION, body)


def system_from_bytes(content: bytes, config: ChipConfig | None = None) -> System:
    """The system of a file's content. ProgramError as in `load_system`."""
    body = unseal(content, MAGIC, FORMAT_VERSION, "system file", max_array=MAX_CABLES, max_map=MAX_MAP)
    system = _system(body, config)
    if system_to_bytes(system) != content:
        raise ProgramError("body must be encoded in the one canonical way")
    return system


def _system(body: Any, config: ChipConfig | None) -> System:
    if type(body) is not dict or tuple(body) != ("name", "ppm", "cables", "programs"):
        raise ProgramError("body must have the keys name, ppm, cables, programs")
    programs = _typed(body, "programs", list)
    if not 1 <= len(programs) <= MAX_CHIPS:
        raise ProgramError(f"programs must be 1 to {MAX_CHIPS}, not {len(programs)}")
    cables = tuple(_cable(row) for row in _typed(body, "cables", list))
    name, ppm = _typed(body, "name", str), _typed(body, "ppm", int)
    try:
        topology = Topology(name, len(programs), cables, ppm)
    except ValueError as error:
        raise ProgramError(f"topology: {error}") from None
    loaded = []
    for chip, content in enumerate(programs):
        try:
            loaded.append(from_bytes(content if type(content) is bytes else b"", config))
        except ProgramError as error:
            raise ProgramError(f"chip {chip}: {error}") from None
    return System(topology, tuple(loaded))


def _cable(row: Any) -> Cable:
    if type(row) is not list or [type(item) for item in row] != [int] * 5:
        raise ProgramError("cables must hold chip and link of both ends, and the latency")
    a_chip, a_link, b_chip, b_link, latency = row
    return Cable(Port(a_chip, a_link), Port(b_chip, b_link), latency)


def _typed(fields: Mapping[str, Any], name: str, wanted: type) -> Any:
    if type(fields[name]) is not wanted:
        raise ProgramError(f"{name} must be a {wanted.__name__}, not a {type(fields[name]).__name__}")
    return fields[name]
