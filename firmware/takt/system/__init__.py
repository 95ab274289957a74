"""Programs for several chips: built together, in one file, run together."""

from .builder import SystemBuilder
from .device import RtlSystemDevice, SystemDevice
from .file import load_system, save_system, system_from_bytes, system_to_bytes
from .system import System, prove
from .text import assemble_system

__all__ = [
    "RtlSystemDevice",
    "System",
    "SystemBuilder",
    "SystemDevice",
    "assemble_system",
    "load_system",
    "prove",
    "save_system",
    "system_from_bytes",
    "system_to_bytes",
]
