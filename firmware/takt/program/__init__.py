"""What runs on a chip: instruction words, memory contents, tensor layouts, and the one file that holds them."""

from .file import FORMAT_VERSION, MAGIC, MAX_FILE_BYTES, from_bytes, load, save, to_bytes
from .program import MAIN, Entry, Memory, Program, ProgramError
from .tensor import Run, TensorLayout
from .text import pack_text
from .timing import Schedule, Step, schedule

__all__ = [
    "FORMAT_VERSION",
    "MAGIC",
    "MAIN",
    "MAX_FILE_BYTES",
    "Entry",
    "Memory",
    "Program",
    "ProgramError",
    "Run",
    "Schedule",
    "Step",
    "TensorLayout",
    "from_bytes",
    "load",
    "pack_text",
    "save",
    "schedule",
    "to_bytes",
]
