"""Takt's software: assembler, program file, runtime and command line. The command is ``takt``."""
