"""Assembler text to programs and back, and the builder that emits the same from Python. docs/manual/assembler.md."""

from .assembler import Assembly, assemble
from .builder import Builder, BuildError
from .disassembler import disassemble
from .errors import AssemblyError, Diagnostic

__all__ = ["Assembly", "AssemblyError", "BuildError", "Builder", "Diagnostic", "assemble", "disassemble"]
